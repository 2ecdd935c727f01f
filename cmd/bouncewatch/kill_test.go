package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// What Prometheus adds up equals what the log says, whatever happens to the
// process and to the log: the program is killed again and again while the log is
// written, renamed and compressed. No value that was scraped may be taken back,
// and the last one is the number of lines. Each line is a message: so many failed
// in the end.
func TestKilledAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	w := &logWriter{t: t, path: filepath.Join(dir, "mail.log"), random: rand.New(rand.NewPCG(1, 2))}
	w.open()
	v := &victim{t: t, url: "http://" + freeAddress(t) + "/metrics", args: []string{
		"watch", "--from-start", "--log.level", "warn", "--state-dir", filepath.Join(dir, "state"), w.path,
	}}
	v.start()
	random := rand.New(rand.NewPCG(3, 4))
	const kills = 12
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !v.scrape() { // what is rotated before the first start is history
		<-tick.C
	}
	for killed := 0; killed < kills; {
		<-tick.C
		w.step()
		v.scrape()
		if random.IntN(25) == 0 {
			v.kill()
			killed++
			for range random.IntN(8) { // it stays down for a while
				w.step()
			}
			v.start()
		}
	}
	for range 1000 {
		<-tick.C
		if v.scrape(); v.last >= w.lines {
			break
		}
	}
	v.kill()
	if v.last != w.lines || v.fell {
		t.Errorf("%d lines counted of %d, fell back %v, after %d rotations", v.last, w.lines, v.fell, w.rotations)
	}
	if v.failed != w.lines {
		t.Errorf("%d recipients failed in the end, of %d", v.failed, w.lines)
	}
	if w.rotations < 5 {
		t.Errorf("only %d rotations", w.rotations)
	}
}

// A logWriter writes bounces, and rotates as logrotate does.
type logWriter struct {
	t         *testing.T
	path      string
	file      *os.File
	random    *rand.Rand
	lines     int
	rotations int
}

func (w *logWriter) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *logWriter) open() {
	if w.file != nil {
		w.check(w.file.Close())
	}
	var err error
	w.file, err = os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.check(err)
}

func (w *logWriter) step() {
	for range 1 + w.random.IntN(40) {
		w.lines++
		_, err := fmt.Fprintf(w.file, "Nov 24 10:00:00 mx1 postfix/smtp[1]: 4XyZ%d: to=<b@example.org>, relay=mx.example.org[192.0.2.2]:25, delay=2, delays=0/0/0/2, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.2] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n", w.lines)
		w.check(err)
	}
	switch w.random.IntN(30) {
	case 0:
		w.rotate()
		w.open()
	case 1: // the daemon is told later, or not before the next rotation
		w.rotate()
		w.check(os.WriteFile(w.path, nil, 0o600))
	case 2:
		w.open()
		w.compress()
	}
}

func (w *logWriter) rotate() {
	for i := 40; i >= 1; i-- {
		for _, ext := range []string{"", ".gz"} {
			old := fmt.Sprintf("%s.%d%s", w.path, i, ext)
			if _, err := os.Stat(old); err == nil {
				w.check(os.Rename(old, fmt.Sprintf("%s.%d%s", w.path, i+1, ext)))
			}
		}
	}
	w.check(os.Rename(w.path, w.path+".1"))
	w.rotations++
}

// compress packs the newest rotated file, which no one writes to any more.
func (w *logWriter) compress() {
	text, err := os.ReadFile(w.path + ".1")
	if err != nil {
		return // nothing was rotated yet
	}
	out, err := os.Create(w.path + ".1.gz")
	w.check(err)
	z := gzip.NewWriter(out)
	_, err = z.Write(text)
	w.check(err)
	w.check(z.Close())
	w.check(out.Close())
	w.check(os.Remove(w.path + ".1"))
}

// A victim is the program, to be killed.
type victim struct {
	t    *testing.T
	url  string
	args []string
	cmd  *exec.Cmd
	last int
	fell bool

	failed int // recipients, in the end
}

func (v *victim) start() {
	v.t.Helper()
	address := strings.TrimSuffix(strings.TrimPrefix(v.url, "http://"), "/metrics")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	v.t.Cleanup(cancel)
	v.cmd = exec.CommandContext(ctx, "bouncewatch", append(v.args, "--web.listen-address", address)...)
	v.cmd.Stderr = os.Stderr
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
}

func (v *victim) kill() {
	v.t.Helper()
	if err := v.cmd.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	v.cmd.Wait() //nolint:errcheck // it was killed
}

// scrape notes the counter; false while the process does not answer yet.
func (v *victim) scrape() bool {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false
	}
	n, failed := v.value(string(body), replies550), v.value(string(body), `bouncewatch_recipients_total{mta="postfix",outcome="failed"} `)
	if failed < v.failed {
		v.fell = true
		v.t.Errorf("the counter of recipients fell from %d to %d", v.failed, failed)
	}
	v.failed = failed
	if n < v.last {
		v.fell = true
		v.t.Errorf("the counter fell from %d to %d", v.last, n)
	}
	v.last = n
	return true
}

func (v *victim) value(metrics, series string) int {
	v.t.Helper()
	_, rest, ok := strings.Cut(metrics, "\n"+series)
	if !ok {
		v.t.Fatalf("no %s in the metrics", series)
	}
	text, _, _ := strings.Cut(rest, "\n")
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		v.t.Fatal(err)
	}
	return int(f)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
