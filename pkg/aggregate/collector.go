package aggregate

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Label values for what no table of ours names.
const (
	labelNone  = "none"
	labelOther = "other"
)

// A Collector serves Counts as Prometheus metrics. Its label values come from
// our tables alone, never from a log, and every known series is there at 0 from
// the first scrape: rate() cannot see the first increment of a new series.
type Collector struct {
	get     func() *Counts
	created time.Time
}

// NewCollector serves what get returns at each scrape. The Counts must not
// change while a scrape reads them. created is when counting began, over all
// restarts.
func NewCollector(get func() *Counts, created time.Time) *Collector {
	return &Collector{get, created}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bouncewatch_"+name, help, labels, nil)
}

var (
	descEvents           = desc("events_total", "Outcomes of delivery attempts and refusals, by what was done.", "mta", "direction", "status")
	descReplies          = desc("replies_total", "Outcomes by the deciding SMTP reply code (none: no reply exists).", "mta", "direction", "code", "class")
	descEnhanced         = desc("enhanced_codes_total", "Outcomes by enhanced status code (other: not in the registry).", "mta", "direction", "enhanced", "class")
	descFailures         = desc("failures_total", "Failed outcomes by cause.", "mta", "direction", "cause", "class")
	descProviderEvents   = desc("provider_events_total", "Outbound outcomes by receiving provider.", "provider", "status")
	descProviderFailures = desc("provider_failures_total", "Outbound failures by receiving provider and cause.", "provider", "cause")
	descCauseInfo        = desc("cause_info", "Who must act on a cause; always 1.", "cause", "actor")
	descDelay            = desc("delivery_delay_seconds", "Time from arrival to the end of the attempt.", "mta", "status")
	descRemarks          = desc("remarks_total", "Replies that were not the final word of an attempt.", "mta", "direction", "code", "class")
	descLogins           = desc("login_failures_total", "Failed logins of clients.", "mta")
	descLines            = desc("lines_total", "Log lines read, by what they were.", "source", "result")
	descOverflow         = desc("series_overflow_total", "Outcomes that a full table could not tell apart.")
)

var allDescs = []*prometheus.Desc{
	descEvents, descReplies, descEnhanced, descFailures, descProviderEvents, descProviderFailures,
	descCauseInfo, descDelay, descRemarks, descLogins, descLines, descOverflow,
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	counts := c.get()
	s := series{}
	s.seed()
	for _, r := range counts.Rows() {
		s.addRow(r)
	}
	for k, n := range s {
		ch <- c.counter(k.desc, n, k.labels[:k.n]...)
	}
	for _, info := range replycode.Causes() {
		ch <- prometheus.MustNewConstMetric(descCauseInfo, prometheus.GaugeValue, 1, info.Name, info.Actor)
	}
	for _, source := range counts.Sources() {
		for r, n := range counts.Lines(source) {
			ch <- c.counter(descLines, n, source, logparse.Result(r).String())
		}
	}
	for k, h := range counts.delays {
		classic := prometheus.MustNewConstHistogramWithCreatedTimestamp(
			descDelay, h.Count, h.Sum(), h.cumulative(), c.created, k.mta.String(), k.status.String())
		ch <- delayMetric{classic, h}
	}
	ch <- c.counter(descOverflow, counts.overflow)
}

func (c *Collector) counter(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, float64(n), c.created, labels...)
}

func (h *Histogram) cumulative() map[float64]uint64 {
	m := make(map[float64]uint64, len(DelayBuckets))
	var sum uint64
	for i, bound := range DelayBuckets {
		sum += h.Buckets[i]
		m[bound] = sum
	}
	return m
}

// A seriesKey is a metric and its label values.
type seriesKey struct {
	desc   *prometheus.Desc
	labels [4]string
	n      int
}

// series are the counters of a scrape: sums over rows.
type series map[seriesKey]uint64

func (s series) add(n uint64, d *prometheus.Desc, labels ...string) {
	k := seriesKey{desc: d, n: len(labels)}
	copy(k.labels[:], labels)
	s[k] += n
}

func (s series) addRow(r Row) {
	mta, direction, class := r.MTA.String(), r.Direction.String(), r.Class.String()
	switch {
	case r.Status == logparse.AuthFailed:
		s.add(r.N, descLogins, mta)
		return
	case r.Remark:
		s.add(r.N, descRemarks, mta, direction, codeLabel(r.Code), class)
		return
	}
	s.add(r.N, descEvents, mta, direction, r.Status.String())
	s.add(r.N, descReplies, mta, direction, codeLabel(r.Code), class)
	if r.Enhanced != replycode.NoEnhanced {
		s.add(r.N, descEnhanced, mta, direction, enhancedLabel(r.Enhanced), class)
	}
	failed := r.Status != logparse.Sent
	if failed {
		s.add(r.N, descFailures, mta, direction, r.Cause.String(), class)
	}
	if r.Direction == logparse.Outbound {
		s.add(r.N, descProviderEvents, r.Provider.String(), r.Status.String())
		if failed {
			s.add(r.N, descProviderFailures, r.Provider.String(), r.Cause.String())
		}
	}
}

// seed makes the series that every host may need exist at 0.
func (s series) seed() {
	for m := logparse.NoMTA + 1; m < logparse.NumMTAs; m++ {
		s.add(0, descLogins, m.String())
		for _, st := range outboundStatuses {
			s.add(0, descEvents, m.String(), "outbound", st.String())
		}
		for _, st := range inboundStatuses {
			s.add(0, descEvents, m.String(), "inbound", st.String())
		}
		for d := logparse.Outbound; d < logparse.NumDirections; d++ {
			s.seedDirection(m.String(), d.String())
		}
	}
	for p := range replycode.NumProviders {
		name := replycode.Provider(p).String()
		for _, st := range outboundStatuses {
			s.add(0, descProviderEvents, name, st.String())
		}
		for _, info := range replycode.Causes() {
			s.add(0, descProviderFailures, name, info.Name)
		}
	}
}

func (s series) seedDirection(mta, direction string) {
	for _, info := range replycode.Codes() {
		if class := info.Code.Class(); info.Standard {
			s.add(0, descReplies, mta, direction, info.Code.String(), class.String())
		}
	}
	for _, class := range []replycode.Class{replycode.TransientFailure, replycode.PermanentFailure} {
		s.add(0, descReplies, mta, direction, labelNone, class.String())
		for _, info := range replycode.Causes() {
			s.add(0, descFailures, mta, direction, info.Name, class.String())
		}
	}
}

var (
	outboundStatuses = []logparse.Status{logparse.Sent, logparse.Deferred, logparse.Bounced, logparse.Expired}
	inboundStatuses  = []logparse.Status{logparse.Rejected, logparse.TempFailed}
)

func codeLabel(c replycode.Code) string {
	if c == replycode.None {
		return labelNone
	}
	if _, ok := replycode.LookupCode(c); !ok {
		return labelOther
	}
	return c.String()
}

func enhancedLabel(e replycode.Enhanced) string {
	if !replycode.Registered(e) {
		return labelOther
	}
	return e.String()
}
