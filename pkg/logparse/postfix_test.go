package logparse

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// pfStatusIs compares with the words of Postfix that are another status here.
func pfStatusIs(ev *Event, want string) bool {
	switch want {
	case "softbounce":
		return ev.Status == Deferred
	case "force-expired":
		return ev.Status == Expired
	case "rejected":
		return ev.Status == Rejected || ev.Status == TempFailed
	}
	return ev.Status.String() == want
}

func pfSameIP(got []byte, want string) bool {
	a, errA := netip.ParseAddr(string(got))
	b, errB := netip.ParseAddr(want)
	return len(got) == 0 && want == "" || errA == nil && errB == nil && a == b
}

type pfTruth struct {
	Line                      int
	Event, Status, Direction  string
	QueueID                   string `json:"queue_id"`
	Recipient, Code, Enhanced string
	DSN, Stage, Kind          string
	Scored                    bool
	CodeInLine                bool   `json:"code_in_line"`
	EnhancedInLine            bool   `json:"enhanced_in_line"`
	ReplyFrom                 string `json:"reply_from"`
	RelayIP                   string `json:"relay_ip"`
	ClientIP                  string `json:"client_ip"`
	Relay                     string
}

func TestPostfixCorpus(t *testing.T) {
	for _, name := range []string{"pf37", "pf310-longids", "pf37-postlog"} {
		t.Run(name, func(t *testing.T) { pfCheckCorpus(t, name) })
	}
}

func pfCheckCorpus(t *testing.T, name string) {
	truths := readTruths(t, "postfix-logs/"+name+".truth.jsonl")
	var p Parser
	var ev Event
	for i, line := range readLines(t, "postfix-logs/"+name+".log") {
		got := p.Parse(line, &ev)
		truth, known := truths[i+1]
		switch {
		case got == ResultUnparsed:
			t.Errorf("line %d is unparsed: %s", i+1, line)
		case !known && (got == ResultEvent || got == ResultRemark):
			t.Errorf("line %d is no outcome, got %s: %s", i+1, pfShow(&ev), line)
		case known && !truth.Scored && got == ResultEvent && truth.Event != "reject":
			t.Errorf("line %d is no outcome, got %s: %s", i+1, pfShow(&ev), line)
		case known && truth.Scored:
			if fault := truth.compare(got, &ev, line); fault != "" {
				t.Errorf("line %d: %s, got %v %s: %s", i+1, fault, got, pfShow(&ev), line)
			}
		}
	}
}

// compare says what differs, "" if nothing does. Left out is what the line does
// not say: the stage of a reply that Postfix never logged, and the true peer of
// the client that names another address by XCLIENT (v6host).
func (truth *pfTruth) compare(got Result, ev *Event, line []byte) string {
	want := ResultEvent
	switch truth.Event {
	case "attempt", "auth":
		want = ResultRemark
	case "verify":
		want = ResultIgnored
	}
	if got != want {
		return "want " + want.String()
	}
	if got == ResultIgnored {
		return ""
	}
	code, enhanced := "", truth.Enhanced
	if truth.CodeInLine && !bytes.Contains(line, []byte("reject: header ")) {
		code = truth.Code // a header refusal has none: the digits are in the quoted subject
	}
	switch {
	case truth.Event != "attempt" && !pfStatusIs(ev, truth.Status):
		return "want status " + truth.Status
	case ev.Code.String() != code:
		return "want code " + code
	case truth.EnhancedInLine && enhanced != "" && ev.Enhanced.String() != enhanced:
		return "want enhanced " + enhanced
	case truth.Event == "delivery" && ev.DSN.String() != truth.DSN:
		return "want dsn " + truth.DSN
	case (truth.Event != "attempt" || truth.CodeInLine) && !pfStageIs(ev.Stage, truth.Stage, line):
		return "want stage " + truth.Stage
	case string(ev.QueueID) != truth.queueID():
		return "want queue id " + truth.queueID()
	case truth.Direction != ev.Direction.String():
		return "want direction " + truth.Direction
	case truth.Event == "delivery" && string(ev.Recipient) != truth.Recipient:
		return "want recipient " + truth.Recipient
	case truth.Direction == "inbound" && !bytes.Contains(line, []byte("v6host")) && !pfSameIP(ev.ClientIP, truth.ClientIP):
		return "want client " + truth.ClientIP
	}
	return ""
}

