// Command soak runs "bouncewatch watch" over a day of a very busy mail host in a
// few minutes: a log grows by millions of lines and is rotated in all the usual ways.
// What is counted in the end must equal what was written, line for line and code
// for code, and memory, descriptors and goroutines must not grow.
//
//	go run ./deploy/test/soak [-lines 50000000] [-rotations 100]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	var s soak
	flag.IntVar(&s.lines, "lines", 1_000_000, "lines to write")
	flag.IntVar(&s.rotations, "rotations", 20, "rotations meanwhile")
	flag.IntVar(&s.quiet, "quiet-logs", 9, "further logs, to which nothing is written")
	flag.DurationVar(&s.rest, "rest", 10*time.Second, "how long to look at the program at rest, in the end")
	flag.StringVar(&s.program, "bouncewatch", "", "the program; built if not given")
	flag.StringVar(&s.dir, "dir", "", "where the log and its rotated forms are written: some hundred MB")
	limit := flag.Duration("limit", time.Hour, "when to give up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, *limit)
	err := s.run(ctx)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

type soak struct {
	lines, rotations, quiet int
	rest                    time.Duration
	program, dir            string

	log     *log
	watcher *watcher
	samples []sample
	began   time.Time
}

func (s *soak) run(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp(s.dir, "soak"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if s.program == "" {
		s.program = filepath.Join(s.dir, "bouncewatch")
		if out, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", s.program, "./cmd/bouncewatch").CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	if s.log, err = newLog(filepath.Join(s.dir, "mail.log"), s.lines); err != nil {
		return err
	}
	defer s.log.close()
	if err := s.quietLogs(); err != nil {
		return err
	}
	if s.watcher, err = startWatcher(ctx, s.program, s.dir, s.log.path); err != nil {
		return err
	}
	defer s.watcher.kill()
	s.began = time.Now()
	if err := s.write(ctx); err != nil {
		return err
	}
	if err := s.reach(ctx, s.log.written); err != nil {
		return err
	}
	return errors.Join(s.flat(), s.atRest(ctx), s.exact(ctx), s.watcher.end())
}

// quietLogs are there from the beginning.
func (s *soak) quietLogs() error {
	if err := os.Mkdir(filepath.Join(s.dir, "quiet"), 0o700); err != nil {
		return err
	}
	for n := range s.quiet {
		text := strings.Repeat(fmt.Sprintf("2026-11-25T00:00:00.%06d+00:00 mx1 postfix/qmgr[4321]: 4X1: removed\n", n), 100)
		if err := os.WriteFile(filepath.Join(s.dir, "quiet", fmt.Sprintf("%d.log", n)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// write writes all lines, a rotation between two parts of them. It keeps less than
// three parts ahead of what is counted, so that all that was rotated is still there.
func (s *soak) write(ctx context.Context) error {
	part := max(s.lines/(s.rotations+1), 1)
	fmt.Println("| lines | resident MB | descriptors | goroutines | CPU s |\n| ---: | ---: | ---: | ---: | ---: |")
	for n := 0; s.log.written < s.lines; n++ {
		if err := s.log.write(min(part, s.lines-s.log.written)); err != nil {
			return err
		}
		if err := s.reach(ctx, s.log.written-2*part); err != nil {
			return err
		}
		if s.log.written >= s.lines {
			break
		}
		if err := s.log.rotate(n); err != nil {
			return err
		}
		if n%5 == 0 { // a quiet time, in which little is written
			if err := s.trickle(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// trickle waits until all is counted, and then writes a few lines at a time.
func (s *soak) trickle(ctx context.Context) error {
	if err := s.reach(ctx, s.log.written); err != nil {
		return err
	}
	for range 25 {
		if err := s.log.write(min(3, s.lines-s.log.written)); err != nil {
			return err
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// reach waits until so many lines are counted, and takes samples meanwhile.
func (s *soak) reach(ctx context.Context, lines int) error {
	for {
		now, err := s.watcher.sample(ctx)
		if err != nil {
			return err
		}
		s.note(now)
		if now.lines >= lines {
			return nil
		}
		if err := wait(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("%d lines of %d were counted: %w", now.lines, s.log.written, err)
		}
	}
}

// note keeps a sample, and prints one for each tenth of the lines.
func (s *soak) note(now sample) {
	last := sample{}
	if len(s.samples) > 0 {
		last = s.samples[len(s.samples)-1]
	}
	s.samples = append(s.samples, now)
	if now.lines*10/s.lines > last.lines*10/s.lines {
		fmt.Printf("| %d | %.1f | %d | %d | %.1f |\n", now.lines, float64(now.resident)/(1<<20), now.descriptors, now.goroutines, now.cpu)
	}
}

// exact compares all counts with what was written.
func (s *soak) exact(ctx context.Context) error {
	got, err := s.watcher.metrics(ctx)
	if err != nil {
		return err
	}
	var faults []error
	counts := s.log.counts()
	for name, want := range counts {
		if got[name] != float64(want) {
			faults = append(faults, fmt.Errorf("%s: counted %.0f, written %d", name, got[name], want))
		}
	}
	if lost := sum(got, "bouncewatch_source_lost_bytes_total", s.log.path); lost != 0 {
		faults = append(faults, fmt.Errorf("%.0f bytes were lost", lost))
	}
	took := time.Since(s.began)
	last := s.samples[len(s.samples)-1]
	fmt.Printf("%d lines, %d rotations, %d counts compared: %d differ. %.0f s, %.2f CPU seconds per million lines.\n",
		s.log.written, s.log.rotated, len(counts), len(faults), took.Seconds(), last.cpu/float64(s.log.written)*1e6)
	return errors.Join(faults...)
}

// atRest measures what the program needs when nothing happens, and how long it
// takes until a line is served after that.
func (s *soak) atRest(ctx context.Context) error {
	if s.rest == 0 {
		return nil
	}
	begin, err := s.watcher.sample(ctx)
	if err != nil {
		return err
	}
	if err := wait(ctx, s.rest); err != nil {
		return err
	}
	end, err := s.watcher.sample(ctx)
	if err != nil {
		return err
	}
	var longest, all time.Duration
	const lines = 10
	for range lines {
		took, err := s.latency(ctx)
		if err != nil {
			return err
		}
		longest, all = max(longest, took), all+took
		if err := wait(ctx, 1200*time.Millisecond); err != nil { // longer than it saves up for one write of the state
			return err
		}
	}
	fmt.Printf("At rest, with %d logs: %.2f %% of a core, %.1f MB; a line is served %d ms after it is written, %d ms at most.\n",
		1+s.quiet, 100*(end.cpu-begin.cpu)/s.rest.Seconds(), float64(end.resident)/(1<<20), (all / lines).Milliseconds(), longest.Milliseconds())
	return nil
}

func (s *soak) latency(ctx context.Context) (time.Duration, error) {
	if err := s.log.write(1); err != nil {
		return 0, err
	}
	began := time.Now()
	for {
		now, err := s.watcher.sample(ctx)
		if err != nil || now.lines >= s.log.written {
			return time.Since(began), err
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flat says whether the second half of the time needed more than the first.
func (s *soak) flat() error {
	half := 0
	for half < len(s.samples)-1 && s.samples[half].lines < s.lines/2 {
		half++
	}
	first, second := greatest(s.samples[:half]), greatest(s.samples[half:])
	fmt.Printf("At most, first half and second: resident %.1f and %.1f MB, descriptors %d and %d, goroutines %d and %d.\n",
		float64(first.resident)/(1<<20), float64(second.resident)/(1<<20), first.descriptors, second.descriptors, first.goroutines, second.goroutines)
	if second.resident > first.resident+first.resident/5+8<<20 || second.descriptors > first.descriptors+8 || second.goroutines > first.goroutines+8 {
		return errors.New("the second half needed more than the first")
	}
	return nil
}

func greatest(samples []sample) (most sample) {
	for _, s := range samples {
		most.resident = max(most.resident, s.resident)
		most.descriptors = max(most.descriptors, s.descriptors)
		most.goroutines = max(most.goroutines, s.goroutines)
	}
	return most
}
