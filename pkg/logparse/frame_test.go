package logparse

import (
	"bytes"
	"strings"
	"testing"
)

// TestFrameCases checks the header of every framing case, whoever parses the message.
func TestFrameCases(t *testing.T) {
	for _, c := range readCases(t, "framing.jsonl") {
		var p Parser
		var f Frame
		kind := frameNone
		for _, line := range c.lines(t) {
			kind = p.cut(line, &f)
		}
		if c.Expect["event"] == true && kind != frameFull {
			t.Errorf("%s: no frame: %s", c.ID, c.Why)
			continue
		}
		checkFrame(t, &c, &f, func(key string, got, want any) {
			t.Errorf("%s: %s = %v, want %v: %s", c.ID, key, got, want, c.Why)
		})
		id, _ := c.Expect["queue_id"].(string)
		if kind == frameFull && c.Expect["event"] == true && !strings.Contains(string(f.Message[:min(len(f.Message), 40)]), id) {
			t.Errorf("%s: message %.60q does not begin with %s", c.ID, f.Message, id)
		}
	}
}

func TestFrameForms(t *testing.T) {
	const m = "4F2A1C0: to=<a@b>, status=sent"
	const p = "postfix/smtp"
	tests := []struct {
		line, time, host, program, pid, message string
	}{
		{"Mar  5 10:11:12 mx1 postfix/smtp[1]: " + m, "--03-05T10:11:12", "mx1", p, "1", m},
		{"Mar 05 10:11:12.250 mx1 postfix/smtp[1]:" + m, "--03-05T10:11:12.250", "mx1", p, "1", m},
		{"Mar  5 2024 10:11:12 mx1 postfix/smtp[1]: " + m, "2024-03-05T10:11:12", "mx1", p, "1", m},
		{"Mar  5 10:11:12 2024 mx1 postfix/smtp[1]: " + m, "2024-03-05T10:11:12", "mx1", p, "1", m},
		{"Mar  5 10:11:12 <mail.info> mx1 postfix/smtp[1]: " + m, "--03-05T10:11:12", "mx1", p, "1", m},
		{"Mar  5 10:11:12 mx1 mail:info postfix/smtp[1]: " + m, "--03-05T10:11:12", "mx1", p, "1", m},
		{"Mar  5 10:11:12 2001:db8::1 postfix/smtp: " + m, "--03-05T10:11:12", "2001:db8::1", p, "", m},
		{"1 2024-03-05T10:11:12Z mx1 postfix/smtp 1 - [a@1 x=\"]\\\"\"][b] \ufeff" + m, "2024-03-05T10:11:12Z", "mx1", p, "1", m},
		{"<22>1 - - postfix/smtp - - - " + m, "", "", p, "", m},
		{"Mon 2024-06-03 10:00:00 UTC mx1 postfix/smtp[1]: " + m, "2024-06-03T10:00:00Z", "mx1", p, "1", m},
		{"1709629872.123456 mx1 postfix/smtp[1]: " + m, "2024-03-05T09:11:12.123456Z", "mx1", p, "1", m},
		{"2024-06-03 10:00:00 mx1 postfix/smtp[1]: " + m, "2024-06-03T10:00:00", "mx1", p, "1", m},
		{"2024-03-05T09:11:12.5Z Mar  5 10:11:12 mx1 postfix/smtp[1]: " + m, "2024-03-05T09:11:12.5Z", "mx1", p, "1", m},
		{"[pod/mail-0/postfix] 2024-03-05T09:11:12.5Z 2024-03-05T10:11:12+01:00 mx1 postfix/smtp[1]: " + m, "2024-03-05T10:11:12+01:00", "mx1", p, "1", m},
		{"\x1b[36mmail-1  |\x1b[0m Mar  5 10:11:12 mx1 postfix/smtp[1]: " + m, "--03-05T10:11:12", "mx1", p, "1", m},
		{"mail.log.1:17:Mar  5 10:11:12 mx1 postfix/smtp[1]: " + m, "--03-05T10:11:12", "mx1", p, "1", m},
		{`{"log":"Mar  5 10:11:12 mx1 postfix/smtp[1]: ` + m + `\n","stream":"stdout","time":"2024-03-05T09:11:12.5Z"}`, "2024-03-05T09:11:12.5Z", "mx1", p, "1", m},
		{`{"MESSAGE":"a \u00e9\ud83d\ude00 \"b\"","SYSLOG_IDENTIFIER":"postfix\/smtp","_PID":"1","x":[{"y":null}],"_HOSTNAME":"mx1"}`, "", "mx1", p, "1", "a é😀 \"b\""},
		{"half a line\x00\x00\x00Mar  5 10:11:12 mx1 postfix/smtp[1]: " + m + "\x00", "--03-05T10:11:12", "mx1", p, "1", m},
		{"2026-11-25 04:26:21.250 +0100 [7] 1abc => x", "2026-11-25T04:26:21.250+01:00", "", "", "", "[7] 1abc => x"},
		{"mainlog:2026-11-25 04:26:21 1abc => x", "2026-11-25T04:26:21", "", "", "", "1abc => x"},
		{"Mar  5 10:11:12 mx1 exim[1]: 2024-03-05 10:11:12 1abc => x", "2024-03-05T10:11:12", "mx1", "exim", "1", "1abc => x"},
		{"Mar  5 10:11:12 mx1 sendmail[1]: [ID 801593 mail.info] message repeated 2 times: [ abc: x]", "--03-05T10:11:12", "mx1", "sendmail", "1", "abc: x"},
	}
	for _, tt := range tests {
		var parser Parser
		var f Frame
		if kind := parser.cut([]byte(tt.line), &f); kind != frameFull {
			t.Errorf("%q: kind %d", tt.line, kind)
			continue
		}
		got := [...]string{string(f.Stamp.AppendRFC3339(nil)), string(f.Host), string(f.Program), string(f.PID), string(f.Message)}
		if want := [...]string{tt.time, tt.host, tt.program, tt.pid, tt.message}; got != want {
			t.Errorf("%q:\n got %q\nwant %q", tt.line, got, want)
		}
	}
}

