package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A Follower yields lines of growing logs; tailer.Follower is one.
type Follower interface {
	Next(ctx context.Context) (tailer.Batch, error)
	State() []tailer.FileState
	Stats() []tailer.SourceStats
	CaughtUp() bool
	Before(source string, n int64) []byte
	Close() error
}

// A Start starts to follow logs, behind the given positions.
type Start func(ctx context.Context, state []tailer.FileState) (Follower, error)

// LiveOptions is what a Live needs.
type LiveOptions struct {
	Dir    *StateDir
	Logger *slog.Logger
	// Follow starts to follow the logs, behind the given positions.
	Follow Start
	// Rules are what replies are classified by; nil means the built-in ones.
	Rules *replycode.Rules
	// Interval is the shortest time between two checkpoints; 0 means 1 s. A large
	// state is written less often.
	Interval time.Duration
	// Companion, if set, follows messages.
	Companion Companion
	// Outbox, if set, gets each event.
	Outbox Outbox
	// Beat, if set, is called about once an Interval while all is well.
	Beat func()
}

// A Live counts what is written to logs, and keeps the counts over restarts.
// Readers see only what is on disk already: a value that a scrape saw can never
// be taken back by a crash.
type Live struct {
	opts     LiveOptions
	follower Follower
	snapshot Snapshot // what was counted and is perhaps not on disk yet
	base     map[string]SourceTotals
	pipes    map[string]*Pipeline
	recent   ring
	dirty    bool
	looked   time.Time // when the view was made
	saved    time.Time // of the last attempt to save
	size     int64     // of the state in bytes
	failing  bool
	caughtUp bool

	classifier *replycode.Classifier // of all pipes

	reload chan reload
	view   atomic.Pointer[View]
}

// A View is what readers may see. It does not change.
type View struct {
	Counts           *aggregate.Counts // as on disk
	Created          time.Time         // when counting began
	Recent           []Failure         // the latest ones that Counts hold
	Health           map[string]SourceTotals
	Sources          []tailer.SourceStats // as of Time, not from disk
	CaughtUp         bool                 // all that was there at the start has been counted
	CheckpointErrors uint64               // since the process started
	CheckpointError  string               // why the last one failed, "" if it did not
	Time             time.Time            // when the owner last looked
}

// NewLive loads the snapshot and starts to follow.
func NewLive(ctx context.Context, opts LiveOptions) (*Live, error) {
	if opts.Interval == 0 {
		opts.Interval = time.Second
	}
	l := &Live{opts: opts, reload: make(chan reload, 1), classifier: replycode.NewClassifier(opts.Rules)}
	s, err := opts.Dir.Load()
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &Snapshot{Version: snapshotVersion, Created: time.Now().UTC(), Counts: aggregate.NewWithoutDomains()}
	}
	l.snapshot = *s
	if err := l.loadCompanion(); err != nil {
		return nil, err
	}
	if opts.Outbox != nil {
		if err := opts.Outbox.Load(s.Created, s.Outbox); err != nil {
			return nil, err
		}
	}
	if err := l.follow(ctx, opts.Follow); err != nil {
		return nil, err
	}
	// The first checkpoint proves that the next ones can be written, and fixes
	// where counting began.
	l.dirty = true
	l.checkpoint()
	if v := l.view.Load(); v.CheckpointError != "" {
		l.follower.Close()
		return nil, fmt.Errorf("state cannot be written: %s (choose another place with --state-dir)", v.CheckpointError)
	}
	return l, nil
}

func (l *Live) loadCompanion() error {
	saved := l.snapshot.Messages
	l.snapshot.Messages = nil
	if l.opts.Companion == nil || saved == nil {
		return nil
	}
	if err := l.opts.Companion.Load(saved); err != nil {
		return fmt.Errorf("state %s: %w; it was left as it is: start with --new-state to set it aside and count from 0", l.opts.Dir.File(), err)
	}
	return nil
}

// follow starts to follow where the snapshot ends.
func (l *Live) follow(ctx context.Context, start Start) error {
	f, err := start(ctx, l.snapshot.Files)
	if err != nil {
		return err
	}
	l.follower, l.pipes = f, map[string]*Pipeline{}
	l.base = make(map[string]SourceTotals, len(l.snapshot.Health)) // readers have the other
	maps.Copy(l.base, l.snapshot.Health)
	l.prime()
	return nil
}

