package tailer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeJournalctl prints what lies in the file entries, from the place asked for, and then what comes
// through the pipe of this run, if there is one. The file refuse makes it fail.
const fakeJournalctl = `#!/bin/sh
dir=${0%/*}
echo "$*" >>"$dir/calls"
if [ -e "$dir/refuse" ]; then cat "$dir/refuse" >&2; exit 1; fi
cursor=
for arg; do
	case $arg in
	--after-cursor=*) cursor=${arg#*=} ;;
	--lines=1) tail -n 1 "$dir/entries"; exit ;;
	esac
done
awk -v c="$cursor" 'c == "" || seen { print } index($0, "\"" c "\"") { seen = 1 }' "$dir/entries"
live=$dir/live.$(($(wc -l <"$dir/calls")))
[ -p "$live" ] && exec cat "$live"
exit 0
`

// A journalRig is a fake journal, and a Journal on it.
type journalRig struct {
	t      *testing.T
	dir    string
	opts   JournalOptions
	j      *Journal
	pauses []time.Duration
	got    []string
}

func newJournalRig(t *testing.T) *journalRig {
	r := &journalRig{t: t, dir: t.TempDir()}
	r.file("journalctl", fakeJournalctl, 0o700)
	r.file("entries", "", 0o600)
	r.opts = JournalOptions{Command: filepath.Join(r.dir, "journalctl"), FromStart: true}
	t.Cleanup(func() {
		if r.j != nil {
			r.j.Close()
		}
	})
	return r
}

func (r *journalRig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *journalRig) file(name, text string, mode os.FileMode) {
	r.t.Helper()
	r.check(os.WriteFile(filepath.Join(r.dir, name), []byte(text), mode))
}

func entry(n int, message string) string {
	return fmt.Sprintf(`{"__CURSOR":"s=%d;i=a","__REALTIME_TIMESTAMP":"1764075%09d","SYSLOG_IDENTIFIER":"postfix/smtp","MESSAGE":%s}`, n, n, message) + "\n"
}

func text(s string) string { return fmt.Sprintf("%q", s) }

// add appends entries to the journal.
func (r *journalRig) add(entries ...string) {
	r.t.Helper()
	f, err := os.OpenFile(filepath.Join(r.dir, "entries"), os.O_WRONLY|os.O_APPEND, 0)
	r.check(err)
	_, err = io.WriteString(f, strings.Join(entries, ""))
	r.check(errors.Join(err, f.Close()))
}

func (r *journalRig) follow() {
	r.t.Helper()
	var err error
	r.j, err = FollowJournal(r.t.Context(), r.opts)
	r.check(err)
}

// pipe is what the journalctl that was started as number run follows.
func (r *journalRig) pipe(run int) string { return filepath.Join(r.dir, fmt.Sprint("live.", run)) }

// live gives an entry to a running journalctl, and lets it die in the midst of the next one.
func (r *journalRig) live(run int, entry string) error {
	pipe, err := os.OpenFile(r.pipe(run), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	r.add(entry)
	_, err = io.WriteString(pipe, entry+`{"__CURSOR":"s=9;i=a","MESS`)
	return errors.Join(err, pipe.Close())
}

// restart ends the Journal and starts another where it was, by way of its state on disk.
func (r *journalRig) restart() {
	r.t.Helper()
	b, err := json.Marshal(r.j.State())
	r.check(errors.Join(err, r.j.Close()))
	r.opts.State = nil
	r.check(json.Unmarshal(b, &r.opts.State))
	r.follow()
}

// next reads until n entries are there.
func (r *journalRig) next(n int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	for end := len(r.got) + n; len(r.got) < end; {
		b, err := r.j.Next(ctx)
		r.check(err)
		if want := int64(len(r.got)) + 1; r.opts.State == nil && b.Line != want || b.Source != "journal" {
			r.t.Errorf("batch of %s at line %d, want journal at %d", b.Source, b.Line, want)
		}
		for l := range strings.Lines(string(b.Data)) {
			r.got = append(r.got, l)
		}
	}
}

func (r *journalRig) want(entries ...string) {
	r.t.Helper()
	if got, want := strings.Join(r.got, ""), strings.Join(entries, ""); got != want {
		r.t.Errorf("got\n%swant\n%s", got, want)
	}
}

// calls are the arguments of each run of journalctl.
func (r *journalRig) calls() []string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "calls"))
	r.check(err)
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// noPause makes the Journal start journalctl again at once, and notes how long it would have waited.
// It waits for good at the pause number last.
func (r *journalRig) noPause(last int) (stopped <-chan struct{}) {
	done := make(chan struct{})
	r.opts.after = func(d time.Duration) <-chan time.Time {
		r.pauses = append(r.pauses, d)
		if len(r.pauses) == last {
			close(done)
			return nil
		}
		c := make(chan time.Time, 1)
		c <- time.Time{}
		return c
	}
	return done
}

