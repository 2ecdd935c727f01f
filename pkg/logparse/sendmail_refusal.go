package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var (
	smReject    = []byte(", reject=")
	smRelayKey  = []byte(", relay=")
	smEllipsis  = []byte("... ")
	smAngleDots = []byte(">... ")
	smRejected  = []byte(" [rejected]")
	smDuring    = []byte(" during client ")
	smProtocol  = []byte(" protocol error: ")
	smAddr      = []byte(", addr=")
)

// smRule says what a check of the configuration looks at.
type smRule struct {
	stage Stage
	role  smRole
}

type smRole uint8

const (
	smRefuses smRole = iota // a client
	smWarns                 // about a delivery, whose own line follows
	smAdvises               // nobody: mail goes on
)

// smRules are the rule sets that Sendmail calls by itself (Operations Guide,
// Ruleset hooks). The others are those that a header is checked with.
var smRules = map[string]smRule{
	"check_relay": {Connect, smRefuses}, "check_mail": {Mail, smRefuses}, "check_rcpt": {Rcpt, smRefuses},
	"check_data": {Data, smRefuses}, "check_eoh": {EOD, smRefuses}, "check_eom": {EOD, smRefuses},
	"check_vrfy": {VRFY, smRefuses}, "check_expn": {NoStage, smRefuses}, "check_etrn": {ETRN, smRefuses},
	"tls_client":   {NoStage, smRefuses},
	"check_compat": {NoStage, smWarns}, "tls_server": {StartTLS, smWarns}, "tls_rcpt": {Rcpt, smWarns},
	"try_tls": {NoStage, smAdvises}, "trust_auth": {NoStage, smAdvises}, "authinfo": {NoStage, smAdvises},
}

// smRuleset reads "check_rcpt, arg1=<addr>, relay=host [ip], reject=550 5.7.1
// text". Other ends than reject= let the mail pass or drop it silently.
func smRuleset(b []byte, ev *Event) Result {
	name, rest, ok := pfCut(b, pfComma)
	if !ok {
		return ResultIgnored
	}
	rule, known := smRules[string(name)]
	if !known {
		rule = smRule{EOD, smRefuses}
	}
	address, start, closed := smArgument(rest)
	relay, reply, ok := smRuling(rest, start, known)
	switch {
	case known && !closed:
		return ResultUnparsed // cut within the address
	case !ok || rule.role == smAdvises:
		return ResultIgnored
	}
	ev.Stage = rule.stage
	if rule.role == smWarns {
		ev.Direction = Outbound
		smRelay(relay, ev)
		pfRefuse(reply, ev)
		ev.Status = smByClass(ev.Code)
		return ResultRemark
	}
	switch rule.stage {
	case Mail:
		ev.Sender = address
	case Rcpt:
		ev.Recipient = address
	}
	ev.ClientIP = pfBracketed(relay)
	return smRefuse(reply, ev)
}

// smArgument reads "arg1=<address>" and says where it ends. It is the client's,
// and can hold fields of its own in quotes.
func smArgument(b []byte) (address []byte, end int, closed bool) {
	value, ok := pfAfter(b, "arg1=")
	if !ok {
		return nil, 0, true
	}
	if address, rest, ok := smAngle(value); ok {
		return address, len(b) - len(rest), true
	}
	address, _, closed = pfCut(value, pfComma)
	return address, 0, closed && !pfStarts(value, "<\"")
}

// smRuling finds ", relay=host [ip], reject=reply" from start on; some versions
// leave the relay out. Behind a header, which may hold the like, the last one
// counts that a client can be refused with.
func smRuling(b []byte, start int, first bool) (relay, reply []byte, ok bool) {
	at := bytes.Index(b[start:], smReject)
	if !first {
		at = smLastRefusal(b[start:])
	}
	if at < 0 {
		return nil, nil, false
	}
	at += start
	if i := bytes.LastIndex(b[start:at], smRelayKey); i >= 0 {
		relay = b[start+i+len(smRelayKey) : at]
	}
	return relay, b[at+len(smReject):], true
}

