package report

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// history are the statuses in the order of the output.
var history = []struct {
	direction, status string
	of                func(hourRow) uint64
}{
	{"outbound", "sent", func(h hourRow) uint64 { return h.Sent }},
	{"outbound", "deferred", func(h hourRow) uint64 { return h.Deferred }},
	{"outbound", "bounced", func(h hourRow) uint64 { return h.Bounced }},
	{"outbound", "expired", func(h hourRow) uint64 { return h.Expired }},
	{"inbound", "rejected", func(h hourRow) uint64 { return h.Rejected }},
	{"inbound", "tempfailed", func(h hourRow) uint64 { return h.TempFailed }},
}

// writeOpenMetrics writes the time line as counters, for promtool tsdb
// create-blocks-from openmetrics. The name differs from that of the live
// counters, which start at another value.
func writeOpenMetrics(w io.Writer, d *document) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "# HELP bouncewatch_history_events Outcomes in archived logs, by status.")
	fmt.Fprintln(out, "# TYPE bouncewatch_history_events counter")
	for _, s := range history {
		writeHistory(d.Hours, s.of, func(n float64, at time.Time) {
			fmt.Fprintf(out, "bouncewatch_history_events_total{direction=%q,status=%q} %v %d\n", s.direction, s.status, n, at.Unix())
		})
	}
	fmt.Fprintln(out, "# EOF")
	return out.Flush()
}

// writeHistory writes one counter: 0 at the beginning of the first hour, then
// its growth, spread evenly over each hour. Quiet hours get samples too, five
// minutes being how far back Prometheus looks for one.
func writeHistory(hours []hourRow, of func(hourRow) uint64, write func(n float64, at time.Time)) {
	if len(hours) == 0 {
		return
	}
	const step = 5 * time.Minute
	var sum uint64
	next := hours[0].Start
	for _, h := range hours {
		for ; next.Before(h.Start); next = next.Add(step) {
			write(float64(sum), next)
		}
		n := of(h)
		for i := range 12 {
			write(float64(sum)+float64(n)*float64(i)/12, next)
			next = next.Add(step)
		}
		sum += n
	}
	write(float64(sum), next)
}
