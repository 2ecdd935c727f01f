package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A fleet is many hosts in one process: each serves the metrics of one real host,
// with counters that grow each minute, each host's at its own pace.
type fleet struct {
	hosts   int
	minutes int            // how long Prometheus scrapes before it is asked
	drop    *regexp.Regexp // metrics that its scrape configuration leaves out
	began   time.Time
	ended   time.Time
	lines   []fleetLine
}

type fleetLine struct {
	series  string // with the space behind it
	value   int64
	grows   bool
	other   string // the value, where it is no whole number
	comment bool
}

var growing = regexp.MustCompile(`^bouncewatch_\w+_(total|bucket|count|sum)\b`)

// learn takes the metrics of a host apart.
func (f *fleet) learn(metrics []byte) {
	for line := range strings.Lines(string(metrics)) {
		if strings.HasPrefix(line, "#") {
			f.lines = append(f.lines, fleetLine{series: line, comment: true})
			continue
		}
		if f.drop.MatchString(line) {
			continue
		}
		i := strings.LastIndexByte(line, ' ') + 1
		l := fleetLine{series: line[:i], grows: growing.MatchString(line)}
		var err error
		if l.value, err = strconv.ParseInt(strings.TrimSpace(line[i:]), 10, 64); err != nil {
			l.other = line[i:]
		}
		f.lines = append(f.lines, l)
	}
}

// series is how many a host has.
func (f *fleet) series() (n int) {
	for _, l := range f.lines {
		if !l.comment {
			n++
		}
	}
	return n
}

// ServeHTTP serves one host, whose number is the parameter host.
func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, err := strconv.ParseInt(r.URL.Query().Get("host"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	minutes := int64(time.Since(f.began) / time.Minute)
	out := bufio.NewWriter(w)
	defer out.Flush()
	var number []byte
	for _, l := range f.lines {
		out.WriteString(l.series)
		switch {
		case l.comment:
			continue
		case l.other != "":
			out.WriteString(l.other)
			continue
		}
		value := l.value
		if l.grows {
			value += l.value * minutes * (1 + host%7)
		}
		number = strconv.AppendInt(number[:0], value, 10)
		out.Write(append(number, '\n'))
	}
}

// run measures what one Prometheus does with all hosts, and how long each query
// of the dashboards takes there.
func (f *fleet) run(ctx context.Context, h *host) error {
	if err := f.observe(ctx, h); err != nil {
		return err
	}
	f.began = time.Now()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	if err := f.configure(h, l.Addr().String()); err != nil {
		return err
	}
	h.prometheus, err = h.run(ctx, "prometheus", "--config.file", filepath.Join(h.dir, "fleet.yml"),
		"--storage.tsdb.path", filepath.Join(h.dir, "fleet"), "--web.listen-address", h.prometheusAt, "--query.max-samples", "500000000")
	if err != nil {
		return err
	}
	fmt.Printf("%d hosts with %d series each, one scrape a minute, for %d minutes\n", f.hosts, f.series(), f.minutes)
	select {
	case <-time.After(time.Duration(f.minutes) * time.Minute):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := f.costs(ctx, h); err != nil {
		return err
	}
	if err := f.rest(ctx, h); err != nil {
		return err
	}
	return f.queries(ctx, h)
}

// rest starts Prometheus again, on the same data and without hosts, so that it
// has nothing to do but the queries.
func (f *fleet) rest(ctx context.Context, h *host) (err error) {
	f.ended = time.Now()
	h.prometheus.end()
	empty := filepath.Join(h.dir, "empty.yml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return err
	}
	h.prometheus, err = h.run(ctx, "prometheus", "--config.file", empty, "--storage.tsdb.path", filepath.Join(h.dir, "fleet"),
		"--web.listen-address", h.prometheusAt, "--query.max-samples", "500000000", "--query.timeout", "10m")
	if err != nil {
		return err
	}
	for range 15 { // reading its log takes a while
		if err = h.until(ctx, "Prometheus is ready", func() error { return get(ctx, "http://"+h.prometheusAt+"/-/ready", nil) }); err == nil {
			return nil
		}
	}
	return err
}

// observe takes the metrics of a host that has seen the bundled logs.
func (f *fleet) observe(ctx context.Context, h *host) error {
	if err := h.build(ctx); err != nil {
		return err
	}
	logs, err := filepath.Glob(filepath.Join(h.root, "testdata/*-logs/*.log"))
	if err != nil {
		return err
	}
	var all bytes.Buffer
	for _, log := range logs {
		data, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		all.Write(data)
	}
	h.write(all.String())
	p, err := h.run(ctx, filepath.Join(h.dir, "bouncewatch"), "watch", "--from-start", "--state-dir", filepath.Join(h.dir, "state"), "--web.listen-address", h.exporterAt, h.log)
	if err != nil {
		return err
	}
	defer p.end()
	if err := h.until(ctx, "the logs are read", func() error { return get(ctx, "http://"+h.exporterAt+"/-/ready", nil) }); err != nil {
		return err
	}
	metrics, err := fetch(ctx, "http://"+h.exporterAt+"/metrics")
	f.learn(metrics)
	return err
}

func (f *fleet) configure(h *host, address string) error {
	var config bytes.Buffer
	config.WriteString("global: {scrape_interval: 1m, scrape_timeout: 30s}\nscrape_configs:\n" +
		"  - job_name: bouncewatch\n    relabel_configs:\n      - {source_labels: [__param_host], target_label: instance, replacement: \"mx$1\"}\n    static_configs:\n")
	for n := range f.hosts {
		fmt.Fprintf(&config, "      - {targets: [%q], labels: {__param_host: \"%d\"}}\n", address, n)
	}
	return os.WriteFile(filepath.Join(h.dir, "fleet.yml"), config.Bytes(), 0o600)
}

// costs prints what the fleet takes of Prometheus.
func (f *fleet) costs(ctx context.Context, h *host) error {
	for _, q := range []string{
		"prometheus_tsdb_head_series", "process_resident_memory_bytes", "process_cpu_seconds_total", "prometheus_tsdb_head_samples_appended_total",
	} {
		n, err := f.own(ctx, h, q)
		if err != nil {
			return err
		}
		fmt.Printf("%.4g %s\n", n, q)
	}
	return nil
}

// own is a metric of Prometheus itself.
func (f *fleet) own(ctx context.Context, h *host, name string) (float64, error) {
	metrics, err := fetch(ctx, "http://"+h.prometheusAt+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(metrics)) {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.HasPrefix(rest, " ") || ok && strings.HasPrefix(rest, "{") {
			return strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		}
	}
	return 0, fmt.Errorf("no %s at Prometheus", name)
}

// queries prints what each query of the dashboards takes, as a panel sends it (of
// the last ten minutes, a point a minute), and each rule: seconds of the clock, and of a
// processor, which do not depend on what else the machine does.
func (f *fleet) queries(ctx context.Context, h *host) error {
	panels, err := dashboardQueries(filepath.Join(h.root, "deploy/grafana/dashboards"))
	if err != nil {
		return err
	}
	for i := range panels {
		panels[i].expr = strings.ReplaceAll(panels[i].expr, "[1m]", "[4m]") // as for a scrape a minute
	}
	if err := f.measure(ctx, h, "dashboard queries", panels, true); err != nil {
		return err
	}
	for _, name := range []string{"recording.rules.yml", "alerts.rules.yml"} {
		rules, err := rulesOf(filepath.Join(h.root, "deploy/prometheus", name))
		if err != nil {
			return err
		}
		if err := f.measure(ctx, h, name, rules, false); err != nil {
			return err
		}
	}
	return nil
}

func rulesOf(path string) (all []dashboardQuery, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Record, Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all = append(all, dashboardQuery{r.Record + r.Alert, r.Expr})
		}
	}
	return all, nil
}