// smLastRefusal is where the last ", reject=" stands that a reply of 4xx or 5xx
// follows, else the last one, -1 without any.
func smLastRefusal(b []byte) int {
	last := bytes.LastIndex(b, smReject)
	at := last
	for tries := 0; at >= 0 && tries < smMaxTries; tries++ {
		if code, _ := pfReplyCodes(b[at+len(smReject):]); smByClass(code) != NoStatus {
			return at
		}
		at = bytes.LastIndex(b[:at], smReject)
	}
	return last
}

// smAngle reads "<address>"; brackets in quotes are part of the address.
func smAngle(b []byte) (address, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '<' {
		return nil, b, false
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '>':
			return b[1:i:i], b[i+1:], true
		case '"':
			skip := smQuoted(b[i:])
			if skip == 0 {
				return nil, b, false
			}
			i += skip
		}
	}
	return nil, b, false
}

// smRefuse makes the refusal of a client from its reply.
func smRefuse(reply []byte, ev *Event) Result {
	ev.Direction, ev.Status = Inbound, Rejected
	pfRefuse(reply, ev)
	return ResultEvent
}

// smMilter reads what a filter decided: "to=<addr>, reject=550 5.7.1 text",
// "data, reject=...", "connect: host=name, addr=ip, rejecting commands".
func smMilter(b []byte, ev *Event) Result {
	switch {
	case pfStarts(b, "to="):
		return smFiltered(Rcpt, b[len("to="):], &ev.Recipient, ev)
	case pfStarts(b, "from="):
		return smFiltered(Mail, b[len("from="):], &ev.Sender, ev)
	case pfStarts(b, "helo="):
		return smFiltered(Helo, b[len("helo="):], nil, ev)
	case pfStarts(b, "cmd=data"):
		return smFiltered(Data, b, nil, ev)
	case pfStarts(b, "data"), pfStarts(b, "eoh"), pfStarts(b, "eom"), pfStarts(b, "header"), pfStarts(b, "body"):
		return smFiltered(EOD, b, nil, ev)
	case pfStarts(b, "connect: host="):
		return smTurnedAway(b, ev)
	case pfStarts(b, "initialization failed, "):
		return smTurnedAway(b[len("initialization failed, "):], ev)
	}
	return ResultIgnored
}

// smFiltered finds ", reject=" behind what the filter looked at, and keeps the
// address if the place for one is given.
func smFiltered(stage Stage, b []byte, address *[]byte, ev *Event) Result {
	start := 0
	if address != nil {
		if value, rest, ok := smAngle(b); ok {
			*address, start = value, len(b)-len(rest)
		}
	}
	i := bytes.Index(b[start:], smReject)
	if i < 0 {
		return ResultIgnored // "discard", "accept"
	}
	reply := bytes.TrimSuffix(b[start+i+len(smReject):], []byte(", errormode=4"))
	ev.Stage = stage
	return smRefuse(reply, ev)
}

// smTurnedAway reads that no command of a session is accepted, because a filter
// refused the client, "host=name, addr=ip, rejecting commands", or because none
// could be asked.
func smTurnedAway(b []byte, ev *Event) Result {
	if _, rest, ok := pfCut(b, smAddr); ok {
		ip, decision, _ := pfCut(rest, pfComma)
		ev.ClientIP, b = pfIP(ip), decision
	}
	ev.Stage = Connect
	if reply, ok := pfAfter(b, "reject="); ok {
		return smRefuse(reply, ev)
	}
	ev.Direction, ev.Text = Inbound, b
	switch string(b) {
	case "rejecting commands":
		ev.Status = Rejected
	case "temp failing commands", "closing connection", "shutdown":
		ev.Status = TempFailed
	default:
		return ResultUnparsed
	}
	return ResultEvent
}

