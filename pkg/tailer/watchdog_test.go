package tailer

import (
	"testing"
	"time"
)

// The engine has time to return a line, however long it had nothing to do before. When it returns none,
// our own reader does.
func TestSilentEngineIsReplaced(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.noEngine = !engineWorks()
	r.open()
	r.follow(nil)
	g := r.f.sources[0].live()
	pinned := g.tail
	if (pinned == nil) != r.opts.noEngine {
		t.Fatal("the engine does not follow a file that was read to its end")
	}
	r.clock = r.clock.Add(time.Hour)
	r.lines(1)
	r.f.look() // the line is there, and what the engine says is not asked for
	if g.tail != pinned {
		t.Error("the engine was given no time for a line that was just written")
	}
	r.clock = r.clock.Add(engineSilence)
	r.lines(1)
	r.f.look()
	if g.tail == pinned && pinned != nil {
		t.Error("the engine is believed to work though it has returned nothing for too long")
	}
	if len(r.got) != 0 {
		t.Errorf("%d lines were returned unasked", len(r.got))
	}
	r.drain()
	r.same()
}

// The beginning of a line is nothing that the engine owes.
func TestEngineOwesNoPartialLine(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.noEngine = !engineWorks()
	r.open()
	r.follow(nil)
	g := r.f.sources[0].live()
	pinned := g.tail
	r.begin()
	for range 3 {
		r.f.look()
		r.clock = r.clock.Add(engineSilence)
	}
	r.lines(1)
	r.f.look()
	if g.tail != pinned {
		t.Error("the engine was given no time for a line that was just finished")
	}
	r.clock = r.clock.Add(engineSilence)
	r.drain()
	r.same()
}
