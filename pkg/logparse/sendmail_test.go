package logparse

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// smTruth is one outcome of the corpus: the servers' scripted counterparts wrote
// it down, not the log.
type smTruth struct {
	Line                      int
	Event, Status, Direction  string
	QueueID                   string `json:"queue_id"`
	Recipient, Code, Enhanced string
	DSN, Stage, Kind          string
	Scored                    bool
	CodeInLine                bool   `json:"code_in_line"`
	EnhancedInLine            bool   `json:"enhanced_in_line"`
	RelayIP                   string `json:"relay_ip"`
	ClientIP                  string `json:"client_ip"`
}

func TestSendmailCorpus(t *testing.T) {
	for _, c := range []struct {
		name       string
		refusedOwn int
	}{{"sm817-ll9", 2}, {"sm818-ll9", 1}, {"sm817-ll14", 1}} {
		t.Run(c.name, func(t *testing.T) { smCheckCorpus(t, c.name, c.refusedOwn) })
	}
}

// smCheckCorpus holds every line against the truth. The truth has nothing for
// the mail that its own clients were refused: "this domain has closed", which
// is worded like every other refusal.
func smCheckCorpus(t *testing.T, name string, refusedOwn int) {
	truths := smReadTruth(t, name)
	var p Parser
	var ev Event
	own := 0
	lines := readLines(t, "sendmail-logs/"+name+".log")
	for i, line := range lines {
		got := p.Parse(line, &ev)
		truth := truths[i+1]
		switch {
		case got == ResultUnparsed:
			t.Errorf("line %d is unparsed: %s", i+1, line)
		case got == ResultEvent && string(ev.Text) == "this domain has closed":
			own++
		case got == ResultEvent && (len(truth) == 0 || !smMayCount(truth)):
			t.Errorf("line %d is no outcome, got %s: %s", i+1, pfShow(&ev), line)
		case len(truth) > 0 && truth[0].Scored:
			if smFilterRepeats(line, lines, i) {
				if got != ResultIgnored {
					t.Errorf("line %d is repeated by the next one, got %s: %s", i+1, pfShow(&ev), line)
				}
				continue
			}
			if fault := smCompare(truth, got, &ev, line); fault != "" {
				t.Errorf("line %d: %s, got %v %s: %s", i+1, fault, got, pfShow(&ev), line)
			}
		}
	}
	if own != refusedOwn {
		t.Errorf("%d refusals of the corpus's own clients, want %d", own, refusedOwn)
	}
}

func smReadTruth(t *testing.T, name string) map[int][]smTruth {
	truths := map[int][]smTruth{}
	for _, row := range readLines(t, "sendmail-logs/"+name+".truth.jsonl") {
		var truth smTruth
		if err := json.Unmarshal(row, &truth); err != nil {
			t.Fatal(err)
		}
		truths[truth.Line] = append(truths[truth.Line], truth)
	}
	return truths
}

// smMayCount says whether a line can be an outcome: scored, or one of those
// that the truth leaves open (replies that Sendmail made up, repeated refusals).
func smMayCount(truth []smTruth) bool {
	return truth[0].Scored || truth[0].Event == "delivery" && truth[0].Status != "queued" || truth[0].Event == "reject"
}

// smFilterRepeats says whether a "milter=" line is followed by the "Milter:"
// line of the same message with the same reply. It is at every log level, the
// other only from 11 on, and the truth has the outcome at either.
func smFilterRepeats(line []byte, lines [][]byte, i int) bool {
	_, message, _ := bytes.Cut(line, []byte("]: "))
	id, rest, _ := bytes.Cut(message, []byte(": "))
	if !bytes.HasPrefix(rest, []byte("milter=")) {
		return false
	}
	_, reply, _ := bytes.Cut(rest, []byte(", reject="))
	for _, next := range lines[i+1:] {
		if bytes.Contains(next, append(id, ": Milter: "...)) && bytes.HasSuffix(next, append([]byte(", reject="), reply...)) {
			return true
		}
	}
	return false
}

