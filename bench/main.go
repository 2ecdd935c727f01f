// Command bench measures whole runs of bouncewatch against a loop that only finds
// newlines, against decompression alone, and against the peers that are installed
// (pflogsumm, eximstats). It prints ratios of CPU time taken side by side on one
// machine: only they can be compared between machines.
//
//	go run ./bench [-size MB] [-runs N]
package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "newlines" {
		fail(countNewlines(os.Args[2]))
		return
	}
	size := flag.Int64("size", 200, "megabytes of log")
	runs := flag.Int("runs", 3, "runs of each; the best counts")
	flag.Parse()
	b := &bench{size: *size << 20, runs: *runs}
	fail(b.run())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// countNewlines is the least that a program can do with a log, packed or not.
func countNewlines(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	switch filepath.Ext(path) {
	case ".gz":
		if r, err = gzip.NewReader(f); err != nil {
			return err
		}
	case ".zst":
		d, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		defer d.Close()
		r = d
	}
	n := 0
	buf := make([]byte, 256<<10)
	for {
		k, err := r.Read(buf)
		for rest := buf[:k]; ; n++ { // line by line, as a parser has to
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				break
			}
			rest = rest[i+1:]
		}
		if err == io.EOF {
			fmt.Println(n)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type bench struct {
	size int64
	runs int
	dir  string
	self string
	prog string

	first time.Duration // CPU that the first log took
}

// A usage is what one run of a program took.
type usage struct {
	cpu, wall time.Duration
	rss       int64 // kilobytes at the peak
}

func (b *bench) run() error {
	var err error
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	b.prog = filepath.Join(b.dir, "bouncewatch")
	if out, err := exec.Command("go", "build", "-o", b.prog, "./cmd/bouncewatch").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	fmt.Printf("%d MB each, best of %d runs, %s, %d cores\n\n", b.size>>20, b.runs, runtime.Version(), runtime.NumCPU())
	fmt.Printf("%-24s%10s%12s%12s%12s%12s%12s\n", "log", "ns/line", "CPU/newline", "CPU/first", "2 cores", "peak MB", "MB/s")
	var paths []string
	for _, name := range []string{"postfix-logs/pf37.log", "exim-logs/exim496-default.log", "sendmail-logs/sm817-ll9.log"} {
		path, lines, err := b.grow(name)
		if err != nil {
			return err
		}
		if err := b.plain(path, lines); err != nil {
			return err
		}
		if err := b.messages(path); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	for _, ext := range []string{".gz", ".zst"} {
		if err := b.packed(paths[0], ext); err != nil {
			return err
		}
	}
	if err := b.peer(paths[0], "pflogsumm"); err != nil {
		return err
	}
	return b.peer(paths[1], "eximstats", "-nt", "-nr")
}

// grow makes a large log of a bundled one.
func (b *bench) grow(name string) (path string, lines int64, err error) {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		return "", 0, err
	}
	path = filepath.Join(b.dir, filepath.Base(name))
	f, err := os.Create(path)
	if err != nil {
		return "", 0, err
	}
	for n := int64(0); n < b.size; n += int64(len(text)) {
		if _, err := f.Write(text); err != nil {
			return "", 0, err
		}
		lines += int64(bytes.Count(text, []byte("\n")))
	}
	return path, lines, f.Close()
}

func (b *bench) plain(path string, lines int64) error {
	least, err := b.measure(b.self, "newlines", path)
	if err != nil {
		return err
	}
	one, err := b.measure(b.prog, "analyze", "--format", "json", "--jobs", "1", path)
	if err != nil {
		return err
	}
	two, err := b.measure(b.prog, "analyze", "--format", "json", "--jobs", "2", path)
	if err != nil {
		return err
	}
	if b.first == 0 {
		b.first = one.cpu // the logs are equally large
	}
	fmt.Printf("%-24s%10.0f%12.1f%12.2f%12.2f%12d%12.0f\n", filepath.Base(path), float64(one.cpu)/float64(lines), ratio(one.cpu, least.cpu),
		ratio(one.cpu, b.first), ratio(two.wall, one.wall), max(one.rss, two.rss)>>10, float64(b.size>>20)/one.wall.Seconds())
	return nil
}

// messages compares following messages with counting outcomes alone, in turns, so that
// what else the machine does hits both, and says the median. The queue ids of a grown
// log come again, so that each message is a new one.
func (b *bench) messages(path string) error {
	var more []float64
	peak := int64(0)
	for range 2 * b.runs {
		counting, err := once(b.prog, "analyze", "--format", "json", "--jobs", "1", path)
		if err != nil {
			return err
		}
		following, err := once(b.prog, "messages", "--format", "json", path)
		if err != nil {
			return err
		}
		more = append(more, ratio(following.cpu, counting.cpu)-1)
		peak = max(peak, following.rss)
	}
	slices.Sort(more)
	fmt.Printf("%-16s%10.0f %% more CPU than counting, peak %d MB\n", "  messages", 100*more[len(more)/2], peak>>10)
	return nil
}

func (b *bench) packed(path, ext string) error {
	archive := path + ext
	if err := pack(path, archive); err != nil {
		return err
	}
	least, err := b.measure(b.self, "newlines", archive)
	if err != nil {
		return err
	}
	one, err := b.measure(b.prog, "analyze", "--format", "json", "--jobs", "1", archive)
	if err != nil {
		return err
	}
	fmt.Printf("%-24s%10s%12.2f%12s%12s%12d\n", "the first in "+ext, "", ratio(one.cpu, least.cpu), "", "", one.rss>>10)
	return nil
}

func pack(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	var w io.WriteCloser = gzip.NewWriter(out)
	if strings.HasSuffix(to, ".zst") {
		if w, err = zstd.NewWriter(out); err != nil {
			return err
		}
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	return w.Close()
}

// peer measures another program on the same log, once: it needs seconds to minutes.
func (b *bench) peer(path, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		fmt.Printf("\n%s is not installed\n", name)
		return nil
	}
	ours, err := b.measure(b.prog, "analyze", "--jobs", "1", path)
	if err != nil {
		return err
	}
	once := *b
	once.runs = 1
	theirs, err := once.measure(name, append(args, path)...)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s takes %.0f times the CPU of bouncewatch\n", name, ratio(theirs.cpu, ours.cpu))
	return nil
}

// measure runs a program and returns the least it took.
func (b *bench) measure(name string, args ...string) (usage, error) {
	var all []usage
	for range b.runs {
		u, err := once(name, args...)
		if err != nil {
			return usage{}, err
		}
		all = append(all, u)
	}
	best := slices.MinFunc(all, func(x, y usage) int { return cmp.Compare(x.cpu, y.cpu) })
	best.wall = slices.MinFunc(all, func(x, y usage) int { return cmp.Compare(x.wall, y.wall) }).wall
	return best, nil
}

// once runs a program.
func once(name string, args ...string) (usage, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return usage{}, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	u := usage{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall: time.Since(begin)}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.rss = int64(ru.Maxrss)
	}
	return u, nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }
