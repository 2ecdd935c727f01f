package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/transforms/filter"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/shard"
)

func init() {
	register.DoFn3x1[context.Context, string, func(string), error](&listFn{})
	register.DoFn3x1[context.Context, string, func(shard.Shard), error](&cutFn{})
	register.DoFn2x2[context.Context, shard.Shard, tally, error](&countFn{})
	register.DoFn2x1[context.Context, tally, error](&writeFn{})
	register.Combiner1[tally](&mergeFn{})
	register.Emitter1[string]()
	register.Emitter1[shard.Shard]()
	beam.RegisterType(reflect.TypeFor[shard.Shard]())
	beam.RegisterCoder(reflect.TypeFor[tally](), encodeTally, decodeTally)
}

// standardOutput is the name of a job's Output that is no file.
const standardOutput = "-"

// A job is what the pipeline does.
type job struct {
	Patterns  []string
	Options   shard.Options
	ShardSize int64
	Format    string
	Output    string
}

// build makes the pipeline: names, shards of equal weight, their counts, the sum.
func (j *job) build(s beam.Scope) {
	names := filter.Distinct(s, beam.ParDo(s.Scope("List"), &listFn{}, beam.CreateList(s, j.Patterns)))
	shards := beam.ParDo(s.Scope("Cut"), &cutFn{Size: j.ShardSize}, beam.Reshuffle(s, names))
	tallies := beam.ParDo(s.Scope("Count"), &countFn{Options: j.Options}, beam.Reshuffle(s, shards))
	// Without any input the report is empty, not missing.
	all := beam.Flatten(s, tallies, beam.Create(s, newTally()))
	beam.ParDo0(s.Scope("Write"), &writeFn{Format: j.Format, Output: j.Output}, beam.Combine(s.Scope("Merge"), &mergeFn{}, all))
}

// inputFaults counts inputs that could not be read, or not to their end, as
// metric of the job. Each is in the log of the worker.
var inputFaults = beam.NewCounter("bouncewatch", faultsName)

const faultsName = "input_faults"

// fault notes what is wrong with an input; the others go on. A transient fault
// is returned for the engine to try again.
func fault(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.As(err, new(transient)) {
		return err
	}
	inputFaults.Inc(ctx, 1)
	log.Errorf(ctx, "%v", err)
	return nil
}

// listFn makes names of patterns.
type listFn struct{}

func (listFn) ProcessElement(ctx context.Context, pattern string, emit func(string)) error {
	names, err := list(ctx, pattern)
	for _, name := range names {
		emit(name)
	}
	if err != nil {
		return fault(ctx, err)
	}
	return nil
}

// cutFn makes shards of a log.
type cutFn struct{ Size int64 }

func (f *cutFn) ProcessElement(ctx context.Context, name string, emit func(shard.Shard)) error {
	at, err := written(ctx, name)
	shards := []shard.Shard{{Path: name, Whole: true, Written: at}}
	if err == nil && !isRemote(name) {
		shards, err = shard.Cut(name, at, f.Size)
	}
	if err != nil {
		return fault(ctx, err)
	}
	for _, s := range shards {
		emit(s)
	}
	return nil
}

// countFn counts a shard.
type countFn struct {
	Options shard.Options

	counter *shard.Counter
	from    *remote // what the shard is read from, if that is remote
}

func (f *countFn) Setup() (err error) {
	f.counter, err = shard.NewCounter(f.Options, f.fetch)
	return err
}

func (f *countFn) fetch(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := open(ctx, name)
	f.from, _ = r.(*remote)
	return r, err
}

func (f *countFn) ProcessElement(ctx context.Context, s shard.Shard) (tally, error) {
	f.from = nil
	counts, err := f.counter.Count(ctx, s)
	if f.from != nil && f.from.err != nil {
		err = f.from.err // not what the log's reader made of it
	}
	if err != nil {
		err = fault(ctx, err)
	}
	return tally{counts}, err
}

// writeFn writes the report of the sum.
type writeFn struct{ Format, Output string }

func (f *writeFn) ProcessElement(ctx context.Context, sum tally) error {
	var report bytes.Buffer
	if err := shard.Write(&report, f.Format, sum.counts); err != nil {
		return err
	}
	return write(ctx, f.Output, report.Bytes())
}
