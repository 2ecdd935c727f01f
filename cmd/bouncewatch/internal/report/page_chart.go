package report

import (
	"fmt"
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

// Width is that of the drawing.
func (c *chart) Width() int { return 10 * len(c.Bars) }

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
	b := chartBar{X: 10 * i, Label: fmt.Sprintf("%s: %d sent, %d deferred, %d bounced, %d expired", at, s.Sent, s.Deferred, s.Bounced, s.Expired)}
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
