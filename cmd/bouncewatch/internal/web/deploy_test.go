package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var (
	// A metric of ours; those of recording rules have a colon before it.
	metricName = regexp.MustCompile(`[:\w]*\bbouncewatch_\w+(:\w+)*`)
	matchers   = regexp.MustCompile(`^\{([^{}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)\s*[=!]~?\s*"((?:[^"\\]|\\.)*)"`)
	grouping   = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right) ?\(([^()]*)\)`)
)

// targetLabels are those that Prometheus and its rules add.
const targetLabels = " job instance alertname alertstate severity "

// A family that we serve: the values of each of its labels.
type family map[string]map[string]bool

func served(t *testing.T) map[string]family {
	t.Helper()
	v := newView()
	v.Counts.Add(&logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Sent, Code: 250, Recipients: 1, Delay: 1,
		Enhanced: replycode.MakeEnhanced(replycode.Success, 0, 0)}, replycode.Verdict{}, false)
	_, body := get(t, v, "/metrics", "")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]family{"up": {}}
	for name, f := range parsed {
		if all[name] = labelValues(f); f.GetType() == dto.MetricType_HISTOGRAM {
			all[name+"_bucket"] = family{"le": nil}
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if all[name+suffix] == nil {
					all[name+suffix] = family{}
				}
				for l, v := range all[name] {
					all[name+suffix][l] = v
				}
			}
		}
	}
	return all
}

// union is a family with the labels of all: what a recorded series may have.
func union(all map[string]family) family {
	u := family{}
	for _, f := range all {
		for l, values := range f {
			if u[l] == nil {
				u[l] = map[string]bool{}
			}
			for v := range values {
				u[l][v] = true
			}
		}
	}
	return u
}

func labelValues(f *dto.MetricFamily) family {
	labels := family{}
	for _, m := range f.Metric {
		for _, l := range m.Label {
			if labels[l.GetName()] == nil {
				labels[l.GetName()] = map[string]bool{}
			}
			labels[l.GetName()][l.GetValue()] = true
		}
	}
	return labels
}

// Rules and dashboards use only metrics, labels and label values that we serve.
func TestDeployedQueriesMatchWhatIsServed(t *testing.T) {
	const deploy = "../../../../deploy/"
	all := served(t)
	recorded := ""
	for _, name := range []string{"recording.rules.yml", "global.rules.yml"} {
		rules, err := os.ReadFile(deploy + "prometheus/" + name)
		if err != nil {
			t.Fatal(err)
		}
		recorded += string(rules)
	}
	files, err := filepath.Glob(deploy + "prometheus/*.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	dashboards, err := filepath.Glob(deploy + "grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	queries, everything := 0, union(all)
	for _, file := range append(files, dashboards...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), `\"`, `"`)
		name := filepath.Base(file)
		for _, at := range metricName.FindAllStringIndex(text, -1) {
			metric, rest := text[at[0]:at[1]], text[at[1]:]
			labels, ok := all[metric]
			if strings.Contains(metric, ":") {
				if labels, ok = everything, true; !strings.Contains(recorded, "record: "+metric+"\n") {
					t.Errorf("%s: no rule records %s", name, metric)
				}
			}
			if !ok {
				t.Errorf("%s: nothing serves %s", name, metric)
				continue
			}
			queries++
			if m := matchers.FindStringSubmatch(rest); m != nil {
				checkMatchers(t, name+": "+metric, m[1], labels)
			}
		}
		checkGroupings(t, name, text, everything)
	}
	if queries < 30 {
		t.Errorf("%d uses of metrics found", queries)
	}
}

func checkMatchers(t *testing.T, where, text string, labels family) {
	t.Helper()
	for _, m := range matcher.FindAllStringSubmatch(text, -1) {
		label, value := m[1], m[2]
		if strings.Contains(targetLabels, " "+label+" ") {
			continue
		}
		known, ok := labels[label]
		if !ok {
			t.Errorf("%s has no label %s", where, label)
		}
		for v := range strings.SplitSeq(value, "|") {
			if plain := regexp.QuoteMeta(v) == v; plain && v != "" && known != nil && !strings.Contains(v, "$") && !known[v] {
				t.Errorf("%s: label %s is never %q", where, label, v)
			}
		}
	}
}

func checkGroupings(t *testing.T, name, text string, known family) {
	t.Helper()
	for _, g := range grouping.FindAllStringSubmatch(text, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			label = strings.TrimSpace(label)
			if _, ok := known[label]; !ok && label != "" && !strings.Contains(targetLabels, " "+label+" ") {
				t.Errorf("%s: no metric has the label %s", name, label)
			}
		}
	}
}
