package tailer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The owner of a Follower may ask for anything between two calls of Next; the last batch stays whole.
func TestBatchIsValidUntilTheNextOne(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(5)
	r.begin()
	r.follow(nil)
	b, ok := r.f.take()
	want := strings.Join(r.want[:5], "\n") + "\n"
	if !ok || string(b.Data) != want {
		t.Fatalf("%v %q, want %q", ok, b.Data, want)
	}
	if !r.f.CaughtUp() {
		t.Error("only the beginning of a line is left, so all is read")
	}
	r.f.State()
	r.f.Stats()
	if string(b.Data) != want {
		t.Errorf("the batch changed to %q", b.Data)
	}
}

// What was read of a file that was empty at the last look must be recognised after a restart.
func TestLinesBetweenLooks(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.follow(nil)
	g := r.f.sources[0].live()
	r.lines(50)
	text, err := os.ReadFile(r.path)
	r.check(err)
	if _, ok := g.deliver(text, int64(len(text))); !ok {
		t.Fatal("the lines are not believed")
	}
	r.got = append(r.got, r.want...)
	r.stop()
	r.rename()
	r.open()
	r.lines(1)
	r.resume()
	r.pass()
	r.same()
}

// A daemon that begins each file with the same line, such as Postfix after a rotation in the same
// second, writes short files that only look alike.
func TestNewFileBeginsLikeAnOldOne(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	for range 3 {
		r.open()
		if r.f == nil {
			r.follow(nil)
		}
		r.write("Nov 25 06:25:01 mx postfix/postfix-script[1]: refreshing the Postfix mail system\n")
		r.want = append(r.want, "Nov 25 06:25:01 mx postfix/postfix-script[1]: refreshing the Postfix mail system")
		r.pass()
		r.check(os.Remove(r.path))
		r.pass()
	}
	r.same()
}

// Rotation by copying all the way: cp log.1 log.2; cp log log.1; : > log.
func TestCopiesOfCopies(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		r := newRig(t, FollowOptions{FromStart: true, MaxLine: 300})
		r.restarts = restarts
		r.open()
		r.follow(nil)
		for range 4 {
			r.lines(30)
			r.drain()
			r.lines(10)
			for _, c := range [][2]string{{".2", ".3"}, {".1", ".2"}, {"", ".1"}} {
				b, err := os.ReadFile(r.path + c[0])
				if os.IsNotExist(err) {
					continue
				}
				r.check(err)
				r.check(os.WriteFile(r.path+c[1], b, 0o600))
			}
			r.check(os.Truncate(r.path, 0))
			r.drain()
		}
		r.pass()
		r.same()
	}
}

// The copy of a log that was cut may be compressed at once: its rest is read when the archive is whole.
func TestCopyIsStillBeingCompressed(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(2000)
	r.follow(nil)
	r.drain()
	r.lines(2000)
	text, err := os.ReadFile(r.path)
	r.check(err)
	archive := pack(t, string(text), packers[".gz"])
	r.check(os.WriteFile(r.path+".1.gz", []byte(archive[:15]), 0o600))
	r.check(os.Truncate(r.path, 0))
	r.lines(3)
	r.drain()
	r.restart()
	r.drain()
	f, err := os.OpenFile(r.path+".1.gz", os.O_WRONLY|os.O_APPEND, 0)
	r.check(err)
	_, err = f.WriteString(archive[15 : len(archive)/2])
	r.check(err)
	r.drain()
	_, err = f.WriteString(archive[len(archive)/2:])
	r.check(err)
	r.check(f.Close())
	r.drain()
	r.same()
	if lost := r.f.Stats()[0].LostBytes; lost != 0 {
		t.Errorf("%d bytes are said to be lost", lost)
	}
}

// An archive that never becomes whole is not waited for for ever.
func TestDamagedArchive(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(20)
	r.follow(nil)
	r.drain()
	r.check(os.WriteFile(r.path+".1.gz", []byte("\x1f\x8b\x08\x00"), 0o600))
	r.f.look()
	if s := r.f.sources[0]; !s.unfinished {
		t.Error("a half-written archive is not waited for")
	}
	r.pass()
	if s := r.f.sources[0]; s.unfinished {
		t.Error("a damaged archive is looked at again and again")
	}
	r.same()
}

