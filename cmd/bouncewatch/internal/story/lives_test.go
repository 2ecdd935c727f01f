package story

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// Lives are made-up messages whose outcomes are decided before their lines are
// written, so that what is counted can be compared with what was decided.
type lives struct {
	random *rand.Rand
	logs   [logparse.NumMTAs][]lifeLine // each server has a log of its own
	fates  [logparse.NumMTAs][NumFates]uint64
}

const lifeMessages = 150

type lifeLine struct {
	at   time.Time
	text string
}

// lifeSpeech is how a server says what happens to the message ID and to the
// recipient TO, one of N.
type lifeSpeech struct {
	id                              string // of a number
	begin                           []string
	put, sent, failed, expired, end string // "" where the server does not say so
}

var lifeSpeeches = [logparse.NumMTAs]lifeSpeech{
	logparse.Postfix: {
		id: "A%05d",
		begin: []string{
			"mx1 postfix/smtpd[1]: ID: client=pc.example.com[192.0.2.9]",
			"mx1 postfix/cleanup[2]: ID: message-id=<ID@example.com>",
			"mx1 postfix/qmgr[3]: ID: from=<ann@example.com>, size=400, nrcpt=N (queue active)",
		},
		put:     "mx1 postfix/smtp[5]: ID: to=<TO>, relay=none, delay=9, delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to mx.example.org[192.0.2.25]:25: Connection timed out)",
		sent:    "mx1 postfix/smtp[5]: ID: to=<TO>, relay=mx.example.org[192.0.2.25]:25, delay=9, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
		failed:  "mx1 postfix/smtp[5]: ID: to=<TO>, relay=mx.example.org[192.0.2.25]:25, delay=9, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command))",
		expired: "mx1 postfix/qmgr[3]: ID: from=<ann@example.com>, status=expired, returned to sender",
		end:     "mx1 postfix/qmgr[3]: ID: removed",
	},
	logparse.Exim: {
		id:     "1xW4YW-000000%05d-1duB",
		begin:  []string{"ID <= ann@example.com H=pc.example.com [192.0.2.9] P=esmtp S=400 id=ID@example.com"},
		put:    "ID == TO R=dnslookup T=remote_smtp defer (110): Connection timed out",
		sent:   `ID => TO R=dnslookup T=remote_smtp H=mx.example.org [192.0.2.25] C="250 ok"`,
		failed: "ID ** TO R=dnslookup T=remote_smtp H=mx.example.org [192.0.2.25]: SMTP error from remote mail server after RCPT TO:<TO>: 550 5.1.1 User unknown",
		end:    "ID Completed",
	},
	logparse.Sendmail: {
		id:     "6APA00VO%06d",
		begin:  []string{"mx2 sm-mta[7]: ID: from=<ann@example.com>, size=400, class=0, nrcpts=N, msgid=<ID@example.com>, proto=ESMTP, daemon=MTA, relay=pc.example.com [192.0.2.9]"},
		put:    "mx2 sm-mta[8]: ID: to=<TO>, delay=00:00:09, mailer=esmtp, relay=mx.example.org. [192.0.2.25], dsn=4.0.0, stat=Deferred: Connection timed out with mx.example.org.",
		sent:   "mx2 sm-mta[8]: ID: to=<TO>, delay=00:00:09, mailer=esmtp, relay=mx.example.org. [192.0.2.25], dsn=2.0.0, stat=Sent (Ok)",
		failed: "mx2 sm-mta[8]: ID: to=<TO>, delay=00:00:09, mailer=esmtp, relay=mx.example.org. [192.0.2.25], dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown",
	},
}

func newLives(seed uint64) *lives {
	l := &lives{random: rand.New(rand.NewPCG(seed, 1))}
	for i := range lifeMessages {
		l.add([...]logparse.MTA{logparse.Postfix, logparse.Exim, logparse.Sendmail}[l.random.IntN(3)], i)
	}
	for _, log := range l.logs {
		slices.SortStableFunc(log, func(a, b lifeLine) int { return a.at.Compare(b.at) })
	}
	return l
}

