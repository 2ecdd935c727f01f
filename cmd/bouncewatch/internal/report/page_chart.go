package report

import (
	"fmt"
	"math"
	"time"
)

// A chart is the time line of outgoing mail in bars.
type chart struct {
	Bars     []chartBar
	From, To string
	Highest  uint64
	Step     string // how long a bar is
}

// A chartBar is drawn in units of the chart: 10 wide and up to 100 high.
type chartBar struct {
	X                      int
	Sent, Deferred, Failed chartPart
	Label                  string

	At     string
	Counts hourRow
}

type chartPart struct{ Y, Height float64 }

// chartSteps are how long a bar may be, with how its time is written.
var chartSteps = []struct {
	length       time.Duration
	name, layout string
}{
	{time.Hour, "a bar is an hour", "2006-01-02 15:04 MST"},
	{24 * time.Hour, "a bar is a day", "2006-01-02"},
	{7 * 24 * time.Hour, "a bar is a week", "2006-01-02"},
	{28 * 24 * time.Hour, "a bar is four weeks", "2006-01-02"},
	{52 * 7 * 24 * time.Hour, "a bar is a year", "2006-01-02"},
}

const (
	maxBars       = 96
	recentHistory = 3 * 24 * time.Hour
)

// fewBars is how many have room at least: a report on an hour is no block.
const fewBars = 24

// Few says whether the bars leave the right side empty.
func (c *chart) Few() bool { return len(c.Bars) < fewBars }

// Width is that of the drawing.
func (c *chart) Width() int { return 10 * max(len(c.Bars), fewBars) }

// Chart is nil without a time line.
func (p *pageView) Chart() *chart {
	if len(p.Hours) == 0 {
		return nil
	}
	hours, first, last := p.Hours, p.Hours[0].Start, p.Hours[len(p.Hours)-1].Start
	if p.Recent() {
		last = p.Now.UTC().Truncate(time.Hour)
		first = last.Add(time.Hour - recentHistory)
		hours = p.since(first)
	}
	step := chartSteps[0]
	for _, s := range chartSteps {
		if step = s; last.Sub(first) < maxBars*s.length {
			break
		}
	}
	start := first.Truncate(step.length)
	sums := make([]hourRow, min(int(last.Sub(start)/step.length)+1, maxBars))
	c := &chart{Step: step.name, From: start.Format(step.layout), To: last.Format(step.layout)}
	for _, h := range hours {
		bar := &sums[min(int(h.Start.Sub(start)/step.length), len(sums)-1)]
		bar.add(h)
		c.Highest = max(c.Highest, bar.Sent+bar.Deferred+bar.Bounced+bar.Expired)
	}
	for i, s := range sums {
		c.Bars = append(c.Bars, newChartBar(i, s, c.Highest, start.Add(time.Duration(i)*step.length).Format(step.layout)))
	}
	return c
}

func newChartBar(i int, s hourRow, highest uint64, at string) chartBar {
	b := chartBar{X: 10 * i, At: at, Counts: s, Label: fmt.Sprintf("%s: %d sent, %d deferred, %d bounced, %d expired", at, s.Sent, s.Deferred, s.Bounced, s.Expired)}
	y := 100.0
	for _, part := range []struct {
		to *chartPart
		n  uint64
	}{{&b.Failed, s.Bounced + s.Expired}, {&b.Deferred, s.Deferred}, {&b.Sent, s.Sent}} {
		part.to.Height = 100 * float64(part.n) / float64(max(highest, 1))
		y -= part.to.Height
		part.to.Y = y
	}
	return b
}

// A delayChart shows delays on a logarithmic scale.
type delayChart struct {
	Ticks []delayTick
	Rows  []delayBar
}

type delayTick struct {
	X    float64 // in percent of the width
	Text string
}

// A delayBar reaches from the median over the 90th to the 99th percentile.
type delayBar struct {
	MTA, Status, Title string
	P50, P90, P99      float64 // in percent of the width
}

// delayTicks are the marks of the scale, which begins at shortestDelay.
var delayTicks = []struct {
	seconds float64
	text    string
}{{0.1, "0.1 s"}, {1, "1 s"}, {10, "10 s"}, {60, "1 min"}, {600, "10 min"}, {3600, "1 h"}, {86400, "1 d"}, {432000, "5 d"}}

const shortestDelay = 0.01 // of Postfix and Exim

// DelayChart is nil without delays. It ends at the first mark over all of them.
func (p *pageView) DelayChart() *delayChart {
	if len(p.Delays) == 0 {
		return nil
	}
	longest := 0.0
	for _, r := range p.Delays {
		longest = max(longest, r.P99)
	}
	last := 0
	for last < len(delayTicks)-1 && delayTicks[last].seconds < longest {
		last++
	}
	place := func(seconds float64) float64 {
		x := math.Log(seconds/shortestDelay) / math.Log(delayTicks[last].seconds/shortestDelay)
		return math.Round(1000*min(max(x, 0), 1)) / 10
	}
	c := &delayChart{}
	for _, t := range delayTicks[:last+1] {
		c.Ticks = append(c.Ticks, delayTick{place(t.seconds), t.text})
	}
	for _, r := range p.Delays {
		c.Rows = append(c.Rows, delayBar{
			MTA: r.MTA, Status: r.Status, P50: place(r.P50), P90: place(r.P90), P99: place(r.P99),
			Title: fmt.Sprintf("%s %s: 50 %% %v s, 90 %% %v s, 99 %% %v s", r.MTA, r.Status, r.P50, r.P90, r.P99),
		})
	}
	return c
}

// Body is how wide the part between median and 90th percentile is drawn: a
// little, where both are the same.
func (b delayBar) Body() float64 { return max(b.P90-b.P50, 0.8) }

// Tail is how wide the part up to the 99th percentile is.
func (b delayBar) Tail() float64 { return b.P99 - b.P50 }
