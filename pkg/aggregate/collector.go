package aggregate

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

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
//
// It is a prometheus.Gatherer too. A registry checks and sorts thousands of
// series at each scrape; the Collector has them in order.
type Collector struct {
	get     func() *Counts
	created *timestamppb.Timestamp

	lock  sync.Mutex
	table *table
}

// NewCollector serves what get returns at each scrape. The Counts must not
// change while a scrape reads them. created is when counting began, over all
// restarts.
func NewCollector(get func() *Counts, created time.Time) *Collector {
	return &Collector{get: get, created: timestamppb.New(created), table: newTable()}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for id, f := range c.gather() {
		for _, m := range f.Metric {
			ch <- gathered{descs[id], m}
		}
	}
}

// Gather implements prometheus.Gatherer. The families are sorted by name, their
// series by label values. They are the caller's, but for the labels.
func (c *Collector) Gather() ([]*dto.MetricFamily, error) {
	all := c.gather()
	filled := make([]*dto.MetricFamily, 0, len(all))
	for _, f := range all {
		if len(f.Metric) > 0 {
			filled = append(filled, f)
		}
	}
	return filled, nil
}

// gather is every family, by its number.
func (c *Collector) gather() []*dto.MetricFamily {
	counts := c.get()
	c.lock.Lock()
	defer c.lock.Unlock()
	c.table.add(counts)
	all := make([]*dto.MetricFamily, numFamilies)
	for id := range all {
		def := &families[id]
		f := &dto.MetricFamily{Name: &def.name, Help: &def.help, Type: &def.kind}
		switch family(id) {
		case familyDelay:
			f.Metric = c.delays(counts)
		case familyCauseInfo:
			f.Metric = causeInfos
		case familyLines:
			f.Metric = c.lines(counts)
		case familyOverflow:
			f.Metric = c.counters(1)
			*f.Metric[0].Counter.Value = float64(counts.overflow)
		default:
			f.Metric = c.series(family(id), counts)
		}
		all[id] = f
	}
	return all
}

// series are the counters of a family.
func (c *Collector) series(id family, counts *Counts) []*dto.Metric {
	rows := c.table.rows[id]
	metrics := c.counters(len(rows))
	for i, r := range rows {
		metrics[i].Label = r.labels
		*metrics[i].Counter.Value = float64(c.table.sums[r.number])
		if e := counts.exemplars[r.key]; e != nil {
			metrics[i].Counter.Exemplar = e.metric()
		}
	}
	return metrics
}

// counters makes n counters at 0, with few allocations.
func (c *Collector) counters(n int) []*dto.Metric {
	var (
		pointers = make([]*dto.Metric, n)
		metrics  = make([]dto.Metric, n)
		counters = make([]dto.Counter, n)
		values   = make([]float64, n)
	)
	for i := range n {
		counters[i].Value, counters[i].CreatedTimestamp = &values[i], c.created
		metrics[i].Counter = &counters[i]
		pointers[i] = &metrics[i]
	}
	return pointers
}

// lines are the counters of the lines of each source.
func (c *Collector) lines(counts *Counts) []*dto.Metric {
	var all []*dto.Metric
	for _, source := range counts.Sources() {
		byResult := c.counters(len(lineResults))
		for i, r := range lineResults {
			byResult[i].Label = pairs([]string{"result", "source"}, []string{r.String(), source})
			*byResult[i].Counter.Value = float64(counts.Lines(source)[r])
		}
		all = append(all, byResult...)
	}
	sortByLabels(all)
	return all
}

// delays are the histograms, those of deliveries from the first scrape on.
func (c *Collector) delays(counts *Counts) []*dto.Metric {
	all := make([]*dto.Metric, 0, len(delayKeys))
	for _, k := range delayKeys {
		h := counts.delays[k.mta][k.status]
		if h == nil {
			if k.mta == logparse.NoMTA || !slices.Contains(outboundStatuses, k.status) {
				continue
			}
			h = &Histogram{}
		}
		all = append(all, &dto.Metric{
			Label:     pairs([]string{"mta", "status"}, []string{k.mta.String(), k.status.String()}),
			Histogram: h.Metric(c.created),
		})
	}
	return all
}

// causeInfos are always the same.
var causeInfos = func() (all []*dto.Metric) {
	one := 1.0
	for _, info := range replycode.Causes() {
		all = append(all, &dto.Metric{
			Label: pairs([]string{"actor", "cause"}, []string{info.Actor, info.Name}), Gauge: &dto.Gauge{Value: &one},
		})
	}
	sortByLabels(all)
	return all
}()

// A gathered metric is one that has been made already.
type gathered struct {
	desc *prometheus.Desc
	m    *dto.Metric
}

// Desc implements prometheus.Metric.
func (g gathered) Desc() *prometheus.Desc { return g.desc }

// Write implements prometheus.Metric.
func (g gathered) Write(out *dto.Metric) error {
	out.Label, out.Counter, out.Gauge, out.Histogram = g.m.Label, g.m.Counter, g.m.Gauge, g.m.Histogram
	return nil
}
