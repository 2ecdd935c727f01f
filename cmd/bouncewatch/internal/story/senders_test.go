package story

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A mailing writes the lines of messages with one recipient each.
type mailing struct {
	strings.Builder
	id int
}

func (l *mailing) send(at time.Time, user string, n int, status string) {
	for range n {
		l.id++
		stamp, id := at.UTC().Format(time.RFC3339), fmt.Sprintf("%X", 0xA0000+l.id)
		arrival := fmt.Sprintf("%s mx1 postfix/smtpd[1]: %s: client=pc.example.com[192.0.2.9]", stamp, id)
		if user != "" {
			arrival += ", sasl_method=PLAIN, sasl_username=" + user
		}
		reply := map[string]string{
			"sent": "dsn=2.0.0, status=sent (250 2.0.0 Ok)", "bounced": "dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command))",
		}[status]
		fmt.Fprintf(l, "%s\n%s mx1 postfix/qmgr[3]: %s: from=<list@example.com>, size=400, nrcpt=1 (queue active)\n%s mx1 postfix/smtp[5]: %s: to=<u%d@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, %s\n%s mx1 postfix/qmgr[3]: %s: removed\n",
			arrival, stamp, id, stamp, id, l.id, reply, stamp, id)
	}
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestSuspiciousSenders(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(*mailing)
		want string
	}{
		{"unknown recipients", func(l *mailing) {
			l.send(noon, "ann@example.com", 80, "sent")
			l.send(noon, "ann@example.com", 20, "bounced")
		}, "*@example.com 100 20"},
		{"one unknown too few", func(l *mailing) {
			l.send(noon, "ann@example.com", 80, "sent")
			l.send(noon, "ann@example.com", 19, "bounced")
		}, ""},
		{"a small share of unknown", func(l *mailing) {
			l.send(noon, "ann@example.com", 81, "sent")
			l.send(noon, "ann@example.com", 20, "bounced")
		}, ""},
		{"no user is known: the sender", func(l *mailing) { l.send(noon, "", 20, "bounced") }, "*@example.com 20 20"},
		{"sudden", func(l *mailing) {
			l.send(noon.Add(-24*time.Hour), "ann", 100, "sent")
			l.send(noon, "ann", 500, "sent")
		}, "a* 500 0"},
		{"new, and sudden", func(l *mailing) {
			l.send(noon.Add(-24*time.Hour), "bob", 1, "sent")
			l.send(noon, "ann", 500, "sent")
		}, "a* 500 0"},
		{"not sudden: as usual", func(l *mailing) { // 1900 in the 36 hours before: 52.8 in an hour
			l.send(noon.Add(-25*time.Hour), "ann", 1900, "sent")
			l.send(noon, "ann", 500, "sent")
		}, ""},
		{"no day was seen", func(l *mailing) {
			l.send(noon.Add(-23*time.Hour), "bob", 1, "sent")
			l.send(noon, "ann", 500, "sent")
		}, ""},
		{"a stranger may write to many", func(l *mailing) {
			l.send(noon.Add(-24*time.Hour), "bob", 1, "sent")
			l.send(noon, "", 500, "sent")
		}, ""},
		{"the hour is over", func(l *mailing) {
			l.send(noon, "ann", 20, "bounced")
			l.send(noon.Add(time.Hour), "bob", 1, "sent")
		}, "a* 20 20"},
		{"two hours are over", func(l *mailing) {
			l.send(noon, "ann", 20, "bounced")
			l.send(noon.Add(2*time.Hour), "bob", 1, "sent")
		}, ""},
		{"one line with a wrong time", func(l *mailing) {
			l.send(noon.AddDate(10, 0, 0), "bob", 1, "sent")
			l.send(noon, "ann", 20, "bounced")
		}, "a* 20 20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWatch(10_000)
			var l mailing
			c.log(&l)
			watchText(w, l.String())
			if got := showSuspects(w); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := showSuspects(loaded(t, save(t, w))); got != c.want {
				t.Errorf("after a restart: %q, want %q", got, c.want)
			}
		})
	}
}

func showSuspects(w *Watch) string {
	var all []string
	for _, r := range w.look().Senders {
		if r.Suspicious {
			all = append(all, fmt.Sprintf("%s %d %d", r.Name, r.Tally.Recipients, r.Tally.Unknown))
		}
	}
	return strings.Join(all, ", ")
}

