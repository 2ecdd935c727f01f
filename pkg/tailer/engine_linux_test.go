package tailer

import (
	"context"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// wait takes lines as the daemon does, until all that were written are there or the time is up.
func (r *rig) wait() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for len(r.got) < len(r.want) {
		b, err := r.f.Next(ctx)
		if err != nil {
			r.t.Errorf("%d of %d lines came: %v", len(r.got), len(r.want), err)
			return
		}
		for l := range strings.Lines(string(b.Data)) {
			r.got = append(r.got, strings.TrimSuffix(l, "\n"))
		}
	}
}

// settle lets the engine take the end of the file over.
func (r *rig) settle() {
	r.t.Helper()
	for range 100 {
		if g := r.f.sources[0].live(); g != nil && g.tail != nil {
			return
		}
		ctx, cancel := context.WithTimeout(r.t.Context(), 50*time.Millisecond)
		r.f.Next(ctx) //nolint:errcheck // nothing is written meanwhile
		cancel()
	}
	r.t.Error("the engine does not follow")
}

func engineRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.noEngine, r.opts.now, r.opts.RotateWait = false, time.Now, 2*time.Second
	r.open()
	r.follow(nil)
	if r.f.engine == nil {
		t.Fatal("the engine is not used: is there no /proc?")
	}
	return r
}

// The package waits for the lines, and loses none at a rotation or a truncation.
func TestEngine(t *testing.T) {
	r := engineRig(t)
	r.settle()
	r.lines(3)
	r.wait()
	if g := r.f.sources[0].live(); g.tail == nil {
		t.Error("the lines did not come from the engine")
	}
	r.begin()
	r.lines(3)
	r.wait()
	r.rename()
	r.create()
	r.lines(2) // to the old file
	r.open()
	r.lines(2)
	r.wait()
	r.settle()
	r.lines(50)
	r.wait()
	r.copyTruncate()
	r.lines(60)
	r.wait()
	r.settle()
	r.lines(1)
	r.wait()
	r.same()
}

func TestEngineLeavesBurstsToUs(t *testing.T) {
	r := engineRig(t)
	r.settle()
	r.lines(20_000)
	r.wait()
	r.settle()
	r.lines(2)
	r.wait()
	r.same()
}

func TestEngineStateIsExact(t *testing.T) {
	r := engineRig(t)
	r.settle()
	for range 5 {
		r.lines(7)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		b, err := r.f.Next(ctx)
		cancel()
		r.check(err)
		for l := range strings.Lines(string(b.Data)) {
			r.got = append(r.got, strings.TrimSuffix(l, "\n"))
		}
		r.restart()
	}
	r.wait()
	r.same()
}

// A file whose mode no longer lets us read it is still open, and goes on.
func TestEngineWithoutPermission(t *testing.T) {
	r := engineRig(t)
	r.settle()
	r.check(os.Chmod(r.path, 0))
	r.lines(2)
	r.wait()
	r.same()
}

// Each file has its tail, which must go when the file does.
func TestEngineLeaksNothing(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.noEngine = false
	r.open()
	r.follow(nil)
	r.drain()
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 300 {
		r.lines(1)
		r.check(os.Rename(r.path, r.path+".1"))
		r.open()
		r.drain()
		if g := r.f.sources[0].live(); g == nil || g.tail == nil {
			t.Fatal("the new file has no tail")
		}
		r.clock = r.clock.Add(2 * time.Minute)
	}
	r.pass()
	r.same()
	// The package's own goroutines look at their files once more before they end, and those of the
	// live file come and go: a leak would be 300.
	const spread = 5
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines+spread && time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), enginePoll)
		r.f.Next(ctx) //nolint:errcheck // nothing is written meanwhile
		cancel()
	}
	if n := runtime.NumGoroutine(); n > goroutines+spread {
		t.Errorf("%d goroutines after 300 rotations, %d before", n, goroutines)
	}
	if n := openFiles(t); n > files+1 {
		t.Errorf("%d open files after 300 rotations, %d before", n, files)
	}
}
