package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// isRemote says whether a name is of a file system other than this host's.
func isRemote(name string) bool { return strings.Contains(name, "://") }

// list returns the logs that a pattern names.
func list(ctx context.Context, pattern string) ([]string, error) {
	if !isRemote(pattern) {
		files, errs := tailer.Expand([]string{pattern})
		return files, errors.Join(errs...)
	}
	system, err := filesystem.New(ctx, pattern)
	if err != nil {
		return nil, err
	}
	defer system.Close()
	names, err := system.List(ctx, pattern)
	if err != nil {
		return nil, transient{err}
	}
	var logs []string
	for _, name := range names {
		if !tailer.SkipName(path.Base(name)) {
			logs = append(logs, name)
		}
	}
	if len(logs) == 0 {
		return nil, fmt.Errorf("%s: no file matches: check the pattern", pattern)
	}
	return logs, nil
}

// written is when a log was last written to; now where its file system does not
// say.
func written(ctx context.Context, name string) (time.Time, error) {
	if !isRemote(name) {
		info, err := os.Stat(name)
		if err != nil {
			return time.Time{}, err
		}
		return info.ModTime(), nil
	}
	system, err := filesystem.New(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	defer system.Close()
	getter, ok := system.(filesystem.LastModifiedGetter)
	if !ok {
		return time.Now(), nil
	}
	at, err := getter.LastModified(ctx, name)
	if err != nil {
		return at, transient{err}
	}
	return at, nil
}

// open opens a log to be read from its beginning. What goes wrong with a remote
// one is transient.
func open(ctx context.Context, name string) (io.ReadCloser, error) {
	if !isRemote(name) {
		return os.Open(name)
	}
	system, err := filesystem.New(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := system.OpenRead(ctx, name)
	if err != nil {
		system.Close()
		return nil, transient{err}
	}
	return &remote{ReadCloser: r, system: system}, nil
}

// A remote is an open file that remembers why reading it ended early.
type remote struct {
	io.ReadCloser
	system io.Closer
	err    error
}

func (r *remote) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		r.err = transient{err}
	}
	return n, err
}

func (r *remote) Close() error { return errors.Join(r.ReadCloser.Close(), r.system.Close()) }

// A transient fault is one of the way to a log, not of the log. The engine tries
// again; when it gives up, so does the job.
type transient struct{ error }

func (t transient) Unwrap() error { return t.error }

// write replaces a file, or adds to standard output.
func write(ctx context.Context, name string, data []byte) error {
	if name == standardOutput {
		_, err := os.Stdout.Write(data)
		return err
	}
	system, err := filesystem.New(ctx, name)
	if err != nil {
		return err
	}
	defer system.Close()
	w, err := system.OpenWrite(ctx, name)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return errors.Join(err, w.Close())
}