func TestFrameNothing(t *testing.T) {
	for _, line := range []string{
		"", " ", "\x00", "{x", "[", "<", "<22>", `{"log":1}`, `{"log":"`, "-- Logs begin at --", "Mar", "2024-06-03",
		"Mar  5 10:11:12", "Mar  5 10:11:12 ", "Mar 35 10:11:12 mx1 a[1]: x", "2024-13-03T10:00:00 mx1 a[1]: x",
		`msg="status=sent" record="Mar  5 10:11:12 mx1 postfix/smtp[1]: x"`,
		`he said "Mar  5 10:11:12 mx1 postfix/smtp[1]: x"`,
	} {
		var p Parser
		var f Frame
		if kind := p.cut([]byte(line), &f); kind != frameNone {
			t.Errorf("%q: kind %d, %+v", line, kind, f)
		}
	}
}

func TestFramePieces(t *testing.T) {
	tests := []struct {
		name    string
		lines   []string
		message string // of the last line; none: it is a piece
		count   int
	}{
		{"long line", []string{"Mar  5 10:11:12 h exim[1]: [1/2] 1a ** x: 550 us", "Mar  5 10:11:12 h exim[1]: [2/2] er"}, "1a ** x: 550 user", 2},
		{"newline", []string{"Mar  5 10:11:12 h exim[1]: [1\\2] a", "Mar  5 10:11:12 h exim[1]: [2/2]  b"}, "a\n b", 2},
		{"mixed", []string{"Mar  5 10:11:12 h exim[1]: [1/2] a", "Mar  5 10:11:12 h exim[2]: [1/2] c", "Mar  5 10:11:12 h exim[1]: [2/2] b"}, "ab", 2},
		{"no beginning", []string{"Mar  5 10:11:12 h exim[1]: [2/2] b"}, "", 0},
		{"gap", []string{"Mar  5 10:11:12 h exim[1]: [1/3] a", "Mar  5 10:11:12 h exim[1]: [3/3] b"}, "", 0},
		{"container", []string{"2024-03-05T09:11:12Z stdout P Mar  5 10:11:12 h postf", "2024-03-05T09:11:12Z stdout F ix/smtp[1]: x"}, "x", 2},
	}
	for _, tt := range tests {
		var p Parser
		var f Frame
		var kind frameKind
		for i, line := range tt.lines {
			if kind = p.cut([]byte(line), &f); i < len(tt.lines)-1 && kind != framePart {
				t.Errorf("%s: line %d: kind %d", tt.name, i, kind)
			}
		}
		if tt.message == "" {
			if kind != framePart {
				t.Errorf("%s: kind %d, message %q", tt.name, kind, f.Message)
			}
		} else if string(f.Message) != tt.message || f.Lines != tt.count {
			t.Errorf("%s: %q in %d lines, want %q in %d", tt.name, f.Message, f.Lines, tt.message, tt.count)
		}
	}
}