// add decides on the fate of a message and writes its lines. Ids come again when the
// message before is over, or should be.
func (l *lives) add(mta logparse.MTA, i int) {
	const ids, apart = 20, 12 * time.Hour
	says := &lifeSpeeches[mta]
	recipients := 1 + l.random.IntN(3)
	if l.random.IntN(10) == 0 {
		recipients = few - 5 + l.random.IntN(30)
	}
	id := fmt.Sprintf(says.id, i%ids)
	at := time.Date(2026, 11, 10, 10, 0, l.random.IntN(3600), 0, time.UTC).Add(time.Duration(i/ids) * apart)
	say := func(format, to string) {
		text := strings.NewReplacer("ID", id, "TO", to, "N", fmt.Sprint(recipients)).Replace(format)
		l.logs[mta] = append(l.logs[mta], lifeLine{at, text})
	}
	for _, format := range says.begin {
		say(format, "")
	}
	waiting := uint64(0)
	for n := range recipients {
		to := fmt.Sprintf("bob%d@example.org", n)
		put := l.random.IntN(3)
		for range put {
			at = at.Add(time.Duration(l.random.IntN(20)) * time.Second)
			say(says.put, to)
		}
		at = at.Add(time.Duration(l.random.IntN(20)) * time.Second)
		switch l.random.IntN(8) {
		case 0:
			waiting++
			if put == 0 {
				say(says.put, to)
			}
		case 1:
			say(says.failed, to)
			l.fates[mta][FailedForGood]++
		default:
			say(says.sent, to)
			l.fates[mta][[...]Fate{DeliveredFirst, DeliveredLater, DeliveredLater}[put]]++
		}
	}
	switch {
	case waiting > 0 && says.expired != "" && l.random.IntN(2) == 0:
		say(says.expired, "")
		l.fates[mta][GivenUp] += waiting
	case waiting > 0:
		l.fates[mta][StillQueued] += waiting
		return
	}
	if says.end != "" {
		say(says.end, "")
	}
}

// A reading is a Watch, or a Tracker, that reads logs in pieces.
type reading struct {
	pipes [logparse.NumMTAs]*pipeline.Pipeline
	next  [logparse.NumMTAs]int
}

func newReading(w *Watch) *reading {
	r := &reading{}
	for mta := range r.pipes {
		r.pipes[mta] = watchPipe(w)
	}
	return r
}

// read reads n lines of a log, or those that are left.
func (r *reading) read(l *lives, mta, n int) {
	var text strings.Builder
	from := r.next[mta]
	lines := l.logs[mta][from:min(from+n, len(l.logs[mta]))]
	for _, line := range lines {
		layout := time.RFC3339
		if logparse.MTA(mta) == logparse.Exim {
			layout = time.DateTime
		}
		fmt.Fprintf(&text, "%s %s\n", line.at.Format(layout), line.text)
	}
	r.next[mta] += len(lines)
	if len(lines) > 0 {
		r.pipes[mta].Block(&tailer.Block{Source: logparse.MTA(mta).String(), Data: []byte(text.String()), Line: int64(from) + 1})
	}
}

// earliest is the log whose next line is the earliest, -1 at the end of all.
func (r *reading) earliest(l *lives) int {
	earliest := -1
	var at time.Time
	for mta, log := range l.logs {
		if i := r.next[mta]; i < len(log) && (earliest < 0 || log[i].at.Before(at)) {
			earliest, at = mta, log[i].at
		}
	}
	return earliest
}

// all reads all logs, in turns of random lengths; between says what to do after each.
func (r *reading) all(l *lives, random *rand.Rand, longest int, between func()) {
	for unread := true; unread; {
		unread = false
		for _, mta := range random.Perm(int(logparse.NumMTAs)) {
			r.read(l, mta, random.IntN(longest))
			between()
			unread = unread || r.next[mta] < len(l.logs[mta])
		}
	}
}

// FuzzLives: each recipient is counted once, with the fate that it had, in whatever
// turns the logs are read. Where there is room for few messages, no outcome that a
// line tells is lost or counted twice; the books are always in order; and it makes no
// difference where a process ends and the next one goes on with its state.
func FuzzLives(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(seed, uint8(1+seed*seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, limit uint8) {
		l := newLives(seed)
		random := rand.New(rand.NewPCG(seed, 2))
		testFigures(t, l)
		testRoom(t, l, random)
		testLittleRoom(t, l, random, int(max(limit, 1)))
		testEndsAnywhere(t, l, random, int(max(limit, 1)))
	})
}

func testFigures(t *testing.T, l *lives) {
	figures := NewFigures(100)
	figures.All = true
	told := 0
	tr := Tracker{Figures: figures, Entries: 3, Done: func(*Story) { told++ }}
	r := newReading(nil)
	for _, p := range r.pipes {
		p.Listener = &tr
	}
	for mta := r.earliest(l); mta >= 0; mta = r.earliest(l) {
		r.read(l, mta, 1)
	}
	tr.Close()
	checkEmpty(t, &tr)
	var want [NumFates]uint64
	for mta := range l.fates {
		for fate, n := range l.fates[mta] {
			want[fate] += n
		}
	}
	got := figures.Fates
	got[StillQueued], got[LostSight] = got[StillQueued]+got[LostSight], 0 // LostSight: another message took the id
	if got != want || told != lifeMessages || figures.Messages != lifeMessages {
		t.Errorf("%d stories of %d messages, %v; want %d, %v", told, figures.Messages, got, lifeMessages, want)
	}
}

func testRoom(t *testing.T, l *lives, random *rand.Rand) {
	w := newWatch(100_000)
	newReading(w).all(l, random, 100, func() { checkBooks(t, &w.tracker) })
	waiting := waitingOf(&w.tracker)
	w.tracker.Close()
	checkEmpty(t, &w.tracker)
	for mta := range l.fates {
		got, want := w.totals.Outcomes[mta], l.fates[mta]
		got[StillQueued], got[LostSight] = got[LostSight]+waiting[mta], 0 // LostSight: another message took the id
		if got != want {
			t.Errorf("%v: got %v, want %v", logparse.MTA(mta), got, want)
		}
	}
}

