package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// postfixHeader is rsyslog's, with RFC 3339 time stamps.
func postfixHeader(at time.Time, program string) string {
	return at.Format("2006-01-02T15:04:05.000000-07:00") + " mx1 postfix/" + program + ": "
}

func writePostfix(l *log, m *message) {
	if m.inbound {
		refusePostfix(l, m)
		return
	}
	if m.attempt == 0 {
		acceptPostfix(l, m)
	}
	const qmgr = "qmgr[811]"
	l.say(qmgr, "%s: from=<%s>, size=%d, nrcpt=1 (queue active)", m.id, m.from, m.size)
	if m.expired {
		l.outcome(m.outcome("postfix", "", ""), qmgr, "%s: from=<%s>, status=expired, returned to sender", m.id, m.from)
	} else {
		deliverPostfix(l, m)
	}
	if m.status != "deferred" {
		l.say(qmgr, "%s: removed", m.id)
	}
}

func acceptPostfix(l *log, m *message) {
	m.id = word(m.random, hexadecimal, 10)
	l.say(fmt.Sprintf("smtpd[%d]", m.pid), "%s: client=app.example.com[192.0.2.1]", m.id)
	l.say(fmt.Sprintf("cleanup[%d]", m.pid+1), "%s: message-id=<%s@app.example.com>", m.id, m.token)
}

// deliverPostfix tries a second host after a temporary reply: the first reply is
// a remark then.
func deliverPostfix(l *log, m *message) {
	smtp := fmt.Sprintf("smtp[%d]", m.pid)
	head := fmt.Sprintf("%s: to=<%s>, relay=%s[%s]:25, delay=%s, delays=%s/0.01/0.1/0.1", m.id, m.to, m.mx, m.ip, postfixDelay(m.seconds), postfixDelay(m.seconds))
	if m.silent {
		o := m.outcome("postfix", "", "4.4.1")
		l.outcome(o, smtp, "%s: to=<%s>, relay=none, delay=%s, delays=%s/0.01/30/0, dsn=4.4.1, status=deferred (connect to %s[%s]:25: Connection timed out)",
			m.id, m.to, postfixDelay(m.seconds+30), postfixDelay(m.seconds), m.mx, m.ip)
		l.delayed(o)
		return
	}
	o := m.outcome("postfix", m.code, m.dsn())
	reply := strings.Join(m.reply(), " ")
	said := fmt.Sprintf("host %s[%s] said: %s (in reply to %s command)", m.mx, m.ip, reply, m.stage)
	if m.status == "sent" {
		said = reply
	}
	if m.status == "deferred" && m.stage == "end of DATA" {
		remark := m.outcome("postfix", m.code, m.enhanced)
		remark.Status, remark.Remark = "", true
		l.outcome(remark, smtp, "%s: %s", m.id, said)
	}
	l.outcome(o, smtp, "%s, dsn=%s, status=%s (%s)", head, m.dsn(), m.status, said)
	l.delayed(o)
}

// postfixDelay has two digits, or whole seconds (postconf(5),
// delay_logging_resolution_limit).
func postfixDelay(seconds float64) string {
	if seconds >= 10 {
		return strconv.Itoa(int(seconds))
	}
	return strconv.FormatFloat(seconds, 'g', 2, 64)
}

// postfixRefusals are the server's own replies, by cause.
var postfixRefusals = map[string]string{
	"user_unknown": "550 5.1.1 <%[1]s>: Recipient address rejected: User unknown in local recipient table",
	"ip_blocked":   "554 5.7.1 Service unavailable; Client host [%[2]s] blocked using zen.spamhaus.org",
	"relay_denied": "554 5.7.1 <%[1]s>: Relay access denied",
	"greylisted":   "450 4.2.0 <%[1]s>: Recipient address rejected: Greylisted",
}

func refusePostfix(l *log, m *message) {
	smtpd := fmt.Sprintf("smtpd[%d]", m.pid)
	l.say(smtpd, "connect from %s[%s]", m.client, m.ip)
	if m.status == "auth_failed" {
		o := m.outcome("postfix", "", "")
		o.Remark = true
		l.outcome(o, smtpd, "warning: %s[%s]: SASL LOGIN authentication failed: authentication failure, sasl_username=user", m.client, m.ip)
	} else {
		reply := fmt.Sprintf(postfixRefusals[m.cause]+"%[3]s", m.to, m.ip, "")
		l.outcome(m.outcome("postfix", m.code, m.enhanced), smtpd, "NOQUEUE: reject: RCPT from %s[%s]: %s; from=<%s> to=<%s> proto=ESMTP helo=<%s>",
			m.client, m.ip, reply, "bulk@example.net", m.to, m.client)
	}
	l.say(smtpd, "disconnect from %s[%s] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", m.client, m.ip)
}
