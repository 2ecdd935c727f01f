package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A dashboardQuery is a query as Grafana sends it.
type dashboardQuery struct{ panel, expr string }

var (
	grafana = strings.NewReplacer("$__rate_interval", "1m", "$__range", "5m")
	// variables have their first choice, which is all.
	variables = regexp.MustCompile(`\$[a-z]+`)
)

func dashboardQueries(dir string) (all []dashboardQuery, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
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
				all = append(all, dashboardQuery{filepath.Base(file) + ": " + p.Title, variables.ReplaceAllString(grafana.Replace(t.Expr), ".*")})
			}
		}
	}
	return all, nil
}
