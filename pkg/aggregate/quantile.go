package aggregate

import (
	"math"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// A DelayRow is how long mail took, by what became of it.
type DelayRow struct {
	MTA    logparse.MTA
	Status logparse.Status
	*Histogram
}

// Delays are the delays in a fixed order.
func (c *Counts) Delays() []DelayRow {
	rows := []DelayRow{}
	for m := range c.delays {
		for s, h := range c.delays[m] {
			if h != nil {
				rows = append(rows, DelayRow{logparse.MTA(m), logparse.Status(s), h})
			}
		}
	}
	return rows
}

// Quantile is the delay in seconds that the share q of all delays does not
// exceed: the upper bound of the native bucket that holds it, at most 9.1 % too
// high. It is 0 for delays up to a millisecond and NaN without any.
func (h *Histogram) Quantile(q float64) float64 {
	if h.Count == 0 {
		return math.NaN()
	}
	rank := uint64(math.Ceil(q * float64(h.Count)))
	seen := h.Zero
	if seen >= rank {
		return 0
	}
	for i, n := range h.Native {
		if seen += n; seen >= rank {
			return math.Exp2(float64(i+nativeLowest) / nativePerOctet)
		}
	}
	return math.Exp2(float64(nativeHighest) / nativePerOctet)
}