// smWrapped reads "host, ip) rejection": the library of TCP wrappers refused the
// client.
func smWrapped(b []byte, ev *Event) Result {
	client, rest, ok := pfCut(b, smClose)
	if !ok || string(rest) != " rejection" {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Stage = Inbound, Rejected, Connect
	if _, ip, ok := pfCut(client, pfComma); ok {
		ev.ClientIP = pfIP(ip)
	}
	return ResultEvent
}

// smUnready reads "host [ip], access temporarily disabled": the rule set for the
// features of the session failed, and so does every command.
func smUnready(b []byte, ev *Event) Result {
	client, reason, ok := pfCut(b, pfComma)
	if !ok {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Stage = Inbound, TempFailed, Connect
	ev.ClientIP, ev.Text = pfBracketed(client), reason
	return ResultEvent
}

// smEarlyTalker reads "commands from host [ip] due to pre-greeting traffic after 0
// seconds": the client did not wait for the greeting, which became a refusal.
// "server EHLO from host [ip] due to traffic before response" is the same later on.
// Other lines of rejecting have no client.
func smEarlyTalker(b []byte, ev *Event) Result {
	command, rest, _ := pfCut(b, pfFrom)
	client, _, ok := pfCut(rest, smDue)
	if !ok {
		return ResultIgnored
	}
	ev.Direction, ev.Status = Inbound, Rejected
	command, _ = pfAfter(command, "server ")
	ev.Stage = pfStageOf(smHurries[:], command)
	ev.ClientIP, ev.Text = pfBracketed(client), rest[len(client)+1:]
	return ResultEvent
}

var smHurries = [...]pfStage{{"commands", Connect}, {"EHLO", Helo}, {"HELO", Helo}, {"STARTTLS", StartTLS}, {"AUTH", Auth}}

var smDue = []byte(" due to ")

// smCollected reads "host, from=<sender>, info=Bare linefeed (LF) not allowed,
// where=header, status=tempfail": mail that breaks the protocol. The client is told
// 421. Without a status it is mended and taken.
func smCollected(b []byte, ev *Event) Result {
	if !bytes.HasSuffix(b, smTempFail) {
		return ResultIgnored
	}
	ev.Direction, ev.Status, ev.Stage = Inbound, TempFailed, EOD
	ev.Text = bytes.TrimSuffix(b, smTempFail)
	if _, value, ok := pfCut(b, smFromKey); ok {
		if sender, rest, ok := smAngle(value); ok {
			ev.Sender = sender
			ev.Text, _ = pfAfter(bytes.TrimSuffix(rest, smTempFail), ", info=")
		}
	}
	return ResultEvent
}

var (
	smTempFail = []byte(", status=tempfail")
	smFromKey  = []byte(", from=")
)

// smBadName reads "name) from host [ip]": the name in HELO or EHLO is none. The
// client is told 501.
func smBadName(b []byte, ev *Event) Result {
	i := bytes.LastIndex(b, smNamed)
	if i < 0 {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Stage = Inbound, Rejected, Helo
	ev.ClientIP, ev.Text = pfBracketed(b[i:]), b[:i]
	return ResultEvent
}

var smNamed = []byte(") from ")

// smAuthFailure reads "LOGIN): authentication failure (-13) detail, relay=host
// [ip]". Old versions have no relay.
func smAuthFailure(b []byte, ev *Event) Result {
	_, reason, ok := pfCut(b, []byte("): "))
	if !ok {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Stage, ev.Text = Inbound, AuthFailed, Auth, reason
	if i := bytes.LastIndex(reason, smRelayKey); i >= 0 {
		ev.ClientIP, ev.Text = pfBracketed(reason[i:]), reason[:i]
	}
	return ResultRemark
}

// smTimeout reads "host. during client MAIL": a host fell silent, and the next
// one is tried. "during server cmd read" is a client's silence.
func smTimeout(b []byte, ev *Event) Result {
	host, phase, ok := pfCut(b, smDuring)
	if !ok {
		return ResultIgnored
	}
	ev.Direction, ev.Text = Outbound, b
	ev.Stage = pfStageOf(smPhases[:], phase)
	smRelay(host, ev)
	return ResultRemark
}

// smPhases are the words behind "during client" and in front of "protocol
// error". DATA has two replies, at its start and at its end.
var smPhases = [...]pfStage{
	{"greeting", Greeting}, {"EHLO", Helo}, {"HELO", Helo}, {"LHLO", Helo}, {"STARTTLS", StartTLS}, {"AUTH", Auth},
	{"MAIL", Mail}, {"RCPT", Rcpt}, {"DATA 354", Data}, {"DATA-1", Data}, {"DATA", EOD},
}

// smSentence reads the lines behind a queue id that begin with an address or a
// host: "<addr>... User unknown" to a client, "host [ip]: EXPN root [rejected]",
// "host.: SMTP DATA-2 protocol error: 501 text". Of the answers that name
// nothing, one is about a recipient.
func smSentence(b []byte, ev *Event) Result {
	if string(b) == "Too many recipients" { // 452 4.5.3, option MaxRecipientsPerMessage
		ev.Direction, ev.Status, ev.Stage, ev.Text = Inbound, TempFailed, Rcpt, b
		return ResultEvent
	}
	if address, reason, ok := smAddressed(b); ok {
		return smUserError(address, reason, ev)
	}
	word, rest, ok := pfCut(b, pfColon)
	switch {
	case !ok:
		return ResultIgnored
	case pfStarts(rest, "SMTP "):
		return smProtocolError(word, rest[len("SMTP "):], ev)
	case bytes.HasSuffix(rest, smRejected):
		return smProbe(word, rest, ev)
	}
	return ResultIgnored
}

// smAddressed reads "<address>... reason" and "user@host... reason".
func smAddressed(b []byte) (address, reason []byte, ok bool) {
	if address, rest, ok := smAngle(b); ok {
		reason, ok := pfAfter(rest, "... ")
		return address, reason, ok
	}
	if len(b) > 0 && b[0] == '<' { // an open quote is what the reason is about
		address, reason, ok := pfCut(b[1:], smAngleDots)
		return address, reason, ok
	}
	word, reason, ok := pfCut(b, smEllipsis)
	return word, reason, ok && bytes.IndexByte(word, '@') > 0 && bytes.IndexByte(word, ' ') < 0
}

// smUserError is the answer to MAIL or RCPT, logged without its codes. Those
// about a sender say so.
func smUserError(address, reason []byte, ev *Event) Result {
	ev.Direction, ev.Status, ev.Text = Inbound, Rejected, reason
	if bytes.Contains(reason, []byte("sender address")) {
		ev.Stage, ev.Sender = Mail, address
		return ResultEvent
	}
	ev.Stage, ev.Recipient = Rcpt, address
	return ResultEvent
}

// smProbe reads a command, in the client's spelling, that the privacy options
// forbid (Operations Guide, option PrivacyOptions).
func smProbe(client, command []byte, ev *Event) Result {
	verb := command[:smBlank(command)]
	switch {
	case bytes.EqualFold(verb, []byte("VRFY")):
		ev.Stage = VRFY
	case bytes.EqualFold(verb, []byte("ETRN")):
		ev.Stage = ETRN
	case !bytes.EqualFold(verb, []byte("EXPN")):
		return ResultIgnored
	}
	ev.ClientIP = pfBracketed(client)
	ev.Direction, ev.Status, ev.Text = Inbound, Rejected, command
	return ResultEvent
}

// smProtocolError reads "DATA-2 protocol error: 501 text", a reply that the
// delivery's own line has, too. Here the stage is known.
func smProtocolError(host, b []byte, ev *Event) Result {
	phase, reply, ok := pfCut(b, smProtocol)
	if !ok || bytes.IndexByte(host, ' ') >= 0 {
		return ResultIgnored
	}
	ev.Direction, ev.Stage, ev.Text = Outbound, pfStageOf(smPhases[:], phase), reply
	ev.Code, ev.Enhanced = pfReplyCodes(reply)
	if ev.Code == replycode.None {
		return ResultIgnored
	}
	smRelay(host, ev)
	return ResultRemark
}
