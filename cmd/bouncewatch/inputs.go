package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// inputs are what watch follows: files and globs, the journal, standard input and
// syslog sockets. The last two stay open when the configuration is read again:
// what comes through them comes once.
type inputs struct {
	stdin   io.Reader
	logger  *slog.Logger
	streams map[string]*tailer.Stream
}

// follow is how to follow the logs of a configuration.
func (in *inputs) follow(c config.Config) pipeline.Start {
	return func(ctx context.Context, state []tailer.FileState) (pipeline.Follower, error) {
		all, err := in.open(ctx, c, state)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		in.keep(c.Logs)
		return pipeline.Join(all...), nil
	}
}

func (in *inputs) open(ctx context.Context, c config.Config, state []tailer.FileState) (all []pipeline.Follower, failed error) {
	var paths []string
	for i, name := range c.Logs {
		var f pipeline.Follower
		err := tailer.CheckPath(name)
		switch {
		case err != nil:
		case slices.Contains(c.Logs[:i], name):
			continue
		case name == tailer.JournalSource:
			f, err = tailer.FollowJournal(ctx, tailer.JournalOptions{FromStart: c.FromStart, State: state, Logger: in.logger})
		case name == "-" || tailer.IsSyslogAddress(name):
			f, err = in.stream(ctx, name)
		default:
			paths = append(paths, name)
			continue
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		all = append(all, f)
	}
	if len(paths) == 0 || failed != nil {
		return all, failed
	}
	f, err := tailer.Follow(ctx, tailer.FollowOptions{
		Paths: paths, OldDirs: c.OldDirs, FromStart: c.FromStart, State: state,
		Poll: c.Poll, RotateWait: c.RotateWait, Logger: in.logger,
	})
	if err != nil {
		return all, err
	}
	return append(all, f), nil
}

// stream is an open stream, or a new one.
func (in *inputs) stream(ctx context.Context, name string) (pipeline.Follower, error) {
	s := in.streams[name]
	if s == nil {
		var err error
		if name == "-" {
			s = tailer.FollowReader(ctx, name, in.stdin)
		} else if s, err = tailer.ListenSyslog(ctx, name, in.logger); err != nil {
			return nil, err
		}
		if in.streams == nil {
			in.streams = map[string]*tailer.Stream{}
		}
		in.streams[name] = s
	}
	return kept{s, s.Stats()[0].Overlong}, nil
}

// keep closes the streams that are not named.
func (in *inputs) keep(names []string) {
	for name, s := range in.streams {
		if !slices.Contains(names, name) {
			in.end(name, s)
		}
	}
}

func (in *inputs) end(name string, s *tailer.Stream) {
	if err := s.Close(); err != nil {
		in.logger.Warn("a source cannot be closed", "log", name, "err", err)
	}
	delete(in.streams, name)
}

func (in *inputs) close() { in.keep(nil) }

// A kept stream outlives its Follower, whose figures begin at 0.
type kept struct {
	*tailer.Stream
	overlong int64
}

// Stats implements pipeline.Follower.
func (k kept) Stats() []tailer.SourceStats {
	stats := k.Stream.Stats()
	stats[0].Overlong -= k.overlong
	return stats
}

// Close implements pipeline.Follower.
func (k kept) Close() error { return nil }

func closeAll(all []pipeline.Follower) (err error) {
	for _, f := range all {
		err = errors.Join(err, f.Close())
	}
	return err
}
