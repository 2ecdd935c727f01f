package logparse

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStep(t *testing.T) {
	const (
		pf = "2026-11-25T10:00:00Z mx1 postfix/"
		ex = "2026-11-25 10:00:00 "
		sm = "Nov 25 10:00:00 mx1 sm-mta[77]: "
	)
	for _, c := range []struct{ line, want string }{
		{pf + "smtpd[1]: 4XyZ1: client=mail.example.org[192.0.2.9]", "arrived 4XyZ1 client=mail.example.org ip=192.0.2.9"},
		{pf + "submission/smtpd[1]: 4XyZ1: client=unknown[2001:db8::9]:4711, sasl_method=PLAIN, sasl_username=ann@example.com", "arrived 4XyZ1 ip=2001:db8::9 user=ann@example.com"},
		{pf + "smtpd[1]: 5A: client=localhost[127.0.0.1], orig_queue_id=4XyZ1, orig_client=mail.example.org[192.0.2.9]", "arrived 5A client=localhost ip=127.0.0.1 other=4XyZ1"},
		{pf + "smtpd[1]: NOQUEUE: client=mail.example.org[192.0.2.9]", ""},
		{pf + "pickup[1]: 5A: uid=1000 from=<ann@example.com>", "arrived 5A sender=ann@example.com login=1000"},
		{pf + "pickup[1]: 5A: uid=89 from=<ann@example.com> orig_id=4XyZ1", "arrived 5A sender=ann@example.com login=89 other=4XyZ1"},
		{pf + "pickup[1]: 5A: uid=89 from=<\"a> orig_id=1B\"@example.com> orig_id=4XyZ1", "arrived 5A sender=\"a> orig_id=1B\"@example.com login=89 other=4XyZ1"},
		{pf + "pickup[1]: 5A: uid=ann from=<ann@example.com>", ""},
		{pf + "cleanup[1]: 5A: message-id=<a.b@example.com>", "named 5A id=a.b@example.com"},
		{pf + "cleanup[1]: 5A: message-id=<>", "named 5A"},
		{pf + "qmgr[1]: 5A: from=<>, size=454, nrcpt=2 (queue active)", "active 5A sender= size=454 nrcpt=2"},
		{pf + "qmgr[1]: 5A: from=<a, size=1@example.com>, size=454, nrcpt=2 (queue active)", "active 5A sender=a, size=1@example.com size=454 nrcpt=2"},
		{pf + "qmgr[1]: 5A: from=<ann@example.com>, status=expired, returned to sender", ""},
		{pf + "qmgr[1]: 5A: removed", "removed 5A"},
		{pf + "cleanup[1]: 5A: discard: header Subject: x from mail.example.org[192.0.2.9]; from=<a@example.org> to=<b@example.com> proto=ESMTP helo=<x>: no thanks", "discarded 5A"},
		{pf + "cleanup[1]: 5A: milter-discard: END-OF-MESSAGE from mail.example.org[192.0.2.9]: milter triggers DISCARD action; from=<a@example.org> to=<b@example.com> proto=ESMTP helo=<x>", "discarded 5A"},
		{pf + "smtpd[1]: 5A: discard: RCPT from mail.example.org[192.0.2.9]: <b@example.com>: Recipient address no; from=<a@example.org> to=<b@example.com> proto=ESMTP helo=<x>", ""},
		{pf + "cleanup[1]: 5A: removed (canceled)", "removed 5A"},
		{pf + "bounce[1]: 5A: sender non-delivery notification: 6B", "noticed 5A other=6B"},
		{pf + "bounce[1]: 5A: postmaster delay notification: 6B", "noticed 5A other=6B"},
		{pf + "smtp[1]: 5A: to=<a@example.org>, relay=none, delay=1, dsn=2.0.0, status=sent (removed)", ""},
		{pf + "smtp[1]: 5A: to=<a@example.org>, relay=mx[192.0.2.5]:25, delay=1, delays=0/0/0/1, dsn=2.1.5, status=deliverable (250 Ok)", "probed 5A"},
		{pf + "local[1]: 5A: to=<a@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=5.1.1, status=undeliverable (unknown user)", "probed 5A"},
		{pf + "smtp[1]: 5A: to=<\"a, status=deliverable\"@example.org>, relay=none, delay=1, dsn=4.4.1, status=deferred (deliverable)", ""},
		{pf + "smtpd[1]: connect from mail.example.org[192.0.2.9]", ""},

		{ex + "1xW4V6-0005cI-0l <= ann@example.com H=(pc) [192.0.2.9]:4711 I=[192.0.2.1]:587 P=esmtpsa L.- X=TLS1.3:A:256 CV=no A=plain:ann K S=474 M8S=0 id=x@example.com T=\"A=evil:root S=9 \\\" id=y\" from <ann@example.com> for \"b c\"@example.org d@example.org",
			"arrived 1xW4V6-0005cI-0l sender=ann@example.com ip=192.0.2.9 user=ann id=x@example.com size=474 nrcpt=2"},
		{ex + "[9] 1xW4V6-0005cI-0l <= <> R=1xW4V6-0005cH-0l U=Debian-exim P=local S=2201", "arrived 1xW4V6-0005cI-0l sender= login=Debian-exim other=1xW4V6-0005cH-0l size=2201"},
		{ex + "1xW4V6-0005cI-0l <= ann@example.com H=mail.example.org (helo) [192.0.2.9] P=esmtp S=1", "arrived 1xW4V6-0005cI-0l sender=ann@example.com client=mail.example.org ip=192.0.2.9 size=1"},
		{ex + "1xW4V6-0005cI-0l Completed", "removed 1xW4V6-0005cI-0l"},
		{ex + "1xW4V6-0005cI-0l cancelled by timeout_frozen_after", "cancelled 1xW4V6-0005cI-0l"},
		{ex + "1xW4V6-0005cI-0l removed by root", ""},
		{ex + "1xW4V6-0005cI-0l Completed QT=0.078s", "removed 1xW4V6-0005cI-0l"},
		{ex + "1xW4V6-0005cI-0l => ann R=local T=mbox", ""},
		{"Nov 25 10:00:00 mx1 exim[5]: [1/2] 1xW4V6-0005cI-0l <= ann@example.com P=local S=1", ""}, // the rest is still to come

		{sm + "6AP4UVOt021608: from=<ann@example.com>, size=229, class=0, nrcpts=3, msgid=<x@example.com>, bodytype=8BITMIME, proto=ESMTPA, daemon=MSA, relay=pc.example.com [192.0.2.9] (may be forged)",
			"arrived 6AP4UVOt021608 sender=ann@example.com client=pc.example.com ip=192.0.2.9 id=x@example.com size=229 nrcpt=3"},
		{sm + "6AP4UVOt021608: from=<>, size=1, class=0, nrcpts=1, proto=ESMTP, daemon=MTA, relay=[192.0.2.9]", "arrived 6AP4UVOt021608 sender= ip=192.0.2.9 size=1 nrcpt=1"},
		{sm + "6AP4UVOt021608: from=ann, size=1, class=0, nrcpts=1, msgid=<x@example.com>, relay=ann@localhost", "arrived 6AP4UVOt021608 sender=ann client=localhost login=ann id=x@example.com size=1 nrcpt=1"},
		{sm + "AUTH=server, relay=pc.example.com [192.0.2.9], authid=ann@example.com, mech=PLAIN, bits=0", "logged_in - client=pc.example.com ip=192.0.2.9 user=ann@example.com"},
		{sm + "6AP4UVOt021608: AUTH=server, relay=[192.0.2.9], authid=ann, mech=LOGIN, bits=0", "logged_in 6AP4UVOt021608 ip=192.0.2.9 user=ann"},
		{sm + "6AP4UVOt021608: 6AP4UVOt021609: DSN: User unknown", "noticed 6AP4UVOt021608 other=6AP4UVOt021609"},
		{sm + "6AP4UVOt021608: 6AP4UVOt021609: return to sender: Cannot send message for 5 days", "noticed 6AP4UVOt021608 other=6AP4UVOt021609"},
		{sm + "6AP4UVOt021608: done; delay=00:00:00, ntries=1", "removed 6AP4UVOt021608"},
		{sm + "6AP4UVOt021608: discarded", "discarded 6AP4UVOt021608"},
		{sm + "6AP4UVOt021608: discarded by x", ""},
		{sm + "6AP4UVOt021608[2]: done; delay=00:00:00, ntries=1", ""},
		{"Nov 25 10:00:00 mx1 sshd[1]: 5A: removed", ""},
		{"", ""},
	} {
		var p Parser
		var ev Event
		var st Step
		p.Parse([]byte(c.line), &ev)
		got := ""
		if p.Step(&st) {
			got = showStep(&st)
		}
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.line, got, c.want)
		}
	}
}

