package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A watcher is a running bouncewatch.
type watcher struct {
	cmd *exec.Cmd
	url string
	log string
}

// A sample is what bouncewatch says of itself.
type sample struct {
	lines       int
	resident    int64
	descriptors int
	goroutines  int
	cpu         float64
}

func startWatcher(ctx context.Context, program, dir, log string) (*watcher, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	w := &watcher{cmd: exec.CommandContext(ctx, program, "watch", "--from-start", "--log.level", "warn",
		"--state-dir", filepath.Join(dir, "state"), "--web.listen-address", address, log, filepath.Join(dir, "quiet", "*.log")), url: "http://" + address, log: log}
	// A day in minutes: what waits for a minute elsewhere waits less here.
	w.cmd.Env = append(os.Environ(), "BOUNCEWATCH_ROTATE_WAIT=5s")
	w.cmd.Stderr = os.Stderr
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	return w, w.ready(ctx)
}

func (w *watcher) ready(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		if _, err := w.metrics(ctx); err == nil {
			return nil
		}
		<-tick.C
	}
	return errors.New("bouncewatch does not serve")
}

// end lets it leave in order.
func (w *watcher) end() error {
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return w.cmd.Wait()
}

func (w *watcher) kill() {
	if w.cmd.ProcessState == nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	}
}

func (w *watcher) sample(ctx context.Context) (sample, error) {
	m, err := w.metrics(ctx)
	return sample{
		lines:       int(sum(m, "bouncewatch_lines_total", w.log)),
		resident:    int64(m["process_resident_memory_bytes"]),
		descriptors: int(m["process_open_fds"]),
		goroutines:  int(m["go_goroutines"]),
		cpu:         m["process_cpu_seconds_total"],
	}, err
}

// metrics are all samples that are served, by name and labels.
func (w *watcher) metrics(ctx context.Context) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	samples := map[string]float64{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if strings.HasPrefix(lines.Text(), "#") || at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		samples[lines.Text()[:at]] = value
	}
	return samples, lines.Err()
}

// sum adds the series of a metric for one log.
func sum(metrics map[string]float64, metric, log string) (total float64) {
	for name, value := range metrics {
		if strings.HasPrefix(name, metric+"{") && strings.Contains(name, fmt.Sprintf("source=%q", log)) {
			total += value
		}
	}
	return total
}
