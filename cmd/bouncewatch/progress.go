package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
)

// progress shows how far a batch is, on a terminal only, until the returned
// function is called.
func progress(cmd *cobra.Command, batch *pipeline.Batch) (stop func()) {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	total := int64(0) // bytes to read, 0 where unknown
	for _, name := range batch.Files {
		if info, err := os.Stat(name); err == nil {
			total += info.Size()
		}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		begin := time.Now()
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(f, "\r\x1b[K%s", progressLine(batch.Done.Load(), total, time.Since(begin)))
			case <-quit:
				fmt.Fprint(f, "\r\x1b[K")
				return
			}
		}
	}()
	return func() { close(quit); <-gone }
}

// progressLine has no time left where archives make more text than there are
// bytes in the files.
func progressLine(done, total int64, spent time.Duration) string {
	rate := float64(done) / spent.Seconds()
	line := fmt.Sprintf("%s read, %s/s", size(float64(done)), size(rate))
	if done > 0 && done < total {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %d %%, %v left", 100*done/total, left.Round(time.Second))
	}
	return line
}

func size(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g TB", n)
}
