package tailer

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// history writes n rotated forms of the log, one for each day, that no one is to count.
func (r *rig) history(n int) {
	r.t.Helper()
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for range n {
		path := r.path + day.Format("-20060102")
		r.check(os.WriteFile(path, fmt.Appendf(nil, "%-90s\n", day), 0o600))
		r.check(os.Chtimes(path, day, day))
		day = day.AddDate(0, 0, 1)
	}
}

// Some must keep logs for years: all rotated files are known, however many there are.
func TestYearsOfRotatedFiles(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		r := newRig(t, FollowOptions{})
		r.history(1500)
		r.create()
		r.follow(nil)
		for day := range 4 {
			r.open()
			r.lines(20)
			if restarts {
				r.restart()
			}
			r.drain()
			r.check(os.Rename(r.path, fmt.Sprintf("%s-2026%04d", r.path, 1101+day)))
			r.create()
			r.pass()
		}
		r.same()
	}
}

// A rotated file stays a form of its log while the log is missing: on a quiet host the next one is
// made when the next mail comes.
func TestGlobWhileTheLogIsMissing(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		r := newRig(t, FollowOptions{FromStart: true})
		r.opts.Paths = []string{filepath.Join(r.dir, "mail*")}
		r.open()
		r.lines(30)
		r.follow(nil)
		r.drain()
		r.rename()
		r.pass()
		r.pass()
		if restarts {
			r.restart()
		}
		r.pass()
		r.open()
		r.lines(5)
		r.pass()
		r.same()
	}
}

// A log with two names is one log.
func TestTwoNamesOfALog(t *testing.T) {
	for _, paths := range [][]string{
		{"mail.log", "maillog"}, {"maillog", "mail.log"}, {"mail*"}, {"mail*", "a"}, {"a", "maillog"},
		{"mail.log", "./mail.log"}, {"mail.log", "d/mail.log"}, {"d/mail.log"},
	} {
		for _, early := range []bool{false, true} {
			r := newRig(t, FollowOptions{FromStart: true})
			r.opts.Paths = nil
			for _, p := range paths {
				r.opts.Paths = append(r.opts.Paths, r.dir+"/"+p)
			}
			r.check(os.Symlink("mail.log", filepath.Join(r.dir, "maillog")))
			r.check(os.Symlink("maillog", filepath.Join(r.dir, "a")))
			r.check(os.Symlink(".", filepath.Join(r.dir, "d")))
			if early {
				r.follow(nil)
			}
			r.open()
			r.lines(20)
			if !early {
				r.follow(nil)
			}
			r.clock = r.clock.Add(2 * time.Second) // globs are looked at again
			r.drain()
			r.rename()
			r.open()
			r.lines(20)
			r.restart()
			r.pass()
			r.copyTruncate()
			r.lines(20)
			r.pass()
			r.same()
			if n := len(r.f.sources); n != 1 {
				t.Errorf("%d sources", n)
			}
			if t.Failed() {
				t.Fatalf("paths %v, early %v", paths, early)
			}
		}
	}
}

// A state in which a log stands under two names, as earlier versions wrote it, goes on as one log.
func TestStateWithTwoNamesOfALog(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	link := filepath.Join(r.dir, "a.log")
	r.check(os.Symlink("mail.log", link))
	r.open()
	r.lines(30)
	r.follow(nil)
	r.drain()
	r.stop()
	r.opts.Paths = []string{link, r.path}
	second := r.opts.State[0]
	second.Path = link
	r.opts.State = append(r.opts.State, second)
	r.lines(30)
	r.rename()
	r.open()
	r.lines(3)
	r.resume()
	r.pass()
	r.same()
	if st := r.f.Stats(); len(st) != 1 || st[0].Source != r.path || st[0].LostBytes != 0 {
		t.Errorf("%+v", st)
	}
}

