package logparse

import (
	"bytes"
	"strings"
	"testing"
)

func TestEximCorpus(t *testing.T) {
	for _, name := range []string{"exim496-default", "exim496-rich", "exim498-debian", "exim496-syslog"} {
		t.Run(name, func(t *testing.T) { exCheckCorpus(t, name) })
	}
}

func exCheckCorpus(t *testing.T, name string) {
	truths := readTruths(t, "exim-logs/"+name+".truth.jsonl")
	var p Parser
	var ev Event
	refusals, refused := 0, map[string]bool{}
	for i, line := range readLines(t, "exim-logs/"+name+".log") {
		got := p.Parse(line, &ev)
		truth, known := truths[i+1]
		if got == ResultEvent && ev.Direction == Inbound {
			refusals++
		}
		switch {
		case known && truth.Event == "reject" && name == "exim496-syslog":
			// Most refusals are there twice, and the truth scores now one of the two, now both
			// or none. A copy with the header begins with "[1\15] ".
			if !bytes.Contains(line, []byte("]: [1\\")) {
				refused[string(line)] = true
			}
			if got == ResultEvent {
				if fault := exCompare(truth, got, &ev); fault != "" {
					t.Errorf("line %d: %s, got %s: %s", i+1, fault, pfShow(&ev), line)
				}
			}
		case got == ResultUnparsed:
			t.Errorf("line %d is unparsed: %s", i+1, line)
		case got == ResultForeign && !bytes.Contains(line, []byte("rsyslogd")):
			t.Errorf("line %d is foreign: %s", i+1, line)
		case !known && bytes.Contains(line, []byte("]: [2/2] ")):
			// a message in two pieces, for which the truth has no line
		case !known && (got == ResultEvent || got == ResultRemark && ev.Code != 0):
			t.Errorf("line %d is no outcome, got %v %s: %s", i+1, got, pfShow(&ev), line)
		case known && !truth.Scored && got == ResultEvent && !exUnscored(truth):
			t.Errorf("line %d is no outcome, got %s: %s", i+1, pfShow(&ev), line)
		case known && truth.Scored:
			if fault := exCompare(truth, got, &ev); fault != "" {
				t.Errorf("line %d: %s, got %v %s: %s", i+1, fault, got, pfShow(&ev), line)
			}
		}
	}
	if len(refused) > 0 && refusals != len(refused) {
		t.Errorf("%d refusals, want %d", refusals, len(refused))
	}
}

// exUnscored are outcomes that the truth has and does not score: mail that the
// server delivered to itself, whose reply no one wrote down.
func exUnscored(truth *pfTruth) bool {
	return truth.Event == "delivery" && truth.Status == "sent" && truth.ReplyFrom == "mta"
}

// exCompare says what differs, "" if nothing does. What Exim logs about a refusal
// is the reason, often without the code and always without the recipients of
// refused data.
func exCompare(truth *pfTruth, got Result, ev *Event) string {
	want := ResultEvent
	if truth.Event == "attempt" || truth.Event == "auth" {
		want = ResultRemark
	}
	if got != want {
		return "want " + want.String()
	}
	code := ""
	if truth.CodeInLine {
		code = truth.Code
	}
	switch {
	case truth.Event != "attempt" && !pfStatusIs(ev, truth.Status):
		return "want status " + truth.Status
	case ev.Code.String() != code:
		return "want code " + code
	case truth.EnhancedInLine && ev.Enhanced.String() != truth.Enhanced:
		return "want enhanced " + truth.Enhanced
	case !truth.EnhancedInLine && ev.Enhanced != 0:
		return "want no enhanced code"
	case !exStageIs(ev.Stage, truth):
		return "want stage " + truth.Stage
	case string(ev.QueueID) != truth.QueueID && truth.QueueID != "": // a message too big has an id in the line, not in the truth
		return "want queue id " + truth.QueueID
	case truth.Direction != ev.Direction.String():
		return "want direction " + truth.Direction
	case truth.Event == "delivery" && !exRecipientIs(ev, truth.Recipient):
		return "want recipient " + truth.Recipient
	case truth.Direction == "outbound" && truth.RelayIP != "" && !pfSameIP(ev.RelayIP, truth.RelayIP):
		return "want relay " + truth.RelayIP
	case truth.Direction == "inbound" && !pfSameIP(ev.ClientIP, truth.ClientIP):
		return "want client " + truth.ClientIP
	}
	return ""
}

