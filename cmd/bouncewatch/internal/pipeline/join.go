package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// Join makes one Follower of several.
func Join(all ...Follower) Follower {
	if len(all) == 1 {
		return all[0]
	}
	return &joined{all: all}
}

type joined struct {
	all  []Follower
	turn int
}

// slice is how long one Follower is waited for while the others may have lines.
const slice = 50 * time.Millisecond

func (j *joined) Next(ctx context.Context) (tailer.Batch, error) {
	for {
		j.turn = (j.turn + 1) % len(j.all)
		wait, cancel := context.WithTimeout(ctx, slice)
		b, err := j.all[j.turn].Next(wait)
		cancel()
		switch {
		case err == nil:
			return b, nil
		case ctx.Err() != nil:
			return b, ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return b, err
		}
	}
}

func (j *joined) State() (states []tailer.FileState) {
	for _, f := range j.all {
		states = append(states, f.State()...)
	}
	return states
}

func (j *joined) Stats() (stats []tailer.SourceStats) {
	for _, f := range j.all {
		stats = append(stats, f.Stats()...)
	}
	return stats
}

func (j *joined) CaughtUp() bool {
	for _, f := range j.all {
		if !f.CaughtUp() {
			return false
		}
	}
	return true
}

func (j *joined) Before(source string, n int64) []byte {
	for _, f := range j.all {
		if b := f.Before(source, n); b != nil {
			return b
		}
	}
	return nil
}

func (j *joined) Close() error {
	var all error
	for _, f := range j.all {
		all = errors.Join(all, f.Close())
	}
	return all
}
