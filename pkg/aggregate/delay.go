package aggregate

import (
	"fmt"
	"math"
	"sort"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// DelayBuckets are the upper bounds of the delay histogram in seconds: from an
// ordinary delivery to the usual queue lifetime of five days.
var DelayBuckets = [...]float64{0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 432000}

// The native buckets: schema 3 has 8 per doubling. Delays below 1 ms count as
// zero, as Postfix and Exim log no finer ones; those over a year go in the last.
const (
	nativeSchema   = 3
	nativeZero     = 0.001
	nativeLowest   = -79 // the bucket that holds nativeZero: ceil(8 * log2(0.001))
	nativeHighest  = 200 // 2^25 s, more than a year
	nativeBuckets  = nativeHighest - nativeLowest + 1
	nativePerOctet = 1 << nativeSchema
)

// A Histogram counts delays in seconds.
type Histogram struct {
	Buckets [len(DelayBuckets)]uint64 // not cumulative; a delay over the last bound is only in Count
	Count   uint64
	Micros  uint64 // the sum, in microseconds: adding up is exact in any order

	// Zero and Native are the same delays as a Prometheus native histogram of
	// schema 3: Native[i] is the bucket of index i-79.
	Zero   uint64
	Native []uint64
}

// maxDelay bounds what a delay adds to the sum: ten years.
const maxDelay = 10 * 365 * 86400.0

// Sum is the sum of all delays in seconds.
func (h *Histogram) Sum() float64 { return float64(h.Micros) / 1e6 }

type delayKey struct {
	mta    logparse.MTA
	status logparse.Status
}

func (c *Counts) delay(m logparse.MTA, s logparse.Status) *Histogram {
	h := c.delays[m%logparse.NumMTAs][s%logparse.NumStatuses]
	if h == nil {
		h = &Histogram{}
		c.delays[m%logparse.NumMTAs][s%logparse.NumStatuses] = h
	}
	return h
}

// Add counts n delays of so many seconds.
func (h *Histogram) Add(seconds float64, n uint64) {
	h.Count += n
	h.Micros += uint64(min(seconds, maxDelay)*1e6+0.5) * n
	h.addNative(seconds, n)
	for i, bound := range DelayBuckets {
		if seconds <= bound {
			h.Buckets[i] += n
			return
		}
	}
}

func (h *Histogram) addNative(seconds float64, n uint64) {
	if seconds <= nativeZero {
		h.Zero += n
		return
	}
	if h.Native == nil {
		h.Native = make([]uint64, nativeBuckets)
	}
	h.Native[min(nativeIndex(seconds), nativeHighest)-nativeLowest] += n
}

// nativeBounds are the upper bounds of the buckets between 1/2 and 1.
var nativeBounds = func() (b [nativePerOctet]float64) {
	for i := range b {
		b[i] = math.Exp2(float64(i)/nativePerOctet - 1)
	}
	return b
}()

// nativeIndex is the index of the native bucket that holds v > 0: the least i
// with v <= 2^(i/8).
func nativeIndex(v float64) int {
	fraction, exponent := math.Frexp(v)
	return sort.SearchFloat64s(nativeBounds[:], fraction) + (exponent-1)*nativePerOctet
}

func (h *Histogram) merge(o *Histogram) {
	for i, n := range o.Buckets {
		h.Buckets[i] += n
	}
	h.Count += o.Count
	h.Micros += o.Micros
	h.Zero += o.Zero
	if o.Native != nil && h.Native == nil {
		h.Native = make([]uint64, nativeBuckets)
	}
	for i, n := range o.Native {
		h.Native[i] += n
	}
}

// Check says whether a histogram that was read from a file can be one.
func (h *Histogram) Check() error {
	if n := len(h.Native); n != 0 && n != nativeBuckets {
		return fmt.Errorf("native histogram of %d buckets, not %d", n, nativeBuckets)
	}
	return nil
}

// Metric is the histogram in both forms, classic and native, in one. client_golang
// has constant metrics for either only.
func (h *Histogram) Metric(created *timestamppb.Timestamp) *dto.Histogram {
	out := &dto.Histogram{
		SampleCount: proto.Uint64(h.Count), SampleSum: proto.Float64(h.Sum()), CreatedTimestamp: created,
		Schema: proto.Int32(nativeSchema), ZeroThreshold: proto.Float64(nativeZero), ZeroCount: proto.Uint64(h.Zero),
		Bucket: make([]*dto.Bucket, len(DelayBuckets)),
	}
	var sum uint64
	for i := range DelayBuckets {
		sum += h.Buckets[i]
		out.Bucket[i] = &dto.Bucket{UpperBound: &DelayBuckets[i], CumulativeCount: proto.Uint64(sum)}
	}
	out.PositiveSpan, out.PositiveDelta = h.spans()
	return out
}

// spans are the filled buckets, as runs of neighbours and differences of counts.
func (h *Histogram) spans() (spans []*dto.BucketSpan, deltas []int64) {
	var last int64
	next := 0 // the index behind the last filled bucket
	for i, n := range h.Native {
		if n == 0 {
			continue
		}
		index := i + nativeLowest
		if len(spans) == 0 || index != next {
			spans = append(spans, &dto.BucketSpan{Offset: proto.Int32(int32(index - next)), Length: proto.Uint32(0)})
		}
		*spans[len(spans)-1].Length++
		deltas = append(deltas, int64(n)-last)
		last, next = int64(n), index+1
	}
	if len(spans) == 0 { // marks the histogram as native while it is empty
		spans = []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(0)}}
	}
	return spans, deltas
}
