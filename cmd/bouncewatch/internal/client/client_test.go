package client

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

const (
	postfixFail  = "2026-11-27T10:00:00Z mx1 postfix/smtpd[1]: warning: unknown[203.0.113.66]: SASL LOGIN authentication failed: authentication failure, sasl_username=eve@example.com\n"
	postfixMail  = "2026-11-27T10:05:00Z mx1 postfix/smtpd[1]: A1: client=unknown[203.0.113.66], sasl_method=LOGIN, sasl_username=eve@example.com\n"
	postfixOther = "2026-11-27T10:06:00Z mx1 postfix/smtpd[1]: A2: client=pc.example.com[192.0.2.9], sasl_method=LOGIN, sasl_username=ann@example.com\n"
	eximFail     = "2026-11-27 10:00:00 login authenticator failed for (x) [203.0.113.66]: 535 Incorrect authentication data (set_id=eve)\n"
	eximMail     = "2026-11-27 10:05:00 1tKxYz-000000003Xc-1aBc <= eve@example.com H=(x) [203.0.113.66] P=esmtpa A=login:eve S=400 id=a@example.com\n"
	smFail       = "Nov 27 10:00:00 mx1 sm-mta[70]: 5AR0000000070: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, relay=[203.0.113.66]\n"
	smLogin      = "Nov 27 10:05:00 mx1 sm-mta[77]: AUTH=server, relay=[203.0.113.66], authid=eve, mech=PLAIN, bits=0\n"
	smMail       = "Nov 27 10:05:00 mx1 sm-mta[77]: 6ARA00VO000077: from=<eve@example.com>, size=9, class=0, nrcpts=2, msgid=<x@example.com>, relay=[203.0.113.66]\n"
	smStranger   = "Nov 27 10:06:00 mx1 sm-mta[78]: 6ARA00VO000078: from=<eve@example.com>, size=9, class=0, nrcpts=2, msgid=<x@example.com>, relay=[203.0.113.66]\n"
	unknownUser  = "2026-11-27T10:00:00Z mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>\n"
	relaying     = "2026-11-27T11:00:00Z mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x@example.net>: Relay access denied; from=<a@example.com> to=<x@example.net> proto=ESMTP helo=<pc>\n"
	greylisting  = "2026-11-27T09:00:00Z mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 450 4.7.1 <x@example.org>: Recipient address rejected: Greylisted; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>\n"
)

func read(c *Clients, log string) {
	p := pipeline.Pipeline{Counts: aggregate.NewWithoutDomains(), Listener: c,
		Calendar: &logparse.Calendar{Location: time.UTC, Reference: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}}
	p.Block(&tailer.Block{Source: "-", Data: []byte(log), Line: 1})
}

func TestClients(t *testing.T) {
	for _, c := range []struct{ name, log, want string }{
		{"in, after five", strings.Repeat(postfixFail, 5) + postfixMail + postfixMail + postfixOther, "203.0.113.66 5 0 0 0 0 eve@example.com 10:05 2"},
		{"four are no guessing", strings.Repeat(postfixFail, 4) + postfixMail, "203.0.113.66 4 0 0 0 0"},
		{"the password was known before", postfixMail + strings.Repeat(postfixFail, 5), "203.0.113.66 5 0 0 0 0"},
		{"exim", strings.Repeat(eximFail, 6) + eximMail, "203.0.113.66 6 0 0 0 0 eve 10:05 1"},
		{"sendmail", strings.Repeat(smFail, 5) + smLogin + smMail + smMail + smStranger, "203.0.113.66 5 0 0 0 0 eve 10:05 2"},
		{"refusals", unknownUser + unknownUser + relaying + greylisting, "198.51.100.7 0 3 2 1 0 | 198.51.100.8 0 0 0 0 1"},
	} {
		var x Clients
		read(&x, c.log)
		if got := show(&x); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func show(c *Clients) string {
	var all []string
	for _, x := range c.All() {
		s := fmt.Sprintf("%s %d %d %d %d %d", x.IP, x.Logins, x.Refused, x.Unknown, x.Relay, x.Put)
		if x.User != "" {
			s += fmt.Sprintf(" %s %s %d", x.User, x.In.Format("15:04"), x.Messages)
		}
		all = append(all, s)
	}
	return strings.Join(all, " | ")
}

// The one that is refused most stays, whatever its place.
func TestClientsAreBounded(t *testing.T) {
	c := Clients{limit: 10}
	for i := range 1000 {
		read(&c, strings.ReplaceAll(unknownUser, "198.51.100.7", fmt.Sprintf("10.0.%d.%d", i/250, i%250))+strings.Repeat(relaying, i%3))
	}
	all := c.All()
	if len(all) > 10 || all[0].IP != "198.51.100.7" || all[0].Refused != 999 || all[0].Refused+c.Forgotten.Refused+uint64(len(all)-1) != 1999 {
		t.Errorf("%d clients, first %+v, forgotten %+v", len(all), all[0], c.Forgotten)
	}
}

func TestTextIsPrintable(t *testing.T) {
	var c Clients
	read(&c, strings.Repeat(postfixFail, 5)+strings.ReplaceAll(postfixMail, "eve@", "\x1b[31m@"))
	var out bytes.Buffer
	if err := c.WriteText(&out, 10, "en"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "Got in: 203.0.113.66 as ?[31m@example.com at 2026-11-27 10:05, and sent 1 message\n") {
		t.Errorf("%q", out.String())
	}
}
