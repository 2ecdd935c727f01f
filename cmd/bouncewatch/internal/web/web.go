// Package web serves the metrics, the health and the status page of a daemon.
package web

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/version"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// stalled is how old the last look at the logs may be in a healthy process. A
// checkpoint on a slow disk takes its time.
const stalled = time.Minute

// Handler serves what view returns.
func Handler(view func() *pipeline.View, logger *slog.Logger) http.Handler {
	counts := aggregate.NewCollector(func() *aggregate.Counts { return view().Counts }, view().Created)
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		sources{view},
		versioncollector.NewCollector("bouncewatch"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(joined{counts, registry}, promhttp.HandlerOpts{
		ErrorLog:                            slog.NewLogLogger(logger.Handler(), slog.LevelError),
		EnableOpenMetrics:                   true,
		EnableOpenMetricsTextCreatedSamples: true,
		MaxRequestsInFlight:                 10,
		Timeout:                             30 * time.Second,
	}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, time.Since(view().Time) < stalled, "Healthy.", "The logs have not been looked at for more than a minute.")
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, view().CaughtUp, "Ready.", "Not ready: still reading what was logged before the start.")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { status(w, view(), logger) })
	return mux
}

// joined gathers from both, whose families have different names, so that nothing
// must be checked: prometheus.Gatherers compares all series with each other.
type joined struct{ counts, rest prometheus.Gatherer }

// Gather implements prometheus.Gatherer.
func (j joined) Gather() ([]*dto.MetricFamily, error) {
	counts, err := j.counts.Gather()
	if err != nil {
		return nil, err
	}
	rest, err := j.rest.Gather()
	all := append(counts, rest...)
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, err
}

func answer(w http.ResponseWriter, ok bool, yes, no string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, no)
		return
	}
	fmt.Fprintln(w, yes)
}

func status(w http.ResponseWriter, v *pipeline.View, logger *slog.Logger) {
	page := report.Page{
		Title:   "bouncewatch",
		Note:    fmt.Sprintf("version %s · counting since %s", version.Version, v.Created.Format(time.RFC3339)),
		Refresh: 30,
		Links:   []report.Link{{Text: "metrics", URL: "metrics"}, {Text: "ready", URL: "-/ready"}, {Text: "healthy", URL: "-/healthy"}},
	}
	if v.CheckpointError != "" {
		page.Faults = append(page.Faults, "The state cannot be written, so the figures stand still: "+v.CheckpointError)
	}
	if !v.CaughtUp {
		page.Faults = append(page.Faults, "Still reading what was logged before the start.")
	}
	for _, s := range v.Sources {
		row := report.SourceRow{Source: s.Source, Up: s.Up, LagBytes: s.LagBytes, LastLine: "none yet"}
		if !s.LastLine.IsZero() {
			row.LastLine = s.LastLine.Format(time.RFC3339)
		}
		row.LostBytes, row.Rotations = v.Health[s.Source].LostBytes, v.Health[s.Source].Rotations
		page.Sources = append(page.Sources, row)
	}
	var body bytes.Buffer
	if err := report.WriteHTML(&body, page, v.Counts); err != nil {
		logger.Error("status page", "err", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body.Bytes()) // a browser that went away is no fault
}
