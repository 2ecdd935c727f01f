package block

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

var ten = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

// outcomes writes a line for each letter, a minute apart: b is blocked by Google, r is
// limited, d delivered to Google, u an unknown user, o delivered elsewhere, x blocked
// elsewhere, and - is an hour without mail.
func outcomes(letters string) string {
	var log strings.Builder
	at := ten
	for i, c := range letters {
		at = at.Add(time.Minute)
		to, relay, rest := "bob@gmail.com", "gmail-smtp-in.l.google.com", ""
		switch c {
		case 'b':
			rest = "dsn=5.7.1, status=bounced (host x[192.0.2.1] said: 550 5.7.1 [192.0.2.9] Our system has detected that this IP is on a blocklist (in reply to MAIL FROM command))"
		case 'r':
			rest = "dsn=4.7.0, status=deferred (host x[192.0.2.1] said: 421 4.7.0 too many connections, rate limit exceeded (in reply to MAIL FROM command))"
		case 'd':
			rest = "dsn=2.0.0, status=sent (250 2.0.0 OK)"
		case 'u':
			rest = "dsn=5.1.1, status=bounced (host x[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command))"
		case 'o':
			to, relay, rest = "bob@example.org", "mx.example.org", "dsn=2.0.0, status=sent (250 2.0.0 OK)"
		case 'x':
			to, relay, rest = "bob@example.net", "mx.example.net", "dsn=5.7.1, status=bounced (host x[192.0.2.1] said: 550 5.7.1 your IP is on a blocklist (in reply to MAIL FROM command))"
		case '-':
			at = at.Add(time.Hour)
			continue
		}
		fmt.Fprintf(&log, "%s mx1 postfix/smtp[5]: A%d: to=<%s>, relay=%s[192.0.2.1]:25, delay=1, delays=0/0/0/1, %s\n", at.Format(time.RFC3339), i, to, relay, rest)
	}
	return log.String()
}

func blocksOf(letters string) *Blocks {
	b := &Blocks{Causes: DefaultCauses()}
	p := pipeline.Pipeline{Counts: aggregate.NewWithoutDomains(), Calendar: &logparse.Calendar{Location: time.UTC}, Visit: b.Add}
	p.Block(&tailer.Block{Source: "-", Data: []byte(outcomes(letters)), Line: 1})
	return b
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct{ letters, want string }{
		{"dddd", ""},
		{"uuuo", ""},
		{"ddbbb", "google ip_blocked goes_on 3 0 0 10:03-10:05"},
		{"bbbooo", "google ip_blocked goes_on 3 0 0 10:01-10:03"},     // what is delivered elsewhere says nothing
		{"bbbd", "google ip_blocked over 3 0 1 10:01-10:03 10:04"},    // all was refused: one delivery is enough
		{"bdbd", "google ip_blocked unclear 2 1 1 10:01-10:03 10:04"}, // a third passed: one is chance
		{"bdbddd", "google ip_blocked over 2 1 3 10:01-10:03 10:04"},  // (1/3)^3 < 0.05
		{"bbb-d-b", "google ip_blocked goes_on 1 0 0 12:07-12:07 | google ip_blocked over 3 0 1 10:01-10:03 11:05"},
		{"bbbdb", "google ip_blocked goes_on 4 1 0 10:01-10:05"}, // it was not over for an hour
		{"brx", "google ip_blocked goes_on 1 0 0 10:01-10:01 | google rate_limited goes_on 1 0 0 10:02-10:02 | example.net ip_blocked goes_on 1 0 0 10:03-10:03"},
	} {
		var got []string
		for _, b := range blocksOf(c.letters).All() {
			s := fmt.Sprintf("%s %s %s %d %d %d %s-%s", b.Receiver, b.Cause, b.State(), b.Refused, b.Between, b.After, b.First.Format("15:04"), b.Last.Format("15:04"))
			if !b.Again.IsZero() {
				s += b.Again.Format(" 15:04")
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " | "); s != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.letters, s, c.want)
		}
	}
}

func TestTextIsPrintableAndFits(t *testing.T) {
	b := blocksOf("bbbd")
	b.All()[0].Reply = "550 \x1b[31m" + strings.Repeat("word ", 40)
	var out bytes.Buffer
	if err := b.WriteText(&out, 3, 80, "en"); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > len("\n")+80 || strings.Contains(line, "\x1b") {
			t.Errorf("line %q", line)
		}
	}
}
