package replycode

// The causes in the order of the table; UnknownCause is the zero value. Two
// causes are apart when a different person must act or the remedy differs.
const (
	// UnknownCause: text and code do not tell.
	UnknownCause Cause = iota
	// UserUnknown: no such mailbox at that domain.
	UserUnknown
	// MailboxDisabled: mailbox existed: closed, suspended, moved, inactive.
	MailboxDisabled
	// MailboxFull: recipient over quota.
	MailboxFull
	// RecipientRefused: recipient, list or relay chooses not to take mail from this sender (filter rule, closed group, suppression list).
	RecipientRefused
	// BadDomain: recipient domain does not exist, has no usable MX, null MX, or its host takes no mail.
	BadDomain
	// RelayDenied: host does not serve that domain, or client may not relay.
	RelayDenied
	// SenderRejected: envelope or From address or its domain refused: does not exist, callout failed, not owned, blocked by name.
	SenderRejected
	// AuthFailed: SPF, DKIM, DMARC or ARC did not pass or are missing.
	AuthFailed
	// ReverseDNS: no PTR, or PTR, forward name and HELO disagree.
	ReverseDNS
	// IPBlocked: sending address, network or country refused: DNS block list or local list.
	IPBlocked
	// PoorReputation: refused or slowed for reputation or complaints, no list named.
	PoorReputation
	// RateLimited: too many messages, connections or recipients in a time or session.
	RateLimited
	// Greylisted: first try put off on purpose.
	Greylisted
	// SpamContent: message judged spam.
	SpamContent
	// VirusContent: malware, phishing or a dangerous attachment found.
	VirusContent
	// ContentRejected: malformed, not RFC 5322, forbidden attachment type, needs impossible conversion.
	ContentRejected
	// MessageTooBig: over a size limit of system, mailbox or header.
	MessageTooBig
	// PolicyRejected: local policy says no, no finer reason given.
	PolicyRejected
	// LoginFailed: SMTP AUTH needed, failed, too weak, or account locked.
	LoginFailed
	// TLSFailed: TLS required, unavailable, or failed (handshake, certificate, DANE, MTA-STS).
	TLSFailed
	// ProtocolError: bad, unknown or out-of-order command or argument.
	ProtocolError
	// SystemError: receiving software or host has trouble: internal error, misconfiguration, delivery command failed.
	SystemError
	// SystemFull: disk or memory of the mail host exhausted.
	SystemFull
	// NetworkError: no TCP connection, timeout, reset, lost connection.
	NetworkError
	// DNSFailure: name service gave no answer (as distinct from "no such domain").
	DNSFailure
	// RoutingLoop: too many hops, or MX points back.
	RoutingLoop
	// DeliveryExpired: queue lifetime over; the earlier reason is better where known.
	DeliveryExpired

	// NumCauses is the number of causes, for arrays indexed by Cause.
	NumCauses = int(iota)
)

// A CauseInfo is one row of the table of causes.
type CauseInfo struct {
	Cause        Cause
	Name         string // as in labels and JSON
	Actor        string // who must act
	Usually      string // "permanent", "transient", "either" or a finer remark
	Definition   string
	DefinitionZH string
	Advice       string
	AdviceZH     string
}

// Causes is a copy of the table, in the order of the constants.
func Causes() []CauseInfo { return append([]CauseInfo(nil), causeTable[:]...) }

// String is the name of the cause as it stands in labels and JSON.
func (c Cause) String() string {
	if int(c) >= NumCauses {
		c = UnknownCause
	}
	return causeTable[c].Name
}

// Actor says who must act on the cause.
func (c Cause) Actor() string {
	if int(c) >= NumCauses {
		c = UnknownCause
	}
	return causeTable[c].Actor
}

// ParseCause is the reverse of Cause.String.
func ParseCause(name string) (Cause, bool) {
	for i := range causeTable {
		if causeTable[i].Name == name {
			return Cause(i), true
		}
	}
	return UnknownCause, false
}