// View is what readers may see now.
func (l *Live) View() *View { return l.view.Load() }

// A reload is what changes while a Live runs.
type reload struct {
	start Start
	rules *replycode.Rules
}

// Reload makes Run follow other logs, from where each was counted last, and
// classify what comes by other rules. It does not wait for it.
func (l *Live) Reload(start Start, rules *replycode.Rules) {
	select {
	case <-l.reload: // an older one that Run did not see yet
	default:
	}
	l.reload <- reload{start, rules}
}

// Run counts until ctx ends, then writes the last snapshot.
func (l *Live) Run(ctx context.Context) error {
	defer func() { l.follower.Close() }()
	for {
		err := l.step(ctx)
		// The context that the follower was started with may end a moment before ctx.
		if ctx.Err() != nil || errors.Is(err, context.Canceled) {
			break
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			l.checkpoint()
			return err
		}
		select {
		case next := <-l.reload:
			if err := l.switchTo(ctx, next); ctx.Err() != nil {
				return nil // all is on disk, and perhaps nothing is followed
			} else if err != nil {
				return err
			}
		default:
		}
		if time.Until(l.due()) <= 0 || l.justCaughtUp() {
			l.checkpoint()
		}
	}
	l.checkpoint()
	if v := l.view.Load(); v.CheckpointError != "" {
		return fmt.Errorf("the last state could not be written: %s", v.CheckpointError)
	}
	return nil
}

// justCaughtUp says that all that was there at the start is counted now. That is
// written at once: a process that is killed young, again and again, gets ahead.
func (l *Live) justCaughtUp() bool { return !l.caughtUp && l.follower.CaughtUp() }

// due is when the next checkpoint is to be. What comes after a quiet time is
// written at once.
func (l *Live) due() time.Time {
	if l.dirty {
		return l.saved.Add(max(l.opts.Interval, l.pace()))
	}
	return l.looked.Add(l.opts.Interval)
}

// The disk takes maxWrite bytes of state in a second, as a rule; but readers wait
// for maxPace at most.
const (
	maxWrite = 1 << 20
	maxPace  = 10 * time.Second
)

// pace is how long the state as large as it is should last.
func (l *Live) pace() time.Duration {
	return min(time.Duration(float64(l.size)/maxWrite*float64(time.Second)), maxPace)
}

// step counts the next lines, or waits for them until a checkpoint is due.
func (l *Live) step(ctx context.Context) error {
	next, cancel := context.WithDeadline(ctx, l.due())
	defer cancel()
	batch, err := l.follower.Next(next)
	if len(batch.Data) > 0 {
		l.pipe(batch.Source).Block(&batch)
		l.dirty = true
	}
	return err
}

func (l *Live) pipe(source string) *Pipeline {
	p := l.pipes[source]
	if p == nil { // a file that a glob found later
		p = l.newPipe()
		l.pipes[source] = p
	}
	return p
}

func (l *Live) newPipe() *Pipeline {
	return &Pipeline{Counts: l.snapshot.Counts, Classifier: l.classifier, Calendar: &logparse.Calendar{}, Clock: time.Now, Visit: l.visit, Listener: l.opts.Companion}
}

func (l *Live) visit(s *Seen) {
	l.recent.visit(s)
	if l.opts.Outbox != nil {
		l.opts.Outbox.Add(s)
	}
}

// prime gives each source a parser that has seen the end of what was counted
// before: the next line may refer to it.
func (l *Live) prime() {
	for _, s := range l.follower.Stats() {
		p := l.newPipe()
		p.Prime(l.follower.Before(s.Source, primeSize))
		l.pipes[s.Source] = p
	}
}

