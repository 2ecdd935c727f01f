package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var prometheus = datasource{"prometheus", "${datasource}"}

const (
	host = `job=~"$job",instance=~"$instance"` // matchers of every query
	mail = host + `,mta=~"$mta"`               // of metrics with the label mta
)

// newDashboard is a dashboard with what all of ours have.
func newDashboard(uid, title, description string, vars []variable, rows ...row) *dashboard {
	return &dashboard{
		UID: "bouncewatch-" + uid, Title: title, Description: description, Tags: []string{"bouncewatch", "mail"},
		SchemaVersion: schemaVersion, Version: 1, Editable: true, GraphTooltip: 1,
		Time: timeRange{"now-6h", "now"}, Timezone: "browser", Refresh: "1m",
		Links:      []link{{Title: "bouncewatch", Type: "dashboards", Tags: []string{"bouncewatch"}, IncludeVars: true, KeepTime: true}},
		Templating: templating{append([]variable{sourceVariable()}, vars...)},
		Annotations: annotations{[]annotation{{
			Name: "Alerts", Datasource: prometheus, Enable: true, IconColor: "red",
			Expr:        `ALERTS{alertname=~"Bouncewatch.*",alertstate="firing",severity="critical",` + host + `}`,
			TitleFormat: "{{alertname}}", TextFormat: "{{instance}} {{provider}} {{cause}}",
		}}},
		Panels: place(rows),
	}
}

// A row is panels side by side, of one height, under an optional heading.
type row struct {
	heading string
	height  int
	panels  []*panel
}

// place numbers the panels and puts them in the grid of 24 columns. GridPos.W is
// set already.
func place(rows []row) (placed []*panel) {
	y := 0
	add := func(p *panel, g gridPos) {
		p.ID, p.GridPos = len(placed)+1, g
		placed = append(placed, p)
	}
	for _, r := range rows {
		if r.heading != "" {
			add(&panel{Type: "row", Title: r.heading, Collapsed: new(false), Panels: &[]panel{}}, gridPos{1, 24, 0, y})
			y++
		}
		x := 0
		for _, p := range r.panels {
			add(p, gridPos{r.height, p.GridPos.W, x, y})
			x += p.GridPos.W
		}
		y += r.height
	}
	return placed
}

// Variables.

func sourceVariable() variable {
	return variable{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1, Current: map[string]any{}}
}

// labelVariable offers the values of a label, all of them at first.
func labelVariable(name, label, query string) variable {
	return variable{
		Name: name, Label: label, Type: "query", Datasource: &prometheus, Query: variableQuery{query, "A"},
		Refresh: 2, Sort: 1, IncludeAll: true, Multi: true, AllValue: ".*",
		Current: map[string]any{"text": "All", "value": "$__all"},
	}
}

var (
	jobVariable      = labelVariable("job", "Job", "label_values(bouncewatch_build_info, job)")
	instanceVariable = labelVariable("instance", "Host", `label_values(bouncewatch_build_info{job=~"$job"}, instance)`)
	mtaVariable      = labelVariable("mta", "Mail server", "label_values(bouncewatch_events_total{"+host+"}, mta)")
)

// providerVariable offers the providers with mail in the time range, most mail
// first.
func providerVariable() variable {
	v := labelVariable("provider", "Provider",
		"query_result(sort_desc(sum by (provider) (increase(bouncewatch_provider_events_total{"+host+"}[$__range])) > 0))")
	v.Regex, v.Sort = `/provider="([^"]+)"/`, 0
	return v
}

// Panels. Each takes its width, title and description, then what it shows.

type query struct{ legend, expr string }

func newPanel(kind string, width int, title, description string) *panel {
	return &panel{
		Type: kind, Title: title, Description: description, GridPos: gridPos{W: width}, Datasource: &prometheus,
		FieldConfig: &fieldConfig{Overrides: []override{}},
	}
}

func (p *panel) target(t target) {
	t.RefID, t.Datasource, t.EditorMode = string(rune('A'+len(p.Targets))), prometheus, "code"
	p.Targets = append(p.Targets, t)
}

// perMin is the unit of what happens per minute.
const perMin = "perMin"

// whole rounds counts: increase() makes fractions of them.
func whole(expr, unit string) string {
	if unit != "short" {
		return expr
	}
	return "round(" + expr + ")"
}

