package tailer

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const benchLine = "Nov 25 13:11:02 mx1 postfix/smtp[12345]: 3A4B5C6D7E: to=<a@example.com>, relay=mx.example.com[192.0.2.1]:25, " +
	"delay=1.2, delays=0/0/1/0.2, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 no such user)\n"

// benchFollower follows n logs in one directory, from their beginnings.
func benchFollower(b *testing.B, n int, text []byte) (*Follower, []*os.File) {
	b.Helper()
	dir := b.TempDir()
	opts := FollowOptions{FromStart: true, Logger: slog.New(slog.DiscardHandler), noEngine: true}
	var files []*os.File
	for i := range n {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.log", i)))
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		files, opts.Paths = append(files, f), append(opts.Paths, f.Name())
	}
	f, err := Follow(b.Context(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f, files
}

// takeLines takes what there is and counts it.
func takeLines(f *Follower) (lines int) {
	for {
		batch, ok := f.take()
		if !ok {
			return lines
		}
		lines += bytes.Count(batch.Data, []byte{'\n'})
	}
}

// A log of 100 000 lines that are there already.
func BenchmarkFollowCatchUp(b *testing.B) {
	const lines = 100_000
	text := bytes.Repeat([]byte(benchLine), lines)
	f, _ := benchFollower(b, 1, text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if n := takeLines(f); n != lines {
			b.Fatalf("%d lines", n)
		}
		g := f.sources[0].live()
		g.offset, g.line = 0, 1 // again
	}
}

// One line at a time, each with a look of its own: the dearest a line can be.
func BenchmarkFollowTrickle(b *testing.B) {
	f, files := benchFollower(b, 1, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(files[0], benchLine); err != nil {
			b.Fatal(err)
		}
		f.look()
		if n := takeLines(f); n != 1 {
			b.Fatalf("%d lines", n)
		}
	}
}

// A look at logs to which nothing happens, which comes four times a second, and one at a directory in
// which other files come and go all the time.
func BenchmarkFollowIdleLook(b *testing.B) {
	for _, n := range []int{1, 100} {
		for _, age := range []time.Duration{time.Hour, 0} {
			b.Run(fmt.Sprintf("%d logs/changed %v ago", n, age), func(b *testing.B) {
				f, files := benchFollower(b, n, []byte(benchLine))
				now := time.Now()
				f.opts.now = func() time.Time { return now }
				if err := os.Chtimes(filepath.Dir(files[0].Name()), now.Add(-age), now.Add(-age)); err != nil {
					b.Fatal(err)
				}
				takeLines(f)
				b.ReportAllocs()
				for b.Loop() {
					f.look()
				}
			})
		}
	}
}
