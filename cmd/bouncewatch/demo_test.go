package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/demo"
)

// What a daemon serves equals what the demo played, series by series: before the
// daemon started and while it ran.
func TestMetricsEqualWhatWasPlayed(t *testing.T) {
	dir := t.TempDir()
	player, err := demo.New(demo.Options{Dir: dir, Seed: 3, Speed: 1, Start: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	if err := player.Play(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, append([]string{"--from-start", "--state-dir", filepath.Join(dir, "state")}, player.Logs()...)...)
	if err := player.Play(4 * time.Minute); err != nil {
		t.Fatal(err)
	}
	for path, lines := range player.Played().Lines {
		d.await(fmt.Sprintf(`bouncewatch_lines_total{result="event",source=%q} %d`, path, lines["event"]))
	}
	_, body := d.get("/metrics")
	d.end()
	got := seriesAbove0(t, body)
	for name, want := range expectedSeries(player.Played()) {
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%s\n%v\nwant\n%v", name, got[name], want)
		}
	}
}

// expectedSeries are the series that the truth asks for, by name and labels.
func expectedSeries(truth *demo.Tally) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	add := func(n uint64, name string, labels ...string) {
		if all[name] == nil {
			all[name] = map[string]float64{}
		}
		all[name][strings.Join(labels, " ")] += float64(n)
	}
	for o, n := range truth.Outcomes {
		switch {
		case o.Status == "auth_failed":
			add(n, "login_failures_total", "mta="+o.MTA)
			continue
		case o.Remark:
			add(n, "remarks_total", "class="+o.Class, "code="+o.Code, "direction="+o.Direction, "mta="+o.MTA)
			continue
		}
		add(n, "events_total", "direction="+o.Direction, "mta="+o.MTA, "status="+o.Status)
		add(n, "replies_total", "class="+o.Class, "code="+o.Code, "direction="+o.Direction, "mta="+o.MTA)
		if o.Enhanced == "4.7.500" { // Microsoft's own, not in the registry
			o.Enhanced = "other"
		}
		if o.Enhanced != "" {
			add(n, "enhanced_codes_total", "class="+o.Class, "direction="+o.Direction, "enhanced="+o.Enhanced, "mta="+o.MTA)
		}
		if o.Status != "sent" {
			add(n, "failures_total", "cause="+o.Cause, "class="+o.Class, "direction="+o.Direction, "mta="+o.MTA)
		}
		if o.Direction == "outbound" {
			add(n, "provider_events_total", "provider="+o.Provider, "status="+o.Status)
		}
		if o.Direction == "outbound" && o.Status != "sent" {
			add(n, "provider_failures_total", "cause="+o.Cause, "provider="+o.Provider)
		}
	}
	for path, results := range truth.Lines {
		for result, n := range results {
			add(n, "lines_total", "result="+result, "source="+path)
		}
	}
	for k, n := range truth.Recipients {
		add(n, "recipients_total", "mta="+k[0], "outcome="+k[2])
		add(n, "provider_recipients_total", "outcome="+k[2], "provider="+k[1])
	}
	for cause, n := range truth.Late {
		add(n, "deferred_deliveries_total", "cause="+cause)
	}
	for k, n := range truth.Delays {
		add(n, "delivery_delay_seconds", "mta="+k[0], "status="+k[1])
	}
	return all
}

// seriesAbove0 are what is served, histograms by their count.
func seriesAbove0(t *testing.T, body string) map[string]map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]float64{}
	for name, f := range families {
		short, ours := strings.CutPrefix(name, "bouncewatch_")
		if !ours {
			continue
		}
		all[short] = map[string]float64{}
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if v := cmp.Or(m.GetCounter().GetValue(), float64(m.GetHistogram().GetSampleCount())); v != 0 {
				all[short][strings.Join(labels, " ")] = v
			}
		}
	}
	return all
}

// The demo says where to look, plays the incident, counts every outcome and
// leaves nothing behind.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	out, w := io.Pipe()
	status := make(chan int, 1)
	var stderr strings.Builder
	go func() {
		status <- run(ctx, []string{"demo", "--speed", "100", "--web.listen-address", "127.0.0.1:0"}, nil, w, &stderr)
		w.Close()
	}()
	url, last, scenes := "", "", 0
	for s := bufio.NewScanner(out); s.Scan(); {
		if last = s.Text(); url == "" {
			url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/metrics`).FindString(last)
		}
		if !strings.Contains(last, "Google") {
			continue
		}
		if scenes++; strings.Contains(last, "ip_blocked") {
			resp, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", url, resp.Status)
			}
		} else if scenes >= 3 { // Google takes our mail again
			stop()
		}
	}
	if got := <-status; got != exitOK || stderr.Len() > 0 {
		t.Errorf("status %d, %s", got, stderr.String())
	}
	if m := regexp.MustCompile(`^(\d+) outcomes were played, and (\d+) counted\.$`).FindStringSubmatch(last); m == nil || m[1] != m[2] {
		t.Errorf("last line %q", last)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestDemoRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--web.listen-address", l.Addr().String()}, exitFailed, "address already in use (choose another with --web.listen-address)"},
		{[]string{"--speed", "0"}, exitUsage, "--speed: 0 is not from 0.01 to 100"},
		{[]string{"--speed", "NaN"}, exitUsage, "--speed: NaN is not from 0.01 to 100"},
		{[]string{"--for", "-1s"}, exitUsage, `--for "-1s": at least 0s is needed`},
	} {
		var stderr strings.Builder
		if got := run(t.Context(), append([]string{"demo"}, c.args...), nil, io.Discard, &stderr); got != c.status || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%v: status %d, %s", c.args, got, stderr.String())
		}
	}
}

// The container's demo calls the program as it can be called.
func TestContainerDemoCommand(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "deploy", "container", "demo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	cmd, rest, err := newRoot().Find(file.Services["bouncewatch"].Command)
	if err != nil || cmd.Name() != "demo" {
		t.Fatalf("%v: %v", file, err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Error(err)
	}
}