// The shell names rotated files, too, where someone writes mail.log*.
func TestRotatedFormsAreNamed(t *testing.T) {
	for _, fromStart := range []bool{false, true} {
		r := newRig(t, FollowOptions{FromStart: fromStart})
		r.opts.Paths = []string{r.path, r.path + ".1", r.path + ".2.gz"}
		for range 2 {
			r.open()
			r.lines(20)
			r.rename()
		}
		r.compress(r.path+".2", ".gz")
		r.open()
		if r.want = r.want[20:]; !fromStart { // what is compressed is history
			r.want = nil
		}
		r.follow(nil)
		for range 3 {
			r.drain()
			r.lines(20)
			r.restart()
			r.rename()
			r.open()
			r.lines(20)
			r.pass()
		}
		r.same()
		if n := len(r.f.sources); n != 1 {
			t.Errorf("%d sources", n)
		}
	}
}

// A link of another kind, or one that is changed to lead to a log that is followed already.
func TestSecondNameComesLater(t *testing.T) {
	for _, link := range []func(string, string) error{os.Symlink, os.Link} {
		r := newRig(t, FollowOptions{FromStart: true})
		second := filepath.Join(r.dir, "a.log")
		r.opts.Paths = append(r.opts.Paths, second)
		r.check(os.WriteFile(second, []byte("from another\n"), 0o600))
		r.want = append(r.want, "from another")
		r.open()
		r.lines(20)
		r.follow(nil)
		r.drain()
		r.check(os.Remove(second))
		r.check(link(r.path, second))
		r.lines(20)
		r.drain()
		r.clock = r.clock.Add(2 * time.Second)
		r.lines(20)
		r.pass()
		r.same()
	}
}

// A name that is no UTF-8 can be neither a label of a metric nor in the state.
func TestNamesThatCannotBeTold(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.Paths = []string{filepath.Join(r.dir, "*.log")}
	r.open()
	r.lines(2)
	if err := os.WriteFile(filepath.Join(r.dir, "\xff.log"), []byte("not followed\n"), 0o600); err != nil {
		t.Skipf("this file system takes no such name: %v", err)
	}
	r.follow(nil)
	r.pass()
	r.same()
	for _, path := range []string{"", "\xff", "[", "/var/log/[a"} {
		if _, err := Follow(t.Context(), FollowOptions{Paths: []string{path}}); err == nil {
			t.Errorf("%q is followed", path)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for path, ok := range map[string]bool{
		"/var/log/mail.log": true, "/var/log/[a-c]*": true, "udp://[fe80::1%eth-0]:514": true, "journal": true, "-": true,
		"": false, "\xff": false, "[": false, "unixgram:///\xff": false,
	} {
		if err := CheckPath(path); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// More logs than files can be open are not followed, so that the program can go on with the others.
func TestMoreLogsThanFiles(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.opts.Paths = []string{r.path, filepath.Join(r.dir, "z*")}
	r.open()
	r.lines(5)
	for i := range maxSources + 100 {
		r.check(os.WriteFile(filepath.Join(r.dir, fmt.Sprintf("z%04d", i)), nil, 0o600))
	}
	before := openFiles(t)
	r.follow(nil)
	r.lines(5)
	r.pass()
	r.same()
	if n := len(r.f.sources); n != r.f.room || n > maxSources {
		t.Errorf("%d sources, there is room for %d", n, r.f.room)
	}
	if n := openFiles(t) - before; n > maxSources+10 {
		t.Errorf("%d more open files", n)
	}
}

// What cannot be read in lines is not followed.
func TestCompressedFileIsNamed(t *testing.T) {
	r := newRig(t, FollowOptions{FromStart: true})
	r.open()
	r.lines(100)
	r.compress(r.path, ".gz")
	r.opts.Paths = []string{r.path + ".gz"}
	r.want = nil
	r.follow(nil)
	r.pass()
	r.same()
	if st := r.f.Stats(); len(st) != 1 || st[0].Up {
		t.Errorf("%+v", st)
	}
}

// A log that someone put aside under a name that the glob matches, too, was read before.
func TestLogPutAsideByHand(t *testing.T) {
	for _, next := range []bool{false, true} {
		r := newRig(t, FollowOptions{FromStart: true})
		r.opts.Paths = []string{filepath.Join(r.dir, "*.log")}
		r.open()
		r.lines(50)
		r.follow(nil)
		r.drain()
		r.lines(5)
		r.check(os.Rename(r.path, filepath.Join(r.dir, "saved.log")))
		r.lines(5) // the daemon writes on for a moment
		if next {
			r.open()
			r.lines(20)
		}
		r.pass()
		r.pass()
		r.pass()
		r.same()
	}
}
