package demo

import (
	"fmt"
	"strings"
	"time"
)

// eximHeader is that of Exim's own log, which is in local time.
func eximHeader(at time.Time, _ string) string { return at.Format("2006-01-02 15:04:05 ") }

// eximErrors are what Exim writes behind "defer" (store-ins.h, ERRNO_...).
var eximErrors = map[string]int{"MAIL FROM": -45, "RCPT TO": -44, "end of DATA": -46}

func writeExim(l *log, m *message) {
	if m.inbound {
		refuseExim(l, m)
		return
	}
	if m.attempt == 0 {
		m.id = word(m.random, alphanumeric, 6) + "-" + word(m.random, alphanumeric, 6) + "-" + word(m.random, alphanumeric, 2)
		l.say("", "%s <= %s H=app.example.com [192.0.2.1] P=esmtp S=%d id=%s@app.example.com", m.id, m.from, m.size, m.token)
	}
	deliverExim(l, m)
	if m.status != "deferred" {
		l.say("", "%s Completed", m.id)
	}
}

func deliverExim(l *log, m *message) {
	if m.expired {
		l.outcome(m.outcome("exim", "", ""), "", "%s ** %s: retry timeout exceeded", m.id, m.to)
		return
	}
	to, host := m.to+" R=dnslookup T=remote_smtp", fmt.Sprintf("H=%s [%s]", m.mx, m.ip)
	if m.silent {
		l.outcome(m.outcome("exim", "", ""), "", "%s == %s defer (110) %s: Connection timed out", m.id, to, host)
		return
	}
	o := m.outcome("exim", m.code, m.enhanced)
	reply := strings.Join(m.reply(), `\n`)
	stage := m.command()
	if stage == "end of DATA" {
		stage = "end of data"
	}
	said := "SMTP error from remote mail server after " + stage + ": " + reply
	switch m.status {
	case "sent":
		l.outcome(o, "", "%s => %s %s X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=yes C=\"%s\" QT=%.3fs", m.id, to, host, reply, m.seconds)
		l.delayed(o)
	case "deferred":
		l.outcome(o, "", "%s == %s defer (%d) %s: %s", m.id, to, eximErrors[m.stage], host, said)
	default:
		l.outcome(o, "", "%s ** %s %s: %s", m.id, to, host, said)
	}
}

// eximRefusals are the texts of the access lists, by cause.
var eximRefusals = map[string]string{
	"user_unknown": "Unknown user",
	"ip_blocked":   "%s is listed at zen.spamhaus.org",
	"relay_denied": "relay not permitted",
	"greylisted":   "greylisted, please try again later",
}

func refuseExim(l *log, m *message) {
	if m.status == "auth_failed" {
		o := m.outcome("exim", "535", "")
		o.Remark = true
		l.outcome(o, "", "login authenticator failed for %s [%s]: 535 Incorrect authentication data", m.client, m.ip)
		return
	}
	text := strings.Replace(eximRefusals[m.cause], "%s", m.ip, 1)
	rejected := "rejected"
	if m.status == "tempfailed" {
		rejected = "temporarily rejected"
	}
	// The log has no codes: the default ones are not written.
	l.outcome(m.outcome("exim", "", ""), "", "H=%s [%s] F=<bulk@example.net> %s RCPT <%s>: %s", m.client, m.ip, rejected, m.to, text)
}