// queueID is the line's queue id: the truth also has the words that stand in
// its place.
func (truth *pfTruth) queueID() string {
	if truth.QueueID == "NOQUEUE" || truth.QueueID == "warning" {
		return ""
	}
	return truth.QueueID
}

// pfStageIs compares stages. Postfix words a refused EHLO like a refused
// greeting, so that no reader can tell them apart.
func pfStageIs(got Stage, want string, line []byte) bool {
	switch want {
	case "", "cmd":
		return true
	case "banner":
		return got == Greeting
	case "helo":
		return got == Helo || got == Greeting && bytes.Contains(line, []byte("refused to talk to me: "))
	}
	return got.String() == want
}

func TestPostfixReplyCodes(t *testing.T) {
	for _, c := range []struct{ text, code, enhanced string }{
		{"550 5.1.1 no such user", "550", "5.1.1"},
		{"550-5.1.1 no such user 550 5.1.1 really", "550", "5.1.1"},
		{"550-mx.example.org 554 5.7.1 no", "550", ""},
		{"550 #5.1.1 no", "550", ""},
		{"550 5.1.1-x", "550", ""},
		{"550 192.0.2.1 is listed", "550", ""},
		{"550 5.1.1", "550", "5.1.1"},
		{"550 ", "550", ""},
		{"550", "550", ""},
		{"5501 x", "", ""},
		{"[504] x", "", ""},
		{"http://example.org/550", "", ""},
		{"650 5.1.1 x", "", ""},
		{"250 2.0.0 Ok", "250", "2.0.0"},
		{"5.7.1 x", "", ""},
		{"", "", ""},
	} {
		code, enhanced := pfReplyCodes([]byte(c.text))
		if code.String() != c.code || enhanced.String() != c.enhanced {
			t.Errorf("%q: got %q %q", c.text, code, enhanced)
		}
	}
}

