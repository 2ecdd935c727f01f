package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A process is "bouncewatch watch", run by a test in its own process.
type process struct {
	t      *testing.T
	url    string
	stop   context.CancelFunc
	status chan int
	said   chan string // all its log, once it ended
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

func startDaemon(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &process{t: t, stop: stop, status: make(chan int, 1), said: make(chan string, 1)}
	logR, logW := io.Pipe()
	args = append([]string{"watch", "--web.listen-address", "127.0.0.1:0"}, args...)
	go func() {
		d.status <- run(ctx, args, strings.NewReader(""), io.Discard, logW)
		logW.Close()
	}()
	address := make(chan string, 1)
	go func() { // reads on for as long as the daemon writes
		defer close(address)
		var said strings.Builder
		defer func() { d.said <- said.String() }()
		for s := bufio.NewScanner(logR); s.Scan(); {
			said.WriteString(s.Text() + "\n")
			if m := listening.FindStringSubmatch(s.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	a, ok := <-address
	if !ok {
		t.Fatalf("the daemon ended with status %d before it listened:\n%s", <-d.status, <-d.said)
	}
	d.url = "http://" + a
	t.Cleanup(stop)
	return d
}

func (d *process) get(path string) (int, string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// await asks until the metrics contain the line, for half a minute at most.
func (d *process) await(line string) {
	d.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	body := ""
	for range 600 {
		if _, body = d.get("/metrics"); strings.Contains("\n"+body, "\n"+line+"\n") {
			return
		}
		<-tick.C
	}
	name, _, _ := strings.Cut(line, "{")
	var have []string
	for l := range strings.Lines(body) {
		if strings.HasPrefix(l, name) && !strings.HasSuffix(l, " 0\n") {
			have = append(have, l)
		}
	}
	d.t.Fatalf("no %s within half a minute; there is\n%s", line, strings.Join(have, ""))
}

func (d *process) end() {
	d.t.Helper()
	d.stop()
	if status := <-d.status; status != exitOK {
		d.t.Errorf("the daemon ended with status %d:\n%s", status, <-d.said)
	}
}

func appendLines(t *testing.T, path string, from, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		fmt.Fprintf(f, "2026-11-24T10:00:%02d+00:00 mx1 postfix/smtp[1]: 4XyZ%d: to=<b@example.org>, relay=mx.example.org[192.0.2.2]:25, delay=2, delays=0/0/0/2, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.2] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n", i%60, from+i)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const replies550 = `bouncewatch_replies_total{class="5xx",code="550",direction="outbound",mta="postfix"} `

func TestWatchCountsAGrowingFile(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "mail.log"), filepath.Join(dir, "state")
	appendLines(t, log, 0, 5) // before the first start: not counted
	d := startDaemon(t, "--state-dir", state, log)
	d.await(replies550 + "0")
	d.await(`bouncewatch_failures_total{cause="ip_blocked",class="4xx",direction="outbound",mta="exim"} 0`)
	d.await(fmt.Sprintf(`bouncewatch_lines_total{result="unparsed",source=%q} 0`, log))
	if status, body := d.get("/-/ready"); status != http.StatusOK {
		t.Errorf("ready: %d %s", status, body)
	}
	appendLines(t, log, 5, 7)
	d.await(replies550 + "7")
	d.await(`bouncewatch_failures_total{cause="user_unknown",class="5xx",direction="outbound",mta="postfix"} 7`)

	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	appendLines(t, log+".1", 12, 2) // the syslog daemon has not been told yet
	appendLines(t, log, 14, 3)
	d.await(replies550 + "12")
	d.await(fmt.Sprintf("bouncewatch_source_rotations_total{source=%q} 1", log))
	d.end()

	appendLines(t, log, 17, 4) // while no one looks
	if err := os.Rename(log, log+".2"); err != nil {
		t.Fatal(err)
	}
	appendLines(t, log, 21, 1)
	d = startDaemon(t, "--state-dir", state, log)
	d.await(replies550 + "17")
	d.end()
}

func TestWatchRefusesASecondProcess(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "mail.log")
	appendLines(t, log, 0, 1)
	d := startDaemon(t, "--state-dir", dir, log)
	var stderr strings.Builder
	if status := run(t.Context(), []string{"watch", "--state-dir", dir, "--web.listen-address", "127.0.0.1:0", log}, nil, io.Discard, &stderr); status != exitFailed {
		t.Errorf("status %d, want %d", status, exitFailed)
	}
	if !strings.Contains(stderr.String(), "is in use by another bouncewatch") {
		t.Errorf("message %q", stderr.String())
	}
	d.end()
}

func TestWatchSetsABadStateAside(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "mail.log")
	appendLines(t, log, 0, 1)
	state := filepath.Join(dir, "state.json")
	if err := os.WriteFile(state, []byte(`{"version":99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"watch", "--state-dir", dir, "--web.listen-address", "127.0.0.1:0", log}
	var stderr strings.Builder
	if status := run(t.Context(), args, nil, io.Discard, &stderr); status != exitFailed || !strings.Contains(stderr.String(), "is of version 99, this program knows version 1") {
		t.Errorf("status %d, %s", status, stderr.String())
	}
	d := startDaemon(t, "--state-dir", dir, "--new-state", "--from-start", log)
	d.await(replies550 + "1")
	d.end()
	aside, err := filepath.Glob(state + ".2*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside: %v %v", aside, err)
	}
	if b, err := os.ReadFile(aside[0]); err != nil || string(b) != `{"version":99}` {
		t.Errorf("set aside: %q %v", b, err)
	}
}

// Standard input is a source like a file; so is a socket for syslog messages.
func TestWatchReadsStreams(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "mail.log")
	appendLines(t, log, 0, 1)
	d := startDaemon(t, "--state-dir", filepath.Join(dir, "state"), log, "udp://127.0.0.1:0")
	appendLines(t, log, 1, 2)
	d.await(replies550 + "2")
	_, body := d.get("/metrics")
	m := regexp.MustCompile(`bouncewatch_source_up\{source="udp://([^"]+)"\} 1`).FindStringSubmatch(body)
	if m == nil {
		t.Fatal("no socket among the sources")
	}
	conn, err := net.Dial("udp", m[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "<22>Jan  2 03:04:05 mx1 postfix/smtp[1]: 4XyZ1: to=<b@example.org>, relay=mx.example.org[192.0.2.2]:25, delay=2, delays=0/0/0/2, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.2] said: 550 5.1.1 User unknown (in reply to RCPT TO command))")
	d.await(replies550 + "3")
	d.end()
}

func TestWarningWhenOpenToOthers(t *testing.T) {
	for _, c := range []struct {
		address, webConfig string
		want               bool
	}{
		{"127.0.0.1:0", "", false}, {"[::1]:0", "", false}, {"0.0.0.0:0", "", true}, {"0.0.0.0:0", "web.yaml", false},
	} {
		l, err := net.Listen("tcp", c.address)
		if err != nil && strings.HasPrefix(c.address, "[") {
			continue // a host without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		warnIfOpen([]net.Listener{l}, c.webConfig, slog.New(slog.NewTextHandler(&said, nil)))
		l.Close()
		if got := strings.Contains(said.String(), "without a password"); got != c.want {
			t.Errorf("%s with %q: %q", c.address, c.webConfig, said.String())
		}
	}
}
