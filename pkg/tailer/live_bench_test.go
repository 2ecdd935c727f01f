//go:build linux

package tailer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a line of a live log costs, through hpcloud/tail and through our own reader alone: single lines,
// bursts that the package is left to read, and bursts that it is relieved of. The time of an operation
// is that from the write to the last line, CPU seconds are of the whole process.
func BenchmarkLive(b *testing.B) {
	for _, lines := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("%d lines/hpcloud", lines), func(b *testing.B) { benchLive(b, lines, false) })
		b.Run(fmt.Sprintf("%d lines/own", lines), func(b *testing.B) { benchLive(b, lines, true) })
	}
}

func benchLive(b *testing.B, lines int, noEngine bool) {
	log, err := os.Create(filepath.Join(b.TempDir(), "mail.log"))
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	f, err := Follow(b.Context(), FollowOptions{Paths: []string{log.Name()}, FromStart: true, noEngine: noEngine})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	text := strings.Repeat(benchLine, lines)
	began, n := cpuTime(b), 0
	for b.Loop() {
		if _, err := io.WriteString(log, text); err != nil {
			b.Fatal(err)
		}
		for n += lines; n > 0; {
			batch, err := f.Next(ctx)
			if err != nil {
				b.Fatal(err)
			}
			n -= bytes.Count(batch.Data, []byte{'\n'})
		}
	}
	b.ReportMetric((cpuTime(b)-began).Seconds()*1e6/float64(lines*b.N), "cpu-s/Mlines")
}

// cpuTime is what the process took so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
