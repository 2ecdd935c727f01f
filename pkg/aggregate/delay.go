package aggregate

import "github.com/bouncewatch/bouncewatch/pkg/logparse"

// DelayBuckets are the upper bounds of the delay histogram in seconds: from an
// ordinary delivery to the usual queue lifetime of five days.
var DelayBuckets = [...]float64{0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 432000}

// A Histogram counts delays in seconds.
type Histogram struct {
	Buckets [len(DelayBuckets)]uint64 // not cumulative; a delay over the last bound is only in Count
	Count   uint64
	Sum     float64
}

type delayKey struct {
	mta    logparse.MTA
	status logparse.Status
}

func (c *Counts) delay(k delayKey) *Histogram {
	h := c.delays[k]
	if h == nil {
		h = &Histogram{}
		c.delays[k] = h
	}
	return h
}

func (h *Histogram) add(seconds float64, n uint64) {
	h.Count += n
	h.Sum += seconds * float64(n)
	for i, bound := range DelayBuckets {
		if seconds <= bound {
			h.Buckets[i] += n
			return
		}
	}
}

func (h *Histogram) merge(o *Histogram) {
	for i, n := range o.Buckets {
		h.Buckets[i] += n
	}
	h.Count += o.Count
	h.Sum += o.Sum
}
