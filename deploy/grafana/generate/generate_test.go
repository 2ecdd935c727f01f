package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

const dashboards = "../dashboards"

func TestDashboardsAreGenerated(t *testing.T) {
	files, err := filepath.Glob(dashboards + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(all) {
		t.Errorf("%d files, %d dashboards: %v", len(files), len(all), files)
	}
	for name, build := range all {
		want, err := encode(build())
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dashboards, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what go run ./deploy/grafana/generate writes", name)
		}
	}
}

// The grid has 24 columns; panels fill it without overlap and every one of them
// says what it shows.
func TestPanelsFillTheGridAndSayWhatTheyShow(t *testing.T) {
	for name, build := range all {
		taken := map[[2]int]string{}
		ids := map[int]bool{}
		for _, p := range build().Panels {
			if ids[p.ID] {
				t.Errorf("%s: id %d twice", name, p.ID)
			}
			ids[p.ID] = true
			if p.Type != "row" && (p.Description == "" || !strings.HasSuffix(p.Description, ".") || len(p.Targets) == 0) {
				t.Errorf("%s: %s: description %q, %d queries", name, p.Title, p.Description, len(p.Targets))
			}
			g := p.GridPos
			if g.W < 1 || g.X+g.W > 24 {
				t.Errorf("%s: %s: columns %d to %d", name, p.Title, g.X, g.X+g.W)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok {
						t.Fatalf("%s: %s lies over %s", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
		for at := range taken {
			for x := range 24 {
				if _, ok := taken[[2]int{x, at[1]}]; !ok {
					t.Fatalf("%s: nothing at column %d, line %d", name, x, at[1])
				}
			}
		}
	}
}

// Whatever is chosen above holds for every query, and every link leads to a
// dashboard that is there.
func TestQueriesUseTheVariables(t *testing.T) {
	uids := map[string]bool{}
	for _, build := range all {
		uids[build().UID] = true
	}
	for name, build := range all {
		d := build()
		text, err := encode(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Templating.List {
			if used := "${" + v.Name + "}"; !bytes.Contains(text, []byte(used)) && !bytes.Contains(text, []byte("$"+v.Name)) {
				t.Errorf("%s: variable %s is used nowhere", name, v.Name)
			}
		}
		chosen := host
		if name == "fleet.json" { // no host is chosen there
			chosen = anyHost
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if strings.Count(q.Expr, "{") < 1 || strings.Count(q.Expr, chosen) != strings.Count(q.Expr, "{") {
					t.Errorf("%s: %s: a series without the matchers %s in %s", name, p.Title, chosen, q.Expr)
				}
			}
		}
		for _, part := range strings.Split(string(text), "/d/")[1:] {
			if uid, _, _ := strings.Cut(part, "?"); !uids[uid] {
				t.Errorf("%s: link to %s, which is not there", name, uid)
			}
		}
	}
}

// Two causes in one graph can be told apart: those with colors of ours from each
// other, and from those that Grafana paints in plain ones.
func TestCausesHaveColorsOfTheirOwn(t *testing.T) {
	owner := map[string]string{"red": "Grafana", "orange": "Grafana", "yellow": "Grafana", "green": "Grafana", "blue": "Grafana", "purple": "Grafana"}
	for cause, color := range causeColors {
		if _, ok := replycode.ParseCause(cause); !ok {
			t.Errorf("no cause is named %s", cause)
		}
		if owner[color] != "" {
			t.Errorf("%s has the color %q of %s", cause, color, owner[color])
		}
		owner[color] = cause
	}
}