// The daemon's own log says it once, when it is on disk, without the address.
func TestSuspicionIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	w := newWatch(10_000)
	w.opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
	var l mailing
	l.send(noon, "ann@example.com", 25, "bounced")
	watchText(w, l.String())
	if out.Len() != 0 {
		t.Errorf("logged before it is on disk: %s", out.String())
	}
	for range 2 {
		save(t, w)
		w.Saved()
	}
	if !strings.Contains(out.String(), `sender=*@example.com recipients=25 unknown=25 hour=2026-11-25T12Z queue_id=A0019`) || strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "ann") {
		t.Errorf("logged: %s", out.String())
	}
	again := loaded(t, save(t, w))
	again.opts.Logger = w.opts.Logger
	l.Reset()
	l.send(noon, "ann@example.com", 1, "bounced")
	watchText(again, l.String())
	save(t, again)
	again.Saved()
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// A daemon that catches up reads a log of two weeks ago in turns with today's: they
// do not end each other's hours.
func TestSuspicionBesideALogThatIsBehind(t *testing.T) {
	w := newWatch(10_000)
	behind, current := watchPipe(w), watchPipe(w)
	for i := range 25 {
		var old, now mailing
		old.id, now.id = 10_000+i, i
		old.send(noon.AddDate(0, 0, -14), "ann@example.com", 1, "bounced")
		now.send(noon, "bob@example.com", 1, "bounced")
		behind.Block(&tailer.Block{Source: "mail.log.1", Data: []byte(old.String()), Line: 1})
		current.Block(&tailer.Block{Source: "mail.log", Data: []byte(now.String()), Line: 1})
	}
	if got, want := showSuspects(w), "*@example.com 25 25"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSuspicionEndsWhereLogsAreQuiet(t *testing.T) {
	w := newWatch(10_000)
	var l mailing
	l.send(noon, "ann", 20, "bounced")
	watchText(w, l.String())
	save(t, w)
	w.Saved()
	v := w.View()
	for _, c := range []struct {
		quiet time.Duration
		want  int
	}{{0, 1}, {time.Hour, 1}, {2 * time.Hour, 0}} {
		if n := v.Suspects(v.line.Add(c.quiet)); n != c.want {
			t.Errorf("after %v: %d suspects, want %d", c.quiet, n, c.want)
		}
	}
}

// However many senders there are, the table is bounded, and a big one is in it.
func TestSendersAreBounded(t *testing.T) {
	s := newSenders(Suspicion{Unknown: 20, Recipients: 500}, senderNames)
	var tr Tracker
	for i := range 20_000 {
		name := fmt.Sprint(i)
		if i%100 == 0 {
			name = "ann"
		}
		s.met(&tr, &openMessage{user: tr.texts.put([]byte(name)), last: noon.UnixNano()})
	}
	if s.now.len() != senderNames || s.now.tally([]byte("ann")).Recipients < 200-20 {
		t.Errorf("%d senders, ann has %d", s.now.len(), s.now.tally([]byte("ann")).Recipients)
	}
}

// In finished logs a suspect has a row for each hour.
func TestSuspectsOfFinishedLogs(t *testing.T) {
	s := NewSuspects(Suspicion{Unknown: 20, Recipients: 500})
	s.All = true
	var l mailing
	l.send(noon, "ann@example.com", 30, "sent")
	l.send(noon, "ann@example.com", 25, "bounced")
	l.send(noon.Add(time.Hour), "ann@example.com", 21, "bounced")
	l.send(noon.Add(time.Hour), "bob@example.com", 19, "bounced")
	readText(t, &Tracker{watcher: s}, l.String())
	var got []string
	for _, r := range s.Rows() {
		got = append(got, fmt.Sprintf("%s %s %d %d %s", r.Hour, r.Name, r.Recipients, r.Unknown, r.QueueID))
	}
	want := "2026-11-25T12:00:00Z ann@example.com 55 25 A0032, 2026-11-25T13:00:00Z ann@example.com 21 21 A004B"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	s = NewSuspects(Suspicion{Unknown: 20, Recipients: 500})
	readText(t, &Tracker{watcher: s, Keep: func(*pipeline.Seen) bool { return false }}, l.String())
	if n := len(s.Rows()); n != 0 {
		t.Errorf("%d suspects in what is not selected", n)
	}
}