// stat shows one number over the time range.
func stat(width int, title, description, unit, expr string, steps ...step) *panel {
	p := newPanel("stat", width, title, description)
	p.target(target{Expr: whole(expr, unit), Instant: true})
	d := &p.FieldConfig.Defaults
	d.Unit, d.Color, d.NoValue = unit, map[string]any{"mode": "thresholds"}, "no mail"
	if unit == "percentunit" {
		d.Decimals = new(1)
	}
	if len(steps) == 0 {
		steps = []step{{"blue", nil}}
	}
	d.Thresholds = &thresholds{"absolute", steps}
	p.Options = map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "value",
		"wideLayout": true, "percentChangeColorMode": "standard", "showPercentChange": false,
	}
	return p
}

// lines shows series over time.
func lines(width int, title, description, unit string, queries ...query) *panel {
	p := newPanel("timeseries", width, title, description)
	p.Interval = "2m"     // rates of single mails over shorter times are but needles
	p.MaxDataPoints = 400 // more would cost more, and not be seen
	for _, q := range queries {
		p.target(target{Expr: q.expr, LegendFormat: q.legend, Range: true})
	}
	d := &p.FieldConfig.Defaults
	d.Unit, d.Min, d.Color = unit, new(0.0), map[string]any{"mode": "palette-classic"}
	d.Custom = map[string]any{
		"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "never", "spanNulls": false,
		"lineInterpolation": "linear", "stacking": map[string]any{"mode": "none", "group": "A"},
	}
	if unit == perMin {
		d.Unit, d.Custom["axisLabel"] = "short", "per minute"
	}
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	return p
}

// stacked piles the series up.
func (p *panel) stacked() *panel {
	c := p.FieldConfig.Defaults.Custom
	c["stacking"], c["fillOpacity"], c["lineWidth"] = map[string]any{"mode": "normal", "group": "A"}, 60, 0
	return p
}

// exemplars shows dots for single failures, with their queue id.
func (p *panel) exemplars() *panel {
	for i := range p.Targets {
		p.Targets[i].Exemplar = true
	}
	return p
}

// logarithmic is for what may be a moment or days.
func (p *panel) logarithmic() *panel {
	p.FieldConfig.Defaults.Min = nil
	p.FieldConfig.Defaults.Custom["scaleDistribution"] = map[string]any{"type": "log", "log": 10}
	return p
}

// bare leaves the names of many alike series to the tooltip.
func (p *panel) bare() *panel {
	p.Options["legend"].(map[string]any)["showLegend"] = false
	return p
}

// limits draws lines where the thresholds are.
func (p *panel) limits(steps ...step) *panel {
	p.FieldConfig.Defaults.Thresholds = &thresholds{"absolute", steps}
	p.FieldConfig.Defaults.Custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
	return p
}

// colored gives series of the given names their colors.
func (p *panel) colored(names ...string) *panel {
	for _, name := range names {
		p.override(name, property{"color", map[string]any{"mode": "fixed", "fixedColor": cmp.Or(colors[name], causeColors[name])}})
	}
	return p
}

func (p *panel) override(field string, properties ...property) *panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{matcher{"byName", field}, properties})
	return p
}

// A column of a table: the label or, with a query, the value it shows.
type column struct {
	name  string
	label string // of the first query, where it is no value
	expr  string
	unit  string
	width int
	heat  []step  // colors the cell
	texts mapping // replaces values
	url   string  // where a click leads
}

