package aggregate

import (
	"maps"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// maxHours bounds the time line: more than 45 years. Hours after that are only in
// the totals.
const maxHours = 400_000

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
	hour := t.Unix() / 3600
	if c.hour == nil || c.hourAt != hour {
		if c.hour = c.hours[hour]; c.hour == nil {
			if len(c.hours) >= maxHours {
				return
			}
			c.hour = new([logparse.NumStatuses]uint64)
			c.hours[hour] = c.hour
		}
		c.hourAt = hour
	}
	c.hour[s%logparse.NumStatuses] += n
}

// Hours are the hours in which something was counted, in order.
func (c *Counts) Hours() []HourRow {
	rows := make([]HourRow, 0, len(c.hours))
	for _, hour := range slices.Sorted(maps.Keys(c.hours)) {
		rows = append(rows, HourRow{time.Unix(hour*3600, 0).UTC(), *c.hours[hour]})
	}
	return rows
}

func (c *Counts) mergeHours(o *Counts) {
	for hour, statuses := range o.hours {
		for s, n := range statuses {
			if n > 0 {
				c.At(time.Unix(hour*3600, 0), logparse.Status(s), n)
			}
		}
	}
}
