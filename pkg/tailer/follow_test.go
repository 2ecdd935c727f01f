package tailer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each scenario writes, rotates and looks in some order. Each runs as it is and with a restart behind
// every batch.
var scenarios = []struct {
	name string
	run  func(r *rig)
}{
	{"append", func(r *rig) {
		r.open()
		r.drain()
		r.lines(3)
		r.drain()
		r.begin()
		r.drain()
		r.lines(2)
		r.drain()
	}},
	{"missing at the start", func(r *rig) { r.drain(); r.open(); r.lines(2); r.drain() }},
	{"rename and create", func(r *rig) {
		r.open()
		r.lines(5)
		r.drain()
		r.lines(2)
		r.rename()
		r.open()
		r.lines(3)
		r.drain()
	}},
	{"late HUP", func(r *rig) {
		r.open()
		r.lines(5)
		r.drain()
		r.rename()
		r.create()
		r.lines(2)
		r.drain()
		r.lines(2)
		r.drain()
		r.open()
		r.lines(2)
		r.drain()
	}},
	{"late HUP without a file", func(r *rig) {
		r.open()
		r.lines(5)
		r.drain()
		r.rename()
		r.lines(2)
		r.drain()
		r.open()
		r.lines(2)
		r.drain()
	}},
	{"two rotations between looks", func(r *rig) {
		r.open()
		r.lines(5)
		r.drain()
		for range 2 {
			r.lines(4)
			r.rename()
			r.open()
		}
		r.lines(1)
		r.drain()
	}},
	{"three rotations with compression between looks", func(r *rig) {
		r.open()
		r.lines(50)
		r.drain()
		for _, ext := range []string{".gz", ".xz", ".zst"} {
			r.lines(40)
			r.rename()
			r.open()
			r.compress(r.path+".1", ext)
		}
		r.lines(1)
		r.drain()
	}},
	{"compressed after it was read", func(r *rig) {
		r.open()
		r.lines(50)
		r.drain()
		r.rename()
		r.open()
		r.lines(2)
		r.drain()
		r.compress(r.path+".1", ".gz")
		r.drain()
		r.pass()
		r.drain()
	}},
	{"copytruncate", func(r *rig) {
		r.open()
		r.lines(50)
		r.drain()
		r.lines(5)
		r.copyTruncate()
		r.lines(3)
		r.drain()
		r.copyTruncate()
		r.drain()
		r.lines(1)
		r.drain()
	}},
	{"truncated and filled beyond its size", func(r *rig) {
		r.open()
		r.lines(50)
		r.drain()
		r.copyTruncate()
		r.lines(90)
		r.drain()
	}},
	{"dateext", func(r *rig) {
		r.open()
		r.lines(50)
		r.drain()
		r.lines(5)
		r.check(os.Rename(r.path, r.path+"-20261124"))
		r.open()
		r.lines(50)
		r.check(os.Rename(r.path, r.path+"-20261125"))
		r.compress(r.path+"-20261125", ".gz")
		r.open()
		r.lines(5)
		r.drain()
	}},
	{"deleted", func(r *rig) {
		r.open()
		r.lines(5)
		r.drain()
		r.check(os.Remove(r.path))
		r.drain()
		r.open()
		r.lines(5)
		r.drain()
	}},
	{"moved away and back", func(r *rig) {
		r.open()
		r.lines(50)
		r.drain()
		r.check(os.Rename(r.path, r.path+".1"))
		r.drain()
		r.check(os.Rename(r.path+".1", r.path))
		r.lines(5)
		r.drain()
	}},
	{"empty rotations", func(r *rig) {
		r.open()
		r.drain()
		for range 4 {
			r.rename()
			r.open()
			r.drain()
		}
		r.lines(3)
		r.drain()
	}},
	{"a line torn by a rotation", func(r *rig) {
		r.open()
		r.lines(50)
		r.begin()
		r.drain()
		r.rename()
		r.create()
		r.drain()
		r.lines(1) // its end, in the old file
		r.open()
		r.lines(2)
		r.drain()
	}},
}

func TestScenarios(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			r := newRig(t, FollowOptions{FromStart: true})
			r.follow(nil)
			sc.run(r)
			r.pass()
			r.same()
			if lost := r.f.Stats()[0].LostBytes; lost != 0 {
				t.Errorf("%d bytes are said to be lost", lost)
			}
		})
	}
}

// Whatever the writer does, with looks and restarts in between, each line is seen once. The fuzz
// target tries other seeds.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(30) {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { randomHistory(t, seed) }) {
			return
		}
	}
}

func FuzzHistories(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { randomHistory(t, seed) })
}

