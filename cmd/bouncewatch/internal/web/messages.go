package web

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// messages collects what became of messages in the end. All series are there at 0
// from the first scrape.
type messages struct {
	watch   *story.Watch
	created time.Time
}

var (
	descRecipients   = desc("recipients_total", "Recipients by what became of them in the end.", "mta", "outcome")
	descByProvider   = desc("provider_recipients_total", "Recipients by receiving provider and by what became of them in the end.", "provider", "outcome")
	descGivenUp      = desc("recipient_failures_total", "Recipients whose mail failed or expired in the end, by the last cause.", "mta", "cause")
	descLate         = desc("deferred_delivery_seconds", "Time from arrival to delivery of mail that was put off at least once.", "mta")
	descLateCause    = desc("deferred_deliveries_total", "Recipients whose mail was delivered after it was put off, by the first cause.", "cause")
	descOpen         = desc("messages_open", "Messages that wait for the outcome of a recipient, as far as the logs say.", "mta")
	descLostSight    = desc("messages_lost_sight_total", "Messages given up before their end: too many, too old, or their queue id was used again.", "reason")
	descSuspects     = desc("suspicious_senders", "Senders in this clock hour or the one before whose mail looks like that of a thief or a bad list.")
	providerOutcomes = [...]story.Fate{story.DeliveredFirst, story.DeliveredLater, story.DeliveredSome, story.FailedForGood, story.GivenUp}
	lostReasons      = [...]story.Ending{story.Crowded, story.TooOld, story.Reused}
)

// Describe implements prometheus.Collector.
func (messages) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecipients, descByProvider, descGivenUp, descLate, descLateCause, descOpen, descLostSight, descSuspects} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c messages) Collect(ch chan<- prometheus.Metric) {
	v := c.watch.View()
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		name := mta.String()
		for _, fate := range story.CountedFates() {
			c.count(ch, descRecipients, v.Totals.Outcomes[mta][fate], name, fate.String())
		}
		for cause, n := range v.Totals.Failures[mta] {
			c.count(ch, descGivenUp, n, name, replycode.Cause(cause).String())
		}
		ch <- histogram{descLate, &v.Totals.Late[mta], name, c.created}
		gauge(ch, descOpen, float64(v.Open[mta]), name)
	}
	c.providers(ch, &v.Totals)
	for cause, n := range v.Totals.LateCause {
		c.count(ch, descLateCause, n, replycode.Cause(cause).String())
	}
	for _, reason := range lostReasons {
		c.count(ch, descLostSight, v.Totals.Ended[reason], reason.String())
	}
	ch <- prometheus.MustNewConstMetric(descSuspects, prometheus.GaugeValue, float64(v.Suspects(time.Now())))
}

func (c messages) providers(ch chan<- prometheus.Metric, t *story.Totals) {
	for i := range replycode.ProviderCount() {
		p := replycode.Provider(i)
		counts := t.Providers[p]
		for _, fate := range providerOutcomes {
			n := uint64(0)
			if counts != nil {
				n = counts[fate]
			}
			c.count(ch, descByProvider, n, p.String(), fate.String())
		}
	}
}

func (c messages) count(ch chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, float64(n), c.created, labels...)
}

// A histogram is one of ours as a metric, classic and native.
type histogram struct {
	desc    *prometheus.Desc
	h       *aggregate.Histogram
	mta     string
	created time.Time
}

// Desc implements prometheus.Metric.
func (h histogram) Desc() *prometheus.Desc { return h.desc }

// Write implements prometheus.Metric.
func (h histogram) Write(out *dto.Metric) error {
	name := "mta"
	out.Label = []*dto.LabelPair{{Name: &name, Value: &h.mta}}
	out.Histogram = h.h.Metric(timestamppb.New(h.created))
	return nil
}

// addMessages puts outcomes and senders on the page.
func addMessages(page *report.Page, v *story.View) {
	switch n := v.Suspects(time.Now()); n {
	case 0:
	case 1:
		page.Faults = append(page.Faults, "A sender looks suspicious: see Senders whose mail fails.")
	default:
		page.Faults = append(page.Faults, fmt.Sprintf("%d senders look suspicious: see Senders whose mail fails.", n))
	}
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		n := &v.Totals.Outcomes[mta]
		row := report.OutcomeRow{
			MTA: mta.String(), First: n[story.DeliveredFirst], Later: n[story.DeliveredLater],
			Failed: n[story.FailedForGood], Expired: n[story.GivenUp], Open: v.Open[mta],
			Others: n[story.DeliveredSome] + n[story.LeftQueue] + n[story.LostSight],
		}
		if h := &v.Totals.Late[mta]; h.Count > 0 {
			row.Half = time.Duration(h.Quantile(0.5) * float64(time.Second)).Round(time.Second).String()
		}
		if row.Known() {
			page.Outcomes = append(page.Outcomes, row)
		}
	}
	for _, s := range v.Senders {
		page.Senders = append(page.Senders, report.SenderRow{
			Name: s.Name, Recipients: s.Tally.Recipients, Failed: s.Tally.Failed, Unknown: s.Tally.Unknown, Suspicious: s.Suspicious, QueueID: s.QueueID,
		})
	}
}
