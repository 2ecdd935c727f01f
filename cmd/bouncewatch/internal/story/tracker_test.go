package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A content filter takes the mail from Postfix and gives it back under another id.
const filtered = `2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: A1: client=pc.example.com[192.0.2.9], sasl_method=PLAIN, sasl_username=ann
2026-11-25T10:00:00Z mx1 postfix/cleanup[2]: A1: message-id=<x@example.com>
2026-11-25T10:00:00Z mx1 postfix/qmgr[3]: A1: from=<ann@example.com>, size=400, nrcpt=1 (queue active)
2026-11-25T10:00:01Z mx1 postfix/smtpd[4]: B2: client=localhost[127.0.0.1]
2026-11-25T10:00:01Z mx1 postfix/cleanup[2]: B2: message-id=<x@example.com>
2026-11-25T10:00:01Z mx1 postfix/qmgr[3]: B2: from=<ann@example.com>, size=500, nrcpt=1 (queue active)
2026-11-25T10:00:01Z mx1 postfix/smtp[5]: A1: to=<bob@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as B2)
2026-11-25T10:00:01Z mx1 postfix/qmgr[3]: A1: removed
2026-11-25T10:00:02Z mx1 postfix/smtp[6]: B2: to=<bob@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host mx.example.org[192.0.2.25] said: 451 4.7.1 Greylisted, try again later (in reply to RCPT TO command))
2026-11-25T10:10:01Z mx1 postfix/smtp[6]: B2: to=<bob@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=600, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as C3)
2026-11-25T10:10:01Z mx1 postfix/qmgr[3]: B2: removed
`

func TestRequeuedThroughAFilter(t *testing.T) {
	stories := readText(t, &Tracker{Entries: 50}, filtered)
	if len(stories) != 1 || len(stories[0].Messages) != 2 || len(stories[0].Entries) != 11 {
		t.Fatalf("got %s", show(stories))
	}
	want := "A1 complete ann bob@example.org requeued as B2 1/0; B2 complete ann bob@example.org delivered 2/1 greylisted 600s"
	if got := show(stories); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if m := stories[0].Messages[1]; m.From != "A1" || m.ClientIP != "192.0.2.9" {
		t.Errorf("the second message is from %s, of client %s", m.From, m.ClientIP)
	}
}