// TestPostfixHostile gives lines in which the remote side tries to look like
// Postfix.
func TestPostfixHostile(t *testing.T) {
	const to = "postfix/smtp[1]: ABC123: to=<a@example.com>, relay=mx.example.com[192.0.2.5]:25, delay=1, delays=0/0/1/0, dsn=5.1.1, status=bounced "
	for _, c := range []struct{ line, want string }{
		{to + "(host mx.example.com[192.0.2.5] said: 550 5.1.1 dsn=2.0.0, status=sent (250 2.0.0 Ok) (in reply to MAIL FROM command) (in reply to RCPT TO command))",
			"event outbound bounced 550 5.1.1 rcpt ABC123 a@example.com"},
		{to + "(host mx.example.com[192.0.2.5] refused to talk to me: 554 5.7.1 host x[192.0.2.1] said: 250 2.0.0 Ok (in reply to RCPT TO command))",
			"event outbound bounced 554 5.7.1 greeting ABC123 a@example.com"},
		{to + "(host mx.example.com[192.0.2.5] said: 550 5.1.1 Jan  1 00:00:00 mx1 postfix/smtp[1]: DEF456: to=<b@example.com>, relay=none, delay=0, dsn=2.0.0, status=sent (ok) (in reply to end of DATA command))",
			"event outbound bounced 550 5.1.1 eod ABC123 a@example.com"},
		{"postfix/smtp[1]: ABC123: to=<\"x>, relay=none, delay=0, dsn=2.0.0, status=sent (250 2.0.0 Ok)\"@example.com>, relay=mx.example.com[192.0.2.5]:25, delay=1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.5] said: 550 5.1.1 no (in reply to RCPT TO command))",
			"event outbound bounced 550 5.1.1 rcpt ABC123 \"x>, relay=none, delay=0, dsn=2.0.0, status=sent (250 2.0.0 Ok)\"@example.com"},
		{"postfix/pipe[1]: ABC123: to=<a@example.com>, relay=p, delay=1, dsn=4.3.0, status=deferred (host x[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command))",
			"event outbound deferred  4.3.0  ABC123 a@example.com"},
		{"postfix/smtp[1]: ABC123: host mx.example.com[192.0.2.5] said: 450 4.2.0 to=<a@example.com>, relay=none, delay=0, dsn=2.0.0, status=sent (ok) (in reply to DATA command)",
			"remark outbound  450 4.2.0 data ABC123 "},
		{"postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.1.1 <\"; from=<q@example.org> to=<r@example.org>\"@example.com>: User unknown; from=<> to=<a@example.com> proto=ESMTP helo=<x>",
			"event inbound rejected 550 5.1.1 rcpt  a@example.com"},
		{"postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 450 4.1.1 User unknown; from=<> to=<a@example.com> proto=ESMTP helo=<y: 550 5.7.1 z; from=<b@example.com> to=<c@example.com>>",
			"event inbound tempfailed 450 4.1.1 rcpt  "},
		{"postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from x[192.0.2.1]: 550 5.1.1 reject: RCPT from y[192.0.2.2]: 550 5.1.1 z", "ignored"},
		{"postfix/cleanup[1]: ABC123: reject: header Subject: x from y[192.0.2.9]; from=<b@example.org> to=<c@example.org> proto=SMTP helo=<z>: 4.2.0 later from x[192.0.2.1]; from=<> to=<a@example.com> proto=ESMTP helo=<x>: 5.7.1 no",
			"event inbound rejected  5.7.1 eod ABC123 a@example.com"},
		{"postfix/smtpd[1]: warning: x[192.0.2.1]: SASL LOGIN authentication failed: reject: RCPT from y[192.0.2.2]: 550 5.1.1 z", "remark inbound auth_failed   auth  "},
		{"postfix/smtpd[1]: warning: non-SMTP command from x[192.0.2.1]: NOQUEUE: reject: RCPT from y[192.0.2.2]: 550 5.1.1 z", "ignored"},
		{"postfix/smtp[1]: ABC123: to=<a@example.com>, relay=none, delay=0, dsn=5.1.1, status=brandnew (x)", "unparsed"},
		{"postfix/smtp[1]: ABC123: to=<a@example.com>, relay=none", "unparsed"},
		{"postfix/smtp[1]: ABC123: to=<a@example.com>", "unparsed"},
		{"postfix/smtp[1]: ABC123: to=<a@example.com>, relay=mx.example.com[192.0.2Jan  1 00:00:00 mx1 postfix/smtp[2]: DEF456: to=<b@example.com>, relay=none, delay=0, dsn=2.0.0, status=sent (x)", "unparsed"},
		{"postfix/smtpd[1]: NOQUEUE: reject: nonsense", "unparsed"},
		{"postfix/qmgr[1]: ABC123: from=<a@example.com>, status=brandnew, x", "unparsed"},
		{"postfix/qmgr[1]: ABC123: from=<status=expired@example.com>, size=1, nrcpt=1 (queue active)", "ignored"},
		{"dovecot/nothing[1]: ABC123: to=<a@example.com>, status=sent (x)", "foreign"},
		{"postfix[1]: ABC123: to=<a@example.com>, relay=none, delay=0, dsn=5.1.1, status=bounced (x)", "event outbound bounced  5.1.1  ABC123 a@example.com"},
		{"my/own-relay/smtp[1]: ABC123: to=<a@example.com>, relay=none, delay=0, dsn=5.1.1, status=bounced (x)", "event outbound bounced  5.1.1  ABC123 a@example.com"},
	} {
		var p Parser
		var ev Event
		got := p.Parse([]byte("Jan  1 00:00:00 mx1 "+c.line), &ev)
		show := got.String()
		if got == ResultEvent || got == ResultRemark {
			show += " " + pfShow(&ev)
		}
		if show != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.line, show, c.want)
		}
	}
}

