package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A watcher is a running "bouncewatch watch".
type watcher struct {
	t    *testing.T
	cmd  *exec.Cmd
	said *bufio.Scanner // what it logs
}

// watch starts the real program; it must end by itself when told to.
func watch(t *testing.T, args ...string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bouncewatch", append([]string{"watch", "--web.listen-address", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &watcher{t, cmd, bufio.NewScanner(stderr)}
}

// waitFor returns the next line it logs that matches.
func (d *watcher) waitFor(pattern string) []string {
	d.t.Helper()
	re := regexp.MustCompile(pattern)
	var seen strings.Builder
	for d.said.Scan() {
		if m := re.FindStringSubmatch(d.said.Text()); m != nil {
			return m
		}
		seen.WriteString(d.said.Text() + "\n")
	}
	d.t.Fatalf("it did not say %s but\n%s", pattern, seen.String())
	return nil
}

func (d *watcher) signal(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// stop ends it as a service manager does, and wants status 0.
func (d *watcher) stop() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	for d.said.Scan() {
	}
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("at the end: %v", err)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// write makes text the content of a file; of a file that has its beginning
// already, the rest is appended, as a log grows.
func write(t *testing.T, path, text string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	mode, rest := os.O_APPEND, strings.TrimPrefix(text, string(old))
	if !strings.HasPrefix(text, string(old)) {
		mode, rest = os.O_TRUNC, text
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|mode, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(rest)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// mail is a log of n mails that were sent.
func mail(n int) string {
	return strings.Repeat("2026-11-24T10:00:01+00:00 mx1 postfix/smtp[1]: 4XyZ1: to=<a@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=0.5, dsn=2.0.0, status=sent (250 2.0.0 OK)\n", n)
}

// waitForMetric asks until the sample is served.
func waitForMetric(t *testing.T, url, sample string) {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		_, body := get(t, url+"/metrics")
		if strings.Contains(body, sample+"\n") {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s is not served", sample)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// SIGHUP with a bad file says what is wrong with it and changes nothing; with a
// good one it follows the new logs.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	first, second := filepath.Join(dir, "first.log"), filepath.Join(dir, "second.log")
	write(t, first, "")
	write(t, second, "")
	write(t, file, "logs: ["+first+"]\n")

	d := watch(t, "--config", file, "--state-dir", filepath.Join(dir, "state"))
	url := "http://" + d.waitFor(`address=(127\.0\.0\.1:\d+)`)[1]

	write(t, file, "lgos: ["+second+"]\n")
	d.signal(syscall.SIGHUP)
	d.waitFor(`level=ERROR .*the former one stays.*c\.yaml:1: unknown key .*lgos.*did you mean logs`)
	write(t, first, mail(2))
	waitForMetric(t, url, `bouncewatch_events_total{direction="outbound",mta="postfix",status="sent"} 2`)

	write(t, file, "logs: ["+second+"]\n")
	d.signal(syscall.SIGHUP)
	if logs := d.waitFor(`msg="reloaded.*logs=(\S+)`)[1]; logs != second {
		t.Errorf("reloaded logs %s, want %s", logs, second)
	}
	waitForMetric(t, url, `bouncewatch_source_up{source="`+second+`"} 1`)
	write(t, second, mail(3))
	waitForMetric(t, url, `bouncewatch_events_total{direction="outbound",mta="postfix",status="sent"} 5`)
	d.stop()

	// What is written between two runs is read by the second.
	write(t, second, mail(6))
	d = watch(t, "--config", file, "--state-dir", filepath.Join(dir, "state"))
	url = "http://" + d.waitFor(`address=(127\.0\.0\.1:\d+)`)[1]
	waitForMetric(t, url, `bouncewatch_events_total{direction="outbound",mta="postfix",status="sent"} 8`)
	d.stop()
}
