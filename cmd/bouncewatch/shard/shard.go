// Package shard is the analysis of archives in parts: for engines that spread
// work over many machines. The counts of all shards, merged in any order, are
// those of "bouncewatch analyze" on the same logs, unless they overflow a table
// (see aggregate.Counts.Merge).
package shard

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A Shard is what one worker counts at a time: whole lines of a plain log, or a
// log that cannot be cut. It has only plain values and may be sent to another
// machine that sees the log under the same path.
type Shard struct {
	Path       string
	Start, End int64     // bytes of a plain log
	Whole      bool      // a log that is not cut
	Written    time.Time // when the log was last written to, for stamps without a year
}

// Cut cuts a log of this host into shards of about size bytes. Compressed logs
// stay whole.
func Cut(path string, written time.Time, size int64) ([]Shard, error) {
	chunks, err := tailer.Chunks(path, size)
	if err != nil {
		return nil, err
	}
	shards := make([]Shard, len(chunks))
	for i, c := range chunks {
		shards[i] = Shard{Path: c.Path, Start: c.Start, End: c.End, Whole: c.Whole, Written: written}
	}
	return shards, nil
}

// Options decide what the lines of logs mean, as the flags of analyze do. They
// have only plain values and may be sent to another machine. The zero value is
// UTC, years by the time of the files, and the built-in rules.
type Options struct {
	Timezone  string // of stamps without a zone
	Year      int    // of stamps without a year; 0: by Shard.Written
	Rules     []replycode.OwnRule
	Providers []replycode.OwnProvider
}

// LoadRules takes rules and providers from a configuration file.
func (o *Options) LoadRules(path string) error {
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	o.Rules, o.Providers = c.Rules, c.Providers
	return nil
}

// A Counter counts shards, one at a time.
type Counter struct {
	options    Options
	location   *time.Location
	rules      *replycode.Rules
	classifier *replycode.Classifier
	fetch      Fetch
}

// A Fetch opens a log that is whole.
type Fetch func(ctx context.Context, path string) (io.ReadCloser, error)

// NewCounter returns a Counter. Without fetch it opens files of this host.
func NewCounter(o Options, fetch Fetch) (*Counter, error) {
	location, err := time.LoadLocation(o.Timezone)
	if err != nil {
		return nil, fmt.Errorf("no time zone %q", o.Timezone)
	}
	rules, err := (&config.Config{Rules: o.Rules, Providers: o.Providers}).Compile()
	if err != nil {
		return nil, err
	}
	return &Counter{o, location, rules, replycode.NewClassifier(rules), fetch}, nil
}

// Count counts a shard. With an error, the counts are of what could be read.
func (c *Counter) Count(ctx context.Context, s Shard) (*aggregate.Counts, error) {
	batch := pipeline.Batch{Location: c.location, Reference: func(string) time.Time { return c.reference(s) }}
	if c.fetch != nil {
		batch.Fetch = func(path string) (io.ReadCloser, error) { return c.fetch(ctx, path) }
	}
	counts, err := batch.Count(ctx, tailer.Chunk{Path: s.Path, Start: s.Start, End: s.End, Whole: s.Whole}, c.classifier)
	if counts == nil {
		counts = aggregate.New()
	}
	if err == nil {
		err = ctx.Err()
	}
	return counts, err
}

func (c *Counter) reference(s Shard) time.Time {
	if c.options.Year != 0 {
		return time.Date(c.options.Year, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return s.Written
}

// CheckFormat says what is wrong with the name of a format.
func CheckFormat(name string) error {
	if known := report.FormatNames(); !slices.Contains(known, name) {
		return fmt.Errorf("unknown format %q: known formats are %s", name, strings.Join(known, ", "))
	}
	return nil
}

// Write writes the report of all counts as analyze does with its defaults where
// its output is no terminal.
func Write(w io.Writer, format string, c *aggregate.Counts) error {
	return report.Write(w, format, report.Options{
		Text: report.Text{Width: 100}, Table: "causes", Page: report.Page{Note: "by bouncewatch"},
	}, c)
}
