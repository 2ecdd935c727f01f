package tailer

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func nextLines(t *testing.T, s *Stream, n int) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(lines) < n {
		b, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d lines: %v", len(lines), n, err)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(b.Data), "\n"), "\n")...)
	}
	return lines
}

func TestFollowReader(t *testing.T) {
	s := FollowReader(t.Context(), "-", strings.NewReader("one\ntwo\nthree"))
	if got := nextLines(t, s, 3); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("%q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx); err == nil || !s.CaughtUp() {
		t.Errorf("after the end: %v, caught up %v", err, s.CaughtUp())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func send(t *testing.T, network, address string, parts ...string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range parts {
		if _, err := conn.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListenSyslog(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "log")
	counted := func(s string) string { return fmt.Sprintf("%d %s", len(s), s) }
	long := "<22>" + strings.Repeat("x", 2*maxMessage)
	for _, c := range []struct {
		listen, network string
		parts           []string
		want            []string
	}{
		{"udp://127.0.0.1:0", "udp", []string{"<22>a\n", "<22>b\nc\x00"}, []string{"<22>a", "<22>b c"}},
		{"unixgram://" + socket, "unixgram", []string{"<22>a", "<22>b"}, []string{"<22>a", "<22>b"}},
		{"tcp://127.0.0.1:0", "tcp", []string{"<22>a\n<2", "2>b\n"}, []string{"<22>a", "<22>b"}},
		{"tcp://127.0.0.1:0", "tcp", []string{long + "\n<22>b\n"}, []string{long[:maxMessage], "<22>b"}},
		{"tcp://127.0.0.1:0", "tcp", []string{counted(long) + counted("<22>b")}, []string{long[:maxMessage], "<22>b"}},
		{"tcp://127.0.0.1:0", "tcp", []string{"2026-11-24T10:00:01Z mx1 a\n22 b\n"}, []string{"2026-11-24T10:00:01Z mx1 a", "22 b"}},
		{"tcp://127.0.0.1:0", "tcp", []string{"20261124 a\n"}, []string{"20261124 a"}},
		{"tcp://127.0.0.1:0", "tcp", []string{counted("<22>a"), counted("<22>b\nc")[:3], counted("<22>b\nc")[3:]}, []string{"<22>a", "<22>b c"}},
	} {
		s, err := ListenSyslog(t.Context(), c.listen, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		_, address, _ := strings.Cut(s.Stats()[0].Source, "://")
		send(t, c.network, address, c.parts...)
		if got := nextLines(t, s, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.listen, got, c.want)
		}
		if !s.Stats()[0].Up {
			t.Errorf("%s: not up", c.listen)
		}
		if n := s.Stats()[0].Overlong; (n == 1) != (len(c.want[0]) == maxMessage) {
			t.Errorf("%s: %d overlong", c.listen, n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestListenSyslogRefusesOtherAddresses(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1", "udp://127.0.0.1:notaport", "%"} {
		if s, err := ListenSyslog(t.Context(), address, slog.New(slog.DiscardHandler)); err == nil {
			s.Close()
			t.Errorf("%s is accepted", address)
		}
	}
}

// The socket of a process that runs stays where it is.
func TestListenSyslogTakesNoOnesSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	first, err := ListenSyslog(t.Context(), "unixgram://"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if second, err := ListenSyslog(t.Context(), "unixgram://"+path, slog.New(slog.DiscardHandler)); err == nil {
		second.Close()
		t.Error("the socket was taken away")
	}
	send(t, "unixgram", path, "<22>a")
	if got := nextLines(t, first, 1); !slices.Equal(got, []string{"<22>a"}) {
		t.Errorf("%q", got)
	}
}

// A brokenListener has no descriptor for those who come.
type brokenListener struct {
	net.Listener
	asked int
}

func (l *brokenListener) Accept() (net.Conn, error) {
	l.asked++
	return nil, syscall.EMFILE
}

// Without descriptors, the processor and the log are not used up, too.
func TestListenerWithoutDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var said bytes.Buffer
		l := &brokenListener{}
		s, _ := newStream(ctx, "tcp")
		if err := s.accept(ctx, l, slog.New(slog.NewTextHandler(&said, nil))); err == nil {
			t.Error("no error at the end")
		}
		if l.asked < 60 || l.asked > 70 { // 8 pauses that grow to a second, then one a second
			t.Errorf("asked %d times in a minute", l.asked)
		}
		if n := bytes.Count(said.Bytes(), []byte{'\n'}); n != 1 {
			t.Errorf("said %q", said.String())
		}
	})
}