// smCompare says what differs from the truth, "" if nothing does.
func smCompare(truths []smTruth, got Result, ev *Event, line []byte) string {
	truth := &truths[0]
	if truth.Kind == "milter-mfrcpt" && truth.Stage == "data" {
		truth = &smTruth{ // the client's next command; the line is about RCPT
			Event: "reject", Status: "rejected", Direction: "inbound", QueueID: truth.QueueID, Recipient: "postmaster@mx1.example.net",
			Code: "554", Enhanced: "5.7.1", Stage: "rcpt", CodeInLine: true, EnhancedInLine: true, ClientIP: truth.ClientIP,
		}
	}
	code, enhanced := "", ev.Enhanced.String()
	if truth.CodeInLine {
		code, enhanced = truth.Code, "" // a reply without one has none, whatever dsn= says
	}
	if truth.EnhancedInLine {
		enhanced = truth.Enhanced
	}
	switch {
	case got != ResultEvent:
		return "want an event"
	case !pfStatusIs(ev, truth.Status):
		return "want status " + truth.Status
	case ev.Direction.String() != truth.Direction:
		return "want direction " + truth.Direction
	case ev.Code.String() != code:
		return "want code " + code
	case ev.Enhanced.String() != enhanced:
		return "want enhanced " + enhanced
	case ev.DSN.String() != truth.DSN:
		return "want dsn " + truth.DSN
	case string(ev.QueueID) != truth.QueueID:
		return "want queue id " + truth.QueueID
	case string(ev.Recipient) != truth.Recipient:
		return "want recipient " + truth.Recipient
	case bytes.Contains(line, smRelayKey) && truth.Direction == "inbound" && !pfSameIP(ev.ClientIP, truth.ClientIP):
		return "want client " + truth.ClientIP
	case truth.RelayIP != "" && !pfSameIP(ev.RelayIP, truth.RelayIP):
		return "want relay " + truth.RelayIP
	case ev.Recipients != len(truths):
		return "want as many recipients as there are truths"
	case !smStageIs(ev, truth, line):
		return "want stage " + truth.Stage
	}
	return ""
}

// smStageIs compares stages. What a line cannot tell:
//   - a failed delivery names no command, so that there is no stage but that of
//     a connection that never stood, where the truth has none;
//   - a filter that refuses HELO has all later commands refused, and the client
//     wrote down the first that hurt.
func smStageIs(ev *Event, truth *smTruth, line []byte) bool {
	switch {
	case truth.Kind == "milter-mfhelo":
		return ev.Stage == Helo
	case truth.Direction == "outbound" && truth.Status != "sent":
		return ev.Stage == NoStage || ev.Stage == Connect && truth.Stage == ""
	}
	return ev.Stage.String() == truth.Stage
}

