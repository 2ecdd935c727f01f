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

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/version"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// stalled is how old the last look at the logs may be in a healthy process. A
// checkpoint on a slow disk takes its time.
const stalled = time.Minute

// Gatherer has the metrics of what view returns, of what became of messages unless
// that is nil, and of more.
func Gatherer(view func() *pipeline.View, watch *story.Watch, more ...prometheus.Collector) prometheus.Gatherer {
	counts := aggregate.NewCollector(func() *aggregate.Counts { return view().Counts }, view().Created)
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		sources{view},
		versioncollector.NewCollector("bouncewatch"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	if watch != nil {
		registry.MustRegister(messages{watch, view().Created})
	}
	registry.MustRegister(more...)
	return joined{counts, registry}
}

// Handler serves metrics, and a page of what view and watch, unless that is nil,
// have.
func Handler(view func() *pipeline.View, watch *story.Watch, metrics prometheus.Gatherer, logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(metrics, logger))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, time.Since(view().Time) < stalled, "Healthy.", "The logs have not been looked at for more than a minute.")
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, view().CaughtUp, "Ready.", "Not ready: still reading what was logged before the start.")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { status(w, r, view(), watch, logger) })
	mux.HandleFunc("GET /api/v1/report", func(w http.ResponseWriter, _ *http.Request) { reportJSON(w, view(), logger) })
	return mux
}

// metricsHandler serves metrics. promhttp's own compression takes four times as long
// as that of gzhttp, for as many bytes.
func metricsHandler(metrics prometheus.Gatherer, logger *slog.Logger) http.Handler {
	const timeout = 30 * time.Second
	plain := promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		ErrorLog:                            slog.NewLogLogger(logger.Handler(), slog.LevelError),
		EnableOpenMetrics:                   true,
		EnableOpenMetricsTextCreatedSamples: true,
		MaxRequestsInFlight:                 10,
		DisableCompression:                  true,
	})
	compress, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false)) // Prometheus does not ask for it
	if err != nil {
		panic(err) // of options that are always the same
	}
	return http.TimeoutHandler(compress(plain), timeout, fmt.Sprintf("Metrics were not there within %v.\n", timeout))
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

// languageOf is what the address asks for, else what the browser likes best.
func languageOf(r *http.Request) string {
	lang := r.URL.Query().Get("lang")
	if lang == "" {
		lang = r.Header.Get("Accept-Language")
	}
	if strings.HasPrefix(strings.ToLower(lang), "zh") {
		return "zh"
	}
	return "en"
}

func status(w http.ResponseWriter, r *http.Request, v *pipeline.View, watch *story.Watch, logger *slog.Logger) {
	lang := languageOf(r)
	page := report.Page{
		Title:   "bouncewatch",
		Lang:    lang,
		Note:    fmt.Sprintf(language.Text(lang, "version %s · counting since %s"), version.Version, v.Created.Format(time.RFC3339)),
		Refresh: 30,
		Now:     v.Time,
		Links: []report.Link{
			{Text: "metrics", URL: "metrics"}, {Text: "JSON", URL: "api/v1/report"}, {Text: "ready", URL: "-/ready"}, {Text: "healthy", URL: "-/healthy"},
			{Text: "English", URL: "?lang=en"}, {Text: "中文", URL: "?lang=zh"},
		},
	}
	if v.CheckpointError != "" {
		page.Faults = append(page.Faults, language.Text(lang, "The state cannot be written, so the figures stand still: ")+v.CheckpointError)
	}
	if !v.CaughtUp {
		page.Faults = append(page.Faults, language.Text(lang, "Still reading what was logged before the start."))
	}
	for _, s := range v.Sources {
		if !s.Up {
			page.Faults = append(page.Faults, language.Text(lang, "This log is missing or cannot be read: ")+s.Source)
		}
		row := report.SourceRow{Source: s.Source, Up: s.Up, LagBytes: s.LagBytes, LastLine: language.Text(lang, "none yet")}
		if !s.LastLine.IsZero() {
			row.LastLine = s.LastLine.Format(time.RFC3339)
		}
		row.LostBytes, row.Rotations = v.Health[s.Source].LostBytes, v.Health[s.Source].Rotations
		page.Sources = append(page.Sources, row)
	}
	for _, f := range v.Recent {
		page.Failures = append(page.Failures, failureRow(f))
	}
	if watch != nil {
		addMessages(&page, watch.View())
	}
	var body bytes.Buffer
	err := report.WriteHTML(&body, page, v.Counts)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src "+report.StyleSource+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Vary", "Accept-Language")
	send(w, "text/html; charset=utf-8", body.Bytes(), err, logger)
}

func failureRow(f pipeline.Failure) report.FailureRow {
	row := report.FailureRow{
		QueueID: f.QueueID, Status: f.Status.String(), Code: strings.TrimSpace(f.Code.String() + " " + f.Enhanced.String()),
		Cause: f.Cause.String(), Text: f.Text,
	}
	if !f.Time.IsZero() {
		row.Time = f.Time.Format(time.DateTime)
	}
	if !f.Inbound {
		row.Provider = f.Provider.String()
	}
	return row
}

// reportJSON is the report of docs/report.schema.json about all that was counted.
func reportJSON(w http.ResponseWriter, v *pipeline.View, logger *slog.Logger) {
	var body bytes.Buffer
	err := report.Write(&body, "json", report.Options{}, v.Counts)
	send(w, "application/json", body.Bytes(), err, logger)
}

func send(w http.ResponseWriter, contentType string, body []byte, err error, logger *slog.Logger) {
	if err != nil {
		logger.Error("status page", "err", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a browser that went away is no fault
}
