package main

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWhoMayReadIsSaid(t *testing.T) {
	var cmd cobra.Command
	var stderr strings.Builder
	cmd.SetErr(&stderr)
	if err := printFaults(&cmd, []error{&fs.PathError{Op: "open", Path: "mail.log", Err: fs.ErrPermission}}); err == nil {
		t.Error("no error")
	}
	if got, want := stderr.String(), "bouncewatch: open mail.log: permission denied: run as a user who may read it (often group adm)\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// An input that is interrupted before its end was not read, also if it is the last.
func TestInterruptedInputIsSaid(t *testing.T) {
	const line = "2026-11-24T10:00:01Z mx1 postfix/smtp[1]: 4XyZ1: to=<a@example.com>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to mx.example.com[192.0.2.1]:25: Connection timed out)\n"
	for _, command := range []string{"analyze", "events", "blocks", "clients", "trace", "messages", "suppress"} {
		ctx, interrupt := context.WithCancel(t.Context())
		var stderr strings.Builder
		in := interruptingReader{strings.NewReader(line), interrupt}
		if status := run(ctx, []string{command, "-"}, in, io.Discard, &stderr); status != exitFailed || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("%s: status %d, %q", command, status, stderr.String())
		}
	}
}

// An interruptingReader is interrupted when it is read.
type interruptingReader struct {
	io.Reader
	interrupt func()
}

func (r interruptingReader) Read(p []byte) (int, error) {
	r.interrupt()
	return r.Reader.Read(p)
}
