package story

import (
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
)

// clocks tell how far logs are that are read at the same time. While a daemon
// catches up, one can be days behind another: what the one behind says next is what
// messages wait for.
type clocks struct {
	all     []*clock
	current *clock // of the last line
	slowest *clock // of those with a time
}

// A clock is that of a log.
type clock struct {
	source string
	time   time.Time // of its last line
	heard  bool      // since rest was called last
	quiet  time.Time // when it was heard last, by the clock of the host
}

// silence is how long a log that nothing is written to holds up the others.
const silence = time.Minute

// read sets the clock of a line's source. It returns the time that all have
// reached.
func (c *clocks) read(at pipeline.Place) time.Time {
	if c.current == nil || c.current.source != at.Source {
		c.choose(at.Source)
	}
	c.current.heard = true
	if !at.Time.IsZero() {
		c.current.time = at.Time
	}
	switch {
	case c.slowest == nil || c.slowest == c.current:
		c.compare()
	case c.current.time.Before(c.slowest.time) && !c.current.time.IsZero():
		c.slowest = c.current
	}
	return c.slowest.time
}

// compare looks for the slowest.
func (c *clocks) compare() {
	c.slowest = c.current
	for _, x := range c.all {
		if x.time.Before(c.slowest.time) && !x.time.IsZero() {
			c.slowest = x
		}
	}
}

func (c *clocks) choose(source string) {
	i := slices.IndexFunc(c.all, func(x *clock) bool { return x.source == source })
	if i < 0 {
		i = len(c.all)
		c.all = append(c.all, &clock{source: source})
	}
	c.current = c.all[i]
}

// othersReached says whether a log other than that of the last line has lines of
// that Unix hour or later ones.
func (c *clocks) othersReached(hour int64) bool {
	return c != nil && slices.ContainsFunc(c.all, func(x *clock) bool { return x != c.current && x.time.Unix() >= hour*3600 })
}

// rest forgets the clocks of logs that were silent. It is to be called from time to
// time.
func (c *clocks) rest(now time.Time) {
	c.all = slices.DeleteFunc(c.all, func(x *clock) bool {
		if x.heard {
			x.heard, x.quiet = false, now
		}
		return now.Sub(x.quiet) > silence
	})
	c.current, c.slowest = nil, nil // whichever they were
}

// state is what restore takes.
func (c *clocks) state() map[string]int64 {
	all := map[string]int64{}
	for _, x := range c.all {
		if !x.time.IsZero() {
			all[x.source] = x.time.UnixNano()
		}
	}
	return all
}

func (c *clocks) restore(all map[string]int64) {
	for source, nanoseconds := range all {
		c.all = append(c.all, &clock{source: source, time: timeOf(nanoseconds), heard: true})
	}
}
