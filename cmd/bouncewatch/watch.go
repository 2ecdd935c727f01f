package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/prometheus/common/promslog"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/push"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

const watchLong = `watch follows mail logs and serves what it counts on /metrics, for Prometheus.

LOG is a file, a glob, "journal" for the systemd journal, "-" for standard
input, or an address to receive syslog messages at, as in udp://127.0.0.1:5514.
Without LOG it follows the usual logs that are there, and the journal where none
is. Counts and positions are kept in the state directory: after a restart, or a
crash, counting goes on exactly where it was. SIGHUP reads the configuration
file again.

Flags go before environment variables, and these before the configuration file:
"bouncewatch config print" shows what holds.`

func newWatch() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use: "watch [flags] [LOG...]", Short: "Follow logs and serve metrics for Prometheus", Long: watchLong,
		SuggestFor: []string{"serve", "run", "start", "follow", "tail", "exporter"},
		Example:    "  bouncewatch watch\n  bouncewatch watch --state-dir /tmp/bw --from-start /var/log/mail.log",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.settings.given(cmd, args)
			return o.run(cmd)
		},
	}
	o.settings.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.newState, "new-state", false, "set the present state aside and count from 0")
	f.BoolVar(&o.socket, "web.systemd-socket", false, "serve on the sockets that systemd passes, not on --web.listen-address")
	f.StringVar(&o.level, "log.level", "info", "`level`: debug, info, warn or error")
	f.StringVar(&o.format, "log.format", "logfmt", "`format`: logfmt or json")
	return cmd
}

type watchOptions struct {
	settings         settings
	level, format    string
	socket, newState bool
}

func (o *watchOptions) run(cmd *cobra.Command) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // from now on it does not end the process
	defer signal.Stop(hup)
	logger, err := o.logger(cmd)
	if err != nil {
		return err
	}
	c, rules, err := o.load()
	if err == nil && c.WebConfigFile != "" {
		if err = toolkit.Validate(c.WebConfigFile); err != nil {
			err = fmt.Errorf("%s: %w", c.WebConfigFile, err)
		}
	}
	if err != nil {
		return err
	}
	spareMemory(cmd.Context())
	s := service{config: c, logger: logger, inputs: inputs{stdin: cmd.InOrStdin(), logger: logger}}
	defer s.close()
	if err := s.open(cmd.Context(), o, rules); err != nil {
		return inputError{err}
	}
	defer o.reloads(hup, &s)()
	if err := s.run(cmd.Context()); err != nil {
		return inputError{err}
	}
	return nil
}

// load is what the flags, the environment and the file say, with its rules.
func (o *watchOptions) load() (c config.Config, rules *replycode.Rules, err error) {
	if c, err = o.settings.toFollow(); err == nil {
		rules, err = c.Compile()
	}
	return c, rules, err
}

// followMessages is nil where no messages are to be followed.
func followMessages(c config.Config, logger *slog.Logger) *story.Watch {
	if c.MessageLimit == 0 {
		return nil
	}
	return story.NewWatch(story.WatchOptions{
		Limit: c.MessageLimit, MaxAge: c.MessageMaxAge, Logger: logger,
		Suspicion: story.Suspicion{Unknown: c.SuspiciousUnknown, Recipients: c.SuspiciousRecipients},
	})
}

func (o *watchOptions) setAside(dir *pipeline.StateDir, logger *slog.Logger) error {
	if !o.newState {
		return nil
	}
	aside, err := dir.SetAside(time.Now())
	if aside != "" {
		logger.Info("the former state was set aside", "file", aside)
	}
	return err
}

func (o *watchOptions) logger(cmd *cobra.Command) (*slog.Logger, error) {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	if err := level.Set(o.level); err != nil {
		return nil, fmt.Errorf("--log.level: %w", err)
	}
	if err := format.Set(o.format); err != nil {
		return nil, fmt.Errorf("--log.format: %w", err)
	}
	return promslog.New(&promslog.Config{Level: level, Format: format, Writer: cmd.ErrOrStderr()}), nil
}

// beat tells systemd that the process is well (sd_notify(3), WATCHDOG_USEC).
func beat() func() {
	every, err := watchdogInterval()
	if err != nil || every == 0 {
		return nil
	}
	return func() { notify(notifyAlive) }
}

func (o *watchOptions) listen(c config.Config) ([]net.Listener, error) {
	if o.socket {
		listeners, err := activation.Listeners()
		if err == nil && len(listeners) == 0 {
			err = errors.New("--web.systemd-socket: systemd passed no socket")
		}
		return listeners, err
	}
	var all []net.Listener
	for _, address := range c.ListenAddress {
		var l net.Listener
		err := config.CheckAddress(address)
		if err == nil {
			l, err = net.Listen("tcp", address)
		}
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("%w (choose another with --web.listen-address)", err)
		}
		all = append(all, l)
	}
	return all, nil
}

// maxConnections is how many may ask at the same time; others wait. It keeps those
// who ask slowly from using up the files that may be open: the state needs one.
const maxConnections = 256

func withLimit(listeners []net.Listener) (all []net.Listener) {
	for _, l := range listeners {
		all = append(all, netutil.LimitListener(l, maxConnections))
	}
	return all
}

// warnIfOpen says when anyone who reaches this host can read the metrics.
func warnIfOpen(listeners []net.Listener, webConfig string, logger *slog.Logger) {
	for _, l := range listeners {
		if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && webConfig == "" {
			logger.Warn("the metrics can be read from other hosts without a password and unencrypted: see --web.config.file", "address", a)
		}
	}
}

// newPusher is nil where nothing is to be pushed.
func newPusher(c config.Push, logger *slog.Logger) (*push.Pusher, error) {
	if c.URL == "" {
		return nil, nil
	}
	for _, file := range []string{c.BearerTokenFile, c.PasswordFile} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("push: %w", err)
		}
	}
	if c.Secret() && strings.HasPrefix(c.URL, "http:") {
		logger.Warn("the password or token for pushing goes over the network unencrypted", "url", c.URL)
	}
	client, err := c.Client()
	if err != nil {
		return nil, fmt.Errorf("push: %w", err)
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return push.New(push.Options{
		URL: c.URL, Client: client, Interval: c.Interval, Logger: logger,
		Labels: map[string]string{"job": c.Job, "instance": cmp.Or(c.Instance, name)},
	})
}

// reloads reads the configuration again at each SIGHUP; the returned function
// ends that.
func (o *watchOptions) reloads(hup <-chan os.Signal, s *service) func() {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-hup:
				o.reload(s)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// reload makes the service follow what the configuration says now. A bad file
// changes nothing.
func (o *watchOptions) reload(s *service) {
	c, rules, err := o.load()
	if err != nil {
		s.logger.Error("reload: the configuration has faults, the former one stays", "err", err)
		return
	}
	s.live.Reload(s.inputs.follow(c), rules)
	s.logger.Info("reloaded: logs, poll, rotate_wait, rules and providers take effect now, other keys at the next start", "logs", strings.Join(c.Logs, " "))
}