func showStep(st *Step) string {
	var b strings.Builder
	id := st.QueueID
	if id == nil {
		id = []byte("-")
	}
	fmt.Fprintf(&b, "%s %s", st.Kind, id)
	for _, f := range []struct {
		key   string
		value []byte
	}{
		{"sender", st.Sender}, {"client", st.ClientName}, {"ip", st.ClientIP}, {"user", st.User}, {"login", st.Login},
		{"id", st.MessageID}, {"other", st.Other},
	} {
		if f.value != nil {
			fmt.Fprintf(&b, " %s=%s", f.key, f.value)
		}
	}
	if st.Size >= 0 {
		fmt.Fprintf(&b, " size=%d", st.Size)
	}
	if st.Recipients >= 0 {
		fmt.Fprintf(&b, " nrcpt=%d", st.Recipients)
	}
	return b.String()
}

func TestQueuedAs(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"250 2.0.0 Ok: queued as 4XyZ1", "4XyZ1"},
		{"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4XyZ1", "4XyZ1"},
		{"Ok: queued as 4XyZ1", "4XyZ1"},
		{"forwarded as BC7EA426", "BC7EA426"},
		{"250 OK id=1xW4V6-0005cI-0l", "1xW4V6-0005cI-0l"},
		{"250 OK id=1xW4YW-000000005gV-1duB", "1xW4YW-000000005gV-1duB"},
		{"2.0.0 6AP4UVOt021608 Message accepted for delivery", "6AP4UVOt021608"},
		{"6AP4UVOt021608 Message accepted for delivery", "6AP4UVOt021608"}, // Sendmail leaves the codes out of its log
		{"your Message accepted for delivery", ""},
		{"250 OK id=something-else", ""},
		{"delivered to mailbox", ""},
		{"queued as ", ""},
		{"", ""},
	} {
		ev := Event{Status: Sent, Text: []byte(c.text)}
		if got := string(ev.QueuedAs()); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
		if ev.Status = Deferred; ev.QueuedAs() != nil {
			t.Errorf("%q: a deferred message is queued nowhere else", c.text)
		}
	}
}