// TestSendmailHostile gives lines in which somebody else tries to look like
// Sendmail.
func TestSendmailHostile(t *testing.T) {
	const to = "sm-mta[1]: u31FFPtp032300: to=<a@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30000, relay=mx.example.com. [192.0.2.5], "
	for _, c := range []struct{ line, want string }{
		{to + "dsn=5.1.1, reply=550 5.1.1 x, dsn=2.0.0, stat=Sent (ok), stat=User unknown",
			"event outbound bounced 550 5.1.1  u31FFPtp032300 a@example.com | 550 5.1.1 x, dsn=2.0.0, stat=Sent (ok)"},
		{to + "dsn=5.1.1, reply=550 5.1.1 x, stat=Deferred: 450 4.2.0 y, stat=User unknown",
			"event outbound bounced 550 5.1.1  u31FFPtp032300 a@example.com | 550 5.1.1 x, stat=Deferred: 450 4.2.0 y"},
		{to + "dsn=5.1.1, reply=550 b, stat=Service unavailable, stat=Deferred: 550 b, stat=Service unavailable",
			"event outbound bounced 550   u31FFPtp032300 a@example.com | 550 b, stat=Service unavailable, stat=Deferred: 550 b"},
		{to + "dsn=4.2.0, reply=450 4.2.0 a, stat=User unknown, stat=Deferred: 450 4.2.0 a, stat=User unknown",
			"event outbound deferred 450 4.2.0  u31FFPtp032300 a@example.com | 450 4.2.0 a, stat=User unknown"},
		{to + "dsn=5.1.1, reply=550 5.1.1 x, stat=Sent (ok) Jan  1 00:00:00 mx1 sm-mta[2]: u31FFPtp032301: to=<b@example.com>, dsn=2.0.0, stat=Sent, stat=User unknown",
			"event outbound bounced 550 5.1.1  u31FFPtp032300 a@example.com | 550 5.1.1 x"},
		{to + "dsn=4.0.0, stat=Deferred: 450 x, stat=Sent (550 5.1.1 y)",
			"event outbound deferred 450   u31FFPtp032300 a@example.com | 450 x, stat=Sent (550 5.1.1 y)"},
		{to + "dsn=2.0.0, stat=Sent (550 5.1.1 stat=User unknown, dsn=5.1.1, stat=User unknown)",
			"event outbound sent  2.0.0 eod u31FFPtp032300 a@example.com | 550 5.1.1 stat=User unknown, dsn=5.1.1, stat=User unknown"},
		{"sm-mta[1]: u31FFPtp032300: to=<\"x>, delay=00:00:00, dsn=2.0.0, stat=Sent (\"@example.com>,<b@example.com>, delay=00:00:01, dsn=5.1.1, stat=User unknown",
			"event outbound bounced  5.1.1  u31FFPtp032300 \"x>, delay=00:00:00, dsn=2.0.0, stat=Sent (\"@example.com | User unknown"},
		{"sm-mta[1]: u31FFPtp032300: to=<a@example.com>, ctladdr=<\"b, stat=Sent\"@example.com> (1/1), delay=00:00:01, dsn=5.1.1, stat=User unknown",
			"event outbound bounced  5.1.1  u31FFPtp032300 a@example.com | User unknown"},
		{"sm-mta[1]: u31FFPtp032300: to=<\"a@example.com>, delay=00:00:01, dsn=5.1.1, stat=User unknown", "unparsed"},
		{"sm-mta[1]: u31FFPtp032300: ruleset=check_rcpt, arg1=<\"x>, relay=[192.0.2.9], reject=450 4.0.0 \"@example.com>, relay=y [192.0.2.1], reject=550 5.7.1 <\"x>, relay=[192.0.2.9], reject=450 4.0.0 \"@example.com>... Relaying denied",
			"event inbound rejected 550 5.7.1 rcpt u31FFPtp032300 \"x>, relay=[192.0.2.9], reject=450 4.0.0 \"@example.com | 550 5.7.1 <\"x>, relay=[192.0.2.9], reject=450 4.0.0 \"@example.com>... Relaying denied"},
		{"sm-mta[1]: u31FFPtp032300: ruleset=CheckSubject, arg1= x, relay=y [192.0.2.9], reject=450 4.0.0 z, relay=y [192.0.2.1], reject=550 5.7.1 no",
			"event inbound rejected 550 5.7.1 eod u31FFPtp032300  | 550 5.7.1 no"},
		{"sm-mta[1]: u31FFPtp032300: Milter: to=<\"x>, reject=450 4.0.0 y\"@example.com>, reject=550 5.7.1 no",
			"event inbound rejected 550 5.7.1 rcpt u31FFPtp032300 \"x>, reject=450 4.0.0 y\"@example.com | 550 5.7.1 no"},
		{"sm-mta[1]: u31FFPtp032300: <-- RCPT TO:<a@example.com>... x", "ignored"},
		{"sm-mta[1]: u31FFPtp032300: --- 550 5.1.1 <a@example.com>... User unknown", "ignored"},
		{"sm-mta[1]: u31FFPtp032300: Sending \"u31FFPtp032300: to=<a@example.com>, dsn=5.1.1, stat=User unknown\" to Milter", "ignored"},
		{"sm-mta[1]: u31FFPtp032300: from=<a@example.com>, size=1, class=0, nrcpts=1, msgid=<x, to=<b@example.com>, stat=Sent>, relay=y [192.0.2.1]", "ignored"},
		{"sm-mta[1]: u31FFPtp032300: to=<a@example.com>, delay=00:00:01, mailer=esmtp, pri=1, stat=brand new", "unparsed"},
		{"sm-mta[1]: u31FFPtp032300: to=<a@example.com>, delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=brand new", "unparsed"},
		{"sm-mta[1]: u31FFPtp032300: to=<a@example.com>, delay=00:00:01, mailer=esmtp, dsn=5.0.0", "unparsed"},
		{"sm-mta[1]: u31FFPtp032300: to=<a@example.com>,<b@exam", "unparsed"},
		{"sm-mta[1]: u31FFPtp032300[2]: to=<a@example.com>, dsn=5.1.1, stat=User unknown", "ignored"},
		{"mytag[1]: u31FFPtp032300: to=<a@example.com>, delay=00:00:01, dsn=5.1.1, stat=User unknown",
			"event outbound bounced  5.1.1  u31FFPtp032300 a@example.com | User unknown"},
		{"mytag[1]: u31FFPtp032300: to=<a@example.com>, delay=1, status=sent", "foreign"},
		{"mytag[1]: something: to=<a@example.com>, stat=Sent", "foreign"},
	} {
		var p Parser
		var ev Event
		got := p.Parse([]byte("Jan  1 00:00:00 mx1 "+c.line), &ev)
		show := got.String()
		if got == ResultEvent || got == ResultRemark {
			show += " " + pfShow(&ev) + " | " + string(ev.Text)
		}
		if show != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.line, show, c.want)
		}
	}
}