func randomHistory(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	r := newRig(t, FollowOptions{FromStart: seed%2 == 0, MaxLine: 4096})
	r.open()
	r.follow(nil)
	var log []string
	do := func(name string, f func()) { log = append(log, name); f() }
	defer func() {
		if t.Failed() {
			t.Logf("history: %s", strings.Join(log, ", "))
		}
	}()
	plain := func() (old []string) { // rotated files that the writer has let go
		files, err := filepath.Glob(r.path + ".*[0-9]")
		r.check(err)
		mine, err := r.file.Stat()
		r.check(err)
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && !os.SameFile(info, mine) {
				old = append(old, f)
			}
		}
		return old
	}
	for range 40 {
		switch random.IntN(15) {
		case 0, 1, 2:
			do("lines", func() { r.lines(1 + random.IntN(40)) })
		case 3:
			do("begin", r.begin)
		case 4, 5:
			if r.partial { // a daemon ends its line before it looks at another file
				r.lines(1)
			}
			do("rename+open", func() { r.rename(); r.open() })
		case 6:
			do("rename+create+lines+open", func() {
				r.rename()
				r.create()
				if random.IntN(2) == 0 {
					r.look()
				}
				r.lines(1 + random.IntN(3))
				if random.IntN(2) == 0 {
					r.look()
				}
				if r.partial {
					r.lines(1)
				}
				r.open()
			})
		case 7:
			if old := plain(); len(old) > 0 {
				ext := []string{".gz", ".xz", ".zst"}[random.IntN(3)]
				do("compress", func() { r.compress(old[random.IntN(len(old))], ext) })
			}
		case 12:
			do("copytruncate", func() {
				r.lines(1 + random.IntN(5))
				if r.partial {
					r.lines(1)
				}
				r.copyTruncate()
				r.open()
				if random.IntN(2) == 0 {
					r.lines(random.IntN(60))
				}
				if random.IntN(2) == 0 {
					r.look()
				}
			})
		case 13:
			do("remove", func() {
				r.drain()
				if r.partial {
					r.lines(1)
				}
				r.lines(random.IntN(4))
				r.f.look()
				r.check(os.Remove(r.path))
				r.drain() // a restart takes the last hold of the file away
				r.open()
			})
		case 14:
			do("time passes", func() { r.clock = r.clock.Add(time.Duration(random.IntN(90)) * time.Second) })
		case 8, 9:
			do("look", r.look)
		case 10:
			do("restart", r.restart)
		case 11:
			do("down", func() {
				r.stop()
				for range 1 + random.IntN(3) {
					r.lines(1 + random.IntN(5))
					if random.IntN(3) == 0 {
						r.copyTruncate()
						continue
					}
					r.rename()
					r.open()
				}
				r.resume()
			})
		}
	}
	if r.partial {
		r.lines(1)
	}
	r.drain()
	r.pass()
	r.same()
}

// look is a look at which nothing is read, or something, or everything.
func (r *rig) look() {
	r.f.look()
	if r.n%3 == 0 {
		return
	}
	r.drain()
}

// A follower that is ended and started again behind every batch returns what one does that is not.
func TestRestartAtEveryBatch(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			r := newRig(t, FollowOptions{FromStart: true, MaxLine: 300})
			r.restarts = true
			r.follow(nil)
			sc.run(r)
			r.pass()
			r.same()
		})
	}
}

func TestFirstStartCountsNothingOld(t *testing.T) {
	r := newRig(t, FollowOptions{})
	r.open()
	r.lines(20)
	r.begin()
	r.check(os.WriteFile(r.path+".1", []byte(strings.Repeat("old\n", 100)), 0o600))
	r.check(os.WriteFile(r.path+".2.gz", []byte(gz(t, strings.Repeat("older\n", 100))), 0o600))
	r.want = r.want[20:] // the line that is not finished is new when it is
	r.follow(nil)
	r.drain()
	r.lines(3)
	r.drain()
	r.restart()
	r.pass()
	r.same()
}

func TestOldDir(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true, OldDirs: []string{"old"}})
	r.check(os.Mkdir(filepath.Join(r.dir, "old"), 0o700))
	r.open()
	r.lines(30)
	r.follow(nil)
	r.drain()
	r.stop()
	r.lines(2)
	r.check(os.Rename(r.path, filepath.Join(r.dir, "old", "mail.log.1")))
	r.open()
	r.lines(2)
	r.resume()
	r.drain()
	r.pass()
	r.same()
}

func TestSymlink(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.check(os.Mkdir(filepath.Join(r.dir, "real"), 0o700))
	link := filepath.Join(r.dir, "link.log")
	r.path = filepath.Join(r.dir, "real", "mail.log")
	r.check(os.Symlink(r.path, link))
	r.opts.Paths = []string{link}
	r.open()
	r.lines(30)
	r.follow(nil)
	r.drain()
	r.stop()
	r.lines(2)
	r.rename()
	r.open()
	r.lines(2)
	r.resume()
	r.drain()
	r.pass()
	r.same()
}

