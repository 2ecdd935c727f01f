package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

func bundledLogs(t testing.TB) []string {
	t.Helper()
	files, errs := tailer.Expand([]string{filepath.Join("..", "..", "..", "..", "testdata")})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var logs []string
	for _, f := range files {
		if strings.HasSuffix(f, ".log") {
			logs = append(logs, f)
		}
	}
	return logs
}

func state(t testing.TB, c *aggregate.Counts) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func run(t testing.TB, b *Batch) *aggregate.Counts {
	t.Helper()
	c, errs := b.Run(t.Context())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return c
}

// However many workers there are, and wherever a log is cut, the counts are those
// of one pass.
func TestBatchEqualsOnePass(t *testing.T) {
	logs := bundledLogs(t)
	// An hour of lines that refer to the line before them.
	repeats := filepath.Join(t.TempDir(), "repeats.log")
	note := "Jan  2 03:04:06 mx last message repeated 3 times\n"
	if err := os.WriteFile(repeats, []byte(strings.Repeat(bounceLine+"\n"+note, 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	logs = append(logs, repeats)
	want := state(t, run(t, &Batch{Files: logs, Workers: 1, Location: time.UTC, chunk: 1 << 40}))
	for _, b := range []*Batch{
		{Workers: 1, chunk: 100_000}, {Workers: 2}, {Workers: 3, chunk: 100_000}, {Workers: 8, chunk: 7_001},
	} {
		b.Files, b.Location = logs, time.UTC
		if got := state(t, run(t, b)); got != want {
			t.Errorf("%d workers, pieces of %d bytes: other counts than in one pass", b.Workers, b.chunk)
		}
	}
}

func TestRepeatsAcrossPieces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	note := "Jan  2 03:04:06 mx last message repeated 3 times\n"
	if err := os.WriteFile(path, []byte(strings.Repeat(bounceLine+"\n"+note, 50)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := run(t, &Batch{Files: []string{path}, Workers: 2, chunk: 1})
	if n := bounces(c); n != 200 {
		t.Errorf("%d bounces, want 50 lines and 150 repeats", n)
	}
}

func TestDamagedArchiveIsCountedUpToTheDamage(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 3000 {
		if _, err := w.Write([]byte(bounceLine + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cut, good := filepath.Join(dir, "cut.gz"), filepath.Join(dir, "good.gz")
	for name, data := range map[string][]byte{cut: packed.Bytes()[:packed.Len()-200], good: packed.Bytes()} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, errs := (&Batch{Files: []string{cut, good, filepath.Join(dir, "missing")}}).Run(t.Context())
	if len(errs) != 2 || !errors.Is(errs[0], tailer.ErrDamaged) || !errors.Is(errs[1], os.ErrNotExist) {
		t.Errorf("errors %v, want one of the damaged and one of the missing file", errs)
	}
	if n := bounces(c); n <= 3000 || n >= 6000 {
		t.Errorf("%d bounces, want those of the good archive and a part of the other", n)
	}
}

func TestBatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, errs := (&Batch{Files: bundledLogs(t)}).Run(ctx)
	if len(errs) != 0 || len(c.Rows()) != 0 {
		t.Errorf("%d rows and errors %v after a cancelled context", len(c.Rows()), errs)
	}
}

// Outside its time range, a log is not read.
func TestSelectionSkipsWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	line := "2026-03-05T10:11:12Z mx postfix/smtp[1]: 4XyZ1: to=<a@example.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (connect to x[192.0.2.1]:25: Connection refused)\n"
	later := strings.ReplaceAll(line, "03-05", "03-07")
	if err := os.WriteFile(path, []byte(line+later), 0o600); err != nil {
		t.Fatal(err)
	}
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		since, until time.Time
		events       int
		read         bool
	}{
		{day(8), time.Time{}, 0, false},
		{time.Time{}, day(4), 0, false},
		{day(6), day(7), 0, true},
		{day(6), day(8), 1, true},
		{day(5), day(8), 2, true},
		{time.Time{}, day(6), 1, true},
	} {
		counts := run(t, &Batch{Files: []string{path}, Selection: &Selection{Since: c.since, Until: c.until}})
		n := uint64(0)
		for _, r := range counts.Rows() {
			n += r.N
		}
		read := len(counts.Sources()) > 0
		if int(n) != c.events || read != c.read {
			t.Errorf("from %v to %v: %d events, read %v; want %d, %v", c.since, c.until, n, read, c.events, c.read)
		}
	}
}

// Nothing is allocated for a line once its keys are known.
func TestLoopAllocatesNothingPerLine(t *testing.T) {
	for _, log := range bundledLogs(t) {
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		data = data[:min(len(data), 200_000)]
		data = data[:bytes.LastIndexByte(data, '\n')+1]
		p := Pipeline{Counts: aggregate.New(), Calendar: &logparse.Calendar{Location: time.UTC, Reference: time.Now()}}
		block := tailer.Block{Source: log, Data: data, Line: 1}
		p.Block(&block)
		lines := bytes.Count(data, []byte("\n"))
		if n := testing.AllocsPerRun(3, func() { p.Block(&block) }); n > 0 {
			t.Errorf("%s: %v allocations for %d lines, want 0", filepath.Base(log), n, lines)
		}
	}
}

func BenchmarkLoop(b *testing.B) {
	for _, log := range bundledLogs(b) {
		b.Run(strings.TrimSuffix(filepath.Base(log), ".log"), func(b *testing.B) {
			data, err := os.ReadFile(log)
			if err != nil {
				b.Fatal(err)
			}
			p := Pipeline{Counts: aggregate.New(), Calendar: &logparse.Calendar{Location: time.UTC, Reference: time.Now()}}
			block := tailer.Block{Source: log, Data: data, Line: 1}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				p.Block(&block)
			}
		})
	}
}

// A log that is cut while it is read is named once, however many pieces are gone.
func TestBatchSaysOnceThatALogWasCut(t *testing.T) {
	line := bounceLine + "\n"
	path := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(path, []byte(strings.Repeat(line, 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &Batch{Files: []string{path}, Workers: 1, chunk: 4 * int64(len(line)), Reference: func(string) time.Time {
		if err := os.Truncate(path, int64(len(line))); err != nil {
			t.Error(err)
		}
		return time.Now()
	}}
	counts, errs := b.Run(t.Context())
	if len(errs) != 1 || !errors.Is(errs[0], tailer.ErrCut) {
		t.Errorf("errors %v", errs)
	}
	if rows := counts.Rows(); len(rows) != 1 || rows[0].N != 1 {
		t.Errorf("rows %v", rows)
	}
}