func testLittleRoom(t *testing.T, l *lives, random *rand.Rand, limit int) {
	w := newWatch(limit)
	newReading(w).all(l, random, 100, func() {
		checkBooks(t, &w.tracker)
		if w.tracker.open > limit {
			t.Fatalf("%d messages are open, %d may be", w.tracker.open, limit)
		}
	})
	w.tracker.Close()
	checkEmpty(t, &w.tracker)
	delivered := func(f [NumFates]uint64) uint64 { return f[DeliveredFirst] + f[DeliveredLater] + f[DeliveredSome] }
	for mta := range l.fates {
		got, want := w.totals.Outcomes[mta], l.fates[mta]
		if delivered(got) != delivered(want) || got[FailedForGood] != want[FailedForGood] {
			t.Errorf("%v, room for %d: got %v, want %v", logparse.MTA(mta), limit, got, want)
		}
	}
}

func testEndsAnywhere(t *testing.T, l *lives, random *rand.Rand, limit int) {
	load := func(data []byte) *Watch {
		w := newWatch(limit)
		if err := w.Load(data); err != nil {
			t.Fatal(err)
		}
		return w
	}
	empty, turns := save(t, newWatch(limit)), random.Uint64()
	read := func(again func(*Watch) *Watch) []byte {
		w, random := load(empty), rand.New(rand.NewPCG(turns, 3))
		r := newReading(w)
		r.all(l, random, 100, func() {
			if random.IntN(3) > 0 {
				return
			}
			w = again(w)
			for _, p := range r.pipes {
				p.Listener = w
			}
			checkBooks(t, &w.tracker)
		})
		return save(t, w)
	}
	want := read(func(w *Watch) *Watch {
		w.tracker.due = time.Time{} // a new process looks at once for what was quiet for long
		return w
	})
	if got := read(func(w *Watch) *Watch { return load(save(t, w)) }); !bytes.Equal(got, want) {
		t.Errorf("room for %d: the state of several processes is another than that of one:\n%s\n%s", limit, got, want)
	}
}

// waitingOf counts the recipients that wait for outcomes.
func waitingOf(tr *Tracker) (waiting [logparse.NumMTAs]uint64) {
	for s := range numStates {
		for m := range tr.inOrder(s) {
			waiting[m.mta] += uint64(m.waiting) + uint64(m.unseen())
		}
	}
	return waiting
}

// checkBooks compares the counts that a Tracker keeps with what is there.
func checkBooks(t *testing.T, tr *Tracker) {
	t.Helper()
	open, held, many := 0, 0, 0
	for s := range numStates {
		inList := 0
		for m := range tr.inOrder(s) {
			inList++
			known, waiting := 0, 0
			for r := range tr.recipientsOf(m) {
				known++
				if r.outcome == Queued {
					waiting++
				}
				if r.message != m.number {
					t.Fatalf("a recipient of message %d is in the list of message %d", r.message, m.number)
				}
			}
			if known != int(m.known) || waiting != int(m.waiting) || m.state != s || !m.has(listed) {
				t.Fatalf("%d recipients, %d waiting; the message has %d and %d", known, waiting, m.known, m.waiting)
			}
			if tr.find(m.mta, []byte(tr.hosts.name(m.host)), tr.queueID(m)) != m {
				t.Fatalf("message %s is not found", tr.queueID(m))
			}
			held += known
			if known > few {
				many += 2 * known // by address and by local part
			}
		}
		if inList != tr.lists[s].n {
			t.Fatalf("%d messages in list %d, which has %d", inList, s, tr.lists[s].n)
		}
		open += inList
	}
	if open != tr.open || open != tr.index.n || held != tr.held || many < tr.many.n {
		t.Fatalf("%d open, %d in the index, %d held, %d in the index of many; there are %d messages with %d recipients, %d of many",
			tr.open, tr.index.n, tr.held, tr.many.n, open, held, many)
	}
}

// checkEmpty says what a Tracker without messages still holds.
func checkEmpty(t *testing.T, tr *Tracker) {
	t.Helper()
	checkBooks(t, tr)
	inUse := func(used uint32, free []uint32) int {
		slices.Sort(free)
		return int(used) - len(slices.Compact(free))
	}
	left := []int{tr.open, tr.many.n, inUse(tr.messages.used, tr.messages.free), inUse(tr.recipients.used, tr.recipients.free), inUse(tr.groups.used, tr.groups.free)}
	for i := range tr.texts.sizes {
		left = append(left, inUse(tr.texts.sizes[i].used, tr.texts.sizes[i].free))
	}
	left = append(left, tr.hosts.held...)
	if slices.ContainsFunc(left, func(n int) bool { return n != 0 }) {
		t.Fatalf("left: %d", left)
	}
}
