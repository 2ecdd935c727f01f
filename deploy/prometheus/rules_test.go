// Package prometheus tests that the rules beside it hang together. That they
// fire is tested with promtool, by the files in tests.
package prometheus

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

type testFile struct {
	Tests []struct {
		Name  string
		Exprs []struct {
			Samples []struct{ Labels string } `yaml:"exp_samples"`
		} `yaml:"promql_expr_test"`
	}
}

func load(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func alerts(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	load(t, "alerts.rules.yml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 25 {
		t.Fatalf("%d alerts", len(all))
	}
	return all
}

// Whoever is woken must read what happened, what to do and where more is said.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	const base = "https://github.com/bouncewatch/bouncewatch/blob/main/docs/alerts.md#"
	for _, r := range alerts(t) {
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || !strings.Contains(r.Annotations["description"], "What to do: ") {
			t.Errorf("%s: no summary or no advice", r.Alert)
		}
		if want := base + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %s", r.Alert, r.Annotations["runbook_url"])
		}
		if !strings.Contains(string(runbook), "\n### "+r.Alert+"\n") {
			t.Errorf("docs/alerts.md has no section %s", r.Alert)
		}
	}
}

var causeMatcher = regexp.MustCompile(`cause=~?"([a-z_|]+)"`)

// An alert about a cause gives the advice of the table of causes.
func TestAlertsGiveTheAdviceOfTheTable(t *testing.T) {
	found := 0
	for _, r := range alerts(t) {
		for _, m := range causeMatcher.FindAllStringSubmatch(r.Expr, -1) {
			for name := range strings.SplitSeq(m[1], "|") {
				cause, ok := replycode.ParseCause(name)
				if !ok {
					t.Errorf("%s: no cause %s", r.Alert, name)
					continue
				}
				found++
				if advice := replycode.Causes()[cause].Advice; !strings.Contains(r.Annotations["description"], advice) {
					t.Errorf("%s: no advice %q", r.Alert, advice)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("%d causes in alerts", found)
	}
}

// Each alert has a test where it fires, and where it does not.
func TestEveryAlertIsTestedBothWays(t *testing.T) {
	paths, err := filepath.Glob("tests/*.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, path := range paths {
		var file testFile
		load(t, path, &file)
		for _, test := range file.Tests {
			name, _, _ := strings.Cut(test.Name, " ")
			for _, e := range test.Exprs {
				fired := false
				for _, s := range e.Samples {
					fired = fired || strings.Contains(s.Labels, `alertname="`+name+`"`)
				}
				fires[name], quiet[name] = fires[name] || fired, quiet[name] || !fired
			}
		}
	}
	for _, r := range alerts(t) {
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s: tested firing %v, not firing %v", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
}

// The dashboard Fleet multiplies sums of these rates by 60 seconds, and the alerts
// look back for what is recorded hourly.
func TestIntervalsThatOthersRelyOn(t *testing.T) {
	var file struct {
		Groups []struct {
			Name, Interval string
			Rules          []struct{ Record string }
		}
	}
	load(t, "recording.rules.yml", &file)
	rates := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if strings.HasSuffix(r.Record, ":rate5m") {
				if rates++; g.Interval != "1m" {
					t.Errorf("%s is recorded every %s", r.Record, g.Interval)
				}
			}
			if !strings.HasSuffix(r.Record, ":share1w") {
				continue
			}
			for _, a := range alerts(t) {
				if n := strings.Count(a.Expr, r.Record); n != strings.Count(a.Expr, "last_over_time("+r.Record+"[2h])") {
					t.Errorf("%s looks at %s, which is recorded every %s, without last_over_time", a.Alert, r.Record, g.Interval)
				}
			}
		}
	}
	if rates < 8 {
		t.Errorf("%d rates", rates)
	}
}
