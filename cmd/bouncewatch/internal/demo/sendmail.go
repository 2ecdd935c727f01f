package demo

import (
	"fmt"
	"strings"
	"time"
)

// sendmailHeader is that of the oldest syslog daemons, in local time.
func sendmailHeader(at time.Time, program string) string {
	return at.Format("Jan _2 15:04:05") + " mx3 " + program + ": "
}

func writeSendmail(l *log, m *message) {
	daemon := fmt.Sprintf("sm-mta[%d]", m.pid)
	if m.inbound {
		refuseSendmail(l, m, daemon, sendmailID(m))
		return
	}
	if m.attempt == 0 {
		m.id = sendmailID(m)
		l.say(daemon, "%s: from=<%s>, size=%d, class=0, nrcpts=1, msgid=<%s@app.example.com>, proto=ESMTP, daemon=MTA, relay=app.example.com [192.0.2.1]", m.id, m.from, m.size, m.token)
	}
	if m.expired {
		l.outcome(m.outcome("sendmail", "", ""), daemon, "%s: %s: DSN: Cannot send message for 5 days", m.id, sendmailID(m))
		return
	}
	deliverSendmail(l, m, daemon)
}

func sendmailID(m *message) string {
	return word(m.random, alphanumeric, 8) + fmt.Sprintf("%06d", m.pid)
}

// deliverSendmail writes what Sendmail keeps of a reply: its first line, and of
// one that accepts the mail no code. Beside a reply, dsn= may be Sendmail's own
// guess and does not count.
func deliverSendmail(l *log, m *message, daemon string) {
	waited := time.Duration(m.seconds) * time.Second
	head := fmt.Sprintf("%s: to=<%s>, delay=%s, xdelay=00:00:01, mailer=esmtp, pri=31240, relay=%s. [%s]", m.id, m.to, clock(waited), m.mx, m.ip)
	if m.silent {
		o := m.outcome("sendmail", "", "4.0.0")
		l.outcome(o, daemon, "%s, dsn=4.0.0, stat=Deferred: Connection timed out with %s.", head, m.mx)
		l.delayed(o)
		return
	}
	o, first := m.outcome("sendmail", m.code, m.enhanced), m.reply()[0]
	switch m.status {
	case "sent":
		o = m.outcome("sendmail", "", m.dsn())
		text := strings.TrimPrefix(strings.TrimPrefix(first, m.code+" "), m.enhanced+" ")
		l.outcome(o, daemon, "%s, dsn=%s, stat=Sent (%s)", head, m.dsn(), text)
	case "deferred":
		l.outcome(o, daemon, "%s, dsn=%s, reply=%s, stat=Deferred: %s", head, m.dsn(), first, first)
	default:
		l.outcome(o, daemon, "%s, dsn=%s, reply=%s, stat=Service unavailable", head, m.dsn(), first)
	}
	l.delayed(o)
}

// clock is a time as Sendmail writes it.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// sendmailRefusals are the replies of the rule sets, by cause.
var sendmailRefusals = map[string]string{
	"ip_blocked":   "554 5.7.1 Rejected: %[2]s listed at zen.spamhaus.org",
	"relay_denied": "554 5.7.1 <%[1]s>... Relaying denied",
	"greylisted":   "450 4.2.0 <%[1]s>... Greylisted, please try again later",
}

func refuseSendmail(l *log, m *message, daemon, id string) {
	switch {
	case m.status == "auth_failed":
		o := m.outcome("sendmail", "", "")
		o.Remark = true
		l.outcome(o, daemon, "%s: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user=user, relay=%s [%s]", id, m.client, m.ip)
	case m.cause == "user_unknown": // Sendmail logs no reply here
		l.outcome(m.outcome("sendmail", "", ""), daemon, "%s: <%s>... User unknown", id, m.to)
	default:
		reply := fmt.Sprintf(sendmailRefusals[m.cause]+"%[3]s", m.to, m.ip, "")
		l.outcome(m.outcome("sendmail", m.code, m.enhanced), daemon, "%s: ruleset=check_rcpt, arg1=<%s>, relay=%s [%s], reject=%s", id, m.to, m.client, m.ip, reply)
	}
	l.say(daemon, "%s: from=<bulk@example.net>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=%s [%s]", id, m.client, m.ip)
}
