package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/common/promslog"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/web"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

const watchLong = `watch follows mail logs and serves what it counts on /metrics, for Prometheus.

Without LOG it follows the usual logs that are there. Counts and positions are
kept in the state directory: after a restart, or a crash, counting goes on
exactly where it was. SIGHUP reads the configuration file again.`

func newWatch() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use: "watch [flags] [LOG...]", Short: "Follow logs and serve metrics for Prometheus", Long: watchLong,
		Example: "  bouncewatch watch\n  bouncewatch watch --state-dir /tmp/bw --from-start /var/log/mail.log",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.logs, o.changed = args, cmd.Flags().Changed
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "config", "", "configuration file (default: none is needed)")
	f.StringVar(&o.flags.StateDir, "state-dir", "", "where counts and positions are kept (default $STATE_DIRECTORY, else bouncewatch in $XDG_STATE_HOME or ~/.local/state)")
	f.BoolVar(&o.flags.FromStart, "from-start", false, "at the first start read the logs from their beginning, not from their end")
	f.BoolVar(&o.newState, "new-state", false, "set the present state aside and count from 0")
	f.StringArrayVar(&o.flags.ListenAddress, "web.listen-address", config.Default().ListenAddress, "address to serve on; may be given more than once")
	f.StringVar(&o.flags.WebConfigFile, "web.config.file", "", "file with TLS and authentication settings, as of every exporter")
	f.BoolVar(&o.socket, "web.systemd-socket", false, "serve on the sockets that systemd passes, not on --web.listen-address")
	f.StringVar(&o.level, "log.level", "info", "debug, info, warn or error")
	f.StringVar(&o.format, "log.format", "logfmt", "logfmt or json")
	return cmd
}

type watchOptions struct {
	file, level, format string
	socket, newState    bool
	logs                []string
	flags               config.Config
	changed             func(flag string) bool
}

func (o *watchOptions) run(cmd *cobra.Command) error {
	logger, err := o.logger(cmd)
	if err != nil {
		return err
	}
	c, err := o.config()
	if err != nil {
		return err
	}
	if c.WebConfigFile != "" {
		if err := toolkit.Validate(c.WebConfigFile); err != nil {
			return fmt.Errorf("%s: %w", c.WebConfigFile, err)
		}
	}
	dir, err := pipeline.OpenStateDir(c.StateDir)
	if err != nil {
		return inputError{err}
	}
	defer dir.Close()
	if err := o.setAside(dir, logger); err != nil {
		return inputError{err}
	}
	listeners, err := o.listen(c)
	if err != nil {
		return inputError{err}
	}
	live, err := pipeline.NewLive(cmd.Context(), pipeline.LiveOptions{Dir: dir, Logger: logger, Follow: follow(c, logger), Beat: beat()})
	if err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return inputError{err}
	}
	if err := o.serve(cmd.Context(), live, c, listeners, logger); err != nil {
		return inputError{err}
	}
	return nil
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

// config is the file's configuration under the flags that were given.
func (o *watchOptions) config() (config.Config, error) {
	c := config.Default()
	if o.file != "" {
		var err error
		if c, err = config.Load(o.file); err != nil {
			return c, err
		}
	}
	if len(o.logs) > 0 {
		c.Logs = o.logs
	}
	if o.changed("state-dir") {
		c.StateDir = o.flags.StateDir
	}
	if o.changed("from-start") {
		c.FromStart = o.flags.FromStart
	}
	if o.changed("web.listen-address") {
		c.ListenAddress = o.flags.ListenAddress
	}
	if o.changed("web.config.file") {
		c.WebConfigFile = o.flags.WebConfigFile
	}
	if c.StateDir == "" {
		c.StateDir = defaultStateDir()
	}
	if len(c.Logs) == 0 {
		if c.Logs = present(usualLogs); len(c.Logs) == 0 {
			return c, inputError{fmt.Errorf("no log to follow: none of %s is there; name one, as in: bouncewatch watch /path/to/mail.log", strings.Join(usualLogs, ", "))}
		}
	}
	return c, nil
}

// usualLogs are where Debian, Red Hat, SUSE and BSD, and Exim's packages, log.
var usualLogs = []string{"/var/log/mail.log", "/var/log/maillog", "/var/log/mail", "/var/log/exim4/mainlog", "/var/log/exim/mainlog", "/var/log/exim/main.log", "/var/log/exim_mainlog"}

// present are the regular files among paths. Links to the same file count once.
func present(paths []string) (found []string) {
	var infos []os.FileInfo
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil || !info.Mode().IsRegular() ||
			slices.ContainsFunc(infos, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			continue
		}
		infos, found = append(infos, info), append(found, p)
	}
	return found
}

// defaultStateDir is the directory that systemd made for the unit, else one of
// the user's own (XDG Base Directory Specification).
func defaultStateDir() string {
	if dirs := os.Getenv("STATE_DIRECTORY"); dirs != "" {
		first, _, _ := strings.Cut(dirs, ":")
		return first
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "bouncewatch")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/var/lib"
		return filepath.Join(home, "bouncewatch")
	}
	return filepath.Join(home, ".local", "state", "bouncewatch")
}

func follow(c config.Config, logger *slog.Logger) func(context.Context, []tailer.FileState) (pipeline.Follower, error) {
	return func(ctx context.Context, state []tailer.FileState) (pipeline.Follower, error) {
		return tailer.Follow(ctx, tailer.FollowOptions{
			Paths: c.Logs, FromStart: c.FromStart, State: state,
			Poll: c.Poll, RotateWait: c.RotateWait, Logger: logger,
		})
	}
}

// beat tells systemd that the process is well (sd_notify(3), WATCHDOG_USEC).
func beat() func() {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return nil
	}
	return func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog) }
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
		l, err := net.Listen("tcp", address)
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

// serve runs until the context ends, with the counting loop and the web server
// side by side; the fault of one ends both.
func (o *watchOptions) serve(ctx context.Context, live *pipeline.Live, c config.Config, listeners []net.Listener, logger *slog.Logger) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := &http.Server{Handler: web.Handler(live.View, logger), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() {
		err := toolkit.ServeMultiple(listeners, server, &toolkit.FlagConfig{WebConfigFile: &c.WebConfigFile}, logger)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		cancel(err)
		served <- err
	}()
	defer o.reloads(ctx, live, logger)()
	logger.Info("following", "logs", strings.Join(c.Logs, " "), "state_dir", c.StateDir)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	runErr := live.Run(ctx)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	grace, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	return errors.Join(runErr, <-served)
}

// reloads reads the configuration again at each SIGHUP; the returned function
// ends that. A bad file changes nothing.
func (o *watchOptions) reloads(ctx context.Context, live *pipeline.Live, logger *slog.Logger) func() {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-hup:
				o.reload(live, logger)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(hup); close(done) }
}

func (o *watchOptions) reload(live *pipeline.Live, logger *slog.Logger) {
	c, err := o.config()
	if err != nil {
		logger.Error("reload: the configuration has faults, the former one stays", "err", err)
		return
	}
	live.Reload(follow(c, logger))
	logger.Info("reloaded: logs, poll and rotate_wait take effect now, other keys at the next start", "logs", strings.Join(c.Logs, " "))
}