func TestGlob(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.Paths = []string{filepath.Join(r.dir, "*.log*")}
	r.open()
	r.lines(30)
	r.follow(nil)
	r.drain()
	second := filepath.Join(r.dir, "second.log")
	r.check(os.WriteFile(second, []byte("from another\n"), 0o600))
	r.want = append(r.want, "from another")
	r.rename()
	r.open()
	r.lines(2)
	r.clock = r.clock.Add(2 * time.Second)
	r.drain()
	r.pass()
	r.same()
	var names []string
	for _, s := range r.f.Stats() {
		names = append(names, s.Source)
	}
	if want := []string{r.path, second}; !slices.Equal(names, want) {
		t.Errorf("sources %v, want %v", names, want)
	}
}

func TestLastLineWithoutNewline(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(3)
	r.write("no newline")
	r.want = append(r.want, "no newline")
	r.follow(nil)
	r.drain()
	if len(r.got) != 3 {
		t.Errorf("%d lines before the file was rotated, want 3", len(r.got))
	}
	r.rename()
	r.open()
	r.lines(1)
	r.pass()
	r.same()
}

func TestOverlongLine(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true, MaxLine: 1000})
	r.open()
	r.lines(1)
	r.follow(nil)
	r.write(strings.Repeat("y", 700_000))
	r.drain()
	r.restart()
	r.write(strings.Repeat("y", 700_000) + "\n")
	r.lines(2)
	r.drain()
	r.want = append(r.want, strings.Repeat("y", 1000))
	r.same()
}

func TestHole(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.follow(nil)
	r.write(strings.Repeat("\x00", 900_000))
	r.lines(2)
	r.drain()
	r.same()
}

func TestPermissionLostAndRegained(t *testing.T) {
	if os.Geteuid() == 0 {
		// root reads everything: a directory in the file's place stands for it
		r := newRig(t, FollowOptions{FromStart: true})
		r.open()
		r.lines(5)
		r.follow(nil)
		r.drain()
		r.rename()
		r.check(os.Mkdir(r.path, 0o700))
		r.drain()
		if st := r.f.Stats()[0]; st.Up {
			t.Error("a directory is read")
		}
		r.check(os.Remove(r.path))
		r.open()
		r.lines(2)
		r.drain()
		r.pass()
		r.same()
		return
	}
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(30)
	r.follow(nil)
	r.drain()
	r.stop()
	r.check(os.Chmod(r.path, 0))
	r.resume()
	r.drain()
	if st := r.f.Stats()[0]; st.Up {
		t.Error("a file without permission is read")
	}
	r.restart() // what was known of it must not be forgotten meanwhile
	r.check(os.Chmod(r.path, 0o600))
	r.lines(2)
	r.drain()
	r.same()
}

func TestManyRotationsLeakNothing(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.follow(nil)
	before := openFiles(t)
	for range 1000 {
		r.lines(1)
		r.check(os.Rename(r.path, r.path+".1"))
		r.open()
		r.drain()
		r.clock = r.clock.Add(2 * time.Minute)
	}
	r.pass()
	r.same()
	if after := openFiles(t); after > before+2 {
		t.Errorf("%d open files after 1000 rotations, %d before", after, before)
	}
	if n := len(r.f.sources[0].known); n > maxGone+2 { // besides the one that is there, and the one given up last
		t.Errorf("%d fingerprints are kept", n)
	}
}

func TestLostBytesAreCounted(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(50)
	r.follow(nil)
	r.drain()
	r.write(strings.Repeat("z", 99) + "\n")
	r.f.look() // the size is known, the line was not read
	r.check(os.Truncate(r.path, 0))
	r.drain()
	if st := r.f.Stats()[0]; st.LostBytes != 100 || st.Truncations != 1 {
		t.Errorf("%d bytes lost at %d truncations, want 100 at 1", st.LostBytes, st.Truncations)
	}
	r.same()
}

func TestRotatedNames(t *testing.T) {
	for _, c := range []struct {
		base, name string
		want       bool
	}{
		{"mail.log", "mail.log.1", true}, {"mail.log", "mail.log.1.gz", true}, {"mail.log", "mail.log-20261125", true},
		{"mail.log", "mail.log-20261125.xz", true}, {"mail.log", "mail.log.2026-11-25T10:00:00Z.zst", true},
		{"mail.log", "mail-20261125.log", true}, {"mail.log", "mail-20261125.log.gz", true}, {"mail.log", "mail.1.log", true},
		{"mail.log", "mail.log.old", true}, {"mail", "mail.1", true}, {"mainlog", "mainlog.12.gz", true},
		{"mail.log", "mail.log", false}, {"mail", "mail.err", false}, {"mail", "mail.log", false}, {"mail.log", "mail.log.gz", false},
		{"mail.log", "mail.log.1.tmp", false}, {"mail.log", "mail.log.offset", false}, {"mail.log", "mail.log2", false},
		{"mail.log", "mail.err.1", false}, {"mail.log", "mail.log.1.part", false}, {"mainlog", "mainlog2", false},
	} {
		if got := isRotatedName(c.base, c.name); got != c.want {
			t.Errorf("%s of %s: %v, want %v", c.name, c.base, got, c.want)
		}
	}
}
