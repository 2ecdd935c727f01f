// Command bouncewatch-beam is "bouncewatch analyze" as an Apache Beam pipeline,
// for archives beyond one machine. docs/beam.md is about it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3" // beamx has gs and local files
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/shard"
)

const usage = `usage: bouncewatch-beam [flags] PATTERN...

Reads the mail logs that the patterns name, as "bouncewatch analyze" does, and
writes its report. A pattern is a file, a directory or a glob of this host, or
gs://BUCKET/PATTERN or s3://BUCKET/PATTERN. Exit status: 0 all was read, 1 some
input failed (the rest is reported), 2 wrong usage.

  bouncewatch-beam --output report.json --format json '/archive/*/mail.log*'
  bouncewatch-beam --runner flink --endpoint jobs:8099 --environment_type DOCKER \
      --environment_config IMAGE --output gs://reports/mx.json 'gs://logs/mx*/*.gz'

`

func main() { os.Exit(run(os.Args[1:])) }

// Exit statuses, as those of bouncewatch.
const (
	exitOK = iota
	exitInput
	exitUsage
)

// options are the flags of this program. Those of Beam stand beside them in
// flag.CommandLine.
type options struct {
	job
	config string
	shard  int
}

func addFlags(f *flag.FlagSet) *options {
	o := &options{}
	f.StringVar(&o.Output, "output", "-", "file to write the report to; - is standard output, of the local runner only")
	f.StringVar(&o.Format, "format", "json", "json, snapshot (for bouncewatch merge) or another format of analyze")
	f.StringVar(&o.Options.Timezone, "timezone", "UTC", "zone of times that have none, as in Europe/Berlin")
	f.IntVar(&o.Options.Year, "year", 0, "year of times that have none (default: from the time of the file)")
	f.StringVar(&o.config, "config", "", "configuration file with own rules and providers")
	f.IntVar(&o.shard, "shard-mib", 64, "size of the pieces that plain logs are cut into")
	return o
}

func run(args []string) int {
	flags := flag.CommandLine
	flags.Init("bouncewatch-beam", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	o := addFlags(flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	o.Patterns = flags.Args()
	if err := o.check(); err != nil {
		fmt.Fprintf(os.Stderr, "bouncewatch-beam: %v\n", err)
		return exitUsage
	}
	beam.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	faults, err := o.run(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "bouncewatch-beam: %v\n", err)
		return exitInput
	}
	if faults > 0 {
		return exitInput
	}
	return exitOK
}

func (o *options) check() error {
	if len(o.Patterns) == 0 {
		return errors.New("no pattern: name the logs, as in: bouncewatch-beam '/archive/*/mail.log*'")
	}
	if slices.Contains(o.Patterns, "-") {
		return errors.New("standard input cannot be spread: use bouncewatch analyze -")
	}
	if o.shard < 1 {
		return fmt.Errorf("--shard-mib %d: at least 1", o.shard)
	}
	o.ShardSize = int64(o.shard) << 20
	if err := shard.CheckFormat(o.Format); err != nil {
		return err
	}
	if o.Output == standardOutput && !local(*runners.Runner) {
		return fmt.Errorf("--output is needed with --runner %s: a file that its workers can write", *runners.Runner)
	}
	if o.config != "" {
		if err := o.Options.LoadRules(o.config); err != nil {
			return err
		}
	}
	if _, err := time.LoadLocation(o.Options.Timezone); err != nil {
		return fmt.Errorf("--timezone %q: no such time zone", o.Options.Timezone)
	}
	return nil
}

// local says whether a runner works in this process.
func local(runner string) bool {
	switch runner {
	case "", "prism", "PrismRunner", "direct", "DirectRunner":
		return true
	}
	return false
}

// run runs the pipeline, and returns how many inputs failed.
func (o *options) run(ctx context.Context) (faults int64, err error) {
	p, s := beam.NewPipelineWithRoot()
	o.job.build(s)
	result, err := beamx.RunWithMetrics(ctx, p)
	if err != nil {
		return 0, err
	}
	for _, c := range result.Metrics().AllMetrics().Counters() {
		if c.Key.Name == faultsName {
			faults += c.Result()
		}
	}
	return faults, nil
}
