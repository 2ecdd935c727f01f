package tailer

import (
	"context"
	"log/slog"
	"time"
)

// FollowOptions says what to follow and from where. Only Paths is needed.
type FollowOptions struct {
	// Paths are files, which need not exist yet, or globs.
	Paths []string
	// OldDirs are directories, besides that of a file, into which its rotated forms are moved
	// (logrotate: olddir).
	OldDirs []string
	// FromStart reads a file from its beginning when nothing is known of it; otherwise from its end.
	FromStart bool
	// State continues where an earlier Follower was.
	State []FileState
	// Poll is the interval of looking for changes; 0 means 250 ms.
	Poll time.Duration
	// RotateWait is how long a rotated file must be quiet before it is given up; 0 means 60 s.
	RotateWait time.Duration
	// MaxLine is as in Options.
	MaxLine int
	// Wake makes the Follower look at once; for tests.
	Wake   <-chan struct{}
	Logger *slog.Logger

	now      func() time.Time // time.Now, except in tests
	noEngine bool             // read live files ourselves
}

func (o *FollowOptions) setDefaults() {
	if o.Poll <= 0 {
		o.Poll = 250 * time.Millisecond
	}
	if o.RotateWait <= 0 {
		o.RotateWait = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.now == nil {
		o.now = time.Now
	}
	o.MaxLine = Options{MaxLine: o.MaxLine}.maxLine()
}

// Follower reads growing and rotating files. It belongs to one goroutine.
//
// Every file that stood under a path is a generation of it, kept open until nothing more is written
// to it, whatever its name has become. Which file is which is told by their first bytes, never by
// names or inode numbers alone.
type Follower struct {
	opts    FollowOptions
	sources []*source
	started bool // the first look is over: what appears from now on is new
	notify  *notifier
	engine  *engine
	ended   <-chan struct{}
	dirs    map[string]*directory // as of the last look
	buf     []byte                // of the batch that Next returned last
	look4k  [4096]byte

	lastLook time.Time
	quiet    int // looks in a row that found nothing to read
	woken    bool
	globbed  time.Time
	pause    time.Duration // until globs are looked at again
	gone     known         // of sources that are followed no more
	room     int           // for sources
	crowded  bool          // there were more logs than that
	unnamed  bool          // there was a file with a name that no one could be told
	turn     int           // the source that Next asks first
}

// Follow starts following. When ctx ends, Next returns nothing more; Close is still to be called.
func Follow(ctx context.Context, opts FollowOptions) (*Follower, error) {
	opts.setDefaults()
	for _, p := range opts.Paths {
		if err := CheckPath(p); err != nil {
			return nil, err
		}
	}
	f := &Follower{opts: opts, ended: ctx.Done(), room: roomForSources(), buf: make([]byte, 0, blockSize)}
	if !opts.noEngine && engineWorks() {
		f.engine = newEngine()
	}
	f.notify = newNotifier(f.engine == nil, opts.Logger)
	for _, s := range opts.State {
		if f.wanted(s.Path) {
			f.add(s.Path).restore(s)
		}
	}
	f.expand()
	f.look()
	f.started = true
	f.expand() // rotated forms that were named, too, are not sources any more
	return f, ctx.Err()
}

// Next returns the next whole lines of any source; it waits for them until ctx ends. The lines are
// valid until the next call.
func (f *Follower) Next(ctx context.Context) (Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		select {
		case <-f.ended:
			return Batch{}, context.Canceled
		default:
		}
		if f.woken || f.opts.now().Sub(f.lastLook) >= f.interval() {
			f.look()
		}
		if b, ok := f.take(); ok {
			f.quiet = 0
			return b, nil
		}
		f.wait(ctx)
	}
}

// interval is how long to wait between two looks. Where nothing happens for a while it grows to four
// polls: the engine waits for lines by itself, and a rename wakes us.
func (f *Follower) interval() time.Duration {
	const patience = 8
	if f.engine == nil || f.quiet < patience {
		return f.opts.Poll
	}
	return 4 * f.opts.Poll
}

// look finds out what happened to all files.
func (f *Follower) look() {
	f.quiet++
	f.lastLook, f.woken = f.opts.now(), false
	if f.lastLook.Sub(f.globbed) >= f.pause {
		f.expand()
	}
	for _, s := range f.sources {
		s.look()
	}
	f.dirs = map[string]*directory{} // a copy of a file that was cut is there by now
	for _, s := range f.sources {
		s.lookAround()
	}
}

// take returns lines that can be had without waiting.
func (f *Follower) take() (Batch, bool) {
	for i := range f.sources {
		s := f.sources[(f.turn+i)%len(f.sources)]
		if b, ok := s.take(); ok {
			f.turn++
			return b, true
		}
	}
	return f.takeEngine()
}

// takeEngine returns lines that the engine has ready.
func (f *Follower) takeEngine() (Batch, bool) {
	if f.engine == nil {
		return Batch{}, false
	}
	for {
		first, ok := f.engine.next()
		if !ok {
			return Batch{}, false
		}
		g := f.generation(first.tail)
		if g == nil {
			continue // of a file that was given up meanwhile
		}
		if b, ok := g.accept(first); ok {
			return b, true
		}
	}
}

func (f *Follower) generation(tail *pinned) *generation {
	for _, s := range f.sources {
		for _, g := range s.generations {
			if g.tail == tail {
				return g
			}
		}
	}
	return nil
}

// wait returns when there may be something to do.
func (f *Follower) wait(ctx context.Context) {
	timer := time.NewTimer(max(f.interval()-f.opts.now().Sub(f.lastLook), time.Millisecond))
	defer timer.Stop()
	var lines <-chan engineLine
	if f.engine != nil {
		lines = f.engine.lines
	}
	select {
	case <-ctx.Done():
	case <-f.ended:
	case <-timer.C:
	case <-f.notify.changed:
		f.gather(ctx)
		f.woken, f.quiet = true, 0
	case <-f.opts.Wake:
		f.woken = true
	case l := <-lines:
		f.engine.back = &l
	}
}

// gatherTime is how long changes are gathered before they are looked at.
const gatherTime = 10 * time.Millisecond

func (f *Follower) gather(ctx context.Context) {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// State describes what Next returned so far. Call it between two calls of Next.
func (f *Follower) State() []FileState {
	states := make([]FileState, 0, len(f.sources))
	for _, s := range f.sources {
		states = append(states, s.state())
	}
	return states
}

// Before returns whole lines that were returned before, from the end of what was read of a source, n
// bytes at most: for a parser that starts anew and must know what came before.
func (f *Follower) Before(source string, n int64) []byte {
	for _, s := range f.sources {
		if s.path != source {
			continue
		}
		if g := s.live(); g != nil && g.offset > 0 {
			b, err := linesBefore(g.file, g.offset, n)
			if err == nil {
				return b
			}
		}
	}
	return nil
}

// Stats returns the health of each source, in the order of their names.
func (f *Follower) Stats() []SourceStats {
	stats := make([]SourceStats, 0, len(f.sources))
	for _, s := range f.sources {
		stats = append(stats, s.health())
	}
	return stats
}

// CaughtUp tells whether all that could be read at the last look was returned.
func (f *Follower) CaughtUp() bool {
	for _, s := range f.sources {
		for _, g := range s.generations {
			if g.behind() {
				return false
			}
		}
	}
	return true
}

// Close stops following and closes all files.
func (f *Follower) Close() error {
	for _, s := range f.sources {
		for _, g := range s.generations {
			g.close()
		}
		s.generations = nil
	}
	return f.notify.close()
}
