package aggregate

import (
	"maps"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// Bounds of the time line. A report has more than 45 years; hours after that are
// only in the totals. A daemon keeps the two latest weeks.
const (
	maxHours    = 400_000
	recentHours = 14 * 24
)

// An HourRow is what happened in one hour.
type HourRow struct {
	Start    time.Time // UTC
	Statuses [logparse.NumStatuses]uint64
}

// At counts n outcomes in the hour of t. The zero time is not counted.
func (c *Counts) At(t time.Time, s logparse.Status, n uint64) {
	if t.IsZero() {
		return
	}
	if c.first.IsZero() || t.Before(c.first) {
		c.first = t
	}
	if t.After(c.last) {
		c.last = t
	}
	hour := t.Unix() / 3600
	if c.hour == nil || c.hourAt != hour {
		c.hour, c.hourAt = c.inHour(hour), hour
	}
	c.hour[s%logparse.NumStatuses] += n
}

// inHour are the counts of an hour; of one without room, counts that no one reads.
func (c *Counts) inHour(hour int64) *[logparse.NumStatuses]uint64 {
	h := c.hours[hour]
	if h == nil {
		h = new([logparse.NumStatuses]uint64)
		if c.roomForHour(hour) {
			c.hours[hour] = h
		}
	}
	return h
}

// roomForHour drops the oldest hour of a daemon's full time line, unless the new
// one is older.
func (c *Counts) roomForHour(hour int64) bool {
	if c.domainLimit > 0 {
		return len(c.hours) < maxHours
	}
	if len(c.hours) < recentHours {
		return true
	}
	oldest := hour
	for h := range c.hours {
		oldest = min(oldest, h)
	}
	delete(c.hours, oldest)
	return oldest != hour
}

// Period is when the first and the last of the outcomes with a time were, zero
// without any.
func (c *Counts) Period() (first, last time.Time) { return c.first, c.last }

// Hours are the hours in which something was counted, in order.
func (c *Counts) Hours() []HourRow {
	rows := make([]HourRow, 0, len(c.hours))
	for _, hour := range slices.Sorted(maps.Keys(c.hours)) {
		rows = append(rows, HourRow{time.Unix(hour*3600, 0).UTC(), *c.hours[hour]})
	}
	return rows
}

func (c *Counts) mergeHours(o *Counts) {
	if !o.first.IsZero() && (c.first.IsZero() || o.first.Before(c.first)) {
		c.first = o.first
	}
	if o.last.After(c.last) {
		c.last = o.last
	}
	for hour, statuses := range o.hours {
		for s, n := range statuses {
			if n > 0 {
				c.inHour(hour)[s] += n
			}
		}
	}
}
