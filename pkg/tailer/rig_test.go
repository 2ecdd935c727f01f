package tailer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// A rig is a log with a writer and a rotator, and a Follower on it, all in the hands of the test: the
// Follower looks when it is told to, and its clock stands still.
type rig struct {
	t     *testing.T
	dir   string
	path  string
	clock time.Time
	opts  FollowOptions
	f     *Follower

	file     *os.File // what the writer has open
	n        int      // lines written
	restarts bool     // behind every batch
	partial  bool
	got      []string
	want     []string
}

func newRig(t *testing.T, opts FollowOptions) *rig {
	r := &rig{t: t, dir: t.TempDir(), clock: time.Unix(1_700_000_000, 0), opts: opts}
	r.path = filepath.Join(r.dir, "mail.log")
	if len(opts.Paths) == 0 {
		r.opts.Paths = []string{r.path}
	}
	r.opts.noEngine, r.opts.RotateWait = true, time.Minute
	r.opts.now = func() time.Time { return r.clock }
	t.Cleanup(func() {
		if r.f != nil {
			r.f.Close()
		}
		if r.file != nil {
			r.file.Close()
		}
	})
	return r
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) follow(state []FileState) {
	r.t.Helper()
	r.opts.State = state
	var err error
	r.f, err = Follow(r.t.Context(), r.opts)
	r.check(err)
}

// restart ends the Follower and starts another where it was, by way of its state on disk.
func (r *rig) restart() { r.t.Helper(); r.stop(); r.resume() }

func (r *rig) stop() {
	r.t.Helper()
	b, err := json.Marshal(r.f.State())
	r.check(err)
	r.check(r.f.Close())
	r.f, r.opts.State = nil, nil
	r.check(json.Unmarshal(b, &r.opts.State))
}

func (r *rig) resume() { r.t.Helper(); r.follow(r.opts.State) }

// drain looks and takes until there is nothing more.
func (r *rig) drain() {
	for again := true; again; {
		again = false
		r.f.look()
		for {
			b, ok := r.f.take()
			if !ok {
				break
			}
			again = true
			if !bytes.HasSuffix(b.Data, []byte("\n")) {
				r.t.Fatalf("a batch ends within a line: %.100q", b.Data)
			}
			for l := range strings.Lines(string(b.Data)) {
				r.got = append(r.got, strings.TrimSuffix(l, "\n"))
			}
			if r.restarts {
				r.restart()
			}
		}
	}
}

// pass lets so much time go by that rotated files are given up.
func (r *rig) pass() {
	r.drain()
	r.clock = r.clock.Add(2 * time.Minute)
	r.drain()
	r.drain()
}

func (r *rig) open() {
	r.t.Helper()
	if r.file != nil {
		r.file.Close()
	}
	var err error
	r.file, err = os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	r.check(err)
}

func (r *rig) write(s string) {
	r.t.Helper()
	_, err := io.WriteString(r.file, s)
	r.check(err)
}

// lines writes n new lines, which the Follower is expected to see.
func (r *rig) lines(n int) {
	r.t.Helper()
	for range n {
		if r.partial {
			r.write(" end\n")
			r.partial = false
			continue
		}
		r.n++
		line := fmt.Sprintf("line %d %s", r.n, strings.Repeat("x", r.n*37%91))
		r.want = append(r.want, line)
		r.write(line + "\n")
	}
}

// begin writes the beginning of a line.
func (r *rig) begin() {
	r.t.Helper()
	if !r.partial {
		r.n++
		line := fmt.Sprintf("torn %d", r.n)
		r.want = append(r.want, line+" end")
		r.write(line)
		r.partial = true
	}
}

// shift renames log.1 to log.2 and so on, also in their compressed forms.
func (r *rig) shift() {
	r.t.Helper()
	for i := 60; i >= 1; i-- {
		for _, ext := range []string{"", ".gz", ".xz", ".zst"} {
			old := fmt.Sprintf("%s.%d%s", r.path, i, ext)
			if _, err := os.Stat(old); err == nil {
				r.check(os.Rename(old, fmt.Sprintf("%s.%d%s", r.path, i+1, ext)))
			}
		}
	}
}

func (r *rig) rename() { r.t.Helper(); r.shift(); r.check(os.Rename(r.path, r.path+".1")) }

// create makes the new, empty file that logrotate makes before the daemon knows.
func (r *rig) create() { r.t.Helper(); r.check(os.WriteFile(r.path, nil, 0o600)) }

func (r *rig) copyTruncate() {
	r.t.Helper()
	r.shift()
	b, err := os.ReadFile(r.path)
	r.check(err)
	r.check(os.WriteFile(r.path+".1", b, 0o600))
	r.check(os.Truncate(r.path, 0))
}

func pack(t *testing.T, text string, open func(io.Writer) (io.WriteCloser, error)) string {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var packers = map[string]func(io.Writer) (io.WriteCloser, error){
	".gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	".xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 1 << 16}.NewWriter(w) },
	".zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

// compress replaces a file by its compressed form.
func (r *rig) compress(path, ext string) {
	r.t.Helper()
	b, err := os.ReadFile(path)
	r.check(err)
	r.check(os.WriteFile(path+ext, []byte(pack(r.t, string(b), packers[ext])), 0o600))
	r.check(os.Remove(path))
}

// same compares what was seen with what was written: each line once.
func (r *rig) same() {
	r.t.Helper()
	got, want := slices.Clone(r.got), slices.Clone(r.want)
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	count := map[string]int{}
	for _, l := range want {
		count[l]--
	}
	for _, l := range got {
		count[l]++
	}
	for l, n := range count {
		if n != 0 {
			r.t.Errorf("%+d times: %.60q", n, l)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, os.ErrNotExist) {
		return 0 // no /proc on this system, and nothing to compare
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
