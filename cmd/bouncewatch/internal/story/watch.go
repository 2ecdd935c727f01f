package story

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// WatchOptions is what a Watch needs.
type WatchOptions struct {
	Limit     int           // messages to follow at the same time
	MaxAge    time.Duration // a message that nothing is said of for longer is not waited for
	Suspicion Suspicion
	Logger    *slog.Logger
}

// A Watch follows messages for a daemon: in bounded memory, with a state that
// outlives the process and holds no address. It is a pipeline.Companion.
type Watch struct {
	opts    WatchOptions
	tracker Tracker
	totals  Totals
	senders senders
	line    time.Time // when a line was last seen, by the clock of the host
	saved   *View     // of what Save wrote last
	view    atomic.Pointer[View]

	encoding stateMessage // of the message that Save writes
}

// A View is what readers may see of a Watch: what is on disk. It does not change.
type View struct {
	Totals  Totals
	Open    [logparse.NumMTAs]int // messages that wait for outcomes
	Senders []SenderRow           // at most maxSenderRows
	Limits  Suspicion

	hour     int64 // of the logs
	line     time.Time
	suspects []int64 // their hours
}

// maxSenderRows bounds the senders that a page shows.
const maxSenderRows = 10

// NewWatch returns a Watch that has seen nothing.
func NewWatch(o WatchOptions) *Watch {
	w := &Watch{opts: o, totals: newTotals(), senders: newSenders(o.Suspicion, senderNames)}
	w.tracker = Tracker{Limit: o.Limit, MaxAge: o.MaxAge, watcher: w, pseudonyms: NewPseudonyms(), clocks: &clocks{}}
	w.saved = w.look()
	w.view.Store(w.saved)
	return w
}

// View is what readers may see now.
func (w *Watch) View() *View { return w.view.Load() }

// Step takes what a line says besides outcomes.
func (w *Watch) Step(at pipeline.Place, st *logparse.Step) { w.tracker.Step(at, st) }

// Event takes an outcome or a remark.
func (w *Watch) Event(s *pipeline.Seen) { w.tracker.Event(s) }

func (w *Watch) met(t *Tracker, m *openMessage) {
	if !m.notice() {
		w.senders.met(t, m)
	}
}

func (w *Watch) settled(t *Tracker, m *openMessage, r *openRecipient, n int) {
	if m.notice() || m.has(probe) {
		return
	}
	w.totals.add(m, r, uint64(n))
	if r.outcome == Failed {
		w.senders.failed(t, m, r)
	}
}

// Save writes the state, as it is to be on disk.
func (w *Watch) Save(out io.Writer) error {
	w.totals.Ended = w.tracker.Ended
	w.line = time.Now()
	w.tracker.clocks.rest(w.line)
	w.saved = w.look()
	return w.encode(out)
}

// Saved says that what Save wrote last is on disk: readers may see it, and who
// reads the log of the daemon learns of new suspects.
func (w *Watch) Saved() {
	w.view.Store(w.saved)
	for _, name := range w.senders.fresh {
		t := w.senders.now.tally([]byte(name))
		w.opts.Logger.Warn("suspicious sender: an account that somebody else uses, or a bad list", "sender", shown(name),
			"recipients", t.Recipients, "unknown", t.Unknown, "hour", time.Unix(w.senders.hour*3600, 0).UTC().Format("2006-01-02T15Z"),
			"queue_id", w.senders.suspects[name].QueueID, "hint", "bouncewatch trace --queue-id ID LOG says who")
	}
	w.senders.fresh = nil
}

func (w *Watch) look() *View {
	v := &View{Totals: w.totals.clone(), Limits: w.opts.Suspicion, hour: w.senders.hour, line: w.line}
	v.Senders, _ = w.senders.rows(maxSenderRows)
	for _, sus := range w.senders.suspects {
		v.suspects = append(v.suspects, sus.Hour)
	}
	for m := range w.tracker.inOrder(live) {
		v.Open[m.mta]++
	}
	return v
}

// Suspects is how many senders looked suspicious in this clock hour or the one
// before. Where the logs are quiet, time goes on.
func (v *View) Suspects(now time.Time) (n int) {
	for _, hour := range v.suspects {
		if current(hour, v.hour, now.Sub(v.line)) {
			n++
		}
	}
	return n
}
