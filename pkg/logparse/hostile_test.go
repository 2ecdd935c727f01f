package logparse

import (
	"strings"
	"testing"
)

// A hostileLine is a line as a server writes it, with places for what others
// choose, and the outcome that it tells whatever they choose.
type hostileLine struct {
	name, line string // %t a remote side's text, %r a recipient, %s a sender, %c a text in quotes
	result     Result
	status     Status
	code       string
	stage      Stage
	recipient  bool // the recipient is told
}

var hostileLines = []hostileLine{
	{"Postfix bounce", "Mar  5 10:11:12 mx1 postfix/smtp[7]: 4F2A1C0: to=<%r>, relay=mx.example.com[192.0.2.5]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.5] said: 550 5.1.1 %t (in reply to RCPT TO command))", ResultEvent, Bounced, "550", Rcpt, true},
	{"Postfix deferral", "Mar  5 10:11:12 mx1 postfix/smtp[7]: 4F2A1C0: to=<%r>, orig_to=<%s>, relay=mx.example.com[192.0.2.5]:25, delay=1, delays=0/0/0/1, dsn=4.2.0, status=deferred (host mx.example.com[192.0.2.5] said: 450 4.2.0 %t (in reply to end of DATA command))", ResultEvent, Deferred, "450", EOD, true},
	{"Postfix greeting", "Mar  5 10:11:12 mx1 postfix/smtp[7]: 4F2A1C0: to=<%r>, relay=mx.example.com[192.0.2.5]:25, delay=1, delays=0/0/0/1, dsn=4.0.0, status=deferred (host mx.example.com[192.0.2.5] refused to talk to me: 554 5.7.1 %t)", ResultEvent, Deferred, "554", Greeting, true},
	{"Postfix success", "Mar  5 10:11:12 mx1 postfix/smtp[7]: 4F2A1C0: to=<%r>, relay=mx.example.com[192.0.2.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 %t)", ResultEvent, Sent, "250", EOD, true},
	{"Postfix command", "Mar  5 10:11:12 mx1 postfix/pipe[7]: 4F2A1C0: to=<%r>, relay=filter, delay=1, delays=0/0/0/1, dsn=5.3.0, status=bounced (Command died with status 1: \"/x\". Command output: %t)", ResultEvent, Bounced, "", NoStage, true},
	{"Postfix remark", "Mar  5 10:11:12 mx1 postfix/smtp[7]: 4F2A1C0: host mx.example.com[192.0.2.5] said: 451 4.7.1 %t (in reply to MAIL FROM command)", ResultRemark, NoStatus, "451", Mail, false},
	{"Postfix refusal", "Mar  5 10:11:12 mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from mail.example.org[192.0.2.9]: 550 5.1.1 <%r>: Recipient address rejected: User unknown; from=<%s> to=<%r> proto=ESMTP helo=<x>", ResultEvent, Rejected, "550", Rcpt, true},
	{"Postfix mail", "Mar  5 10:11:12 mx1 postfix/qmgr[7]: 4F2A1C0: from=<%s>, size=454, nrcpt=1 (queue active)", ResultIgnored, NoStatus, "", NoStage, false},
	{"Postfix expiry", "Mar  5 10:11:12 mx1 postfix/qmgr[7]: 4F2A1C0: from=<%s>, status=expired, returned to sender", ResultEvent, Expired, "", NoStage, false},
	{"Postfix header", "Mar  5 10:11:12 mx1 postfix/cleanup[7]: 4F2A1C0: reject: header Subject: %t from mail.example.org[192.0.2.9]; from=<%s> to=<%r> proto=ESMTP helo=<x>: 5.7.1 no thanks", ResultEvent, Rejected, "", EOD, true},
	{"Postfix header of a milter", "Mar  5 10:11:12 mx1 postfix/cleanup[7]: 4F2A1C0: milter-header-reject: header X-Spam: %t from mail.example.org[192.0.2.9]; from=<%s> to=<%r> proto=ESMTP helo=<x>: 5.7.1 no thanks", ResultEvent, Rejected, "", EOD, true},
	{"Postfix filter", "Mar  5 10:11:12 mx1 postfix/smtpd[7]: warning: proxy 127.0.0.1:10025 rejected \"RCPT TO:<%r>\": \"550 5.1.1 %t\"", ResultEvent, Rejected, "550", Rcpt, true},
	{"Postfix junk", "Mar  5 10:11:12 mx1 postfix/smtpd[7]: improper command pipelining after EHLO from unknown[192.0.2.9]: %t", ResultIgnored, NoStatus, "", NoStage, false},
	{"Postfix Message-ID", "Mar  5 10:11:12 mx1 postfix/cleanup[7]: 4F2A1C0: message-id=<%t>", ResultIgnored, NoStatus, "", NoStage, false},

	{"Exim bounce", "2026-01-02 03:04:05 1xW4V6-0005cI-0l ** %r R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after RCPT TO:<%r>: 550 5.1.1 %t", ResultEvent, Bounced, "550", Rcpt, true},
	{"Exim bounce of old", "2026-01-02 03:04:05 1xW4V6-0005cI-0l ** %r R=dnslookup T=remote_smtp: SMTP error from remote mail server after end of data: host mx.example.com [192.0.2.5]: 554 %t", ResultEvent, Bounced, "554", EOD, true},
	{"Exim deferral", "2026-01-02 03:04:05 1xW4V6-0005cI-0l == %r R=dnslookup T=remote_smtp defer (-45) H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after MAIL FROM:<%s>: 451 4.7.1 %t", ResultEvent, Deferred, "451", Mail, true},
	{"Exim success", "2026-01-02 03:04:05 1xW4V6-0005cI-0l => %r R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.5] C=\"250 %c\" QT=3s", ResultEvent, Sent, "250", EOD, true},
	{"Exim remark", "2026-01-02 03:04:05 1xW4V6-0005cI-0l H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after initial connection: 421 %t", ResultRemark, NoStatus, "421", Greeting, false},
	{"Exim arrival", "2026-01-02 03:04:05 1xW4V6-0005cI-0l <= %s H=mail.example.org [192.0.2.9] P=esmtp S=900 T=\"%c\" for %r", ResultIgnored, NoStatus, "", NoStage, false},
	{"Exim refusal", "2026-01-02 03:04:05 H=mail.example.org (x) [192.0.2.9] F=<%s> rejected RCPT <%r>: 550 5.7.1 %t", ResultEvent, Rejected, "550", Rcpt, true},
	{"Exim refusal after the data", "2026-01-02 03:04:05 1xW4V6-0005cI-0l H=mail.example.org (x) [192.0.2.9] F=<%s> rejected after DATA: 554 %t", ResultEvent, Rejected, "554", EOD, false},
	{"Exim refusal passed on", "2026-01-02 03:04:05 1xW4V6-0005cI-0l H=mail.example.org [192.0.2.9] ann@example.com F=<%s> rejected after DATA: R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.5] C=\"550 %c\"", ResultEvent, Rejected, "550", EOD, false},
	{"Exim too many", "2026-01-02 03:04:05 too many recipients: excess temporarily rejected: sender=<%s> H=mail.example.org [192.0.2.9]", ResultEvent, TempFailed, "", Rcpt, false},
	{"Exim syntax", "2026-01-02 03:04:05 SMTP syntax error in \"RCPT TO:<%c\" H=(x) [192.0.2.9] malformed address", ResultEvent, Rejected, "", Rcpt, false},

	{"Sendmail bounce", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: to=<%r>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.5], dsn=5.1.1, reply=550 5.1.1 %t, stat=User unknown", ResultEvent, Bounced, "550", NoStage, true},
	{"Sendmail deferral", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: to=<%r>, ctladdr=<%s> (1/1), delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.5], dsn=4.2.0, stat=Deferred: 450 4.2.0 %t", ResultEvent, Deferred, "450", NoStage, true},
	{"Sendmail success", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: to=<%r>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.5], dsn=2.0.0, stat=Sent (%t)", ResultEvent, Sent, "", EOD, true},
	{"Sendmail refusal", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: ruleset=check_rcpt, arg1=<%r>, relay=mail.example.org [192.0.2.9], reject=550 5.7.1 %t", ResultEvent, Rejected, "550", Rcpt, true},
	{"Sendmail arrival", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: from=<%s>, size=1, class=0, nrcpts=1, msgid=<%t>, proto=ESMTP, daemon=MTA, relay=mail.example.org [192.0.2.9]", ResultIgnored, NoStatus, "", NoStage, false},
	{"Sendmail dialogue", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: <-- %t", ResultIgnored, NoStatus, "", NoStage, false},
	{"Sendmail header", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: ruleset=CheckSubject, arg1= %t, relay=mail.example.org [192.0.2.9], reject=550 5.7.1 no", ResultEvent, Rejected, "550", EOD, false},
	{"Sendmail collect", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: collect: relay=mail.example.org, from=<%s>, info=Bare linefeed (LF) not allowed, where=header, status=tempfail", ResultEvent, TempFailed, "", EOD, false},
	{"Sendmail host that is gone", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: to=<%r>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.5], dsn=4.4.2, reply=421 4.4.1 Connection reset by mx.example.com., stat=Deferred", ResultEvent, Deferred, "", NoStage, true},
	{"Sendmail HELO", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: invalid domain name (%t) from mail.example.org [192.0.2.9]", ResultEvent, Rejected, "", Helo, false},
	{"Sendmail filter", "Mar  5 10:11:12 mx1 sm-mta[7]: n1A2B3C4001234: Milter: to=<%r>, reject=451 4.7.1 %t", ResultEvent, TempFailed, "451", Rcpt, true},
}

// hostileTexts are what somebody would try.
var hostileTexts = []string{
	"", "no", `"`, `\`, `\"`, "<", ">", "(", ")", "((", "))", ">, ", ", stat=Sent (ok)", ", dsn=2.0.0, stat=Sent", "status=sent (250 ok)", "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XyZ1)",
	"(in reply to DATA command)", "(in reply to DATA command))", "; from=<e@evil.example> to=<e@evil.example> proto=SMTP helo=<x>", ": 250 ok", "host evil.example [192.0.2.66]: 250 ok",
	`" H=evil [192.0.2.66] C="250 ok`, "=> ** ==", "** e@evil.example R=x T=y: 550", "retry timeout exceeded", ": retry timeout exceeded", "refused to talk to me: 421", "said: 250 2.0.0 ok",
	"Mar  5 10:11:13 mx1 postfix/smtp[7]: 4F2A1C1: to=<e@evil.example>, relay=none, delay=1, dsn=2.0.0, status=sent (x)",
	" Mar  5 10:11:13 mx1 sm-mta[7]: n1A2B3C4001235: to=<e@evil.example>, delay=00:00:01, dsn=2.0.0, stat=Sent (x)",
	"2026-01-02 03:04:06 1xW4V6-0005cJ-0l => e@evil.example R=x T=y C=\"250 ok\"", "message repeated 3 times: [ x]", "last message repeated 3 times", "[1/2] x", "ünknöwn", "\xc3", "\xff\xfe", "550-5.1.1 x 550 5.1.1 y", "a, b", "reject=250 2.0.0 ok", ", reject=250 2.0.0 ok", "}", "{\"log\":\"x\"}",
}

// What others choose never changes what a line says.
func TestHostileTexts(t *testing.T) {
	for _, text := range hostileTexts {
		for _, local := range hostileTexts {
			checkHostile(t, text, local)
		}
	}
}

func FuzzHostile(f *testing.F) {
	for i, text := range hostileTexts {
		f.Add(text, hostileTexts[len(hostileTexts)-1-i])
	}
	f.Fuzz(func(t *testing.T, text, local string) { checkHostile(t, text, local) })
}

func checkHostile(t *testing.T, text, local string) {
	t.Helper()
	text, local = smPrintable([]byte(text)), smPrintable([]byte(local))
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	recipient := `"` + escaped.Replace(local) + `"@example.com`
	replace := strings.NewReplacer("%t", text, "%r", recipient, "%s", `"`+escaped.Replace(text)+`"@example.org`, "%c", escaped.Replace(text))
	for i := range hostileLines {
		h := &hostileLines[i]
		var p Parser
		var ev Event
		line := replace.Replace(h.line)
		r := p.Parse([]byte(line), &ev)
		if r != h.result {
			t.Fatalf("%s: %v, want %v: %s", h.name, r, h.result, line)
		}
		if r != ResultEvent && r != ResultRemark {
			continue
		}
		if code := ev.Code.String(); ev.Code == 0 && h.code != "" || ev.Code != 0 && code != h.code {
			t.Fatalf("%s: code %s, want %q: %s", h.name, code, h.code, line)
		}
		if ev.Status != h.status || ev.Stage != h.stage {
			t.Fatalf("%s: %v at %v, want %v at %v: %s", h.name, ev.Status, ev.Stage, h.status, h.stage, line)
		}
		if h.recipient && string(ev.Recipient) != recipient {
			t.Fatalf("%s: recipient %s, want %s: %s", h.name, ev.Recipient, recipient, line)
		}
		if ev.Count() != 1 {
			t.Fatalf("%s: counts %d: %s", h.name, ev.Count(), line)
		}
	}
}
