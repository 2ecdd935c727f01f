package tailer

import (
	"os"
	"strings"
	"testing"
)

// A daemon that keeps its place (no O_APPEND) leaves a hole at the beginning when its log is cut: the
// file begins with as many NUL bytes as were written before. All such files look alike at first.

// holeRig has such a daemon.
func holeRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, FollowOptions{FromStart: true})
	var err error
	r.file, err = os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE, 0o600)
	r.check(err)
	return r
}

func TestHoles(t *testing.T) {
	for name, prepare := range map[string]func(*rig){
		"plain":    func(*rig) {},
		"restarts": func(r *rig) { r.restarts = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := holeRig(t)
			prepare(r)
			r.follow(nil)
			for i := range 5 {
				r.lines(100)
				r.drain()
				r.lines(20) // only the copy has them when we look again
				if i > 2 {
					r.compress(r.path+".1", ".gz")
				}
				r.copyTruncate()
				if i%2 == 0 {
					r.drain()
				}
				r.lines(10)
				r.drain()
			}
			r.pass()
			r.same()
		})
	}
}

func TestHolesUnderTheEngine(t *testing.T) {
	r := engineRig(t)
	r.check(r.file.Close())
	var err error
	r.file, err = os.OpenFile(r.path, os.O_WRONLY, 0o600)
	r.check(err)
	for range 3 {
		r.settle()
		r.lines(50)
		r.wait()
		r.lines(20)
		r.copyTruncate()
		r.lines(10)
		r.wait()
	}
	r.same()
}

// A hole may end anywhere: also a little behind the end of a block.
func TestHoleOfAnyLength(t *testing.T) {
	for _, hole := range []int{holeSize, headSize, blockSize - 1, blockSize, blockSize + 1, blockSize + holeSize - 1, 3*blockSize + 7} {
		r := newRig(t, FollowOptions{FromStart: true})
		r.open()
		r.write(strings.Repeat("\x00", hole))
		r.lines(3)
		r.follow(nil)
		r.drain()
		r.restart()
		r.lines(1)
		r.pass()
		r.same()
		if g := r.f.sources[0].live(); g.hole != int64(hole) || !strings.HasPrefix(string(g.head), "line 1 ") {
			t.Errorf("a hole of %d bytes is taken for one of %d, before %.20q", hole, g.hole, g.head)
		}
	}
}

// followedHole follows a log that was rotated and began with a hole before the first
// start.
func followedHole(t *testing.T) *rig {
	r := holeRig(t)
	r.lines(100)
	r.copyTruncate()
	r.lines(100)
	r.follow(nil)
	r.drain()
	r.got = append(r.got, r.want[:100]...) // rotated before the first start
	return r
}

func TestHolesWhileDown(t *testing.T) {
	r := followedHole(t)
	for range 3 {
		r.lines(5)
		r.stop()
		for range 2 {
			r.lines(30)
			r.copyTruncate()
		}
		r.lines(30)
		r.resume()
		r.drain()
		r.restart()
		r.pass()
		r.same()
	}
}

// The copy of a file with a hole is all NUL bytes while it is being made.
func TestCopyOfAHoleHasJustBegun(t *testing.T) {
	r := holeRig(t)
	r.lines(100)
	r.follow(nil)
	r.drain()
	r.copyTruncate()
	r.lines(100)
	r.drain()
	r.lines(10)
	text, err := os.ReadFile(r.path)
	r.check(err)
	r.shift()
	r.check(os.WriteFile(r.path+".1", text[:2000], 0o600))
	r.drain()
	r.check(os.WriteFile(r.path+".1", text, 0o600))
	r.check(os.Truncate(r.path, 0))
	r.lines(3)
	r.pass()
	r.same()
}

// A state of an earlier version has the hash of NUL bytes where the file began with a hole.
func TestStateWithTheFingerprintOfAHole(t *testing.T) {
	r := followedHole(t)
	r.stop()
	r.opts.State[0].Generations[0].Fingerprint = fingerprint(make([]byte, headSize))
	r.lines(10)
	r.resume()
	r.pass()
	r.same()
}
