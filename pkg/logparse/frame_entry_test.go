package logparse

import (
	"fmt"
	"strings"
	"testing"
)

const entryMessage = "4F2A1C0: to=<ann@example.com>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to mx.example.com[192.0.2.5]:25: Connection refused)"

func entryExportOf(program, message string) string {
	return "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1709629872123456\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=" + program + "\n_PID=7\nMESSAGE=" + message + "\n\n"
}

// entryResults are what the lines of a text give.
func entryResults(p *Parser, text string) (results [NumResults]int) {
	var ev Event
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		results[p.Parse([]byte(line), &ev)]++
	}
	return results
}

// Every line of an entry is its own; the last one gives the result.
func TestEntriesOneAfterTheOther(t *testing.T) {
	text := entryExportOf("postfix/smtp", entryMessage) + entryExportOf("sshd", entryMessage) + entryExportOf("postfix/qmgr", "4F2A1C0: removed")
	want := [NumResults]int{ResultIgnored: 3*6 + 1, ResultEvent: 1, ResultForeign: 1}
	if got := entryResults(new(Parser), text); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// An entry that does not end takes nothing from the lines of a log behind it.
func TestEntriesThatDoNotEnd(t *testing.T) {
	line := "Mar  5 10:11:12 mx1 postfix/smtp[7]: " + entryMessage + "\n"
	iso := "2024-03-05T10:11:12Z mx1 postfix/smtp[7]: " + entryMessage + "\n"
	exim := "2026-01-02 03:04:05 1xW4V6-0005cI-0l ** ann@example.com: Unrouteable address\n"
	for _, open := range []string{
		"{\n", "{\n  \"message\": \"x\",\n", "[\n  {\n    \"a\": [\n      52,\n",
		"__CURSOR=s=1\n", "__CURSOR=s=1\nMESSAGE=x\n", "__REALTIME_TIMESTAMP=1709629872123456\n_PID=7\n",
		"__CURSOR=s=1\nMESSAGE\n\x00\x00\x00\x00\x00\x00\x00\x00\n",  // a text of no bytes
		"__CURSOR=s=1\nMESSAGE\n" + strings.Repeat("\xff", 8) + "\n", // no length
	} {
		for _, behind := range []string{line, iso, exim} {
			if got := entryResults(new(Parser), open+behind+behind); got[ResultEvent] != 2 {
				t.Errorf("%q, then %.50q twice: %d events", open, behind, got[ResultEvent])
			}
		}
	}
}

// What stands in a binary field is never a line, however long the field is.
func TestEntryTooLong(t *testing.T) {
	fake := "\nMar  5 10:11:12 mx1 postfix/smtp[7]: " + entryMessage + "\n\n"
	message := strings.Repeat("x", maxPieces) + strings.Repeat(fake, 3)
	size := fmt.Sprintf("%c%c%c\x00\x00\x00\x00\x00", 0, 0, 1) // 65536 and what follows
	message = message[:65536]
	long := "__CURSOR=s=1\nSYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE\n" + size + strings.Repeat("y", 60000) + fake + message[60000+len(fake):] + "\n\n"
	got := entryResults(new(Parser), long+entryExportOf("postfix/smtp", entryMessage))
	if got[ResultEvent] != 1 {
		t.Errorf("%d events, want that of the entry behind", got[ResultEvent])
	}
	object := "{\n  \"message\": \"x\",\n" + strings.Repeat("  \"a\": 1,\n", 10000) + "  \"b\": 2\n}\n"
	if got := entryResults(new(Parser), object+"Mar  5 10:11:12 mx1 postfix/smtp[7]: "+entryMessage); got[ResultEvent] != 1 {
		t.Errorf("%d events behind a long object, want 1", got[ResultEvent])
	}
}

func TestEntriesAllocateNothing(t *testing.T) {
	texts := []string{
		entryExportOf("postfix/smtp", entryMessage),
		"{\n\t\"SYSLOG_IDENTIFIER\" : \"postfix/smtp\",\n\t\"MESSAGE\" : \"" + entryMessage + "\"\n}\n",
		`{"log":"{\"message\":\"` + entryMessage + `\",\"program\":\"postfix/smtp\"}\n","stream":"stdout","time":"2024-03-05T09:11:12.5Z"}`,
		"mars 05 10:11:12 mx1 postfix/smtp[7]: " + entryMessage,
	}
	for _, text := range texts {
		var p Parser
		var ev Event
		var lines [][]byte
		for line := range strings.SplitSeq(text, "\n") {
			lines = append(lines, []byte(line))
		}
		parse := func() {
			for _, line := range lines {
				p.Parse(line, &ev)
			}
		}
		parse()
		if ev.Status != Deferred {
			t.Errorf("%.40q: status %v", text, ev.Status)
		}
		if n := testing.AllocsPerRun(100, parse); n != 0 {
			t.Errorf("%.40q: %v allocations", text, n)
		}
	}
}