// exRecipientIs knows the two ways in which the truth names local deliveries: by
// the final local part and by the original address. Of a pipe's command it has
// the first word, where the line has the address that leads to it.
func exRecipientIs(ev *Event, want string) bool {
	got := string(ev.Recipient)
	return got == want || !strings.Contains(got, "@") && strings.Contains(want, "@") || want == "|/bin/sh" && strings.HasPrefix(got, "pipe")
}

func exStageIs(got Stage, truth *pfTruth) bool {
	switch truth.Stage {
	case "", "cmd":
		return true
	case "banner":
		return got == Greeting
	}
	return got.String() == truth.Stage
}

// TestEximHostile gives lines in which the other side tries to look like Exim.
func TestEximHostile(t *testing.T) {
	const id = "1xW4V6-0005cI-0l "
	const to = id + "** a@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after "
	for _, c := range []struct{ line, want string }{
		{to + `RCPT TO:<a@example.com>: 550 5.1.1 no\n2026-11-25 04:20:56 1xW4V6-0005cX-1S => b@example.com R=x T=y C="250 ok"`,
			"event outbound bounced 550 5.1.1 rcpt 1xW4V6-0005cI-0l a@example.com"},
		{to + "end of data: 554 5.7.1 status=sent => C=\"250 2.0.0 Ok\" Completed", "event outbound bounced 554 5.7.1 eod 1xW4V6-0005cI-0l a@example.com"},
		{to + "end of data: 554 5.7.1 retry timeout exceeded", "event outbound bounced 554 5.7.1 eod 1xW4V6-0005cI-0l a@example.com"},
		{to + "end of data: 451 4.7.1 later: retry timeout exceeded", "event outbound expired 451 4.7.1 eod 1xW4V6-0005cI-0l a@example.com"},
		{to + "MAIL FROM:<\"x>: 250 2.0.0 ok\"@example.org> SIZE=10: 550 5.1.7 bad sender", "event outbound bounced 550 5.1.7 mail 1xW4V6-0005cI-0l a@example.com"},
		{to + "RCPT TO:<a@example.com>: host evil [192.0.2.66]: 250 2.0.0 x", "event outbound bounced 250 2.0.0 rcpt 1xW4V6-0005cI-0l a@example.com"},
		{to + "RCPT TO:<a@example.com>: 550 host mx [192.0.2.66]: 250 2.0.0 x", "event outbound bounced 550  rcpt 1xW4V6-0005cI-0l a@example.com"},
		{id + `** "a => b: 250 R=x T=y"@example.com R=dnslookup T=remote_smtp: Unrouteable address`, `event outbound bounced    1xW4V6-0005cI-0l "a => b: 250 R=x T=y"@example.com`},
		{id + "== a@example.com R=dnslookup T=remote_smtp defer (-44) H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after RCPT TO:<a@example.com>: 451 4.7.1 defer (0) H=evil [192.0.2.66]: SMTP error from remote mail server after DATA: 550 5.0.0 x",
			"event outbound deferred 451 4.7.1 rcpt 1xW4V6-0005cI-0l a@example.com"},
		{id + `** |/bin/sh -c "exit 75" <p75@example.com>: retry timeout exceeded`, "event outbound expired    1xW4V6-0005cI-0l p75@example.com"},
		{id + `** |/bin/sh -c "echo <x@example.net>: 250 ok" <p75@example.com>: retry timeout exceeded`, "event outbound expired    1xW4V6-0005cI-0l p75@example.com"},
		{id + `** /var/mail/a <b@example.com>: retry timeout exceeded`, "event outbound expired    1xW4V6-0005cI-0l b@example.com"},
		{id + `<= b@example.com H=(x) [192.0.2.1] P=esmtp S=9 T="** a@example.com: 550 5.1.1 no"`, "ignored"},
		{id + `=> a@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.5] C="250 2.0.0 ok \"** x: 550 5.1.1" QT=1m2s`,
			"event outbound sent 250 2.0.0 eod 1xW4V6-0005cI-0l a@example.com"},
		{id + "H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after RCPT TO:<a@example.com>: 451 4.7.1 ** b@example.com: 550 5.1.1",
			"remark outbound  451 4.7.1 rcpt 1xW4V6-0005cI-0l "},
		{"H=x (a) [192.0.2.9] F=<\"> rejected RCPT <x@y>: 550 5.0.0 z\"@example.org> rejected RCPT <a@example.com>: 550 5.7.1 relay not permitted",
			"event inbound rejected 550 5.7.1 rcpt  a@example.com"},
		{"H=x [192.0.2.9] F=<> temporarily rejected RCPT <a@example.com>: 550 wrong class", "event inbound tempfailed   rcpt  a@example.com"},
		{`SMTP syntax error in "RCPT TO:<" H=evil [192.0.2.66]" H=x [192.0.2.9] unrecognized command`, "event inbound rejected   rcpt  "},
		{"login authenticator failed for (evil) [192.0.2.9]: 535 Incorrect authentication data (set_id=H=x [192.0.2.66] rejected RCPT <a@b>: 550 5.1.1)", "remark inbound auth_failed 535  auth  "},
		{id + "Completed", "ignored"},
		{id + "** ", "unparsed"},
		{id + "== a@example.com R=x T=y deferred", "unparsed"},
		{id + "== a@example.com R=x T=y: SMTP error from remote mail server after DATA: 451 4.3.0 later", "event outbound deferred 451 4.3.0 data 1xW4V6-0005cI-0l a@example.com"},
		{id + "Remote host a[ closed connection in response to DATA", "ignored"},
		{"H=x [192.0.2.9] F=<b@example.org> rejected RCPT <a@example.com>: a[ : 550 no", "event inbound rejected   rcpt  a@example.com"},
		{id, "ignored"},
		{"a line of another program", "foreign"},
	} {
		var p Parser
		var ev Event
		got := p.Parse([]byte("2026-11-25 04:20:56 "+c.line), &ev)
		show := got.String()
		if got == ResultEvent || got == ResultRemark {
			show += " " + pfShow(&ev)
		}
		if show != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.line, show, c.want)
		}
	}
}

