package tailer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
	for _, c := range []struct {
		listen, network string
		parts           []string
		want            []string
	}{
		{"udp://127.0.0.1:0", "udp", []string{"<22>a\n", "<22>b\nc\x00"}, []string{"<22>a", "<22>b c"}},
		{"unixgram://" + socket, "unixgram", []string{"<22>a", "<22>b"}, []string{"<22>a", "<22>b"}},
		{"tcp://127.0.0.1:0", "tcp", []string{"<22>a\n<2", "2>b\n"}, []string{"<22>a", "<22>b"}},
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