// switchTo replaces the follower. If the new one does not start, the old one is
// gone too, and what it knew is used to start it again; without one there is
// nothing that may be written.
func (l *Live) switchTo(ctx context.Context, next reload) error {
	l.dirty = true
	l.checkpoint()
	l.follower.Close()
	former := l.classifier
	l.classifier = replycode.NewClassifier(next.rules)
	err := l.follow(ctx, next.start)
	switch {
	case err == nil:
		l.opts.Follow = next.start
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	l.classifier = former
	l.opts.Logger.Error("reload failed, following the same logs as before, by the same rules", "err", err)
	if err := l.follow(ctx, l.opts.Follow); err != nil {
		return fmt.Errorf("the logs of before cannot be followed any more: %w", err)
	}
	return nil
}

// checkpoint writes what is not on disk yet, and shows it to readers when it is.
func (l *Live) checkpoint() {
	l.looked = time.Now()
	old := l.view.Load()
	v := &View{Created: l.snapshot.Created, Sources: l.follower.Stats(), Time: l.looked}
	if old != nil {
		v.Counts, v.Health, v.Recent = old.Counts, old.Health, old.Recent
		v.CheckpointErrors, v.CheckpointError = old.CheckpointErrors, old.CheckpointError
	}
	l.caughtUp = l.caughtUp || l.follower.CaughtUp()
	v.CaughtUp = l.caughtUp
	l.forget(v.Sources)
	l.dirty = l.dirty || l.opts.Outbox != nil && l.opts.Outbox.Due()
	if health := l.totals(v.Sources); l.dirty || old == nil || changed(old.Health, health) {
		l.save(v, health)
	}
	if v.Counts == nil {
		v.Counts = aggregate.NewWithoutDomains()
	}
	l.view.Store(v)
	if l.opts.Beat != nil {
		l.opts.Beat()
	}
}

// save writes the snapshot. Only when that succeeds does the view show what it
// holds.
func (l *Live) save(v *View, health map[string]SourceTotals) {
	l.saved = time.Now()
	l.snapshot.Files, l.snapshot.Health = l.follower.State(), health
	for source := range health {
		l.snapshot.Counts.Lines(source) // counted from 0 on, before the first line
	}
	if err := l.write(); err != nil {
		v.CheckpointErrors++
		v.CheckpointError = err.Error()
		if !l.failing {
			l.opts.Logger.Error("state cannot be written; metrics stand still until it can", "err", err)
		}
		l.failing = true
		return
	}
	if l.failing {
		l.opts.Logger.Info("state is written again")
	}
	l.failing, l.dirty, v.CheckpointError = false, false, ""
	v.Counts, v.Health, v.Recent = l.snapshot.Counts.Clone(), health, l.recent.failures()
}

func (l *Live) write() (err error) {
	var messages func(io.Writer) error
	if l.opts.Companion != nil {
		messages = l.opts.Companion.Save
	}
	if l.opts.Outbox != nil {
		l.snapshot.Outbox = l.opts.Outbox.Seal()
	}
	l.size, err = l.opts.Dir.Save(&l.snapshot, messages)
	if err == nil && l.opts.Companion != nil {
		l.opts.Companion.Saved()
	}
	if err == nil && l.opts.Outbox != nil {
		l.opts.Outbox.Commit()
	}
	return err
}

// maxGone is how many sources keep their figures that are not followed any more:
// where each day has a log with its date in the name, there is a new one each day.
const maxGone = 1000

// forget drops the parsers of sources that are not followed any more, and, of very
// many, their figures. Those of the others go on where they were, should the source
// come back.
func (l *Live) forget(stats []tailer.SourceStats) {
	followed := make(map[string]bool, len(stats))
	for _, s := range stats {
		followed[s.Source] = true
	}
	gone := func(name string) bool { return !followed[name] }
	for name := range l.pipes {
		if gone(name) {
			delete(l.pipes, name)
		}
	}
	for name, t := range l.snapshot.Health {
		if gone(name) {
			l.base[name] = t
		}
	}
	if sources := l.snapshot.Counts.Sources(); len(sources)-len(stats) > maxGone {
		for _, name := range sources {
			if gone(name) {
				l.snapshot.Counts.ForgetLines(name)
				delete(l.base, name)
			}
		}
	}
}

// totals adds what the follower saw since it was started to what was seen
// before. Sources that are not followed now keep their totals.
func (l *Live) totals(stats []tailer.SourceStats) map[string]SourceTotals {
	sum := make(map[string]SourceTotals, len(l.base)+len(stats))
	for name, t := range l.base {
		sum[name] = t
	}
	for _, s := range stats {
		sum[s.Source] = l.base[s.Source].plus(s)
	}
	return sum
}

func changed(a, b map[string]SourceTotals) bool {
	if len(a) != len(b) {
		return true
	}
	for name, t := range b {
		if a[name] != t {
			return true
		}
	}
	return false
}

// SourceNames are the names of all sources of the View, sorted.
func (v *View) SourceNames() []string {
	names := v.Counts.Sources()
	for name := range v.Health {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}
