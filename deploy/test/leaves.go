package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Leaves are three hosts, two Prometheus that scrape them, and above those a
// global one, by federation, and stores of all series, by remote write: another
// Prometheus, and VictoriaMetrics where it is installed.
type leaves struct {
	*host         // its Prometheus is the global one
	program       string
	hosts         []*mailHost
	leafAt        [2]string
	storeAt       map[string]string // by name
	processes     []*process
	sent, bounced int // what all hosts logged
}

type mailHost struct {
	log, address string
	leaf         int
}

// compareLeaves logs mail and compares what is seen above the leaves with it.
func compareLeaves(ctx context.Context, h *host) (err error) {
	l := &leaves{host: h, program: filepath.Join(h.dir, "bouncewatch")}
	defer func() {
		for _, p := range slices.Backward(l.processes) {
			p.end()
			if err != nil {
				fmt.Fprintf(os.Stderr, "--- %s\n%.3000s", filepath.Base(p.cmd.Path), p.output.Bytes())
			}
		}
	}()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"three hosts, two leaves, one above", l.start},
		{"the stores have each mail of each host", l.stores},
		{"what the global one has is what the leaves had", l.federation},
		{"the share of the fleet is that of its mail", l.share},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Println("ok ", step.what)
	}
	return nil
}

func (l *leaves) begin(ctx context.Context, name string, args ...string) error {
	p, err := l.run(ctx, name, args...)
	if err == nil {
		l.processes = append(l.processes, p)
	}
	return err
}

func (l *leaves) start(ctx context.Context) error {
	if err := l.build(ctx); err != nil {
		return err
	}
	for i := range 3 {
		m := &mailHost{log: filepath.Join(l.dir, fmt.Sprintf("mx%d.log", i)), leaf: i / 2}
		var err error
		if m.address, err = freeAddress(); err != nil {
			return err
		}
		if err := os.WriteFile(m.log, nil, 0o600); err != nil {
			return err
		}
		if err := l.begin(ctx, l.program, "watch", "--state-dir", m.log+".state", "--web.listen-address", m.address, m.log); err != nil {
			return err
		}
		l.hosts = append(l.hosts, m)
	}
	if err := l.startStores(ctx); err != nil {
		return err
	}
	for i := range l.leafAt {
		if err := l.startLeaf(ctx, i); err != nil {
			return err
		}
	}
	if err := l.startGlobal(ctx); err != nil {
		return err
	}
	for _, address := range append(slices.Collect(maps.Values(l.storeAt)), l.leafAt[0], l.leafAt[1], l.prometheusAt) {
		if err := l.until(ctx, address+" is there", func() error {
			_, err := fetch(ctx, "http://"+address+"/api/v1/query?query=vector(1)")
			return err
		}); err != nil {
			return err
		}
	}
	// A first scrape of each host, before there is mail, in each store.
	for name, address := range l.storeAt {
		if err := l.figure(ctx, name, address, `count(bouncewatch_events_total{status="bounced",mta="postfix"})`, 3); err != nil {
			return err
		}
	}
	return nil
}

// startStores starts what takes remote writes.
func (l *leaves) startStores(ctx context.Context) (err error) {
	l.storeAt = map[string]string{}
	for _, name := range []string{"prometheus", "victoria-metrics"} {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		data := filepath.Join(l.dir, "store-"+name)
		args := []string{"--storageDataPath", data, "--httpListenAddr", address}
		if name == "prometheus" {
			empty := filepath.Join(l.dir, "empty.yml")
			if err := os.WriteFile(empty, nil, 0o600); err != nil {
				return err
			}
			args = []string{"--config.file", empty, "--storage.tsdb.path", data, "--web.listen-address", address, "--web.enable-remote-write-receiver"}
		}
		if err := l.begin(ctx, name, args...); err != nil {
			if name == "prometheus" {
				return err
			}
			fmt.Println("    without VictoriaMetrics: on Debian, apt-get install victoria-metrics")
			continue
		}
		l.storeAt[name] = address
	}
	return nil
}

// startLeaf uses the rules and the form of deploy/prometheus/leaf.yml.
func (l *leaves) startLeaf(ctx context.Context, i int) (err error) {
	if l.leafAt[i], err = freeAddress(); err != nil {
		return err
	}
	var targets, writes []string
	for _, m := range l.hosts {
		if m.leaf == i {
			targets = append(targets, strconv.Quote(m.address))
		}
	}
	for _, address := range l.storeAt {
		writes = append(writes, fmt.Sprintf("{url: \"http://%s/api/v1/write\"}", address))
	}
	return l.prometheusWith(ctx, fmt.Sprintf("leaf%d", i), l.leafAt[i], []string{"recording.rules.yml"}, fmt.Sprintf(`
global: {scrape_interval: 3s, evaluation_interval: 3s, external_labels: {cluster: leaf%d}}
rule_files: [leaf%d.recording.rules.yml]
remote_write: [%s]
scrape_configs: [{job_name: bouncewatch, static_configs: [{targets: [%s]}]}]
`, i, i, strings.Join(writes, ", "), strings.Join(targets, ", ")))
}