func TestJournalFromStart(t *testing.T) {
	r := newJournalRig(t)
	r.opts.after = func(time.Duration) <-chan time.Time { return nil }
	// What is not UTF-8 is an array of bytes, and a line feed is escaped: one entry stays one line.
	all := []string{entry(1, text("status=sent")), entry(2, "[98,233,10]"), entry(3, text("two\nlines"))}
	r.add(all...)
	r.follow()
	r.next(3)
	r.want(all...)
	want := "--follow --no-tail --output-fields=MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_HOSTNAME,_SOURCE_REALTIME_TIMESTAMP " +
		"SYSLOG_FACILITY=2 --output=json --all --no-pager"
	if calls := r.calls(); len(calls) != 1 || calls[0] != want {
		t.Errorf("journalctl was called with\n%q, want\n%q", calls, want)
	}
	if st := r.j.State(); len(st) != 1 || st[0].Path != "journal" || st[0].Cursor != "s=3;i=a" {
		t.Errorf("state %+v", st)
	}
}

func TestJournalFirstStartCountsNothingOld(t *testing.T) {
	r := newJournalRig(t)
	r.opts.FromStart = false
	ended := r.noPause(1)
	r.add(entry(1, text("old")), entry(2, text("old")))
	r.follow()
	// The end is known before there is anything new: what comes while no one runs is not left out.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { <-ended; cancel() }()
	if b, err := r.j.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %q, %v before there was anything new", b.Data, err)
	}
	if !r.j.CaughtUp() {
		t.Error("not caught up, though there is nothing to read")
	}
	r.j.Close()
	if calls := r.calls(); len(calls) != 2 || !strings.Contains(calls[1], "--after-cursor=s=2;i=a ") {
		t.Errorf("journalctl was called with %q", calls)
	}
	r.add(entry(3, text("while down")))
	r.restart()
	r.next(1)
	r.want(entry(3, text("while down")))
}

func TestJournalRestartAtEveryBatch(t *testing.T) {
	r := newJournalRig(t)
	r.noPause(-1)
	var all []string
	r.follow()
	for i := range 20 {
		more := []string{entry(2*i, text("a")), entry(2*i+1, text("b"))}
		all = append(all, more...)
		r.add(more[0])
		r.next(1)
		r.restart()
		r.add(more[1])
		r.next(1)
	}
	r.want(all...)
}

func TestJournalLive(t *testing.T) {
	r := newJournalRig(t)
	r.noPause(-1)
	r.add(entry(1, text("old")))
	for run := 1; run <= 3; run++ {
		r.check(syscall.Mkfifo(r.pipe(run), 0o600))
	}
	r.follow()
	r.next(1)
	for run := 1; run <= 3; run++ { // each time journalctl dies it is started again behind the last entry
		written := make(chan error, 1)
		go func() { written <- r.live(run, entry(1+run, text("live"))) }()
		r.next(1)
		if !r.j.Stats()[0].Up {
			t.Error("journalctl runs and the source is not up")
		}
		r.check(<-written)
	}
	r.want(entry(1, text("old")), entry(2, text("live")), entry(3, text("live")), entry(4, text("live")))
}

func TestJournalOverlongEntry(t *testing.T) {
	r := newJournalRig(t)
	r.opts.after = func(time.Duration) <-chan time.Time { return nil }
	r.opts.MaxLine = 300
	r.add(entry(1, text("a")), entry(2, text(strings.Repeat("x", 5000))), entry(3, text("b")))
	r.follow()
	r.next(2)
	r.want(entry(1, text("a")), entry(3, text("b")))
	if n := r.j.Stats()[0].Overlong; n != 1 {
		t.Errorf("%d overlong entries, want 1", n)
	}
}

func TestJournalBacksOff(t *testing.T) {
	r := newJournalRig(t)
	var log strings.Builder
	r.opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	r.file("refuse", "Failed to open journal: No such file or directory\n", 0o600)
	stopped := r.noPause(9)
	r.follow()
	<-stopped
	r.check(r.j.Close())
	want := "[1s 2s 4s 8s 16s 32s 1m0s 1m0s 1m0s]"
	if got := fmt.Sprint(r.pauses); got != want {
		t.Errorf("pauses %v, want %v", got, want)
	}
	complaint := `msg="the journal cannot be read now" err="journalctl ended: exit status 1: Failed to open journal: No such file or directory"`
	if n := strings.Count(log.String(), complaint); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log.String())
	}
	if st := r.j.Stats()[0]; st.Up || st.Source != "journal" {
		t.Errorf("health %+v", st)
	}
}

func TestJournalUnknownPlaceIsNotSaved(t *testing.T) {
	r := newJournalRig(t)
	r.opts.FromStart = false
	r.file("refuse", "no\n", 0o600)
	stopped := r.noPause(1)
	r.follow()
	<-stopped
	if st := r.j.State(); st != nil {
		t.Errorf("state %+v, though nothing is known of the journal", st)
	}
}

func TestJournalWithoutJournalctl(t *testing.T) {
	_, err := FollowJournal(t.Context(), JournalOptions{Command: filepath.Join(t.TempDir(), "journalctl")})
	if err == nil || !strings.Contains(err.Error(), "journalctl") {
		t.Errorf("error %v", err)
	}
}

func TestJournalCloseEndsNext(t *testing.T) {
	r := newJournalRig(t)
	r.check(syscall.Mkfifo(r.pipe(1), 0o600))
	r.add(entry(1, text("a")), entry(2, text("b")))
	r.follow()
	r.next(2)
	r.check(r.j.Close())
	if _, err := r.j.Next(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after Close", err)
	}
}