func TestSendmailRelay(t *testing.T) {
	for _, c := range []struct{ relay, host, ip string }{
		{"mx.example.com. [192.0.2.5]", "mx.example.com", "192.0.2.5"},
		{"mx.example.com. [IPv6:2001:db8::1]", "mx.example.com", "2001:db8::1"},
		{"[192.0.2.5] [192.0.2.5]", "", "192.0.2.5"},
		{"[192.0.2.5]", "", "192.0.2.5"},
		{"[IPv6:2001:db8::1] [IPv6:2001:db8::1]", "", "2001:db8::1"},
		{"mx.example.com [192.0.2.5] (may be forged)", "mx.example.com", "192.0.2.5"},
		{"mx.example.com.", "mx.example.com", ""},
		{"192.0.2.5", "", "192.0.2.5"},
		{"2001:db8::1", "", "2001:db8::1"},
		{"fe.de.ca", "fe.de.ca", ""},
		{"contoso-example-co...n.example.org. [192.0.2.5]", "contoso-example-co...n.example.org", "192.0.2.5"},
		{"local", "", ""},
		{"y", "y", ""},
		{"", "", ""},
		{"[", "", ""},
	} {
		var ev Event
		smRelay([]byte(c.relay), &ev)
		if string(ev.RelayHost) != c.host || string(ev.RelayIP) != c.ip {
			t.Errorf("%s: got %s %s", c.relay, ev.RelayHost, ev.RelayIP)
		}
	}
}

func TestSendmailSeconds(t *testing.T) {
	for _, c := range []struct {
		delay string
		want  float64
	}{
		{"00:00:15", 15},
		{"16:31:40", 59500},
		{"1+12:04:52", 129892},
		{"12+00:00:00", 1036800},
		{"1:00:00", -1},
		{"00:00", -1},
		{"+00:00:00", -1},
		{"x+00:00:00", -1},
		{"123456+00:00:00", -1},
		{"00:0x:00", -1},
		{"", -1},
	} {
		if got := smSeconds([]byte(c.delay)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.delay, got, c.want)
		}
	}
}

func TestSendmailAllocates(t *testing.T) {
	checkNoAllocations(t, "sendmail-logs/sm817-ll9.log")
}

