package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A script is a Follower of lines that are known beforehand; its state is the
// number of lines it gave out.
type script struct {
	lines []string
	at    int64
	stats tailer.SourceStats
}

func (s *script) Next(ctx context.Context) (tailer.Batch, error) {
	if int(s.at) == len(s.lines) {
		<-ctx.Done()
		return tailer.Batch{}, ctx.Err()
	}
	line := s.lines[s.at]
	s.at++
	return tailer.Batch{Source: "mail.log", Data: []byte(line + "\n"), Line: s.at}, nil
}

func (s *script) State() []tailer.FileState {
	return []tailer.FileState{{Path: "mail.log", Generations: []tailer.GenerationState{{Offset: s.at}}}}
}

func (s *script) Stats() []tailer.SourceStats {
	s.stats.Source, s.stats.Up = "mail.log", true
	return []tailer.SourceStats{s.stats}
}

func (s *script) Before(string, int64) []byte {
	return []byte(strings.Join(s.lines[:s.at], "\n"))
}

func (s *script) CaughtUp() bool { return int(s.at) == len(s.lines) }
func (s *script) Close() error   { return nil }

const bounceLine = "Jan  2 03:04:05 mx postfix/smtp[1]: 4XyZ1: to=<a@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command))"

func bounceLines(n int) (lines []string) {
	for range n {
		lines = append(lines, bounceLine)
	}
	return lines
}

