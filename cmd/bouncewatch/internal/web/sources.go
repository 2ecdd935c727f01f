package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
)

// sources collects the health of the followed logs and of the state.
type sources struct{ view func() *pipeline.View }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bouncewatch_"+name, help, labels, nil)
}

var (
	descUp          = desc("source_up", "Whether the log is there and being read.", "source")
	descLag         = desc("source_lag_bytes", "Bytes of the log that are not counted yet.", "source")
	descLast        = desc("source_last_line_timestamp_seconds", "When a line of the log was last read; 0 if none was yet.", "source")
	descRotations   = desc("source_rotations_total", "Rotations of the log that were seen.", "source")
	descLost        = desc("source_lost_bytes_total", "Bytes that are known to have been overwritten or removed before they were read.", "source")
	descTruncations = desc("source_truncations_total", "Times the log was cut while it was followed.", "source")
	descOverlong    = desc("source_overlong_lines_total", "Lines over the limit of length, of which only the beginning was read.", "source")
	descErrors      = desc("checkpoint_errors_total", "Failed attempts to write the state since the start; counters stand still meanwhile.")
)

// Describe implements prometheus.Collector.
func (sources) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUp, descLag, descLast, descRotations, descLost, descTruncations, descOverlong, descErrors} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s sources) Collect(ch chan<- prometheus.Metric) {
	v := s.view()
	for _, src := range v.Sources {
		up := 0.0
		if src.Up {
			up = 1
		}
		gauge(ch, descUp, up, src.Source)
		gauge(ch, descLag, float64(src.LagBytes), src.Source)
		gauge(ch, descLast, seconds(src.LastLine), src.Source)
	}
	for name, t := range v.Health {
		counter(ch, descRotations, t.Rotations, v.Created, name)
		counter(ch, descLost, t.LostBytes, v.Created, name)
		counter(ch, descTruncations, t.Truncations, v.Created, name)
		counter(ch, descOverlong, t.Overlong, v.Created, name)
	}
	ch <- prometheus.MustNewConstMetric(descErrors, prometheus.CounterValue, float64(v.CheckpointErrors))
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, source string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, source)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, n int64, created time.Time, source string) {
	ch <- prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, float64(n), created, source)
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