// table shows a row for each combination of the labels, joined over the queries
// of the columns; sorted by the named column, largest first.
func table(width int, title, description, sortBy string, columns ...column) *panel {
	p := newPanel("table", width, title, description)
	rename, exclude, index := map[string]any{}, map[string]any{"Time": true}, map[string]any{}
	values := 0
	for _, c := range columns {
		if c.expr != "" {
			values++
		}
	}
	for i, c := range columns {
		field := c.label
		if c.expr != "" {
			p.target(target{Expr: whole(c.expr, c.unit), Format: "table", Instant: true})
			if field = "Value"; values > 1 {
				field = "Value #" + p.Targets[len(p.Targets)-1].RefID
			}
		}
		rename[field], index[field] = c.name, i
		if properties := c.properties(); properties != nil {
			p.override(c.name, properties...)
		}
	}
	if values > 1 {
		p.Transformations = append(p.Transformations, transformation{"merge", map[string]any{}})
	}
	p.Transformations = append(p.Transformations,
		transformation{"organize", map[string]any{"renameByName": rename, "excludeByName": exclude, "indexByName": index}},
		transformation{"sortBy", map[string]any{"sort": []any{map[string]any{"field": sortBy, "desc": true}}}})
	p.FieldConfig.Defaults.Custom = map[string]any{"align": "auto", "filterable": true, "cellOptions": map[string]any{"type": "auto"}}
	p.FieldConfig.Defaults.NoValue = "0"
	p.Options = map[string]any{
		"showHeader": true, "cellHeight": "sm",
		"sortBy": []any{map[string]any{"displayName": sortBy, "desc": true}},
	}
	return p
}

func (c column) properties() (all []property) {
	if c.width > 0 {
		all = append(all, property{"custom.width", c.width})
	}
	if c.unit != "" {
		all = append(all, property{"unit", c.unit})
	}
	if c.unit == "percentunit" {
		all = append(all, property{"decimals", 1})
	}
	if c.heat != nil {
		all = append(all, property{"thresholds", thresholds{"absolute", c.heat}},
			property{"custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"}})
	}
	if c.texts.Options != nil {
		all = append(all, property{"mappings", []mapping{c.texts}},
			property{"custom.cellOptions", map[string]any{"type": "auto", "wrapText": true}})
	}
	if c.url != "" {
		all = append(all, property{"links", []link{{Title: "Show", URL: c.url}}})
	}
	return all
}