func TestEximFields(t *testing.T) {
	var p Parser
	var ev Event
	line := `2026-11-25 04:26:21.452 +0100 [21746] 1xW4YW-000000005gV-1duB => b@example.com <B@example.com> F=<s@example.org> P=<s@example.org> R=r T=t S=2580 H=mx.example.com [2001:db8::5]:24* I=[192.0.2.1]:44150 X=TLS1.3:A:256 CV=no DN="C=US,CN=\"x\" H=y" L- K C="250 2.0.0 Ok" QT=1d2h3m4.5s DT=0.02s`
	if got := p.Parse([]byte(line), &ev); got != ResultEvent {
		t.Fatal(got)
	}
	if string(ev.Sender) != "s@example.org" || string(ev.RelayHost) != "mx.example.com" || string(ev.RelayIP) != "2001:db8::5" ||
		ev.RelayPort != 24 || ev.Delay != 86400+7200+180+4.5 || string(ev.Text) != "250 2.0.0 Ok" || ev.Stamp.ZoneOffset != 3600 {
		t.Errorf("%s %s %s %d %v %q %+v", ev.Sender, ev.RelayHost, ev.RelayIP, ev.RelayPort, ev.Delay, ev.Text, ev.Stamp)
	}
}

func TestEximSeconds(t *testing.T) {
	for s, want := range map[string]float64{
		"0s": 0, "0.155s": 0.155, "5s": 5, "1m5s": 65, "2h": 7200, "3d4h": 273600, "1w": 604800,
		"": -1, "5": -1, "s": -1, "1m5": -1, "-5s": -1, "1y": -1, "1.2.3s": -1,
	} {
		if got := exSeconds([]byte(s)); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// The reject log's copy of a refusal is not counted; a client that is refused
// twice in the same words is.
func TestEximCopies(t *testing.T) {
	const refusal = "Nov 25 04:31:16 mx1 exim[22015]: H=x [192.0.2.9] rejected MAIL <a@example.com>: no"
	const other = "Nov 25 04:31:16 mx1 exim[22016]: H=x [192.0.2.9] rejected MAIL <a@example.com>: no"
	for _, c := range []struct {
		lines []string
		want  int
	}{
		{[]string{refusal}, 1}, {[]string{refusal, refusal}, 1}, {[]string{refusal, other, refusal, other}, 2},
		{[]string{refusal, refusal, refusal}, 2}, {[]string{refusal, refusal, refusal, refusal}, 2},
	} {
		var p Parser
		var ev Event
		n := 0
		for _, line := range c.lines {
			if p.Parse([]byte(line), &ev) == ResultEvent {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%d lines: %d events, want %d", len(c.lines), n, c.want)
		}
	}
}

func TestEximAllocates(t *testing.T) {
	checkNoAllocations(t, "exim-logs/exim496-rich.log")
	checkNoAllocations(t, "exim-logs/exim496-syslog.log")
}

func FuzzExim(f *testing.F) {
	for _, c := range readCases(f, "exim*.jsonl") {
		if len(c.Line) > 20 {
			f.Add([]byte(c.Line[20:]))
		}
	}
	for _, line := range readLines(f, "exim-logs/exim496-rich.log")[:300] {
		f.Add(line[24:])
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		frame := Frame{Message: message, Lines: 1}
		if !claimsExim(&frame) {
			return
		}
		var ev Event
		ev.reset()
		got := parseExim(&frame, &ev)
		if got == ResultForeign || got >= NumResults {
			t.Fatalf("result %d", got)
		}
		checkSlices(t, &ev, message)
		if got == ResultEvent && ev.Status == NoStatus {
			t.Fatal("an event without a status")
		}
		// What a remote server says behind its code decides nothing.
		if got != ResultEvent || ev.Direction != Outbound || ev.Code == 0 || !bytes.HasSuffix(message, ev.Text) {
			return
		}
		frame = Frame{Lines: 1}
		frame.Message = append(bytes.Clone(message), ` => x@example.com R=a T=b H=c [192.0.2.66] C="250 ok" ** y: 550 5.1.1`...)
		var more Event
		more.reset()
		if again := parseExim(&frame, &more); again != got || more.Code != ev.Code || more.Direction != ev.Direction ||
			!bytes.Equal(more.Recipient, ev.Recipient) || more.Enhanced != ev.Enhanced || more.Stage != ev.Stage ||
			!bytes.Equal(more.RelayIP, ev.RelayIP) || !bytes.Equal(more.QueueID, ev.QueueID) || more.Status != ev.Status && ev.Status != Expired {
			t.Fatalf("more text changed %v %s into %v %s", got, pfShow(&ev), again, pfShow(&more))
		}
	})
}

func BenchmarkExim(b *testing.B) {
	lines := readLines(b, "exim-logs/exim496-default.log")
	var p Parser
	var ev Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Parse(lines[i%len(lines)], &ev)
	}
}
