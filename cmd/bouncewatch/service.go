package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/outbox"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/push"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/web"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A service is what runs in the process of watch.
type service struct {
	config    config.Config
	logger    *slog.Logger
	dir       *pipeline.StateDir
	inputs    inputs
	listeners []net.Listener
	live      *pipeline.Live
	messages  *story.Watch   // nil: none are followed
	pusher    *push.Pusher   // nil: nothing is pushed
	rows      *outbox.Outbox // nil: outcomes go nowhere
}

// open makes ready all that can fail, and follows the logs.
func (s *service) open(ctx context.Context, o *watchOptions, rules *replycode.Rules) (err error) {
	if s.dir, err = pipeline.OpenStateDir(s.config.StateDir); err != nil {
		return err
	}
	if err = o.setAside(s.dir, s.logger); err != nil {
		return err
	}
	if s.pusher, err = newPusher(s.config.Push, s.logger); err != nil {
		return err
	}
	if s.rows, err = newOutbox(s.config, s.logger); err != nil {
		return err
	}
	if s.listeners, err = o.listen(s.config); err != nil {
		return err
	}
	warnIfOpen(s.listeners, s.config.WebConfigFile, s.logger)
	options := pipeline.LiveOptions{Dir: s.dir, Logger: s.logger, Follow: s.inputs.follow(s.config), Rules: rules, Beat: beat()}
	if s.messages = followMessages(s.config, s.logger); s.messages != nil {
		options.Companion = s.messages
	}
	if s.rows != nil {
		options.Outbox = s.rows
	}
	s.live, err = pipeline.NewLive(ctx, options)
	return err
}

// close lets go of what open got, as far as it got.
func (s *service) close() {
	for _, l := range s.listeners {
		l.Close() // again, if it was served
	}
	s.inputs.close()
	if s.dir != nil {
		s.dir.Close()
	}
}

// run goes on until the context ends, with the counting loop and the web server
// side by side; the fault of one ends both.
func (s *service) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var more []prometheus.Collector
	if s.pusher != nil {
		more = append(more, s.pusher)
	}
	if s.rows != nil {
		more = append(more, s.rows)
		defer sendRows(ctx, s.rows)()
	}
	metrics := web.Gatherer(s.live.View, s.messages, more...)
	server := &http.Server{Handler: web.Handler(s.live.View, s.messages, metrics, s.logger), ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	served := make(chan error, 1)
	go func() {
		err := toolkit.ServeMultiple(withLimit(s.listeners), server, &toolkit.FlagConfig{WebConfigFile: &s.config.WebConfigFile}, s.logger)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		cancel(err)
		served <- err
	}()
	endPush := s.push(metrics)
	s.logger.Info("following", "logs", strings.Join(s.config.Logs, " "), "state_dir", s.config.StateDir)
	notify(notifyReady)
	runErr := s.live.Run(ctx)
	notify(notifyStopping)
	endPush() // with what the last state holds
	grace, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	return errors.Join(runErr, <-served)
}

// push begins to push; the returned function ends it.
func (s *service) push(metrics prometheus.Gatherer) (end func()) {
	if s.pusher == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.pusher.Run(ctx, metrics); close(done) }()
	return func() { cancel(); <-done }
}