// bars shows a bar for each series, the longest first.
func bars(width int, title, description, unit string, q query) *panel {
	p := newPanel("bargauge", width, title, description)
	p.target(target{Expr: "sort_desc(" + q.expr + ")", LegendFormat: q.legend, Instant: true})
	d := &p.FieldConfig.Defaults
	d.Unit, d.Min, d.Decimals, d.NoValue = unit, new(0.0), new(0), "none"
	d.Color = map[string]any{"mode": "continuous-BlPu"}
	p.Options = map[string]any{
		"displayMode": "basic", "orientation": "horizontal", "showUnfilled": true, "valueMode": "color", "sizing": "auto",
		"minVizHeight": 16, "minVizWidth": 8, "namePlacement": "auto",
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p
}

// Thresholds.

// grades are green, then yellow, orange and red from the given values on. A value
// that is negative leaves its color out.
func grades(yellow, orange, red float64) []step {
	steps := []step{{"green", nil}}
	for i, v := range []float64{yellow, orange, red} {
		if v >= 0 {
			steps = append(steps, step{[]string{"yellow", "orange", "red"}[i], new(v)})
		}
	}
	return steps
}

// heat is grades for cells, where what is fine stays without color.
func heat(yellow, orange, red float64) []step {
	steps := grades(yellow, orange, red)
	steps[0].Color = "transparent"
	return steps
}

var (
	bounceGrades   = [3]float64{0.02, 0.05, 0.1} // as of the alert BouncewatchBounceRateHigh
	deferralGrades = [3]float64{0.1, 0.2, 0.3}   // as of the alert BouncewatchDeferralSurge
	blockGrades    = [3]float64{0.02, 0.05, 0.2} // as of the alert BouncewatchProviderBlocksUs
)

// colors are the same everywhere.
var colors = map[string]string{
	"sent": "green", "deferred": "yellow", "bounced": "red", "expired": "purple",
	"2xx": "green", "4xx": "yellow", "5xx": "red", "none": "text",
	"delivered_first_try": "green", "delivered_after_deferral": "yellow", "delivered_began_before_logs": "light-green",
	"failed": "red", "gone": "text", "lost_sight": "orange",
	"event": "blue", "remark": "purple", "ignored": "green", "foreign": "text", "unparsed": "red",
}

// outcomes are the statuses of outgoing mail.
var outcomes = []string{"sent", "deferred", "bounced", "expired"}

// endings are the final outcomes of a recipient.
var endings = []string{"delivered_first_try", "delivered_after_deferral", "delivered_began_before_logs", "failed", "expired", "gone", "lost_sight"}

// causeColors are those of the causes that most hosts see, the same in every graph
// of causes. Grafana gives plain colors to the others, by their number: so these
// are other shades, or two causes could look alike.
var causeColors = map[string]string{
	"ip_blocked": "dark-red", "poor_reputation": "light-red", "rate_limited": "light-orange", "auth_failed": "super-light-red",
	"user_unknown": "light-blue", "mailbox_full": "super-light-blue", "network_error": "light-purple", "delivery_expired": "super-light-purple",
	"message_too_big": "light-yellow", "greylisted": "text",
}

// marked are the causes with colors.
var marked = slices.Sorted(maps.Keys(causeColors))

// blocking are the causes by which a provider keeps our mail out.
const blocking = `cause=~"ip_blocked|poor_reputation|rate_limited"`

// Queries.

func events(matchers string) string { return "bouncewatch_events_total{" + mail + "," + matchers + "}" }
func failures(matchers string) string {
	return "bouncewatch_failures_total{" + mail + "," + matchers + "}"
}

// inRange is what a counter grew by in the time range.
func inRange(by, series string) string { return sum(by, "increase("+series+"[$__range])") }

// perMinute is how fast a counter grows.
func perMinute(by, series string) string {
	return "60 * " + sum(by, "rate("+series+"[$__rate_interval])")
}

func sum(by, expr string) string {
	if by == "" {
		return "sum(" + expr + ")"
	}
	return "sum by (" + by + ") (" + expr + ")"
}

// share is a part of the whole, and nothing where the whole is 0.
func share(part, whole string) string { return part + " / (" + whole + " > 0)" }

// smooth is the share of a part over a window long enough for a small host.
func smooth(by, part, whole string) string {
	return share(sum(by, "rate("+part+"[10m])"), sum(by, "rate("+whole+"[10m])"))
}

// top keeps the series by label that grew most in the whole time range, so that
// the choice does not change along the graph.
func top(n int, label, expr, series string) string {
	return fmt.Sprintf("%s and on (%s) topk(%d, %s > 0)", expr, label, n, sum(label, "increase("+series+"[$__range] @ end())"))
}

// Texts of our tables, for columns of codes and causes.

func texts(values map[string]string) mapping {
	options := map[string]mappingResult{}
	for i, v := range slices.Sorted(maps.Keys(values)) {
		options[v] = mappingResult{Text: values[v], Index: i}
	}
	return mapping{"value", options}
}

func codeMeanings() mapping {
	m := map[string]string{"none": "No reply: network, DNS or local", "other": "A code of no standard"}
	for _, c := range replycode.Codes() {
		m[c.Code.String()] = c.Title
	}
	return texts(m)
}

func enhancedMeanings() mapping {
	m := map[string]string{"other": "A code outside the registry"}
	for _, e := range replycode.EnhancedCodes() {
		for _, class := range []string{"2", "4", "5"} {
			m[class+strings.TrimPrefix(e.Pattern, "X")] = e.Title
		}
	}
	return texts(m)
}

func advice() mapping {
	m := map[string]string{}
	for _, c := range replycode.Causes() {
		m[c.Name] = upper(c.Advice)
	}
	return texts(m)
}

func actors() mapping {
	m := map[string]string{}
	for _, c := range replycode.Causes() {
		m[c.Name] = c.Actor
	}
	return texts(m)
}

func definitions() mapping {
	m := map[string]string{}
	for _, c := range replycode.Causes() {
		m[c.Name] = upper(c.Definition)
	}
	return texts(m)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// copyLabel shows a label twice: as it is, and as the text it stands for.
func copyLabel(expr, label, as string) string {
	return fmt.Sprintf(`label_replace(%s, "%s", "$1", "%s", "(.*)")`, expr, as, label)
}

// dashboardURL leads to another dashboard, with the same hosts and time, and one
// variable set to the value of a cell.
func dashboardURL(uid, variable, field string) string {
	hosts := "&${instance:queryparam}"
	if variable == "instance" {
		hosts = ""
	}
	return fmt.Sprintf("/d/bouncewatch-%s?${datasource:queryparam}&${job:queryparam}%s&var-%s=${__data.fields[%q]}&${__url_time_range}", uid, hosts, variable, field)
}
