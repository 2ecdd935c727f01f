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
		if gotKind != frameFull {
			continue
		}
		gotServer, wantServer := used.serverOf(&got), fresh.serverOf(&want)
		if gotServer != wantServer || got.role != want.role {
			t.Fatalf("%.200q\n after others: %+v\n alone: %+v", line, gotServer, wantServer)
		}
	}
}

// headerNeighbours begin alike and are not the same.
var headerNeighbours = []string{
	"Mar  5 10:11:12 mx1 postfix/smtp[1]: a",
	"Mar  5 10:11:12 mx1 postfix/smtp[1]: b",
	"Mar  5 10:11:13 mx1 postfix/smtp[1]: another second",
	"Mar  5 10:12:13 mx1 postfix/smtp[1]: another minute",
	"Mar  5 25:12:13 mx1 postfix/smtp[1]: no clock",
	"Mar  5 10:1::13 mx1 postfix/smtp[1]: no clock",
	"Mar  5 10:12:1. mx1 postfix/smtp[1]: no clock",
	"Mar  5 10:12:60 mx1 postfix/smtp[1]: a leap second",
	"Mar  5 10:12:59.25 mx1 postfix/smtp[1]: a fraction",
	"Mar  5 10:12:58.75 mx1 postfix/smtp[1]: another",
	"Mar  5 10:12:58,75 mx1 postfix/smtp[1]: a comma",
	"Mar  5 10:12:58.7x mx1 postfix/smtp[1]: none",
	"Mar  5 10:12:58.756 mx1 postfix/smtp[1]: a longer one",
	"Mar  5 10:12:58.7567891234 mx1 postfix/smtp[1]: beyond nanoseconds",
	"Mar  5 10:12:58.7567891299 mx1 postfix/smtp[1]: beyond nanoseconds",
	"Mar  5 10:11:12 mx1 postfix/smtp[1]: ",
	"Mar  5 10:11:12 mx1 postfix/smtp[1]:",
	"Mar  5 10:11:12 mx1 postfix/smtp[1] no colon",
	"Mar  5 10:11:12 mx1 postfix/smtp[]: no pid",
	"Mar  5 10:11:12 mx1 postfix/smtp[x]: no number",
	"Mar  5 10:11:12 mx1 postfix/smtp: no brackets",
	"Mar  5 10:11:12 mx1 [1]: no tag",
	`{"MESSAGE":"4XyZ2: removed","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"a:b/qmgr","SYSLOG_PID":"1"}`,
	"Mar  5 10:11:12 mx1 a:b/qmgr[1]: 4XyZ2: removed",
	"Mar  5 10:11:12 mx1 postfix/smtp[1]: torn\x00\x00Mar  5 10:11:12 mx1 dovecot[1]: 4XyZ2: to=<b@example.org>",
	"Mar  5 10:11:12 mx1 dovecot[1]: torn\x00\x00Mar  5 10:11:12 mx1 postfix/smtp[1]: 4XyZ2: to=<b@example.org>",
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
	"2024-03-05T10:11:12.123456+01:00 mx1 postfix/smtp[1]: a fraction",
	"2024-03-05T10:11:13.654321+01:00 mx1 postfix/smtp[1]: another",
	"2024-03-05T10:11:13.654321+02:00 mx1 postfix/smtp[1]: another zone",
	"2024-03-05T10:11:13.65432+02:00 mx1 postfix/smtp[1]: a shorter one",
	"2024-03-05T10:11:13.6543210+2:00 mx1 postfix/smtp[1]: no zone",
	"2024-03-05T10:11:13 mx1 postfix/smtp[1]: l",
	"2024-03-05T10:11:12 mx1 postfix/smtp[1]: l",
	"2024-03-05T10:11:12 +0100 mx1 postfix/smtp[1]: m",
	"2024-03-05 10:11:12 mx1 postfix/smtp[1]: n",
	"2024-03-05 10:11:12 1abc-0000-00 => o",
	"2024-03-05 10:11:12 +0100 1abc-0000-00 => p",
	"2024-03-05 10:11:12 1xW4V6-0005cI-0l => q",
	"2024-03-05 10:11:12 1xW4V6-0005cI-0l => r",
	"2024-03-05 10:11:13 1xW4V6-0005cI-0l => another second",
	"2024-03-05 24:11:13 1xW4V6-0005cI-0l => no clock",
	"2024-03-05 10:11:14.250 1xW4V6-0005cI-0l => a fraction",
	"2024-03-05 10:11:15 1xW4V6-0005cI-0l => none again",
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