func TestFramePiecesAreBounded(t *testing.T) {
	var p Parser
	var f Frame
	long := strings.Repeat("x", maxPieces)
	for pid := range 200 {
		line := "Mar  5 10:11:12 h exim[" + string(rune('a'+pid%26)) + strings.Repeat("1", pid/26) + "]: [1/9] " + long
		p.cut([]byte(line), &f)
		p.cut([]byte(strings.Replace(line, "[1/9]", "[2/9]", 1)), &f)
	}
	for i := range p.state.parts {
		if n := len(p.state.parts[i].text); n > maxPieces {
			t.Errorf("%d bytes kept", n)
		}
	}
}

// A note of syslog stands for the line before it, and only for that.
func TestFrameRepeatNote(t *testing.T) {
	note := []byte("Mar  5 10:11:42 mx1 last message repeated 3 times")
	var p Parser
	var f Frame
	if kind := p.cut(note, &f); kind != frameNote || f.Repeat != 3 || !f.Folded || string(f.Host) != "mx1" {
		t.Fatalf("kind %d, %+v", kind, f)
	}
	if p.state.last.recall(&f) {
		t.Error("nothing came before")
	}
	var before Frame
	p.cut([]byte("Mar  5 10:11:12 mx1 postfix/smtp[1]: text"), &before)
	p.state.last.keep(&servers[0], &before)
	if !p.state.last.recall(&f) || string(f.Program) != "postfix/smtp" || string(f.PID) != "1" || string(f.Message) != "text" || f.Repeat != 3 {
		t.Errorf("recalled %+v", f)
	}
	p.cut([]byte("Mar  5 10:11:42 mx2 last message repeated 3 times"), &f)
	if p.state.last.recall(&f) {
		t.Error("the note is of another host")
	}
}

// A repeated line counts as often as syslog says, whichever way it says so.
func TestRepeatsCount(t *testing.T) {
	const head = "Mar  5 10:11:12 mx1 postfix/smtp[1]: "
	const text = "4F2A1C0: to=<a@example.com>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.3, status=deferred (Host or domain name not found)"
	const note = "Mar  5 10:11:42 mx1 last message repeated 3 times"
	tests := []struct {
		name  string
		lines []string
		count int
	}{
		{"once", []string{head + text}, 1},
		{"note", []string{head + text, note}, 4},
		{"two notes", []string{head + text, note, note}, 7},
		{"header", []string{head + text, head + "message repeated 3 times: [ " + text + "]"}, 4},
		{"nothing before", []string{note}, 0},
		{"no event before", []string{head + text, head + "disconnect from x", note}, 1},
		{"another program before", []string{head + text, "Mar  5 10:11:12 mx1 cron[1]: x", note}, 1},
		{"syslog-ng", []string{head + text, "Mar  5 10:11:42 mx1 syslog-ng[9]: Last message '4F2A1C0: to=<a@examp' repeated 2 times, suppressed by syslog-ng on mx1"}, 3},
	}
	for _, tt := range tests {
		var p Parser
		var ev Event
		count := 0
		for _, line := range tt.lines {
			if p.Parse([]byte(line), &ev) == ResultEvent {
				count += ev.Count()
			}
		}
		if count != tt.count {
			t.Errorf("%s: %d, want %d", tt.name, count, tt.count)
		}
	}
}

func TestFrameSecondLine(t *testing.T) {
	for _, tt := range []struct{ line, message string }{
		{"Mar  5 10:11:12 mx1 sendmail[1]: A: to=<x@y>, relMar  5 10:11:13 mx1 sendmail[2]: B: to=<z@y>", "A: to=<x@y>, rel"},
		{"Mar  5 10:11:12 mx1 sendmail[1]: A: to=<x@y>, re2024-03-05T10:11:13Z mx1 sendmail[2]: B: to=<z@y>", "A: to=<x@y>, re"},
		{"Mar  5 10:11:12 mx1 sendmail[1]: A: the sendmail[2] of mx1", "A: the sendmail[2] of mx1"},
		{"Mar  5 10:11:12 mx1 sendmail[1]: A: to=<sendmail@y>, relMar  5 10:11:13 mx1 sendmail[2]: B: to=<z@y>", "A: to=<sendmail@y>, rel"},
		{"Mar  5 10:11:12 mx1 sendmail[1]: A: the sendmail[2] of mx1, reMar  5 10:11:13 mx1 sendmail[2]: B: to=<z@y>", "A: the sendmail[2] of mx1, re"},
	} {
		var p Parser
		var ev Event
		if p.Parse([]byte(tt.line), &ev); string(p.Frame().Message) != tt.message {
			t.Errorf("%q: message %q", tt.line, p.Frame().Message)
		}
	}
}

