package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// Nothing comes on standard input, and nobody closes it: an interrupt ends the command.
func TestInterruptEndsAWaitForInput(t *testing.T) {
	for _, command := range []string{"analyze", "events", "blocks", "clients", "trace", "messages", "suppress", "merge", "explain"} {
		ctx, interrupt := context.WithCancel(t.Context())
		in, _ := io.Pipe()
		ended := make(chan int, 1)
		reading := make(chan struct{})
		go func() {
			ended <- run(ctx, []string{command, "-"}, noticed{in, reading}, io.Discard, io.Discard)
		}()
		<-reading
		interrupt()
		select {
		case status := <-ended:
			if status != exitFailed {
				t.Errorf("%s: status %d", command, status)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s goes on", command)
		}
	}
}

// A noticed tells of its first read.
type noticed struct {
	io.Reader
	reading chan struct{}
}

func (n noticed) Read(p []byte) (int, error) {
	close(n.reading)
	return n.Reader.Read(p)
}

func TestInterruptibleReadsAll(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde\n"), 3*readSize/16)
	for _, from := range []io.Reader{bytes.NewReader(want), iotest.DataErrReader(bytes.NewReader(want)), iotest.HalfReader(bytes.NewReader(want))} {
		got, err := io.ReadAll(&interruptible{ctx: t.Context(), from: from})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	fault := errors.New("fault")
	if _, err := io.ReadAll(&interruptible{ctx: t.Context(), from: iotest.ErrReader(fault)}); err != fault {
		t.Errorf("error %v", err)
	}
}

// A pipe that nobody opens for writing holds the command where no interrupt is
// noticed: the second one ends it.
func TestSecondInterruptEndsWhateverIsDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bouncewatch", "analyze", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		select {
		case <-ended:
			return
		case <-tick.C:
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended meanwhile
		}
	}
	_ = cmd.Process.Kill()
	t.Error("it goes on after 400 signals")
}
