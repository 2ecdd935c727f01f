package main

import (
	"bufio"
	"context"
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

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
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
	if status, _ := get(t, url+"/-/healthy"); status != http.StatusOK {
		t.Errorf("after a bad reload: /-/healthy %d", status)
	}

	write(t, file, "logs: ["+second+"]\n")
	d.signal(syscall.SIGHUP)
	if logs := d.waitFor(`msg="reloaded.*logs=(\S+)`)[1]; logs != second {
		t.Errorf("reloaded logs %s, want %s", logs, second)
	}
	if status, body := get(t, url+"/metrics"); status != http.StatusOK || !strings.Contains(body, "bouncewatch_build_info") {
		t.Errorf("after a reload: /metrics %d", status)
	}
	d.stop()
}
