package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
)

// nextText is what comes until it is as long as want.
func nextText(t *testing.T, f pipeline.Follower, want string) (got string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(got) < len(want) {
		b, err := f.Next(ctx)
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		got += string(b.Data)
	}
	return got
}

// What comes through standard input or a socket while the configuration is read
// again is not lost, not even half of a line.
func TestStreamsStayOpenOverAReload(t *testing.T) {
	stdin, writer := io.Pipe()
	defer writer.Close()
	for name, send := range map[string]func(f pipeline.Follower, text string){
		"-": func(_ pipeline.Follower, text string) { fmt.Fprint(writer, text) },
		"tcp://127.0.0.1:0": func() func(pipeline.Follower, string) {
			var conn net.Conn
			return func(f pipeline.Follower, text string) {
				if conn == nil {
					var err error
					if conn, err = net.Dial("tcp", strings.TrimPrefix(f.Stats()[0].Source, "tcp://")); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
				}
				fmt.Fprint(conn, text)
			}
		}(),
	} {
		in := &inputs{stdin: stdin, logger: slog.New(slog.DiscardHandler)}
		c := config.Default()
		c.Logs = []string{name, name}
		f, err := in.follow(c)(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		send(f, "one\ntw")
		if got := nextText(t, f, "one\n"); got != "one\n" {
			t.Errorf("%s: %q", name, got)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		bad := c
		bad.Logs = []string{name, "udp://nowhere.invalid:1:2"}
		if _, err := in.follow(bad)(t.Context(), nil); err == nil {
			t.Error("an address that is none is followed")
		}
		c.Logs = append(c.Logs, filepath.Join(t.TempDir(), "mail.log"))
		if f, err = in.follow(c)(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		send(f, "o\nthree\n")
		if got, want := nextText(t, f, "two\nthree\n"), "two\nthree\n"; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		in.close()
	}
}