// FuzzSendmail holds any message to the Event's promise about its slices, and
// shows that what a remote host says does not change what became of the mail.
func FuzzSendmail(f *testing.F) {
	for _, name := range []string{"sm817-ll9", "sm817-ll14"} {
		for i, line := range readLines(f, "sendmail-logs/"+name+".log") {
			if _, message, ok := bytes.Cut(line, []byte("]: ")); ok && i%7 == 0 {
				f.Add(message)
			}
		}
	}
	for _, c := range readCases(f, "sendmail*.jsonl") {
		if _, message, ok := strings.Cut(c.Line, "]: "); ok {
			f.Add([]byte(message))
		}
	}
	f.Add([]byte(", stat=Sent (ok), dsn=2.0.0, stat=Sent"))
	f.Add([]byte("x Jan  1 00:00:00 mx1 sm-mta[1]: u31FFPtp032301: to=<b@example.com>, dsn=2.0.0, stat=Sent"))
	f.Fuzz(func(t *testing.T, message []byte) {
		smCheckMessage(t, message)
		smCheckRemote(t, smPrintable(message))
	})
}

func smCheckMessage(t *testing.T, message []byte) {
	frame := Frame{Program: []byte("sm-mta"), Message: message}
	var ev Event
	ev.reset()
	if got := parseSendmail(&frame, &ev); got == ResultForeign || got >= NumResults {
		t.Fatalf("result %d", got)
	}
	if ev.Recipients < 1 {
		t.Fatalf("%d recipients", ev.Recipients)
	}
	checkSlices(t, &ev, message)
}

// smPrintable is text as Sendmail logs it: in one line.
func smPrintable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, string(b))
}

// smCheckRemote puts text into the places that others fill.
func smCheckRemote(t *testing.T, text string) {
	const to = "Jan  1 00:00:00 mx1 sm-mta[1]: u31FFPtp032300: to=<a@example.com>, delay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.5], "
	const in = "Jan  1 00:00:00 mx1 sm-mta[1]: u31FFPtp032300: "
	for _, c := range []struct{ line, want string }{
		{to + "dsn=5.1.1, reply=550 5.1.1 " + text + ", stat=User unknown", "outbound bounced 550 5.1.1  u31FFPtp032300 a@example.com"},
		{to + "dsn=4.2.0, reply=450 4.2.0 " + text + ", stat=Deferred: 450 4.2.0 " + text, "outbound deferred 450 4.2.0  u31FFPtp032300 a@example.com"},
		{to + "dsn=4.2.0, stat=Deferred: 450 4.2.0 " + text, "outbound deferred 450 4.2.0  u31FFPtp032300 a@example.com"},
		{to + "dsn=2.0.0, stat=Sent (" + text + ")", "outbound sent  2.0.0 eod u31FFPtp032300 a@example.com"},
		{in + "Milter: data, reject=550 5.7.1 " + text, "inbound rejected 550 5.7.1 eod u31FFPtp032300 "},
	} {
		var p Parser
		var ev Event
		got := p.Parse([]byte(c.line), &ev)
		if show := pfShow(&ev); got != ResultEvent || show != c.want {
			t.Fatalf("%q:\n got %v %s\nwant event %s", c.line, got, show, c.want)
		}
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	line := "u31FFPtp032300: ruleset=check_mail, arg1=<\"" + quoted + "\"@example.com>, relay=x [192.0.2.1], reject=550 5.7.1 " + text
	var ev Event
	ev.reset()
	if got := parseSendmail(&Frame{Message: []byte(line)}, &ev); got != ResultEvent || pfShow(&ev) != "inbound rejected 550 5.7.1 mail u31FFPtp032300 " ||
		string(ev.Sender) != `"`+quoted+`"@example.com` || string(ev.ClientIP) != "192.0.2.1" {
		t.Fatalf("%q: got %v %s", line, got, pfShow(&ev))
	}
}

func BenchmarkSendmail(b *testing.B) {
	lines := readLines(b, "sendmail-logs/sm817-ll9.log")
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	b.SetBytes(int64(size / len(lines)))
	var p Parser
	var ev Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Parse(lines[i%len(lines)], &ev)
	}
}