// The id in the reply of another host may be in use here, for other mail.
func TestIDOfAnotherHostIsNotOurs(t *testing.T) {
	other := strings.ReplaceAll(filtered, "B2: message-id=<x@example.com>", "B2: message-id=<other@example.com>")
	want := "A1 complete ann bob@example.org delivered 1/0 1s | B2 complete - bob@example.org delivered 2/1 greylisted 600s"
	if got := show(readText(t, &Tracker{}, other)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestXForward(t *testing.T) {
	want := "A1 complete ann bob@example.org delivered 1/0 1s; B2 end_of_logs ann"
	got := show(readText(t, &Tracker{}, `2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: A1: client=pc.example.com[192.0.2.9], sasl_username=ann
2026-11-25T10:00:01Z mx1 postfix/smtpd[4]: B2: client=localhost[127.0.0.1], orig_queue_id=A1, orig_client=pc.example.com[192.0.2.9]
2026-11-25T10:00:01Z mx1 postfix/smtp[5]: A1: to=<bob@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)
2026-11-25T10:00:01Z mx1 postfix/qmgr[3]: A1: removed
`))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestQueueIDReused(t *testing.T) {
	const message = `2026-11-25T%[1]s:00:00Z mx1 postfix/smtpd[1]: A1: client=pc.example.com[192.0.2.9]
2026-11-25T%[1]s:00:00Z mx1 postfix/cleanup[2]: A1: message-id=<%[1]s@example.com>
2026-11-25T%[1]s:00:00Z mx1 postfix/qmgr[3]: A1: from=<ann@example.com>, size=400, nrcpt=1 (queue active)
2026-11-25T%[1]s:00:01Z mx1 postfix/local[5]: A1: to=<bob@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)
`
	const removed = "2026-11-25T10:00:01Z mx1 postfix/qmgr[3]: A1: removed\n"
	first, second := fmt.Sprintf(message, "10"), fmt.Sprintf(message, "11")
	const delivered = " - bob@example.org delivered 1/0 1s"
	for _, c := range []struct{ log, want string }{
		{first + removed + second, "A1 complete" + delivered + " | A1 end_of_logs" + delivered},
		{first + second, "A1 id_reused" + delivered + " | A1 end_of_logs" + delivered}, // the line about the removal is missing
		{first + removed + strings.ReplaceAll(second, "T11:00", "T10:00"), "A1 complete" + delivered + " | A1 end_of_logs" + delivered},
	} {
		if got := show(readText(t, &Tracker{}, c.log)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// Ids of any length that the parser takes are told apart to their last letter.
func TestQueueIDsOfAllLengths(t *testing.T) {
	var log, want []string
	for n := 1; n <= 40; n++ {
		for _, last := range []string{"1", "2"} {
			id := strings.Repeat("A", n-1) + last
			log = append(log, fmt.Sprintf("2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: %s: client=pc.example.com[192.0.2.9]", id))
			want = append(want, fmt.Sprintf("%s complete - u%d-%s@example.org delivered 1/0 1s", id, n, last))
		}
	}
	for n := 1; n <= 40; n++ {
		for _, last := range []string{"1", "2"} {
			id := strings.Repeat("A", n-1) + last
			log = append(log, fmt.Sprintf("2026-11-25T10:00:01Z mx1 postfix/local[5]: %s: to=<u%d-%s@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)", id, n, last),
				fmt.Sprintf("2026-11-25T10:00:01Z mx1 postfix/qmgr[3]: %s: removed", id))
		}
	}
	if got, want := show(readText(t, &Tracker{}, strings.Join(log, "\n")+"\n")), strings.Join(want, " | "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A log may begin in the middle of messages, and lines of one second may be out of
// order.
func TestBeganBeforeTheLogs(t *testing.T) {
	lines := strings.SplitAfter(filtered, "\n")
	for _, s := range readText(t, &Tracker{}, lines[9]+lines[10]) {
		m := s.Messages[0]
		if m.Began || m.Ending != Complete || m.Recipients[0].Outcome != Delivered || m.Recipients[0].Seconds != 600 {
			t.Errorf("got %s, began %v", show([]*Story{s}), m.Began)
		}
	}
	want := "B2 end_of_logs - bob@example.org queued 1/1 greylisted"
	stories := readText(t, &Tracker{}, lines[5]+lines[3]+lines[4]+lines[8])
	if got := show(stories); got != want || !stories[0].Messages[0].Began {
		t.Errorf("got %s", got)
	}
}

func TestRefusedMessages(t *testing.T) {
	for _, c := range []struct{ log, want string }{
		{"2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from pc.example.com[192.0.2.9]: 550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table; from=<ann@example.com> to=<x@example.org> proto=ESMTP helo=<pc>\n",
			" complete - x@example.org refused 1/0 user_unknown"},
		{"2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: A1: client=pc.example.com[192.0.2.9]\n", "A1 end_of_logs -"},
		{`Nov 25 04:30:31 mx1 sm-mta[21611]: 6AP4UVTc021611: from=<jo@example.com>, size=230, class=0, nrcpts=1, msgid=<x@example.org>, proto=ESMTP, daemon=MTA, relay=pc.example.com [192.0.2.9]
Nov 25 04:30:31 mx1 sm-mta[21611]: 6AP4UVTc021611: Milter: data, reject=451 4.7.1 Greylisting in action, please come back later
Nov 25 04:30:31 mx1 sm-mta[21611]: 6AP4UVTc021611: to=<postmaster@example.net>, delay=00:00:00, pri=30230, stat=Greylisting in action, please come back later
`, "6AP4UVTc021611 complete -  refused 1/0 greylisted"},
	} {
		for _, entries := range []int{0, 50} {
			stories := readText(t, &Tracker{Entries: entries}, c.log)
			if got := show(stories); got != c.want || stories[0].Messages[0].Accepted {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		}
	}
}

// Sendmail says of mail that goes back before any attempt only that a notice was
// queued, and of what a filter swallows that it was discarded.
func TestSendmailWithoutAttempts(t *testing.T) {
	const from = "Nov 25 10:00:00 mx1 sm-mta[77]: 6APA00VO000077: from=<ann@example.com>, size=9, class=0, nrcpts=2, msgid=<x@example.com>, relay=[192.0.2.9]\n"
	const notice = "Nov 25 10:00:01 mx1 sm-mta[78]: 6APA00VO000077: 6APA00VP000077: DSN: %s\n"
	const sent = "Nov 25 10:00:01 mx1 sm-mta[78]: 6APA00VO000077: to=<a@example.org>, delay=00:00:01, mailer=esmtp, relay=mx.example.org. [192.0.2.25], dsn=2.0.0, stat=Sent (Ok)\n"
	hops := fmt.Sprintf(notice, "Too many hops 26 (25 max): from <ann@example.com> via [192.0.2.9], to <a@example.org>")
	const back = " | 6APA00VP000077 end_of_logs -"
	for _, c := range []struct{ log, want string }{
		{from + hops, "6APA00VO000077 complete -  failed 0/0 1s,  failed 0/0 1s" + back},
		{from + fmt.Sprintf(notice, "aliasing/forwarding loop broken"), "6APA00VO000077 complete -  failed 0/0 1s,  failed 0/0 1s" + back},
		{hops, "6APA00VO000077 end_of_logs -" + back},                                                                      // began before the log
		{from + sent + hops, "6APA00VP000077 end_of_logs - | 6APA00VO000077 end_of_logs - a@example.org delivered 1/0 1s"}, // who the notice is about is not said
		{from + fmt.Sprintf(notice, "Return receipt"), "6APA00VO000077 end_of_logs -" + back},
		{from + fmt.Sprintf(notice, "Return receipt") + "Nov 25 10:00:02 mx1 sm-mta[78]: 6APA00VO000077: timeout waiting for input from mx.example.org. during client DATA 354\n", "6APA00VP000077 end_of_logs - | 6APA00VO000077 end_of_logs -"},
		{from + "Nov 25 10:00:01 mx1 sm-mta[77]: 6APA00VO000077: discarded\n", "6APA00VO000077 complete -"},
	} {
		if got := show(readText(t, &Tracker{}, c.log)); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.log, got, c.want)
		}
	}
}

// postsuper -r: what waits goes on under another id.
func TestPutBackIntoTheQueue(t *testing.T) {
	const log = `2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: A1: client=pc.example.com[192.0.2.9], sasl_method=PLAIN, sasl_username=ann
2026-11-25T10:00:00Z mx1 postfix/cleanup[2]: A1: message-id=<x@example.com>
2026-11-25T10:00:00Z mx1 postfix/qmgr[3]: A1: from=<ann@example.com>, size=400, nrcpt=3 (queue active)
2026-11-25T10:00:01Z mx1 postfix/smtp[6]: A1: to=<bob@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)
2026-11-25T10:00:01Z mx1 postfix/smtp[6]: A1: to=<eve@example.net>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to mx.example.net[192.0.2.26]:25: Connection refused)
2026-11-25T10:05:00Z mx1 postfix/postsuper[7]: A1: requeued
2026-11-25T10:05:00Z mx1 postfix/postsuper[7]: Requeued: 1 message
2026-11-25T10:05:10Z mx1 postfix/pickup[8]: B2: uid=89 from=<ann@example.com> orig_id=A1
2026-11-25T10:05:10Z mx1 postfix/cleanup[2]: B2: message-id=<x@example.com>
2026-11-25T10:05:10Z mx1 postfix/qmgr[3]: B2: from=<ann@example.com>, size=500, nrcpt=2 (queue active)
2026-11-25T10:05:11Z mx1 postfix/smtp[6]: B2: to=<eve@example.net>, relay=mx2.example.net[192.0.2.27]:25, delay=311, delays=310/0/0/1, dsn=2.0.0, status=sent (250 Ok)
2026-11-25T10:05:11Z mx1 postfix/smtp[6]: B2: to=<dan@example.net>, relay=mx2.example.net[192.0.2.27]:25, delay=311, delays=310/0/0/1, dsn=5.1.1, status=bounced (host mx2.example.net[192.0.2.27] said: 550 5.1.1 no such user (in reply to RCPT TO command))
2026-11-25T10:05:11Z mx1 postfix/qmgr[3]: B2: removed
`
	want := "A1 complete ann bob@example.org delivered 1/0 1s, eve@example.net requeued as B2 1/1 network_error; " +
		"B2 complete ann eve@example.net delivered 1/0 311s, dan@example.net failed 1/0 311s"
	if got := show(readText(t, &Tracker{}, log)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A queue id may come again at once: a message that has that of the one it continues
// is not over because of that.
func TestPutBackUnderTheSameID(t *testing.T) {
	const log = `2026-11-25T10:00:00Z mx1 postfix/pickup[8]: A1: uid=89 from=<ann@example.com> orig_id=A1
2026-11-25T10:00:00Z mx1 postfix/cleanup[2]: A1: message-id=<x@example.com>
2026-11-25T10:00:00Z mx1 postfix/qmgr[3]: A1: from=<ann@example.com>, size=400, nrcpt=1 (queue active)
2026-11-25T10:00:01Z mx1 postfix/smtp[6]: A1: to=<eve@example.net>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to mx.example.net[192.0.2.26]:25: Connection refused)
2026-11-25T10:05:00Z mx1 postfix/smtp[6]: B2: to=<bob@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to mx.example.net[192.0.2.26]:25: Connection refused)
2026-11-25T10:05:11Z mx1 postfix/smtp[6]: A1: to=<eve@example.net>, relay=mx2.example.net[192.0.2.27]:25, delay=311, delays=310/0/0/1, dsn=2.0.0, status=sent (250 Ok)
2026-11-25T10:05:11Z mx1 postfix/qmgr[3]: A1: removed
`
	want := "A1 complete - eve@example.net delivered 2/1 network_error 311s | B2 end_of_logs - bob@example.org queued 1/1 network_error"
	if got := show(readText(t, &Tracker{}, log)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Exim gives a message up by hand, or when it was frozen for too long, in one line.
func TestEximCancels(t *testing.T) {
	const id = " 1xX8Bp-0000Ii-1L "
	const from = "2026-11-25 10:00:00" + id + "<= ann@example.com H=pc.example.com [192.0.2.9] P=esmtp S=322 for a@example.org b@example.org c@example.org\n"
	const sent = "2026-11-25 10:00:01" + id + "=> a@example.org R=dns T=smtp H=mx.example.org [192.0.2.25] C=\"250 ok\"\n"
	const put = "2026-11-25 10:00:01" + id + "== b@example.org R=dns T=smtp defer (-44) H=mx.example.org [192.0.2.25]: SMTP error from remote mail server after RCPT TO:<b@example.org>: 452 4.2.2 mailbox full\n"
	const end = "2026-11-25 10:00:09" + id + "%s by timeout_frozen_after\n2026-11-25 10:00:09" + id + "Completed\n"
	for _, c := range []struct{ log, want string }{
		{from + sent + put + fmt.Sprintf(end, "cancelled"), "1xX8Bp-0000Ii-1L complete - a@example.org delivered 1/0 1s, b@example.org failed 1/1 mailbox_full 9s,  failed 0/0 9s"},
		{from + sent + put + fmt.Sprintf(end, "removed"), "1xX8Bp-0000Ii-1L complete - a@example.org delivered 1/0 1s, b@example.org gone 1/1 mailbox_full"},
	} {
		if got := show(readText(t, &Tracker{}, c.log)); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.log, got, c.want)
		}
	}
}

func TestSendmailLogin(t *testing.T) {
	const log = `Nov 25 10:00:00 mx1 sm-mta[77]: AUTH=server, relay=pc.example.com [192.0.2.9], authid=ann, mech=PLAIN, bits=0
Nov 25 10:00:00 mx1 sm-mta[77]: 6APA00VO000077: from=<ann@example.com>, size=9, class=0, nrcpts=2, msgid=<x@example.com>, relay=pc.example.com [192.0.2.9]
Nov 25 10:00:01 mx1 sm-mta[78]: 6APA00VO000077: to=<a@example.org>,<b@example.org>, delay=00:00:01, mailer=esmtp, relay=mx.example.org. [192.0.2.25], dsn=2.0.0, stat=Sent (Ok)
Nov 25 10:00:02 mx1 sm-mta[77]: 6APA02VO000077: from=<eve@example.com>, size=9, class=0, nrcpts=1, msgid=<y@example.com>, relay=[192.0.2.66]
`
	want := "6APA00VO000077 complete ann a@example.org delivered 1/0 1s, b@example.org delivered 1/0 1s | 6APA02VO000077 end_of_logs -"
	if got := show(readText(t, &Tracker{}, log)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Memory is bounded: the oldest are given up, and counted.
func TestLimitAndAge(t *testing.T) {
	var log strings.Builder
	start := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	const n = 1000
	for i := range n {
		fmt.Fprintf(&log, "%s mx1 postfix/qmgr[3]: A%d: from=<ann@example.com>, size=400, nrcpt=1 (queue active)\n", start.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i)
	}
	for _, c := range []struct {
		tracker Tracker
		want    [NumEndings]uint64
	}{
		{Tracker{}, [NumEndings]uint64{EndOfLogs: n}},
		{Tracker{Limit: 100}, [NumEndings]uint64{Crowded: n - 100, EndOfLogs: 100}},
		{Tracker{MaxAge: 100 * time.Second}, [NumEndings]uint64{TooOld: n - 101, EndOfLogs: 101}},
	} {
		tr := c.tracker
		stories := readText(t, &tr, log.String())
		if len(stories) != n || tr.Ended != c.want {
			t.Errorf("%d stories, ended %v, want %v", len(stories), tr.Ended, c.want)
		}
	}
}

// A client that is refused, or leaves, before its message is taken: nothing is to
// come, and nobody lost sight of it.
func TestSessionWithoutAMessage(t *testing.T) {
	tr := Tracker{MaxAge: 24 * time.Hour}
	readText(t, &tr, `2026-11-25T10:00:00Z mx1 sm-mta[7]: 4APA00cd000001: ruleset=check_rcpt, arg1=<x@example.org>, relay=[192.0.2.9], reject=550 5.7.1 <x@example.org>... Relaying denied
2026-11-25T10:00:00Z mx1 sm-mta[7]: 4APA00cd000001: from=<ann@example.com>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=[192.0.2.9]
2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: B2: client=pc.example.com[192.0.2.9]
2026-11-25T13:00:00Z mx1 sm-mta[8]: 4APD00cd000002: ruleset=check_rcpt, arg1=<y@example.org>, relay=[192.0.2.9], reject=550 5.7.1 <y@example.org>... Relaying denied
`)
	if want := [NumEndings]uint64{Complete: 2, EndOfLogs: 1}; tr.Ended != want {
		t.Errorf("endings %v, want %v", tr.Ended, want)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	lines := strings.SplitAfter(filtered, "\n")
	s := readText(t, &Tracker{Entries: 4}, lines[3]+strings.Repeat(lines[8], 50)+lines[9])[0]
	if len(s.Entries) != 4 || s.Cut != 48 || s.Entries[0].Kind != "arrived" || s.Entries[3].Kind != "sent" {
		t.Errorf("%d entries, %d cut, from %s to %s", len(s.Entries), s.Cut, s.Entries[0].Kind, s.Entries[3].Kind)
	}
	if r := s.Messages[0].Recipients[0]; r.Attempts != 51 || r.Deferred != 50 {
		t.Errorf("%d attempts, %d deferred", r.Attempts, r.Deferred)
	}
}

// Of a message with many recipients each is found again, and nothing of it is left.
func TestManyRecipients(t *testing.T) {
	const n = 2000
	lines := strings.SplitAfter(filtered, "\n")
	var log strings.Builder
	for _, change := range []*strings.Replacer{strings.NewReplacer(), strings.NewReplacer("B2", "B3", "T10:", "T11:")} { // the second message uses what the first one left
		for _, line := range []string{lines[3], lines[4], lines[8], lines[9], lines[10]} {
			line = change.Replace(line)
			if !strings.Contains(line, "bob@") {
				log.WriteString(line)
				continue
			}
			for i := range n {
				log.WriteString(strings.Replace(line, "bob@", fmt.Sprintf("Bob%d@", i), 1))
			}
		}
	}
	tr := Tracker{}
	for _, s := range readText(t, &tr, log.String()) {
		m := s.Messages[0]
		if len(m.Recipients) != n {
			t.Fatalf("%s has %d recipients", m.QueueID, len(m.Recipients))
		}
		for i, r := range m.Recipients {
			if r.Address != fmt.Sprintf("Bob%d@example.org", i) || r.Attempts != 2 || m.FateOf(&r) != DeliveredLater {
				t.Fatalf("%s: recipient %d is %+v", m.QueueID, i, r)
			}
		}
	}
	if tr.many.n != 0 || tr.index.n != 0 || tr.held != 0 || tr.recipients.used != n || tr.messages.used != 1 {
		t.Errorf("left: %d in the index of recipients, %d in that of messages, %d held; %d places of recipients", tr.many.n, tr.index.n, tr.held, tr.recipients.used)
	}
}

// A mailing to the same local part of many domains: each is found by its address, and
// the first by the local part, without a look at the others.
func TestManyRecipientsOfOneName(t *testing.T) {
	const n = 3000
	var log strings.Builder
	for _, status := range []string{"deferred (connect to mx.example.org[192.0.2.25]:25: Connection timed out)", "sent (250 Ok)"} {
		for i := range n {
			fmt.Fprintf(&log, "2026-11-25T10:00:00Z mx1 postfix/smtp[6]: B2: to=<info@d%d.example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=%s\n", i, status)
		}
	}
	tr := Tracker{}
	pipe := watchPipe(nil)
	pipe.Listener = &tr
	pipe.Block(&tailer.Block{Source: "mail.log", Data: []byte(log.String()), Line: 1})
	m := tr.find(logparse.Postfix, []byte("mx1"), []byte("B2"))
	if m.known != n || m.waiting != 0 {
		t.Errorf("%d recipients, %d without an outcome", m.known, m.waiting)
	}
	if r := tr.known(m, []byte("INFO")); r == nil || tr.texts.string(r.address) != "info@d0.example.org" {
		t.Errorf("found by the local part: %+v", r)
	}
	if n := len(numbersOf(&tr.many, manyHash(m, localHash([]byte("info"))))); n != 1 {
		t.Errorf("%d recipients stand in the index by the same local part", n)
	}
	tr.Close()
	if tr.many.n != 0 {
		t.Errorf("left: %d in the index of recipients", tr.many.n)
	}
}

// A line with a wrong time gives up few messages, not all.
func TestWrongTime(t *testing.T) {
	var log strings.Builder
	for i := range 50 {
		fmt.Fprintf(&log, "2026-11-25T10:00:00Z mx1 postfix/qmgr[3]: A%d: from=<ann@example.com>, size=400, nrcpt=1 (queue active)\n", i)
	}
	log.WriteString("2036-11-25T10:00:00Z mx1 postfix/qmgr[3]: B1: from=<ann@example.com>, size=400, nrcpt=1 (queue active)\n")
	tr := Tracker{MaxAge: time.Hour}
	readText(t, &tr, log.String())
	if want := [NumEndings]uint64{TooOld: 2, EndOfLogs: 49}; tr.Ended != want {
		t.Errorf("ended %v, want %v", tr.Ended, want)
	}
}

func TestFilter(t *testing.T) {
	s := readText(t, &Tracker{}, filtered)[0]
	for _, c := range []struct {
		filter Filter
		want   bool
	}{
		{Filter{}, true},
		{Filter{QueueID: "A1"}, true},
		{Filter{QueueID: "B2"}, true},
		{Filter{QueueID: "C3"}, false},
		{Filter{From: "Ann@Example.com"}, true},
		{Filter{From: "@example.com", To: "@EXAMPLE.org"}, true},
		{Filter{From: "@ample.com"}, false},
		{Filter{From: "<>"}, false},
		{Filter{To: "bob@example.org", QueueID: "A1"}, true},
		{Filter{To: "<bob@example.org>"}, true},
		{Filter{To: "ann@example.com"}, false},
		{Filter{MessageID: "<x@example.com>"}, true},
		{Filter{MessageID: "x@example.com"}, true},
		{Filter{MessageID: "y@example.com"}, false},
	} {
		if got := c.filter.Match(s); got != c.want {
			t.Errorf("%+v: %v", c.filter, got)
		}
	}
}

// show is a story as "id ending user recipient outcome attempts/deferrals first-cause time".
func show(stories []*Story) string {
	var out []string
	for _, s := range stories {
		var messages []string
		for _, m := range s.Messages {
			messages = append(messages, showMessage(m))
		}
		out = append(out, strings.Join(messages, "; "))
	}
	return strings.Join(out, " | ")
}

func showMessage(m *Message) string {
	user := m.User
	if user == "" {
		user = "-"
	}
	s := fmt.Sprintf("%s %v %s", m.QueueID, m.Ending, user)
	for i, r := range m.Recipients {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf(" %s %v", r.Address, r.Outcome)
		if r.Next != "" {
			s += " as " + r.Next
		}
		s += fmt.Sprintf(" %d/%d", r.Attempts, r.Deferred)
		if r.Deferred > 0 || r.Outcome == Refused {
			s += " " + r.First.String()
		}
		if r.Seconds >= 0 && r.Next == "" {
			s += fmt.Sprintf(" %.0fs", r.Seconds)
		}
	}
	return s
}