// The name under which Exim logs is the host's choice (syslog_processname).
func TestSecondLineOfAnyName(t *testing.T) {
	for _, name := range []string{"exim", "mxout"} {
		line := "Mar  5 10:11:12 mx1 " + name + "[1]: 1xW4YW-000000005gV-1duB ** ann@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.5]: SMTP error from remote mail server after RCPT TO:<ann@example.com>: 550 5.1.1 User unMar  5 10:11:13 mx1 " + name + "[1]: 1xW4YW-000000005gW-1duB == bob@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out"
		var p Parser
		var ev Event
		if r := p.Parse([]byte(line), &ev); r != ResultEvent || string(ev.Text) != "550 5.1.1 User un" {
			t.Errorf("%s: %v, text %q", name, r, ev.Text)
		}
	}
}

var benchLines = []string{
	"Mar  5 10:11:12 mx1 postfix/smtp[1234]: 4F2A1C0: to=<alice@example.com>, relay=mx.example.com[192.0.2.5]:25, delay=0.5, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.5] said: 550 5.1.1 User unknown (in reply to RCPT TO command))",
	"2024-04-09T20:25:02.558830+03:00 mx1 sendmail[1234]: n3KFZnc6006553: to=<alice@example.com>, dsn=4.0.0, stat=Deferred: 421 unable to verify sender domain",
	"2025-02-14 18:12:33.501 [47012] 1tixMn-00000000C5j-1wRa ** alice@example.com R=dnslookup T=remote_smtp: 550 5.1.1 User unknown",
	`{"__REALTIME_TIMESTAMP":"1709629872123456","SYSLOG_IDENTIFIER":"postfix/smtp","SYSLOG_PID":"1","MESSAGE":"4F2A1C0: to=<alice@example.com> \"x\""}`,
	`{"log":"Mar  5 10:11:12 mx1 postfix/smtp[1]: 4F2A1C0: to=<a@b>\n","stream":"stdout","time":"2024-03-05T09:11:12.5Z"}`,
	"Mar  5 10:11:12 h exim[1]: [1/2] 1a ** x: 550 us", "Mar  5 10:11:12 h exim[1]: [2/2] er",
	"Mar  5 10:11:12 mx1 last message repeated 3 times",
	"no log line at all",
}

func TestFrameAllocates(t *testing.T) {
	var p Parser
	var f Frame
	for _, text := range benchLines {
		line := []byte(text)
		p.cut(line, &f)
		if n := testing.AllocsPerRun(100, func() { p.cut(line, &f) }); n != 0 {
			t.Errorf("%v allocations for %q", n, text)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, text := range benchLines[:4] {
		line := []byte(text)
		b.Run(text[:8], func(b *testing.B) {
			var p Parser
			var f Frame
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				p.cut(line, &f)
			}
		})
	}
}

// FuzzFrame asks that nothing panics, that the line stays as it is, and that
// every field is a part of the line or of a buffer of the Parser.
func FuzzFrame(f *testing.F) {
	for _, c := range readCases(f, "framing*.jsonl") {
		f.Add(bytes.Join(c.lines(f), []byte("\n")))
	}
	for _, line := range benchLines {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p, whole Parser
		var ev Event
		before := bytes.Clone(text)
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			if whole.cut(line, &whole.frame) == frameFull && !whole.holds(line, whole.frame.Message) {
				t.Errorf("%q is made up, line %q", whole.frame.Message, line)
			}
			p.Parse(line, &ev)
			p.Parse([]byte("Mar  5 10:11:12 last message repeated 3 times"), &ev)
			p.cut(line, &p.frame)
			fr := &p.frame
			for _, field := range [][]byte{fr.Message, fr.Host, fr.Program, fr.PID} {
				if !p.holds(line, field) {
					t.Errorf("%q is made up, line %q", field, line)
				}
			}
			fr.Stamp.AppendRFC3339(nil)
			new(Calendar).Time(fr.Stamp)
		}
		if !bytes.Equal(before, text) {
			t.Error("the line was changed")
		}
	})
}

func (p *Parser) holds(line, field []byte) bool {
	for _, b := range [][]byte{line, p.state.texts[0], p.state.texts[1], p.state.entry.text, p.state.ids, p.state.flows[0].text, p.state.flows[1].text, p.state.last.buffer} {
		if bytes.Contains(b, field) {
			return true
		}
	}
	for i := range p.state.parts {
		if bytes.Contains(p.state.parts[i].text, field) {
			return true
		}
	}
	return false
}
