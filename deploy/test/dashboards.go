package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A dashboardQuery is a query of a panel, as the dashboard has it.
type dashboardQuery struct {
	dashboard, panel, expr string
	instant                bool // of a table or a number, not of a graph
}

// variables are the choices above a dashboard.
var variables = regexp.MustCompile(`\$[a-z]+`)

// asked is the query as Grafana sends it for a time range, with the rate interval
// that it finds and one instance; all else that can be chosen is chosen.
func (q dashboardQuery) asked(timeRange, rateInterval, instance string) string {
	expr := strings.NewReplacer("$__rate_interval", rateInterval, "$__range", timeRange, "$instance", instance).Replace(q.expr)
	return variables.ReplaceAllString(expr, ".*")
}

func dashboardQueries(dir string) (all []dashboardQuery, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct {
					Expr    string
					Instant bool
				}
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &dashboard); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, p := range dashboard.Panels {
			for _, t := range p.Targets {
				all = append(all, dashboardQuery{strings.TrimSuffix(filepath.Base(file), ".json"), p.Title, t.Expr, t.Instant})
			}
		}
	}
	return all, nil
}