// The history of a log that cannot be read at first is history still when it can.
func TestFirstReadableLater(t *testing.T) {
	r := newRig(t, FollowOptions{})
	r.check(os.Mkdir(r.path, 0o700)) // a directory cannot be read by anyone, root included
	r.follow(nil)
	r.drain()
	r.check(os.Remove(r.path))
	r.open()
	r.lines(20)
	r.want = nil
	r.drain()
	r.lines(2)
	r.drain()
	r.same()
}

func sourceNames(f *Follower) (names []string) {
	for _, s := range f.Stats() {
		names = append(names, filepath.Base(s.Source))
	}
	return names
}

// A glob may find the rotated form of a log before the log itself.
func TestGlobFindsRotatedFormFirst(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.Paths = []string{filepath.Join(r.dir, "mail*")}
	r.open()
	r.lines(30)
	r.rename()
	r.follow(nil)
	r.f.look()
	if got, want := sourceNames(r.f), []string{"mail.log.1"}; !slices.Equal(got, want) {
		t.Fatalf("sources %v, want %v", got, want)
	}
	r.open()
	r.lines(30)
	r.clock = r.clock.Add(2 * time.Second)
	r.drain()
	r.rename()
	r.open()
	r.lines(3)
	r.check(os.WriteFile(filepath.Join(r.dir, "mail-20261125.log"), []byte("from a date\n"), 0o600))
	r.want = append(r.want, "from a date")
	r.clock = r.clock.Add(2 * time.Second)
	r.drain()
	r.pass()
	r.same()
	if got, want := sourceNames(r.f), []string{"mail.log"}; !slices.Equal(got, want) {
		t.Errorf("sources %v, want %v", got, want)
	}
}

// Exim names its logs by the day where log_file_path has %D (Exim specification, chapter 53): each day
// a file comes that is no one's rotated form, and old ones are deleted.
func TestDatedLogsComeAndGo(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.Paths = []string{filepath.Join(r.dir, "main-*")}
	r.follow(nil)
	var last string
	for _, day := range []string{"20261123", "20261124", "20261125"} {
		before := last
		last = filepath.Join(r.dir, "main-"+day)
		r.path = last
		r.open()
		r.lines(20)
		r.clock = r.clock.Add(2 * time.Second)
		r.drain()
		if before != "" {
			r.check(os.Remove(before))
			r.pass()
		}
	}
	r.restart()
	r.lines(3)
	r.pass()
	r.same()
	if got, want := sourceNames(r.f), []string{"main-20261125"}; !slices.Equal(got, want) {
		t.Errorf("sources %v, want %v", got, want)
	}
}

func TestContextOfFollowEndsNext(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(1)
	r.follow(nil)
	ended := make(chan struct{})
	close(ended)
	r.f.ended = ended
	if b, err := r.f.Next(t.Context()); err == nil || len(b.Data) != 0 {
		t.Errorf("%q, %v after the end", b.Data, err)
	}
}

// Times of directories have coarse steps: a file may come within the same one as the last that was seen.
func TestSiblingWithinOneTimeStep(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.clock = time.Now()
	r.open()
	r.lines(50)
	r.follow(nil)
	r.drain()
	info, err := os.Stat(r.dir)
	r.check(err)
	line := strings.Repeat("of a rotation that no one saw ", 10)
	r.check(os.WriteFile(r.path+".1", []byte(line+"\n"), 0o600))
	r.check(os.Chtimes(r.dir, info.ModTime(), info.ModTime()))
	r.want = append(r.want, line)
	r.drain()
	r.same()
}

// A copy is empty when it has just begun, as is a file that a daemon was given and did not write to yet.
func TestCopyHasJustBegun(t *testing.T) {
	for _, begun := range []int{0, 10, 700} {
		for _, between := range []bool{false, true} {
			r := newRig(t, FollowOptions{FromStart: true})
			r.open()
			r.follow(nil)
			r.lines(50)
			r.drain()
			r.lines(5)
			text, err := os.ReadFile(r.path)
			r.check(err)
			r.check(os.WriteFile(r.path+".1", text[:begun], 0o600))
			r.drain()
			r.check(os.WriteFile(r.path+".1", text, 0o600))
			if between {
				r.drain()
			}
			r.check(os.Truncate(r.path, 0))
			r.lines(3)
			r.pass()
			r.same()
			if t.Failed() {
				t.Fatalf("the copy began with %d bytes, seen whole before the cut: %v", begun, between)
			}
		}
	}
}