func startLive(t *testing.T, dir *StateDir, s *script, c ...*companion) *Live {
	t.Helper()
	options := LiveOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range c {
		options.Companion = c
	}
	options.Follow = func(_ context.Context, state []tailer.FileState) (Follower, error) {
		if len(state) > 0 {
			s.at = state[0].Generations[0].Offset
		}
		return s, nil
	}
	l, err := NewLive(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func stateDir(t *testing.T, path string) *StateDir {
	t.Helper()
	d, err := OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func bounces(c *aggregate.Counts) (n uint64) {
	for _, r := range c.Rows() {
		if r.Status == logparse.Bounced {
			n += r.N
		}
	}
	return n
}

func steps(t *testing.T, l *Live, n int) {
	t.Helper()
	for range n {
		if err := l.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadersSeeOnlyWhatIsOnDisk(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	l := startLive(t, dir, &script{lines: bounceLines(3)})
	steps(t, l, 2)
	if n := bounces(l.View().Counts); n != 0 {
		t.Errorf("%d bounces are served before they are on disk", n)
	}
	l.checkpoint()
	if n := bounces(l.View().Counts); n != 2 {
		t.Errorf("%d bounces are served after the checkpoint, want 2", n)
	}
	onDisk, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := bounces(onDisk.Counts); n != 2 || onDisk.Files[0].Generations[0].Offset != 2 {
		t.Errorf("on disk: %d bounces at line %d, want 2 at 2", n, onDisk.Files[0].Generations[0].Offset)
	}
	steps(t, l, 1)
	if n := bounces(l.View().Counts); n != 2 {
		t.Errorf("the served counts changed to %d without a checkpoint", n)
	}
}

// A process that dies between two checkpoints counts the lines again that it had
// not written down, and no other.
func TestDeathAtAnyLineIsExact(t *testing.T) {
	const lines = 6
	for died := 0; died <= lines; died++ {
		path := t.TempDir()
		dir, err := OpenStateDir(path)
		if err != nil {
			t.Fatal(err)
		}
		l := startLive(t, dir, &script{lines: bounceLines(lines)})
		created := l.View().Created
		for i := range died {
			steps(t, l, 1)
			if i%2 == 0 {
				l.checkpoint()
			}
		}
		dir.Close() // the process is gone, with what it had not written

		again := startLive(t, stateDir(t, path), &script{lines: bounceLines(lines)})
		if !again.View().Created.Equal(created) {
			t.Errorf("counting began at %v, and after the restart at %v", created, again.View().Created)
		}
		steps(t, again, lines-int(again.follower.(*script).at))
		again.checkpoint()
		if n := bounces(again.View().Counts); n != lines {
			t.Errorf("died behind line %d: %d bounces, want %d", died, n, lines)
		}
	}
}

// A note about a repeated line counts also when the process died between the two.
func TestRepeatNoteAfterRestart(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{bounceLine, "Jan  2 03:04:06 mx last message repeated 3 times"}
	l := startLive(t, dir, &script{lines: lines})
	steps(t, l, 1)
	l.checkpoint()
	dir.Close()
	again := startLive(t, stateDir(t, path), &script{lines: lines})
	steps(t, again, 1)
	again.checkpoint()
	if n := bounces(again.View().Counts); n != 4 {
		t.Errorf("%d bounces, want the line and 3 repeats", n)
	}
}

func TestFailedCheckpointStandsStillAndRecovers(t *testing.T) {
	path := t.TempDir()
	dir := stateDir(t, path)
	l := startLive(t, dir, &script{lines: bounceLines(3)})
	steps(t, l, 1)
	l.checkpoint()

	obstacle := filepath.Join(path, "state.json.tmp")
	if err := os.Mkdir(obstacle, 0o700); err != nil { // stands for a full disk
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(obstacle, "x"), 0o700); err != nil { // or Save could remove it
		t.Fatal(err)
	}
	steps(t, l, 1)
	l.checkpoint()
	l.checkpoint()
	v := l.View()
	if bounces(v.Counts) != 1 || v.CheckpointErrors != 2 || !strings.Contains(v.CheckpointError, "state.json.tmp") {
		t.Errorf("with a failing disk: %d bounces, %d errors, %q; want 1, 2 and the file", bounces(v.Counts), v.CheckpointErrors, v.CheckpointError)
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	l.checkpoint()
	v = l.View()
	if bounces(v.Counts) != 2 || v.CheckpointErrors != 2 || v.CheckpointError != "" {
		t.Errorf("after recovery: %d bounces, %d errors, %q; want 2, 2, none", bounces(v.Counts), v.CheckpointErrors, v.CheckpointError)
	}
}

// A companion counts lines.
type companion struct {
	lines, saved, shown int
	fault               error // of Save, behind a part of what it writes
}

func (c *companion) Step(Place, *logparse.Step) {}

func (c *companion) Event(*Seen) { c.lines++ }

func (c *companion) Save(out io.Writer) error {
	c.saved = c.lines
	_, err := fmt.Fprint(out, c.saved)
	return cmp.Or(c.fault, err)
}

func (c *companion) Saved() { c.shown = c.saved }

func (c *companion) Load(data json.RawMessage) error { return json.Unmarshal(data, &c.lines) }

// A state that could be written in part only leaves the former one as it was, and
// nothing of it is shown.
func TestStateThatIsWrittenInPartDoesNotCount(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &companion{}
	l := startLive(t, dir, &script{lines: bounceLines(3)}, c)
	steps(t, l, 1)
	l.checkpoint()
	before, err := os.ReadFile(dir.File())
	if err != nil {
		t.Fatal(err)
	}
	c.fault = errors.New("no room")
	steps(t, l, 2)
	l.checkpoint()
	v := l.View()
	if bounces(v.Counts) != 1 || c.shown != 1 || v.CheckpointErrors != 1 || v.CheckpointError != "no room" {
		t.Errorf("%d bounces, %d shown by the companion, %d errors, %q; want 1, 1, 1 and the fault", bounces(v.Counts), c.shown, v.CheckpointErrors, v.CheckpointError)
	}
	if after, err := os.ReadFile(dir.File()); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the state was changed, or cannot be read: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(path, "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What a companion knows is written in one step with the counts, and shown when
// that succeeded.
func TestCompanionIsPartOfTheSnapshot(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &companion{}
	l := startLive(t, dir, &script{lines: bounceLines(5)}, c)
	steps(t, l, 2)
	if c.shown != 0 {
		t.Errorf("%d lines are shown before they are on disk", c.shown)
	}
	l.checkpoint()
	steps(t, l, 1) // is not written
	if c.shown != 2 || c.lines != 3 {
		t.Errorf("%d of %d lines are shown", c.shown, c.lines)
	}
	dir.Close()

	c = &companion{}
	again := startLive(t, stateDir(t, path), &script{lines: bounceLines(5)}, c)
	steps(t, again, 3)
	if c.lines != 5 {
		t.Errorf("%d lines after a restart, want 5", c.lines)
	}
	obstacle := filepath.Join(path, "state.json.tmp", "x")
	if err := os.MkdirAll(obstacle, 0o700); err != nil { // stands for a full disk
		t.Fatal(err)
	}
	again.checkpoint()
	if c.shown != 2 {
		t.Errorf("%d lines are shown that are not on disk", c.shown)
	}
}

// Without a companion, what one wrote before goes: it would be out of date.
func TestWithoutACompanionItsStateGoes(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	l := startLive(t, dir, &script{lines: bounceLines(1)}, &companion{})
	steps(t, l, 1)
	l.checkpoint()
	dir.Close()
	dir = stateDir(t, path)
	startLive(t, dir, &script{lines: bounceLines(1)})
	if s, err := dir.Load(); err != nil || s.Messages != nil {
		t.Errorf("%s, %v", s.Messages, err)
	}
}

// A large state is not written every second.
func TestPace(t *testing.T) {
	for size, want := range map[int64]time.Duration{0: 0, 1 << 19: time.Second / 2, 3 << 20: 3 * time.Second, 1 << 30: maxPace} {
		if got := (&Live{size: size}).pace(); got != want {
			t.Errorf("%d bytes: every %v, want %v", size, got, want)
		}
	}
}

func TestNothingNewWritesNothing(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	l := startLive(t, dir, &script{lines: bounceLines(1)})
	steps(t, l, 1)
	l.checkpoint()
	before, err := os.Stat(dir.File())
	if err != nil {
		t.Fatal(err)
	}
	l.checkpoint()
	after, err := os.Stat(dir.File())
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("the state was written again without a reason")
	}
	if before.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", before.Mode().Perm())
	}
}

func TestTotalsOfSourcesGoOnOverRestarts(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{stats: tailer.SourceStats{Rotations: 2, LostBytes: 7}}
	startLive(t, dir, s)
	dir.Close()
	s2 := &script{stats: tailer.SourceStats{Rotations: 1, Truncations: 1, Overlong: 4}}
	l := startLive(t, stateDir(t, path), s2)
	want := map[string]SourceTotals{"mail.log": {Rotations: 3, LostBytes: 7, Truncations: 1, Overlong: 4}}
	if got := l.View().Health; !reflect.DeepEqual(got, want) {
		t.Errorf("totals %+v, want %+v", got, want)
	}
}

func TestRunEndsWithALastCheckpoint(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	s := &script{lines: bounceLines(5)}
	l := startLive(t, dir, s)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	snapshot, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := bounces(snapshot.Counts); n != 5 {
		t.Errorf("%d bounces on disk after the end, want 5", n)
	}
	if !l.View().CaughtUp {
		t.Error("not caught up at the end of the script")
	}
}

func TestReloadGoesOnWhereItWas(t *testing.T) {
	l := startLive(t, stateDir(t, t.TempDir()), &script{lines: bounceLines(4)})
	steps(t, l, 2)
	fails := func(context.Context, []tailer.FileState) (Follower, error) { return nil, io.ErrUnexpectedEOF }
	switchTo(t, l, reload{start: fails})
	if l.follower.(*script).at != 2 {
		t.Fatalf("after a failed reload the follower is at line %d, want 2", l.follower.(*script).at)
	}
	next := &script{lines: bounceLines(4)}
	switchTo(t, l, reload{start: func(_ context.Context, state []tailer.FileState) (Follower, error) {
		next.at = state[0].Generations[0].Offset
		return next, nil
	}})
	steps(t, l, 2)
	l.checkpoint()
	if n := bounces(l.View().Counts); n != 4 || l.follower != next {
		t.Errorf("%d bounces, want 4", n)
	}
}

func switchTo(t *testing.T, l *Live, next reload) {
	t.Helper()
	if err := l.switchTo(t.Context(), next); err != nil {
		t.Fatal(err)
	}
}

// Where neither the new nor the former logs can be followed, the process ends: a
// follower that was closed knows no positions, and nothing may be written of it.
func TestReloadThatLeavesNothingToFollow(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	l := startLive(t, dir, &script{lines: bounceLines(4)})
	steps(t, l, 2)
	fails := func(context.Context, []tailer.FileState) (Follower, error) { return nil, io.ErrUnexpectedEOF }
	l.opts.Follow = fails
	l.Reload(fails, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := l.Run(ctx); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%v", err)
	}
	snapshot, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n, at := bounces(snapshot.Counts), snapshot.Files[0].Generations[0].Offset; int64(n) != at || n < 2 {
		t.Errorf("%d bounces on disk at line %d", n, at)
	}
}

// A source that goes and comes back goes on from what was counted of it.
func TestFiguresOfASourceThatComesBack(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	stats := []tailer.SourceStats{{Source: "mail.log", Rotations: 3, LostBytes: 7}}
	s := &changing{stats: &stats}
	options := LiveOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler), Follow: func(context.Context, []tailer.FileState) (Follower, error) { return s, nil }}
	l, err := NewLive(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range [][]tailer.SourceStats{nil, {{Source: "mail.log"}}, nil, {{Source: "mail.log"}}} {
		stats = next
		l.checkpoint()
		if h := l.View().Health["mail.log"]; h != (SourceTotals{Rotations: 3, LostBytes: 7}) {
			t.Errorf("with %+v: %+v", next, h)
		}
	}
	stats[0].Rotations = 2
	l.checkpoint()
	if h := l.View().Health["mail.log"]; h != (SourceTotals{Rotations: 5, LostBytes: 7}) {
		t.Errorf("%+v", h)
	}
}

// A changing Follower has other sources each time.
type changing struct {
	script
	stats *[]tailer.SourceStats
}

func (c *changing) Stats() []tailer.SourceStats { return *c.stats }

// A daily is a Follower of logs that have a new name each day.
type daily struct {
	script
	day int
}

func (d *daily) name() string { return fmt.Sprintf("main-%04d", d.day) }

func (d *daily) Next(ctx context.Context) (tailer.Batch, error) {
	d.day++
	return tailer.Batch{Source: d.name(), Data: []byte(bounceLine + "\n"), Line: 1}, nil
}

func (d *daily) Stats() []tailer.SourceStats {
	return []tailer.SourceStats{{Source: d.name(), Up: true, Rotations: 1}}
}

// A log a day, with its date in the name, does not fill the memory over the years.
func TestLogsThatAreGoneAreForgotten(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	d := &daily{}
	l, err := NewLive(t.Context(), LiveOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler), Follow: func(context.Context, []tailer.FileState) (Follower, error) { return d, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for range (maxGone + 500) / 25 {
		steps(t, l, 25)
		l.checkpoint()
	}
	v := l.View()
	if n := len(v.SourceNames()); n < 2 || n > maxGone+1 {
		t.Errorf("figures of %d sources", n)
	}
	if n := len(l.pipes); n != 1 {
		t.Errorf("%d parsers", n)
	}
	if n := bounces(v.Counts); n != maxGone+500 {
		t.Errorf("%d bounces", n)
	}
}

// A host whose clock was years ahead for weeks does not take the room of the hours
// that come.
func TestHoursOfAWrongClock(t *testing.T) {
	stamped := func(at time.Time) string {
		return strings.Replace(bounceLine, "Jan  2 03:04:05", at.UTC().Format(time.RFC3339), 1)
	}
	now := time.Now()
	var lines []string
	for hour := range 1000 {
		lines = append(lines, stamped(now.AddDate(10, 0, 0).Add(time.Duration(hour)*time.Hour)))
	}
	lines = append(lines, stamped(now))
	l := startLive(t, stateDir(t, t.TempDir()), &script{lines: lines})
	steps(t, l, len(lines))
	hours := l.snapshot.Counts.Hours()
	if len(hours) != 1 || !hours[0].Start.Equal(now.UTC().Truncate(time.Hour)) {
		t.Errorf("%d hours, the first %v", len(hours), hours[0].Start)
	}
	if n := bounces(l.snapshot.Counts); n != 1001 {
		t.Errorf("%d bounces", n)
	}
}

func TestStateDirIsLocked(t *testing.T) {
	path := t.TempDir()
	dir := stateDir(t, path)
	if _, err := OpenStateDir(path); err == nil || !strings.Contains(err.Error(), "in use by another bouncewatch") {
		t.Errorf("a second process got the directory: %v", err)
	}
	dir.Close()
	stateDir(t, path)
}

func TestBadStateIsRefusedAndKept(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":9}`:                        "is of version 9, this program knows version 1",
		`{"version":1`:                         "damaged: unexpected end of JSON input",
		``:                                     "damaged: unexpected end of JSON input",
		`{"version":1}`:                        "damaged: counts or time of creation are missing",
		`{"version":1,"counts":{"version":3}}`: "damaged: counts of version 3, this program knows version 1",
	} {
		dir := stateDir(t, t.TempDir())
		if err := os.WriteFile(dir.File(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := NewLive(t.Context(), LiveOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--new-state") {
			t.Errorf("%s: %v; want %s and a remedy", text, err, want)
		}
		if kept, err := os.ReadFile(dir.File()); err != nil || string(kept) != text {
			t.Errorf("%s: the file is now %q, %v", text, kept, err)
		}
		aside, err := dir.SetAside(time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(aside); err != nil || string(kept) != text {
			t.Errorf("set aside: %q, %v", kept, err)
		}
		if s, err := dir.Load(); s != nil || err != nil {
			t.Errorf("after setting aside: %v, %v", s, err)
		}
	}
}

func TestUnwritableStateIsRefusedAtTheStart(t *testing.T) {
	path := t.TempDir()
	dir := stateDir(t, path)
	if err := os.MkdirAll(filepath.Join(path, "state.json.tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := NewLive(t.Context(), LiveOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler),
		Follow: func(context.Context, []tailer.FileState) (Follower, error) { return &script{}, nil }})
	if err == nil || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("%v; want an error with a remedy", err)
	}
}

func TestFollowerErrorEndsRun(t *testing.T) {
	l := startLive(t, stateDir(t, t.TempDir()), &script{})
	l.follower = broken{l.follower}
	if err := l.Run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Run = %v, want the follower's error", err)
	}
}

type broken struct{ Follower }

func (broken) Next(context.Context) (tailer.Batch, error) {
	return tailer.Batch{}, io.ErrClosedPipe
}

// The context of the follower is a parent of the one that Run waits for, and
// ends a moment earlier: that is an end like any other, and no fault.
func TestFollowerThatEndsFirstIsNoFault(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	l := startLive(t, dir, &script{lines: bounceLines(3)})
	steps(t, l, 3)
	l.follower = ended{l.follower}
	if err := l.Run(t.Context()); err != nil {
		t.Errorf("Run = %v, want no error", err)
	}
	snapshot, err := dir.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := bounces(snapshot.Counts); n != 3 {
		t.Errorf("%d bounces on disk after the end, want 3", n)
	}
}

type ended struct{ Follower }

func (ended) Next(context.Context) (tailer.Batch, error) {
	return tailer.Batch{}, context.Canceled
}

// A waited tells when its lines are counted and it is asked for more.
type waited struct {
	script
	asked chan struct{}
}

func (w *waited) Next(ctx context.Context) (tailer.Batch, error) {
	if w.CaughtUp() {
		close(w.asked)
	}
	return w.script.Next(ctx)
}

// What was logged before the start is written down as soon as it is counted, however long it is to the
// next checkpoint: else a process that is killed before that, each time, counts nothing for ever.
func TestCaughtUpIsOnDiskAtOnce(t *testing.T) {
	dir := stateDir(t, t.TempDir())
	w := &waited{script: script{lines: bounceLines(5)}, asked: make(chan struct{})}
	follow := func(context.Context, []tailer.FileState) (Follower, error) { return w, nil }
	l, err := NewLive(t.Context(), LiveOptions{Dir: dir, Logger: slog.New(slog.DiscardHandler), Follow: follow, Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- l.Run(ctx) }()
	<-w.asked
	if n := bounces(l.View().Counts); n != 5 {
		t.Errorf("%d bounces are on disk, want 5", n)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
