package tailer

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// unreadable makes every read of an open file fail while its size can still be asked for, as a disk
// with bad sectors does. The returned function mends it.
func unreadable(t *testing.T, g *generation) (mend func()) {
	t.Helper()
	good := g.file
	bad, err := os.OpenFile(good.Name(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	g.file = bad
	return func() { bad.Close(); g.file = good }
}

// A file that cannot be read for a while is not taken for one that was begun anew.
func TestFaultOfTheDisk(t *testing.T) {
	var said bytes.Buffer
	r := newRig(t, FollowOptions{FromStart: true, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	r.open()
	r.follow(nil)
	r.lines(20)
	r.drain()
	mend := unreadable(t, r.f.sources[0].live())
	r.lines(20)
	r.drain()
	r.drain()
	if n := strings.Count(said.String(), "cannot be read now"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
	mend()
	r.pass()
	r.same()
	if st := r.f.Stats()[0]; st.Truncations != 0 || st.LostBytes != 0 {
		t.Errorf("%+v", st)
	}
}

// A log without mail leaves empty files behind, day by day. They are not all kept open.
func TestManyEmptyRotatedFiles(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	for i := range 500 {
		r.check(os.WriteFile(fmt.Sprintf("%s-%08d", r.path, 20200000+i), nil, 0o600))
	}
	before := openFiles(t)
	r.open()
	r.lines(5)
	r.follow(nil)
	for i := range 5 {
		r.drain()
		if n := openFiles(t) - before; n > maxGenerations+10 {
			t.Fatalf("%d more open files", n)
		}
		r.lines(1)
		r.check(os.Rename(r.path, fmt.Sprintf("%s-%08d", r.path, 20260000+i)))
		r.open()
		r.pass()
	}
	r.same()
}

// What cannot be read when it is opened is opened again later, and not taken for an empty file.
func TestFaultWhileOpening(t *testing.T) {
	const mem = "/proc/self/mem" // of no size, and nothing is at address 0: EIO
	if _, err := os.Stat(mem); err != nil {
		t.Skip("no file of this system fails when it is read")
	}
	r := newRig(t, FollowOptions{FromStart: true})
	r.check(os.Symlink(mem, r.path))
	r.follow(nil)
	if st := r.f.Stats()[0]; st.Up {
		t.Errorf("%+v", st)
	}
	if s := r.f.sources[0]; !s.blocked || len(s.generations) > 0 {
		t.Errorf("blocked %v, %d generations", s.blocked, len(s.generations))
	}
}