var causeTable = [NumCauses]CauseInfo{
	{UnknownCause, "unknown", "unknown", "by class",
		"text and code do not tell", "文本和代码都说明不了原因",
		"read it; report the text so a rule can be made", "请阅读原文;上报该文本以便增加规则"},
	{UserUnknown, "user_unknown", "sender", "permanent",
		"no such mailbox at that domain", "该域名下没有这个邮箱",
		"drop or correct the address; a rise means a bad list or a broken address map", "删除或更正该地址;数量上升说明名单质量差或地址映射损坏"},
	{MailboxDisabled, "mailbox_disabled", "sender", "permanent, 4 when paused",
		"mailbox existed: closed, suspended, moved, inactive", "邮箱曾经存在,现已关闭、停用、迁移或不活跃",
		"stop mailing it; ask the recipient for a new address", "停止向其发信,向收件人索取新地址"},
	{MailboxFull, "mailbox_full", "recipient", "transient",
		"recipient over quota", "收件人超出邮箱配额",
		"let the queue retry; suppress after some days", "让队列重试;数日后仍失败则暂停投递"},
	{RecipientRefused, "recipient_refused", "sender", "permanent",
		"recipient, list or relay chooses not to take mail from this sender (filter rule, closed group, suppression list)", "收件人、列表或中继选择不接收该发件人的邮件",
		"ask the recipient to allow you, or honour the refusal", "请收件人放行,或尊重其拒收"},
	{BadDomain, "bad_domain", "sender", "permanent",
		"recipient domain does not exist, has no usable MX, null MX, or its host takes no mail", "收件人域名不存在、没有可用的 MX,或其主机不收邮件",
		"check spelling and the domain's MX", "检查拼写以及该域名的 MX"},
	{RelayDenied, "relay_denied", "sender host admin", "permanent",
		"host does not serve that domain, or client may not relay", "主机不为该域名服务,或客户端无权中继",
		"check MX, transport maps, relay list and submission login", "检查 MX、路由表、中继名单和提交登录"},
	{SenderRejected, "sender_rejected", "sender host admin", "either",
		"envelope or From address or its domain refused: does not exist, callout failed, not owned, blocked by name", "发件地址或其域名被拒绝",
		"make the sender domain resolve (A or MX) and accept replies", "让发件域名可解析(A 或 MX)并能接收回复"},
	{AuthFailed, "auth_failed", "sending domain's admin", "permanent, 4 when throttled",
		"SPF, DKIM, DMARC or ARC did not pass or are missing", "SPF、DKIM、DMARC 或 ARC 未通过或缺失",
		"fix DNS records and signing; check alignment", "修正 DNS 记录与签名,检查对齐"},
	{ReverseDNS, "reverse_dns", "sender host admin", "either",
		"no PTR, or PTR, forward name and HELO disagree", "没有 PTR,或 PTR、正向名称与 HELO 不一致",
		"set PTR and matching A/AAAA with the network provider", "请网络提供商设置 PTR 和对应的 A/AAAA 记录"},
	{IPBlocked, "ip_blocked", "sender host admin", "either",
		"sending address, network or country refused: DNS block list or local list", "发信地址、网段或国家被拒绝(黑名单或本地名单)",
		"look the address up at the list named, stop the abuse, ask for removal", "在所述名单中查询该地址,停止滥用并申请移除"},
	{PoorReputation, "poor_reputation", "sender host admin", "transient first",
		"refused or slowed for reputation or complaints, no list named", "因信誉或投诉被拒绝或限速,未指明名单",
		"cut volume, mail engaged recipients only, watch the provider's postmaster tool", "降低发信量,只发给活跃收件人,关注服务商的站长工具"},
	{RateLimited, "rate_limited", "sender host admin", "transient",
		"too many messages, connections or recipients in a time or session", "一段时间或一次会话内邮件、连接或收件人过多",
		"lower concurrency and rate for that destination; split recipients", "降低对该目的地的并发和速率,拆分收件人"},
	{Greylisted, "greylisted", "nobody", "transient",
		"first try put off on purpose", "首次投递被有意推迟(灰名单)",
		"wait; only act if it never passes (changing outgoing addresses)", "等待即可;始终不通过时再处理(检查出口地址是否变化)"},
	{SpamContent, "spam_content", "sender", "permanent",
		"message judged spam", "邮件被判为垃圾邮件",
		"look at the message and the account that sent it", "检查该邮件及其发送帐号"},
	{VirusContent, "virus_content", "sender", "permanent",
		"malware, phishing or a dangerous attachment found", "发现恶意软件、钓鱼或危险附件",
		"find and clean the source at once", "立即找到并清除源头"},
	{ContentRejected, "content_rejected", "sender", "permanent",
		"malformed, not RFC 5322, forbidden attachment type, needs impossible conversion", "邮件格式错误、附件类型被禁止或需要无法完成的转换",
		"fix the generating software; re-pack the attachment", "修正生成邮件的软件,重新打包附件"},
	{MessageTooBig, "message_too_big", "sender", "permanent",
		"over a size limit of system, mailbox or header", "超出系统、邮箱或邮件头的大小限制",
		"send a link or split", "改发链接或拆分邮件"},
	{PolicyRejected, "policy_rejected", "receiver's admin", "permanent",
		"local policy says no, no finer reason given", "本地策略拒绝,未给出更具体原因",
		"read the text, contact the receiving postmaster", "阅读原文,联系对方邮件管理员"},
	{LoginFailed, "login_failed", "user or relay admin", "permanent",
		"SMTP AUTH needed, failed, too weak, or account locked", "需要 SMTP 认证、认证失败、机制过弱或帐号被锁",
		"check credentials on client or smarthost; many failures may be an attack", "检查客户端或中继的凭据;大量失败可能是攻击"},
	{TLSFailed, "tls_failed", "both admins", "either",
		"TLS required, unavailable, or failed (handshake, certificate, DANE, MTA-STS)", "需要 TLS、TLS 不可用或失败(握手、证书、DANE、MTA-STS)",
		"test STARTTLS, certificate and policy of the host named", "检查所述主机的 STARTTLS、证书与策略"},
	{ProtocolError, "protocol_error", "sender host admin", "permanent",
		"bad, unknown or out-of-order command or argument", "命令或参数错误、未知或顺序不对",
		"look at HELO name and client software; a proxy may alter SMTP", "检查 HELO 名称和客户端软件;代理可能改写 SMTP"},
	{SystemError, "system_error", "receiver's admin", "transient",
		"receiving software or host has trouble: internal error, misconfiguration, delivery command failed", "接收方软件或主机故障:内部错误、配置错误、投递命令失败",
		"wait; if it is your own host, read its log", "等待;若是自己的主机,请查看其日志"},
	{SystemFull, "system_full", "host's admin", "transient",
		"disk or memory of the mail host exhausted", "邮件主机磁盘或内存耗尽",
		"free space; page someone if it is your own host", "释放空间;若是自己的主机请立即通知值班人员"},
	{NetworkError, "network_error", "both", "transient",
		"no TCP connection, timeout, reset, lost connection", "无法建立 TCP 连接、超时、重置或连接丢失",
		"check route and firewall on port 25", "检查 25 端口的路由和防火墙"},
	{DNSFailure, "dns_failure", "resolver's admin", "transient",
		"name service gave no answer (as distinct from \"no such domain\")", "域名服务没有应答(不同于域名不存在)",
		"check the resolver first, then the domain's servers", "先检查解析器,再检查该域名的服务器"},
	{RoutingLoop, "routing_loop", "host admins", "permanent",
		"too many hops, or MX points back", "跳数过多,或 MX 指回自身",
		"check MX, aliases and forwarders", "检查 MX、别名和转发"},
	{DeliveryExpired, "delivery_expired", "sender", "permanent",
		"queue lifetime over; the earlier reason is better where known", "超过队列有效期;若知道更早的原因则以其为准",
		"look at the last deferral", "查看最后一次延迟的原因"},
}