func TestPostfixRelay(t *testing.T) {
	for _, c := range []struct {
		relay, host, ip string
		port            uint16
	}{
		{"none", "", "", 0},
		{"local", "", "", 0},
		{"mx.example.com[192.0.2.5]:25", "mx.example.com", "192.0.2.5", 25},
		{"mx.example.com.[2001:db8::1]:587", "mx.example.com", "2001:db8::1", 587},
		{"mx.example.com[IPv6:2001:db8::1]:25", "mx.example.com", "2001:db8::1", 25},
		{"[192.0.2.5]:25", "", "192.0.2.5", 25},
		{"[[192.0.2.5]]:25", "", "192.0.2.5", 25},
		{"[192.0.2.5][192.0.2.5]:25", "192.0.2.5", "192.0.2.5", 25},
		{"[2001:db8::1]:24", "", "2001:db8::1", 24},
		{"mail.example.com[private/dovecot-lmtp]", "mail.example.com", "", 0},
		{"mail.example.com[/var/run/lmtp]", "mail.example.com", "", 0},
		{"mx.example.com[192.0.2.5]", "mx.example.com", "192.0.2.5", 0},
		{"mx.example.com[192.0.2.5]:99999", "mx.example.com", "192.0.2.5", 0},
		{"]", "", "", 0},
	} {
		var ev Event
		pfRelay([]byte(c.relay), &ev)
		if string(ev.RelayHost) != c.host || string(ev.RelayIP) != c.ip || ev.RelayPort != c.port {
			t.Errorf("%s: got %s %s %d", c.relay, ev.RelayHost, ev.RelayIP, ev.RelayPort)
		}
	}
}

func TestPostfixText(t *testing.T) {
	const head = "Jan  1 00:00:00 mx1 postfix/error[1]: ABC123: to=<a@example.com>, relay=none, delay=1.25, dsn=4.0.0, status=deferred "
	for _, c := range []struct{ line, text string }{
		{"(delivery temporarily suspended: host mx[192.0.2.5] said: 450 4.2.0 try later (really) (in reply to RCPT TO command))", "450 4.2.0 try later (really)"},
		{"(delivery temporarily suspended: connect to mx[192.0.2.5]:25: Connection refused)", "connect to mx[192.0.2.5]:25: Connection refused"},
		{"(delivery temporarily suspended: Cannot start TLS: handshake failure)", "Cannot start TLS: handshake failure"},
		{"(mail transport unavailable)  ", "mail transport unavailable"},
		{"(host mx[192.0.2.5] said: 450 4.2.0 cut off by sys", "450 4.2.0 cut off by sys"},
		{"", ""},
	} {
		var p Parser
		var ev Event
		if got := p.Parse([]byte(head+c.line), &ev); got != ResultEvent || string(ev.Text) != c.text || ev.Delay != 1.25 {
			t.Errorf("%s: got %v %q delay %v", c.line, got, ev.Text, ev.Delay)
		}
	}
}

func TestPostfixAllocates(t *testing.T) {
	checkNoAllocations(t, "postfix-logs/pf37.log")
}

func FuzzPostfix(f *testing.F) {
	for _, c := range readCases(f, "postfix.jsonl") {
		if _, message, ok := strings.Cut(c.Line, "]: "); ok {
			f.Add("postfix/smtp", []byte(message))
			f.Add("postfix/smtpd", []byte(message))
		}
	}
	f.Fuzz(func(t *testing.T, program string, message []byte) {
		frame := Frame{Program: []byte(program), Message: message}
		if !claimsPostfix(&frame) {
			return
		}
		frame.role, _ = pfRoleOf(frame.Program)
		var ev Event
		ev.reset()
		got := parsePostfix(&frame, &ev)
		if pfIdle(&frame) && got != ResultIgnored {
			t.Fatalf("an idle line is %v", got)
		}
		if got == ResultForeign || got >= NumResults {
			t.Fatalf("result %d", got)
		}
		checkSlices(t, &ev, message)
	})
}

func BenchmarkPostfix(b *testing.B) {
	lines := readLines(b, "postfix-logs/pf37.log")
	var p Parser
	var ev Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Parse(lines[i%len(lines)], &ev)
	}
}

func pfShow(ev *Event) string {
	return strings.Join([]string{ev.Direction.String(), ev.Status.String(), ev.Code.String(), ev.Enhanced.String(),
		ev.Stage.String(), string(ev.QueueID), string(ev.Recipient)}, " ")
}
