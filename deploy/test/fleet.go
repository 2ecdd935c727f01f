package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A fleet is many hosts in one process: each serves the metrics of one real host,
// with counters that grow each minute, each host's at its own pace.
type fleet struct {
	hosts   int
	minutes int    // how long Prometheus scrapes before it is asked
	fewer   bool   // only the series that docs/fleet.md leaves
	data    string // where Prometheus has the fleet; kept, if it is named
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

var (
	growing = regexp.MustCompile(`^bouncewatch_\w+_(total|bucket|count|sum)\b`)
	// What docs/fleet.md leaves out, and keeps nevertheless.
	left = regexp.MustCompile(`^(bouncewatch_provider_recipients_total|bouncewatch_provider_failures_total|go_|promhttp_|process_)`)
	kept = regexp.MustCompile(`^bouncewatch_provider_failures_total.*provider="(google|microsoft|yahoo|apple|other)"|^process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds) `)
)

// learn takes the metrics of a host apart.
func (f *fleet) learn(metrics []byte) {
	for line := range strings.Lines(string(metrics)) {
		if strings.HasPrefix(line, "#") {
			f.lines = append(f.lines, fleetLine{series: line, comment: true})
			continue
		}
		if f.fewer && left.MatchString(line) && !kept.MatchString(line) {
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
	if f.data == "" {
		f.data = filepath.Join(h.dir, "fleet")
	}
	if !f.known() {
		if err := f.scraped(ctx, h); err != nil {
			return err
		}
	}
	if err := f.rest(ctx, h); err != nil {
		return err
	}
	return f.queries(ctx, h)
}

// known is whether a fleet was scraped before, and when.
func (f *fleet) known() bool {
	text, err := os.ReadFile(f.data + ".ended")
	if err != nil {
		return false
	}
	f.ended, err = time.Parse(time.RFC3339, string(text))
	return err == nil
}

// scraped lets Prometheus follow the hosts for a while, with the rules.
func (f *fleet) scraped(ctx context.Context, h *host) error {
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
	if h.prometheus, err = h.run(ctx, "prometheus", f.options(h, "fleet.yml")...); err != nil {
		return err
	}
	fmt.Printf("%d hosts with %d series each, one scrape a minute, for %d minutes\n", f.hosts, f.series(), f.minutes)
	select {
	case <-time.After(time.Duration(f.minutes) * time.Minute):
	case <-ctx.Done():
		return ctx.Err()
	}
	f.ended = time.Now()
	if err := f.costs(ctx, h); err != nil {
		return err
	}
	h.prometheus.end()
	return os.WriteFile(f.data+".ended", []byte(f.ended.Format(time.RFC3339)), 0o600)
}

func (f *fleet) options(h *host, config string) []string {
	return []string{"--config.file", filepath.Join(h.dir, config), "--storage.tsdb.path", f.data, "--web.listen-address", h.prometheusAt, "--query.timeout", "10m"}
}

// rest starts Prometheus again, on the same data and without hosts, so that it
// has nothing to do but the queries.
func (f *fleet) rest(ctx context.Context, h *host) (err error) {
	if err := os.WriteFile(filepath.Join(h.dir, "empty.yml"), nil, 0o600); err != nil {
		return err
	}
	if h.prometheus, err = h.run(ctx, "prometheus", f.options(h, "empty.yml")...); err != nil {
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
	fmt.Fprintf(&config, "rule_files: [%[1]s/recording.rules.yml, %[1]s/alerts.rules.yml]\n", filepath.Join(h.root, "deploy/prometheus"))
	config.WriteString("global: {scrape_interval: 1m, scrape_timeout: 30s, evaluation_interval: 1m}\nscrape_configs:\n" +
		"  - job_name: bouncewatch\n    relabel_configs:\n      - {source_labels: [__param_host], target_label: instance, replacement: \"mx$1\"}\n    static_configs:\n")
	for n := range f.hosts {
		fmt.Fprintf(&config, "      - {targets: [%q], labels: {__param_host: \"%d\"}}\n", address, n)
	}
	return os.WriteFile(filepath.Join(h.dir, "fleet.yml"), config.Bytes(), 0o600)
}
