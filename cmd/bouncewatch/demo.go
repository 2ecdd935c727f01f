package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/demo"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
)

const demoLong = `demo shows bouncewatch at work on a host without mail.

It writes logs as a busy Postfix, Exim and Sendmail would, into a temporary
directory, and runs "bouncewatch watch" on them. After a quarter of a minute
Google begins to defer the mail, then refuses it for the address it comes from,
then takes it again; and so on, every three minutes. Look at the status page, at
/metrics, or at dashboards: docs/dashboards.md.

Nothing leaves this host, and the directory is removed at the end.`

func newDemo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use: "demo [flags]", Short: "Play mail with an incident in it, and watch it", Long: demoLong,
		Example: "  bouncewatch demo\n  bouncewatch demo --for 5m --speed 10",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.listenAddress, "web.listen-address", config.Default().ListenAddress, "`address` to serve on; may be given more than once")
	durationFlag(f, &o.length, "for", 0, 0, "end after this `time`; 0: at Ctrl-C")
	f.Float64Var(&o.speed, "speed", 1, fmt.Sprintf("how fast all goes, from 0.01 to 100; at 1 there are %d outcomes a second", demo.Rate))
	f.Uint64Var(&o.seed, "seed", 1, "another seed, other mail")
	return cmd
}

type demoOptions struct {
	listenAddress []string
	length        time.Duration
	speed         float64
	seed          uint64
}

func (o *demoOptions) run(cmd *cobra.Command) error {
	if !(o.speed >= 0.01 && o.speed <= 100) {
		return fmt.Errorf("--speed: %v is not from 0.01 to 100", o.speed)
	}
	// A terminal that is closed ends the demo too, and the directory goes.
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
	defer stop()
	if o.length > 0 {
		ctx, stop = context.WithTimeout(ctx, o.length)
		defer stop()
	}
	watch := watchOptions{level: "warn", format: "logfmt"}
	logger, err := watch.logger(cmd)
	if err != nil {
		return err
	}
	listeners, err := watch.listen(config.Config{ListenAddress: o.listenAddress})
	if err != nil {
		return inputError{err}
	}
	warnIfOpen(listeners, "", logger)
	if err := o.inTemporary(ctx, &stage{out: cmd.OutOrStdout(), listeners: listeners, logger: logger}); err != nil {
		return inputError{err}
	}
	return nil
}

// A stage is a player and the loop that watches it.
type stage struct {
	out       io.Writer
	logger    *slog.Logger
	listeners []net.Listener
	config    config.Config
	player    *demo.Player
	live      *pipeline.Live
}

// inTemporary makes the directory of the logs and removes it.
func (o *demoOptions) inTemporary(ctx context.Context, s *stage) (err error) {
	defer func() {
		for _, l := range s.listeners {
			l.Close() // again, if it was served on
		}
	}()
	dir, err := os.MkdirTemp("", "bouncewatch-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.player, err = demo.New(demo.Options{Dir: dir, Seed: o.seed, Speed: o.speed, Start: time.Now()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.player.Close()) }()
	if err := s.player.History(history, historyEvery); err != nil {
		return err
	}
	s.config = config.Default()
	s.config.Logs, s.config.FromStart, s.config.StateDir = s.player.Logs(), true, filepath.Join(dir, "state")
	o.introduce(s.out, dir, s.listeners[0].Addr())
	return s.watch(ctx)
}

// The last day is in the logs when the demo begins, so that the page has a past.
const (
	history      = 24 * time.Hour
	historyEvery = 20 * time.Second
)

func (o *demoOptions) introduce(out io.Writer, dir string, address net.Addr) {
	until := "Ctrl-C ends it."
	if o.length > 0 {
		until = fmt.Sprintf("It ends after %v.", o.length)
	}
	fmt.Fprintf(out, `A Postfix, an Exim and a Sendmail send mail here, all of it made up. %[3]s

  status page   http://%[1]s/
  metrics       http://%[1]s/metrics
  JSON          http://%[1]s/api/v1/report
  their logs    %[2]s

For Prometheus, and with it the dashboards, under scrape_configs:

  - job_name: bouncewatch
    scrape_interval: 5s
    static_configs: [{targets: ["%[1]s"]}]

`, reachable(address), dir, until)
	say(out, "all is well")
}

// reachable is the address as this host can use it.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return a.String()
}

var sceneTexts = map[demo.Scene]string{
	demo.Calm:  "Google takes our mail again, and what was deferred goes out",
	demo.Slow:  "Google defers our mail: 421 4.7.28, rate_limited",
	demo.Block: "Google refuses our mail: 550 5.7.1, ip_blocked",
}

func say(out io.Writer, text string) {
	fmt.Fprintln(out, time.Now().Format(time.TimeOnly), "", text)
}

func (s *stage) watch(ctx context.Context) error {
	state, err := pipeline.OpenStateDir(s.config.StateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	// Watching goes on until the last line is counted.
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	messages := followMessages(s.config, s.logger)
	s.live, err = pipeline.NewLive(watching, pipeline.LiveOptions{Dir: state, Logger: s.logger, Follow: (&inputs{logger: s.logger}).follow(s.config), Companion: messages})
	if err != nil {
		return err
	}
	serving := service{config: s.config, logger: s.logger, listeners: s.listeners, live: s.live, messages: messages}
	watched := make(chan error, 1)
	go func() { watched <- serving.run(watching) }()

	playing, end := context.WithCancel(ctx)
	defer end()
	played := make(chan error, 1)
	go func() {
		played <- s.player.Run(playing, func(scene demo.Scene) { say(s.out, sceneTexts[scene]) })
	}()
	select {
	case err := <-watched: // by a fault
		end()
		return errors.Join(err, <-played)
	case err := <-played:
		err = errors.Join(err, s.account())
		stop()
		return errors.Join(err, <-watched)
	}
}

// patience is how long the end of the demo waits for the last line.
const patience = 30 * time.Second

// account waits until all that was played is counted.
func (s *stage) account() error {
	want := s.player.Played().Total()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		got := outcomes(s.live.View())
		if got == want {
			fmt.Fprintf(s.out, "\n%d outcomes were played, and %d counted.\n", want, got)
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%d outcomes were played, but %d counted", want, got)
		}
	}
}

func outcomes(v *pipeline.View) (n uint64) {
	for _, r := range v.Counts.Rows() {
		if !r.Remark {
			n += r.N
		}
	}
	return n
}
