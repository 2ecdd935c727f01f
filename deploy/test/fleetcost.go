package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// costs prints what the fleet takes of Prometheus while it is scraped.
func (f *fleet) costs(ctx context.Context, h *host) error {
	metrics, err := fetch(ctx, "http://"+h.prometheusAt+"/metrics")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(metrics)) {
		for _, name := range []string{
			"prometheus_tsdb_head_series ", "process_resident_memory_bytes ", "process_cpu_seconds_total ",
			"prometheus_tsdb_head_samples_appended_total", "prometheus_rule_group_last_duration_seconds", "prometheus_rule_group_last_rule_samples",
		} {
			if strings.HasPrefix(line, name) {
				fmt.Print(line)
			}
		}
	}
	return nil
}

// cpu is how many seconds of a processor Prometheus has used.
func (f *fleet) cpu(ctx context.Context, h *host) (float64, error) {
	metrics, err := fetch(ctx, "http://"+h.prometheusAt+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(metrics)) {
		if rest, ok := strings.CutPrefix(line, "process_cpu_seconds_total "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, errors.New("no process_cpu_seconds_total at Prometheus")
}

// queries prints what each query of the dashboards takes, as a panel sends it over
// the minutes that were scraped, a point a minute, and each rule; then a table.
func (f *fleet) queries(ctx context.Context, h *host) error {
	panels, err := dashboardQueries(filepath.Join(h.root, "deploy/grafana/dashboards"))
	if err != nil {
		return err
	}
	timeRange := max(time.Duration(f.minutes-2)*time.Minute, time.Minute)
	const oneHost = "one host"
	costs := map[string][]cost{}
	for _, hosts := range []string{"all hosts", oneHost} {
		instance := ".*"
		if hosts == oneHost {
			instance = "mx1"
		}
		for _, q := range panels {
			if hosts == oneHost && !strings.Contains(q.expr, "$instance") {
				continue
			}
			path, values := "query", url.Values{"time": {unix(f.ended)}}
			if !q.instant {
				path, values = "query_range", url.Values{"start": {unix(f.ended.Add(-timeRange))}, "end": {unix(f.ended)}, "step": {"60"}}
			}
			values.Set("query", q.asked(timeRange.String(), "4m", instance)) // as for a scrape a minute
			if err := f.measure(ctx, h, costs, q.dashboard+", "+hosts, q.panel, path, values); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"recording.rules.yml", "alerts.rules.yml"} {
		if err := f.rules(ctx, h, costs, name); err != nil {
			return err
		}
	}
	table(costs)
	return nil
}

// rules measures the evaluation of each rule of a file.
func (f *fleet) rules(ctx context.Context, h *host, costs map[string][]cost, name string) error {
	data, err := os.ReadFile(filepath.Join(h.root, "deploy/prometheus", name))
	if err != nil {
		return err
	}
	var file struct {
		Groups []struct {
			Name, Interval string
			Rules          []struct{ Record, Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			what := fmt.Sprintf("%s %s, every %s", name, g.Name, g.Interval)
			if err := f.measure(ctx, h, costs, what, r.Record+r.Alert, "query", url.Values{"query": {r.Expr}, "time": {unix(f.ended)}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// A cost of a query: seconds of the clock, and of a processor, which do not depend
// on what else the machine does.
type cost struct{ clock, processor float64 }

func (f *fleet) measure(ctx context.Context, h *host, costs map[string][]cost, of, what, path string, values url.Values) error {
	values.Set("stats", "all")
	before, err := f.cpu(ctx, h)
	if err != nil {
		return err
	}
	now := time.Now()
	body, failed := fetch(ctx, "http://"+h.prometheusAt+"/api/v1/"+path+"?"+values.Encode())
	took := time.Since(now).Seconds()
	after, err := f.cpu(ctx, h)
	if err != nil {
		return err
	}
	var answer struct {
		Error string
		Data  struct {
			Stats struct {
				Samples struct{ TotalQueryableSamples int }
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if failed != nil {
		return fmt.Errorf("%s, %s: %s", of, what, answer.Error)
	}
	costs[of] = append(costs[of], cost{took, after - before})
	fmt.Printf("%8.2f s %8.2f s of a processor %10d samples %9d bytes  %s: %s\n", took, after-before, answer.Data.Stats.Samples.TotalQueryableSamples, len(body), of, what)
	return nil
}

// table prints what the queries of each dashboard and group of rules take.
func table(costs map[string][]cost) {
	fmt.Println("\n| seconds of a processor (of the clock) | queries | median | slowest | all together |\n| --- | --- | --- | --- | --- |")
	names := make([]string, 0, len(costs))
	for name := range costs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := costs[name]
		clock, processor := spread(all, func(c cost) float64 { return c.clock }), spread(all, func(c cost) float64 { return c.processor })
		fmt.Printf("| %s | %d |", name, len(all))
		for i := range clock {
			fmt.Printf(" %.2f (%.2f) |", processor[i], clock[i])
		}
		fmt.Println()
	}
}

// spread is the median, the most and the sum.
func spread(all []cost, of func(cost) float64) (s [3]float64) {
	slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(of(a), of(b)) })
	for _, c := range all {
		s[2] += of(c)
	}
	s[0], s[1] = of(all[len(all)/2]), of(all[len(all)-1])
	return s
}