func (f *fleet) measure(ctx context.Context, h *host, what string, all []dashboardQuery, panels bool) error {
	var clock, processor []float64
	for _, q := range all {
		path, values := "query", url.Values{"query": {q.expr}, "time": {unix(f.ended)}}
		if panels {
			path, values = "query_range", url.Values{"query": {q.expr}, "start": {unix(f.ended.Add(-10 * time.Minute))}, "end": {unix(f.ended)}, "step": {"60"}}
		}
		before, err := f.own(ctx, h, "process_cpu_seconds_total")
		if err != nil {
			return err
		}
		now := time.Now()
		body, err := fetch(ctx, "http://"+h.prometheusAt+"/api/v1/"+path+"?"+values.Encode())
		took := time.Since(now).Seconds()
		if err != nil {
			return fmt.Errorf("%s: %w %.200s", q.panel, err, body)
		}
		after, err := f.own(ctx, h, "process_cpu_seconds_total")
		if err != nil {
			return err
		}
		clock, processor = append(clock, took), append(processor, after-before)
		fmt.Printf("%8.2f s %8.2f s of a processor %9d bytes  %s\n", took, after-before, len(body), q.panel)
	}
	fmt.Printf("%d %s: clock %s; processor %s\n", len(all), what, spread(clock), spread(processor))
	return nil
}

func spread(all []float64) string {
	slices.Sort(all)
	sum := 0.0
	for _, s := range all {
		sum += s
	}
	return fmt.Sprintf("median %.2f s, 90 %% under %.2f s, slowest %.2f s, all %.1f s", all[len(all)/2], all[len(all)*9/10], all[len(all)-1], sum)
}
