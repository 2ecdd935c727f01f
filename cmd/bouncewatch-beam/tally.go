package main

import (
	"encoding/json"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// A tally is counts on their way between machines.
type tally struct{ counts *aggregate.Counts }

func newTally() tally { return tally{aggregate.New()} }

func encodeTally(t tally) ([]byte, error) { return json.Marshal(t.counts) }

func decodeTally(b []byte) (tally, error) {
	t := newTally()
	return t, json.Unmarshal(b, t.counts)
}

// mergeFn adds tallies up, in any order.
type mergeFn struct{}

func (mergeFn) CreateAccumulator() tally { return newTally() }

func (mergeFn) AddInput(sum, t tally) tally { return mergeFn{}.MergeAccumulators(sum, t) }

func (mergeFn) MergeAccumulators(a, b tally) tally {
	a.counts.Merge(b.counts)
	return a
}

func (mergeFn) ExtractOutput(sum tally) tally { return sum }