// startGlobal uses what deploy/prometheus/global.yml asks of the leaves.
func (l *leaves) startGlobal(ctx context.Context) error {
	global, err := os.ReadFile(filepath.Join(l.root, "deploy/prometheus/global.yml"))
	if err != nil {
		return err
	}
	text := strings.NewReplacer(
		`["prometheus-a.example.com:9090", "prometheus-b.example.com:9090"]`, fmt.Sprintf("[%q, %q]", l.leafAt[0], l.leafAt[1]),
		"1m", "3s", "global.rules.yml", "global.global.rules.yml",
	).Replace(string(global))
	return l.prometheusWith(ctx, "global", l.prometheusAt, []string{"global.rules.yml"}, text)
}

func (l *leaves) prometheusWith(ctx context.Context, name, address string, rules []string, config string) error {
	for _, r := range rules {
		data, err := os.ReadFile(filepath.Join(l.root, "deploy/prometheus", r))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(l.dir, name+"."+r), waiting.ReplaceAll(data, nil), 0o600); err != nil {
			return err
		}
	}
	file := filepath.Join(l.dir, name+".yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	return l.begin(ctx, "prometheus", "--config.file", file, "--storage.tsdb.path", filepath.Join(l.dir, name), "--web.listen-address", address)
}

// figure waits until a query has a value.
func (l *leaves) figure(ctx context.Context, name, address, expr string, want float64) error {
	at := *l.host
	at.prometheusAt = address
	return l.until(ctx, name, func() error {
		got, err := at.value(ctx, expr)
		if err == nil && got != want {
			err = fmt.Errorf("%s is %v, want %v", expr, got, want)
		}
		return err
	})
}

// stores logs mail: a large host that is well, a small one that is ill, and one
// between. The last values in a store are the number of lines.
func (l *leaves) stores(ctx context.Context) error {
	for i, n := range []struct{ sent, bounced int }{{990, 10}, {1, 9}, {95, 5}} {
		var text strings.Builder
		for j := range n.sent {
			text.WriteString(delivered(j))
		}
		for j := range n.bounced {
			text.WriteString(refused(j))
		}
		l.sent, l.bounced = l.sent+n.sent, l.bounced+n.bounced
		l.log = l.hosts[i].log
		l.write(text.String())
	}
	for name, address := range l.storeAt {
		for status, want := range map[string]int{"sent": l.sent, "bounced": l.bounced} {
			if err := l.figure(ctx, name, address, fmt.Sprintf("sum(bouncewatch_events_total{status=%q})", status), float64(want)); err != nil {
				return err
			}
		}
		if err := l.figure(ctx, name, address, `sum(bouncewatch_failures_total{cause="ip_blocked",class="5xx"})`, float64(l.bounced)); err != nil {
			return err
		}
	}
	return nil
}

// federation compares samples of the sums of each leaf, by their time.
func (l *leaves) federation(ctx context.Context) error {
	const sums = `{__name__=~"job(_.+)?:bouncewatch_.+",cluster="leaf%d"}[1m]`
	return l.until(ctx, "the sums of the leaves", func() error {
		for i, address := range l.leafAt {
			leaf := *l.host
			leaf.prometheusAt = address
			had, err := leaf.samples(ctx, strings.Replace(fmt.Sprintf(sums, i), fmt.Sprintf(`,cluster="leaf%d"`, i), "", 1))
			if err != nil {
				return err
			}
			got, err := l.samples(ctx, fmt.Sprintf(sums, i))
			if err != nil {
				return err
			}
			same := 0
			for key, value := range got {
				if was, ok := had[key]; ok && was != value {
					return fmt.Errorf("leaf %d: %s is %s, at the leaf %s", i, key, value, was)
				} else if ok {
					same++
				}
			}
			if same < 40 {
				return fmt.Errorf("leaf %d: only %d samples to compare, of %d and %d", i, same, len(got), len(had))
			}
		}
		return nil
	})
}

// samples are values by labels, but for the cluster, and time.
func (h *host) samples(ctx context.Context, expr string) (map[string]string, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Values [][2]any
		}
	}
	if err := h.ask(ctx, "query", map[string]string{"query": expr}, &data); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, r := range data.Result {
		delete(r.Metric, "cluster")
		for _, v := range r.Values {
			all[fmt.Sprint(r.Metric, v[0])], _ = v[1].(string)
		}
	}
	return all, nil
}

// share is that of all mail, 24 of 1110; the mean of the hosts' would be 32 %.
// Rates are extrapolated by less than a scrape, so not to the last digit.
func (l *leaves) share(ctx context.Context) error {
	want := float64(l.bounced) / float64(l.sent+l.bounced)
	return l.until(ctx, "the share", func() error {
		got, err := l.value(ctx, "fleet:bouncewatch_bounced:share1h")
		if err == nil && math.Abs(got/want-1) > 0.05 {
			err = errors.New(strconv.FormatFloat(got, 'g', 5, 64) + ", want " + strconv.FormatFloat(want, 'g', 5, 64))
		}
		return err
	})
}