func TestRecipients(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"Nov 25 10:00:00 mx1 sm-mta[7]: 6AP4esjE021878: to=<a@example.com>,<\"b,c\"@example.com>,d, delay=00:00:00, mailer=esmtp, dsn=2.0.0, stat=Sent (Ok)", []string{"a@example.com", "\"b,c\"@example.com", "d"}},
		{"Nov 25 10:00:00 mx1 sm-mta[7]: 6AP4esjE021878: to=<a@example.com>, delay=00:00:00, mailer=esmtp, dsn=2.0.0, stat=Sent (Ok)", []string{"a@example.com"}},
		{"Nov 25 10:00:00 mx1 postfix/smtp[7]: 5A: to=<a@example.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (x)", []string{"a@example.com"}},
		{"Nov 25 10:00:00 mx1 postfix/qmgr[7]: 5A: from=<a@example.com>, status=expired, returned to sender", nil},
	} {
		var p Parser
		var ev Event
		if r := p.Parse([]byte(c.line), &ev); r != ResultEvent {
			t.Fatalf("%s: %v", c.line, r)
		}
		var got []string
		for r := range p.Recipients(&ev) {
			got = append(got, string(r))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q", c.line, got)
		}
	}
}

// The counts are those that grep -c finds in the logs: "postfix/smtpd.*: client=",
// " <= ", ": from=", ": removed", " Completed", ": done;" and so on.
func TestStepsOfRealLogs(t *testing.T) {
	type counts map[StepKind]int
	for _, c := range []struct {
		file string
		want counts
	}{
		{"postfix-logs/pf37.log", counts{Arrived: 571, Named: 1045, Active: 1520, Noticed: 471, Removed: 1030, Probed: 10}},
		{"postfix-logs/pf37-postlog.log", counts{Arrived: 308, Named: 564, Active: 843, Noticed: 255, Removed: 556, Probed: 7}},
		{"postfix-logs/pf310-longids.log", counts{Arrived: 308, Named: 564, Active: 843, Noticed: 255, Removed: 566, Probed: 7}},
		{"exim-logs/exim496-default.log", counts{Arrived: 570, Removed: 570}},
		{"exim-logs/exim496-rich.log", counts{Arrived: 569, Removed: 569}},
		{"exim-logs/exim496-syslog.log", counts{Arrived: 569, Removed: 569}},
		{"exim-logs/exim498-debian.log", counts{Arrived: 567, Removed: 567}},
		{"sendmail-logs/sm817-ll14.log", counts{Arrived: 323, Noticed: 250, Removed: 538}},
		{"sendmail-logs/sm817-ll9.log", counts{Arrived: 600, Noticed: 458, Removed: 0}},
		{"sendmail-logs/sm818-ll9.log", counts{Arrived: 323, Noticed: 251, Removed: 0}},
	} {
		b, err := os.ReadFile(filepath.Join("..", "..", "testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		var p Parser
		var ev Event
		var st Step
		got := counts{}
		lines := bytes.Split(b, []byte("\n"))
		for _, line := range lines {
			p.Parse(line, &ev)
			if p.Step(&st) {
				got[st.Kind]++
			}
		}
		for k := NoStep; k < NumStepKinds; k++ {
			if got[k] != c.want[k] {
				t.Errorf("%s: %d times %v, want %d", c.file, got[k], k, c.want[k])
			}
		}
		n := testing.AllocsPerRun(8, func() {
			for _, line := range lines {
				p.Parse(line, &ev)
				p.Step(&st)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.file, n)
		}
	}
}

func FuzzStep(f *testing.F) {
	for _, line := range []string{
		"Nov 25 10:00:00 mx1 postfix/smtpd[1]: 4XyZ1: client=a[192.0.2.9], sasl_username=b",
		"2026-11-25 10:00:00 1xW4V6-0005cI-0l <= a@example.com H=(pc) [192.0.2.9] A=x:y T=\"z\" from <b> for c",
		"Nov 25 10:00:00 mx1 sm-mta[1]: 6AP4UVOt021608: from=<a@example.com>, size=1, nrcpts=1, relay=b@[192.0.2.9]",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var p Parser
		var ev Event
		var st, again Step
		p.Parse(line, &ev)
		ok := p.Step(&st)
		if ok != (st.Kind != NoStep) {
			t.Fatalf("%v, and the kind is %v", ok, st.Kind)
		}
		if ok != p.Step(&again) || ok && showStep(&st) != showStep(&again) {
			t.Fatal("asked twice, it says something else")
		}
		if ok && st.QueueID == nil && st.Kind != LoggedIn {
			t.Fatalf("%v of no message", st.Kind)
		}
		whole := p.frame.Message
		for _, b := range [][]byte{st.QueueID, st.Sender, st.MessageID, st.Other, st.ClientName, st.ClientIP, st.User, st.Login} {
			if ok && !isInside(b, whole) {
				t.Fatalf("%q is not part of the message", b)
			}
		}
	})
}
