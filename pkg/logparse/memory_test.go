package logparse

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// A parser that has seen other lines cuts a line as one that has not.
func TestMemoryChangesNothing(t *testing.T) {
	var lines []string
	for _, pattern := range []string{"postfix-logs", "exim-logs", "sendmail-logs"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", pattern, "*.log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, strings.Split(string(b), "\n")...)
		}
	}
	lines = append(lines, headerNeighbours...)
	var used Parser
	for _, line := range lines {
		if strings.Contains(line, "repeated ") || strings.Contains(line, "[1/") || strings.Contains(line, "[1\\") {
			continue // what such lines mean does depend on others
		}
		var fresh Parser
		var got, want Frame
		gotKind, wantKind := used.cut([]byte(line), &got), fresh.cut([]byte(line), &want)
		if gotKind != wantKind || !reflect.DeepEqual(got, want) {
			t.Fatalf("%.200q\n after others: %v %+v\n alone: %v %+v", line, gotKind, got, wantKind, want)
		}
		gotOK, wantOK := false, false
		_, gotOK = used.state.tags.postfix(got.Program)
		_, wantOK = pfRoleOf(got.Program)
		if gotOK != wantOK {
			t.Fatalf("tag %q: after others %v, alone %v", got.Program, gotOK, wantOK)
		}
	}
}

// headerNeighbours begin alike and are not the same.
var headerNeighbours = []string{
	"Mar  5 10:11:12 mx1 postfix/smtp[1]: a",
	"Mar  5 10:11:12 mx1 postfix/smtp[1]: b",
	"Mar  5 10:11:12 mx1.example.com postfix/smtp[1]: c",
	"Mar  5 10:11:12 mx1 last message repeated 2 times",
	"Mar  5 10:11:12 mx1 mail.info postfix/smtp[1]: d",
	"Mar  5 10:11:12 2024 mx1 postfix/smtp[1]: e",
	"Mar  5 10:11:12  mx1 postfix/smtp[1]: f",
	"Mar  5 10:11:12 mx1: postfix/smtp[1]: g",
	"Mar  5 10:11:12 mx1",
	"Mar  5 10:11:12 mx1 ",
	"Mar  5 10:11:12 mx1 x",
	"Mar  5 10:11:12 info mx1 postfix/smtp[1]: h",
	"Mar  5 10:11:12 mx1/relay postfix/smtp[1]: i",
	"2024-03-05T10:11:12+01:00 mx1 postfix/smtp[1]: j",
	"2024-03-05T10:11:12+01:00 mx1 postfix/smtp[1]: k",
	"2024-03-05T10:11:12 mx1 postfix/smtp[1]: l",
	"2024-03-05T10:11:12 +0100 mx1 postfix/smtp[1]: m",
	"2024-03-05 10:11:12 mx1 postfix/smtp[1]: n",
	"2024-03-05 10:11:12 1abc-0000-00 => o",
	"2024-03-05 10:11:12 +0100 1abc-0000-00 => p",
	"2024-03-05 10:11:12 1xW4V6-0005cI-0l => q",
	"2024-03-05 10:11:12 1xW4V6-0005cI-0l => r",
	"2024-03-05 10:11:12 [12] 1xW4V6-0005cI-0l => s",
	"2024-03-05 10:11:12 mx1 postfix/smtp[1]: t",
	"2024-03-05 10:11:12 2024 mx1 postfix/smtp[1]: u",
	"2024-03-05 10:11:12.5 1xW4V6-0005cI-0l => v",
	"2024-03-05 10:11:12  1xW4V6-0005cI-0l => w",
	"2024-03-05 10:11:12",
	"2024-03-05 10:11:12 ",
}

// Syslog's note about a line says all that the line said.
func TestNoteEqualsItsLine(t *testing.T) {
	const note = "Mar  5 10:11:13 mx1 last message repeated 3 times"
	for _, line := range []string{
		"Mar  5 10:11:12 mx1 postfix/smtp[1]: 4XyZ2: to=<b@example.org>, relay=mx.example.org[192.0.2.2]:25, delay=2, delays=0/0/0/2, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.2] said: 550 5.1.1 User unknown (in reply to RCPT TO command))",
		"Mar  5 10:11:12 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 <a@example.com>: Relay access denied; from=<x@example.net> to=<a@example.com> proto=ESMTP helo=<h>",
		"Mar  5 10:11:12 mx1 postfix/qmgr[1]: 4XyZ2: from=<a@example.com>, status=expired, returned to sender",
		"Mar  5 10:11:12 mx1 sm-mta[1]: 3A5AB1234567: to=<b@example.org>, delay=00:00:02, mailer=esmtp, pri=1, relay=mx.example.org. [192.0.2.2], dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown",
	} {
		var p Parser
		var first, again Event
		if r := p.Parse([]byte(line), &first); r != ResultEvent {
			t.Fatalf("%s: %v", line, r)
		}
		want := first
		if r := p.Parse([]byte(note), &again); r != ResultEvent {
			t.Fatalf("note after %s: %v", line, r)
		}
		want.Repeat, want.Folded, want.Stamp = 3, true, again.Stamp
		if again.Host == nil || !reflect.DeepEqual(again, want) {
			t.Errorf("the note's event\n%+v\nthe line's\n%+v", again, want)
		}
	}
}
