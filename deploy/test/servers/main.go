//go:build linux

// Command servers sends mail through a real Postfix, Exim or Sendmail to a
// receiver that refuses it in every way, while bouncewatch watches the server's
// log, and compares what bouncewatch counted with what the receiver answered.
//
// deploy/test/servers.sh runs it, in a network and a process namespace of its own.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	root := flag.String("root", "", "directory in which the server is installed")
	name := flag.String("server", "", "postfix, exim or sendmail")
	bouncewatch := flag.String("bouncewatch", "bouncewatch", "the program")
	limit := flag.Duration("limit", 2*time.Minute, "when to give up")
	flag.Parse()
	if err := run(*root, *name, *bouncewatch, *limit); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", *name, err)
		os.Exit(1)
	}
}

// A trial is one server, its log, and the watcher of that.
type trial struct {
	root   string
	server *server
	cases  []*dialogue
	limit  time.Time
}

func run(root, name, bouncewatch string, limit time.Duration) error {
	s := servers[name]
	if s == nil || root == "" {
		return fmt.Errorf("--server must be one of %v, and --root be given", slices.Sorted(maps.Keys(servers)))
	}
	t := &trial{root: root, server: s, cases: dialogues(), limit: time.Now().Add(limit)}
	if err := t.prepare(); err != nil {
		return err
	}
	receiver, err := receive(t.cases)
	if err != nil {
		return err
	}
	defer receiver.Close()
	stop, err := t.start()
	if err != nil {
		return err
	}
	defer stop()
	watcher, err := t.watch(bouncewatch)
	if err != nil {
		return err
	}
	defer watcher.stop()
	if err := t.send(); err != nil {
		return err
	}
	return t.compare(watcher)
}

func (t *trial) path(inside string) string { return filepath.Join(t.root, inside) }

// command runs inside the root.
func (t *trial) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: t.root}
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC", "LC_ALL=C"}
	return cmd
}

// prepare makes the loopback interface, /proc, and the configuration.
func (t *trial) prepare() error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := unix.Mount("proc", t.path("proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	for file, text := range t.server.files(t.cases) {
		if err := os.WriteFile(t.path(file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, line := range t.server.setup {
		if out, err := t.command("/bin/sh", "-c", line).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", line, err, out)
		}
	}
	return nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// start starts the syslog daemon and the server, whichever are needed.
func (t *trial) start() (stop func(), err error) {
	log := t.path(t.server.log)
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		return nil, err
	}
	closeLog := func() {}
	if t.server.syslog {
		if closeLog, err = syslogd(t.path("dev/log"), log); err != nil {
			return nil, err
		}
	} else if err := t.server.own(t, log); err != nil {
		return nil, err
	}
	if t.server.daemon == nil {
		return closeLog, nil
	}
	daemon := t.command(t.server.daemon[0], t.server.daemon[1:]...)
	if err := daemon.Start(); err != nil {
		closeLog()
		return nil, err
	}
	return func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
		closeLog()
	}, nil
}

// send hands one mail for each dialogue to the server, a few at a time.
func (t *trial) send() error {
	todo := make(chan *dialogue)
	var all sync.WaitGroup
	errs := make(chan error, len(t.cases))
	for range 4 {
		all.Go(func() {
			for d := range todo {
				cmd := t.command("/usr/sbin/sendmail", append(slices.Clone(t.server.submit), d.recipient())...)
				cmd.Stdin = strings.NewReader("From: root@origin.example\nTo: " + d.recipient() + "\nSubject: a trial\n\nHello.\n")
				// The servers that deliver before they return tell failures by their status.
				if out, err := cmd.CombinedOutput(); err != nil && !errors.As(err, new(*exec.ExitError)) {
					errs <- fmt.Errorf("sendmail %s: %w\n%s", d.recipient(), err, out)
				}
			}
		})
	}
	for _, d := range t.cases {
		todo <- d
	}
	close(todo)
	all.Wait()
	close(errs)
	return <-errs
}

// A watcher is a running bouncewatch.
type watcher struct {
	cmd *exec.Cmd
	dir string
}

const metricsAddress = "127.0.0.1:10550"

func (t *trial) watch(program string) (*watcher, error) {
	dir, err := os.MkdirTemp("", "watch")
	if err != nil {
		return nil, err
	}
	w := &watcher{exec.Command(program, "watch", "--from-start", "--log.level", "warn", "--state-dir", dir, "--web.listen-address", metricsAddress, t.path(t.server.log)), dir}
	w.cmd.Stderr = os.Stderr
	return w, w.cmd.Start()
}

func (w *watcher) stop() {
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	_ = w.cmd.Wait()
	os.RemoveAll(w.dir)
}

// metrics are the samples that are served, by name and labels.
func (w *watcher) metrics() (map[string]int, error) {
	resp, err := http.Get("http://" + metricsAddress + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	samples := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var n int
		at := strings.LastIndexByte(line, ' ')
		if at > 0 && line[0] != '#' {
			if _, err := fmt.Sscanf(line[at+1:], "%d\n", &n); err == nil {
				samples[line[:at]] = n
			}
		}
	}
	return samples, nil
}
