package logparse

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// bundledLogs are the logs that real servers wrote, by the part of their name
// behind testdata.
func bundledLogs(t testing.TB, pattern string) map[string][]string {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs %s: %v", pattern, err)
	}
	logs := map[string][]string{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		logs[filepath.Base(name)] = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	return logs
}

var (
	lawSyslog = regexp.MustCompile(`^([A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d) (\S+) ([^\s:\[]+)(?:\[(\d+)\])?: (.*)$`)
	lawOwn    = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (.*)$`)
	lawPiece  = regexp.MustCompile(`exim\[\d+\]: \[\d+[/\\]\d+\] `)
)

// A lawLine is a line as a regular expression cuts it.
type lawLine struct {
	line, stamp, host, program, pid, message string

	own      bool      // of a file that Exim writes itself
	at       time.Time // of the stamp, at +01:00 in 2026
	iso, utc string    // of at
}

func lawCut(t testing.TB, line string) (l lawLine) {
	layout, year := "2006 Jan _2 15:04:05", "2026 "
	if m := lawSyslog.FindStringSubmatch(line); m != nil {
		l = lawLine{line: line, stamp: m[1], host: m[2], program: m[3], pid: m[4], message: m[5]}
	} else if m := lawOwn.FindStringSubmatch(line); m != nil {
		l = lawLine{line: line, stamp: m[1], message: m[2], own: true}
		layout, year = "2006-01-02 15:04:05", ""
	}
	var err error
	if l.at, err = time.ParseInLocation(layout, year+l.stamp, lawZone); err != nil {
		t.Fatalf("a line of no known form: %s: %v", line, err)
	}
	l.iso, l.utc = l.at.Format("2006-01-02T15:04:05"), l.at.UTC().Format("2006-01-02T15:04:05")
	return l
}

var lawZone = time.FixedZone("", 3600)

// lawPrint puts a frame together again.
func lawPrint(f *Frame) string {
	s := f.Stamp
	if f.Program == nil {
		text := strings.Replace(string(s.AppendRFC3339(nil)), "T", " ", 1)
		return text + " " + string(f.Message)
	}
	stamp := fmt.Sprintf("%s %2d %02d:%02d:%02d", time.Month(s.Month).String()[:3], s.Day, s.Hour, s.Minute, s.Second)
	tag := string(f.Program)
	if f.PID != nil {
		tag += "[" + string(f.PID) + "]"
	}
	return fmt.Sprintf("%s %s %s: %s", stamp, f.Host, tag, f.Message)
}

// A line that is cut into header and message, and printed again, is the line.
func TestPrintingKeepsTheLine(t *testing.T) {
	for name, lines := range bundledLogs(t, "*-logs/*.log") {
		var p Parser
		var f Frame
		for i, line := range lines {
			kind := p.cut([]byte(line), &f)
			if lawPiece.MatchString(line) {
				continue // TestFramePieces puts such together
			}
			if kind != frameFull {
				t.Fatalf("%s:%d: kind %d: %s", name, i+1, kind, line)
			}
			if got, want := lawPrint(&f), strings.TrimRight(line, " "); got != want {
				t.Fatalf("%s:%d:\n got %s\nwant %s", name, i+1, got, want)
			}
		}
	}
}

// A lawWrapping writes a line as another tool would, with the same time.
type lawWrapping struct {
	name string
	wrap func(l *lawLine) string
}

var lawWrappings = []lawWrapping{
	{"RFC 3339", func(l *lawLine) string { return l.iso + ".250+01:00 " + l.origin() + l.message }},
	{"RFC 3339 in UTC", func(l *lawLine) string { return l.utc + "Z " + l.origin() + l.message }},
	{"RFC 5424", func(l *lawLine) string {
		pid := l.pid
		if pid == "" {
			pid = "-"
		}
		return fmt.Sprintf("<22>1 %s+01:00 %s %s %s - [a@1 b=\"]\"] %s", l.iso, l.host, l.program, pid, l.message)
	}},
	{"journal", func(l *lawLine) string {
		entry := map[string]string{"MESSAGE": l.message, "_HOSTNAME": l.host, "SYSLOG_IDENTIFIER": l.program,
			"__REALTIME_TIMESTAMP": fmt.Sprint(l.at.UnixMicro()), "PRIORITY": "6"}
		if l.pid != "" {
			entry["SYSLOG_PID"] = l.pid
		}
		return lawJSON(entry)
	}},
	{"journal export", func(l *lawLine) string {
		var b bytes.Buffer
		fmt.Fprintf(&b, "__CURSOR=s=1\n__REALTIME_TIMESTAMP=%d\n_HOSTNAME=%s\nSYSLOG_IDENTIFIER=%s\n", l.at.UnixMicro(), l.host, l.program)
		if l.pid != "" {
			fmt.Fprintf(&b, "SYSLOG_PID=%s\n", l.pid)
		}
		b.WriteString("MESSAGE\n")
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(l.message))))
		return b.String() + l.message + "\nPRIORITY=6\n"
	}},
	{"GELF", func(l *lawLine) string {
		return lawJSON(map[string]string{"version": "1.1", "host": l.host, "short_message": l.message, "timestamp": l.utc + "Z",
			"_application_name": l.program, "_process_id": l.pid})
	}},
	{"level", func(l *lawLine) string {
		return strings.Replace(l.line, " "+l.host+" ", " <mail.info> "+l.host+" ", 1)
	}},
	{"year", func(l *lawLine) string { return strings.Replace(l.line, " "+l.host, " 2026 "+l.host, 1) }},
	{"Solaris", func(l *lawLine) string { return l.stamp + " " + l.origin() + "[ID 801593 mail.info] " + l.message }},
	{"AIX", func(l *lawLine) string {
		return l.stamp + " Message forwarded from " + l.host + ": " + strings.TrimPrefix(l.origin(), l.host+" ") + l.message
	}},
	{"short-full", func(l *lawLine) string {
		return "Wed " + strings.Replace(l.iso, "T", " ", 1) + " CET " + l.origin() + l.message
	}},
}

// lawPrefixes are wrappings that suit a line of any kind.
var lawPrefixes = []lawWrapping{
	{"Docker", func(l *lawLine) string {
		return lawJSON(map[string]string{"log": l.line + "\n", "stream": "stdout", "time": l.utc + ".5Z"})
	}},
	{"CRI", func(l *lawLine) string { return l.utc + ".123456789Z stdout F " + l.line }},
	{"compose", func(l *lawLine) string { return "mail-1  | " + l.line }},
	{"Filebeat", func(l *lawLine) string {
		return `{"@timestamp":"` + l.utc + `Z","log":{"offset":0},"host":{"name":"mx1"},` + lawJSON(map[string]string{"message": l.line})[1:]
	}},
	{"pretty", func(l *lawLine) string {
		return "{\n  \"timestamp\": \"" + l.utc + "Z\",\n  \"message\": " + lawQuote(l.line) + ",\n  \"labels\": {\n    \"a\": 1\n  }\n}"
	}},
	{"logcli", func(l *lawLine) string { return l.iso + `+01:00 {job="a}b"} ` + l.line }},
	{"Fluentd", func(l *lawLine) string {
		return l.iso + "+01:00\tmail.info\t" + lawJSON(map[string]string{"message": l.line})
	}},
	{"kubectl", func(l *lawLine) string { return "[pod/mail-0/mta] " + l.line }},
	{"grep", func(l *lawLine) string { return "/var/log/mail.log.1:17:" + l.line }},
	{"priority", func(l *lawLine) string { return "<22>" + l.line }},
	{"CR", func(l *lawLine) string { return l.line + "\r" }},
	{"mark", func(l *lawLine) string { return "\ufeff" + l.line }},
}

// origin is "host program[pid]: ".
func (l *lawLine) origin() string {
	if l.pid == "" {
		return l.host + " " + l.program + ": "
	}
	return l.host + " " + l.program + "[" + l.pid + "]: "
}

func lawQuote(text string) string {
	return strings.TrimSuffix(strings.TrimPrefix(lawJSON(map[string]string{"a": text}), `{"a":`), "}")
}

func lawJSON(record map[string]string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(record); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// What a log says does not depend on what stands around its lines.
func TestWrappingsKeepTheEvents(t *testing.T) {
	for name, lines := range bundledLogs(t, "*-logs/*.log") {
		wrappings := lawPrefixes
		if first := lawCut(t, lines[0]); !first.own {
			wrappings = append(wrappings[:len(wrappings):len(wrappings)], lawWrappings...)
		}
		lawCompare(t, name, lines, wrappings)
	}
}

// lawCompare reads a log as it is and in each wrapping, side by side.
func lawCompare(t *testing.T, name string, lines []string, wrappings []lawWrapping) {
	var plain Parser
	var want, got Event
	wrapped := make([]Parser, len(wrappings))
	reference := time.Date(2026, time.November, 25, 12, 0, 0, 0, time.UTC)
	for i, line := range lines {
		l := lawCut(t, line)
		r := plain.Parse([]byte(line), &want)
		for k, w := range wrappings {
			text := w.wrap(&l)
			var s Result
			for part := range strings.SplitSeq(text, "\n") {
				s = wrapped[k].Parse([]byte(part), &got)
			}
			a, b := plain.Frame(), wrapped[k].Frame()
			if r != s || !bytes.Equal(a.Message, b.Message) || !bytes.Equal(a.Program, b.Program) || !bytes.Equal(a.PID, b.PID) || !bytes.Equal(a.Host, b.Host) {
				t.Fatalf("%s as %s, line %d: %v, want %v: %s", name, w.name, i+1, s, r, text)
			}
			if r != ResultEvent && r != ResultRemark {
				continue
			}
			calendar := Calendar{Location: lawZone, Reference: reference}
			if at := calendar.Time(got.Stamp); !at.Truncate(time.Second).Equal(l.at.Truncate(time.Second)) {
				t.Fatalf("%s as %s, line %d: at %v, want %v: %s", name, w.name, i+1, at, l.at, text)
			}
			got.Lines = want.Lines
			if got.Stamp = want.Stamp; !reflect.DeepEqual(got, want) {
				t.Fatalf("%s as %s, line %d: %s\n got %+v\nwant %+v", name, w.name, i+1, text, got, want)
			}
		}
	}
}

// A wrapping may stand around another one: grep's of a container's log.
func TestWrappingsOfWrappings(t *testing.T) {
	l := lawCut(t, "Nov 25 04:35:25 mx1 postfix/smtp[7]: 4F2A1C0: to=<ann@example.com>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (x)")
	for _, inner := range append(lawPrefixes[:len(lawPrefixes):len(lawPrefixes)], lawWrappings...) {
		wrapped := l
		if wrapped.line = inner.wrap(&l); strings.Contains(wrapped.line, "\n") {
			continue
		}
		for _, outer := range lawPrefixes {
			var p Parser
			var ev Event
			var r Result
			text := outer.wrap(&wrapped)
			for part := range strings.SplitSeq(text, "\n") {
				r = p.Parse([]byte(part), &ev)
			}
			if r != ResultEvent || string(ev.QueueID) != "4F2A1C0" || ev.Status != Deferred || string(ev.Host) != "mx1" {
				t.Errorf("%s in %s: %v: %s", inner.name, outer.name, r, text)
			}
		}
	}
}

// A log that Exim writes itself and one that it sends to syslog tell the same.
func TestEximThroughSyslog(t *testing.T) {
	for name, lines := range bundledLogs(t, "exim-logs/*.log") {
		var own, syslog Parser
		var want, got Event
		for i, line := range lines {
			l := lawCut(t, line)
			if !l.own {
				break // it is from syslog
			}
			l.host, l.program, l.pid = "mx1", "exim", fmt.Sprint(i+1)
			text := l.iso + "+01:00 " + l.origin() + l.message
			r, s := own.Parse([]byte(line), &want), syslog.Parse([]byte(text), &got)
			if r == ResultForeign {
				r = ResultIgnored // only the tag tells whose words without any form are
			}
			if r != s {
				t.Fatalf("%s, line %d: %v, want %v: %s", name, i+1, s, r, text)
			}
			want.Stamp, want.Host, want.Program = got.Stamp, got.Host, got.Program
			if (r == ResultEvent || r == ResultRemark) && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, line %d: %s\n got %+v\nwant %+v", name, i+1, text, got, want)
			}
		}
	}
}

// lawOddLog has everything in it that spans lines: the hard cases, one after the
// other, and the lines of a real log with syslog's notes between them.
func lawOddLog(t *testing.T) []string {
	var lines []string
	for _, c := range readCases(t, "*.jsonl") {
		for _, line := range c.lines(t) {
			lines = append(lines, string(line[:min(len(line), 4096)]))
		}
	}
	for i, line := range bundledLogs(t, "postfix-logs/pf37.log")["pf37.log"][1000:2000] {
		lines = append(lines, line)
		if i%3 == 0 {
			lines = append(lines, line[:len("Nov 25 04:35:25")]+" mx1 last message repeated 2 times")
		}
	}
	return lines
}

// A log may be cut at any newline: each part, read by a parser that has seen
// some lines before it, gives what it gives in the whole. Here every line is a
// part. More lines are shown where messages come in pieces or twice.
func TestCutAtAnyNewline(t *testing.T) {
	logs := bundledLogs(t, "*-logs/*log*")
	for name := range logs {
		if strings.Contains(name, ".truth.") {
			delete(logs, name)
		}
	}
	for name, lines := range logs {
		before := 8
		if strings.Contains(name, "syslog") {
			before = 64
		}
		lawCutEverywhere(t, name, lines, before)
	}
	lawCutEverywhere(t, "the odd log", lawOddLog(t), 64)
}

func lawCutEverywhere(t *testing.T, name string, lines []string, before int) {
	var whole Parser
	var want, got, seen Event
	var sums [2]int
	for i, line := range lines {
		var part Parser
		for _, earlier := range lines[max(0, i-before):i] {
			part.Parse([]byte(earlier), &seen)
		}
		r, s := whole.Parse([]byte(line), &want), part.Parse([]byte(line), &got)
		if r != s {
			t.Fatalf("%s, line %d: %v after %d lines, %v in the whole: %s", name, i+1, s, before, r, line)
		}
		if r != ResultEvent && r != ResultRemark {
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, line %d: %s\n part %+v\nwhole %+v", name, i+1, line, got, want)
		}
		sums[0] += want.Count()
		sums[1] += got.Count()
	}
	if sums[0] == 0 || sums[0] != sums[1] {
		t.Errorf("%s: %d outcomes in the parts, %d in the whole", name, sums[1], sums[0])
	}
}

// A log in which syslog folded every line says of each outcome that it came twice.
func TestFoldingCounts(t *testing.T) {
	for name, lines := range bundledLogs(t, "*-logs/*.log") {
		var plain, noted, folded Parser
		var ev Event
		var once, note, header [NumStatuses]int
		count := func(p *Parser, line string, into *[NumStatuses]int) {
			if p.Parse([]byte(line), &ev) == ResultEvent {
				into[ev.Status] += ev.Count()
			}
		}
		for _, line := range lines {
			l := lawCut(t, line)
			if l.own || lawPiece.MatchString(line) || strings.HasPrefix(l.program, "exim") {
				continue // Exim writes files, and refusals twice: a copy of one is none
			}
			count(&plain, line, &once)
			count(&noted, line, &note)
			count(&noted, l.stamp+" "+l.host+" last message repeated 1 times", &note)
			count(&folded, line, &header)
			count(&folded, l.stamp+" "+l.origin()+"message repeated 1 times: [ "+l.message+"]", &header)
		}
		for s := range once {
			if once[s]*2 != note[s] || once[s]*2 != header[s] {
				t.Errorf("%s: %v: %d in the log, %d with notes, %d folded", name, Status(s), once[s], note[s], header[s])
			}
		}
	}
}

// FuzzWrappings asks that any message comes out of every wrapping as it went in.
func FuzzWrappings(f *testing.F) {
	for _, c := range readCases(f, "*.jsonl") {
		if _, message, ok := strings.Cut(c.Line, "]: "); ok {
			f.Add(message)
		}
	}
	f.Add(`a\u0041\n"b" \`)
	f.Fuzz(func(t *testing.T, message string) {
		message = smPrintable([]byte(message)) // syslog's daemons escape the others
		trimmed := strings.Trim(message, " ")
		if trimmed == "" || strings.HasPrefix(trimmed, "[ID ") || strings.HasPrefix(trimmed, "message repeated ") {
			return // wrappings of their own
		}
		l := lawCut(t, "Nov 25 04:35:25 mx1 postfix/smtp[7]: "+message)
		for _, w := range append(lawPrefixes[:len(lawPrefixes):len(lawPrefixes)], lawWrappings...) {
			var p Parser
			var frame Frame
			text := w.wrap(&l)
			kind := frameNone
			for part := range strings.SplitSeq(text, "\n") {
				kind = p.cut([]byte(part), &frame)
			}
			if kind != frameFull || string(frame.Message) != trimmed {
				t.Fatalf("%s: kind %d, message %q, want %q: %q", w.name, kind, frame.Message, trimmed, text)
			}
			if string(frame.Host) != "mx1" || string(frame.Program) != "postfix/smtp" || string(frame.PID) != "7" {
				t.Fatalf("%s: %s %s[%s]: %q", w.name, frame.Host, frame.Program, frame.PID, text)
			}
		}
	})
}
