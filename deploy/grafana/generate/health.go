package main

// health tells whether the figures of the other dashboards can be trusted.
func health() *dashboard {
	source := func(name string) string { return "bouncewatch_source_" + name + "{" + host + "}" }
	grown := func(name string) string { return sum("instance, source", "increase("+source(name)+"[$__range])") }
	lineCount := func(matchers string) string { return "bouncewatch_lines_total{" + host + matchers + "}" }
	age := "time() - (" + source("last_line_timestamp_seconds") + " > 0)"
	return newDashboard("health", "Exporter health", "Whether the figures can be trusted: are all logs read, understood and counted?",
		[]variable{jobVariable, instanceVariable},
		row{"", 4, []*panel{
			stat(3, "Hosts scraped", "Hosts whose bouncewatch answers Prometheus.", "short", "count(up{"+host+"} == 1) or vector(0)").none("0"),
			stat(3, "Hosts silent", "Hosts whose bouncewatch does not answer Prometheus.", "short", "count(up{"+host+"} == 0) or vector(0)", grades(-1, -1, 1)...),
			stat(3, "Logs missing", "Logs that are not there or cannot be read.", "short", "count("+source("up")+" == 0) or vector(0)", grades(-1, -1, 1)...),
			stat(3, "Bytes unread", "Bytes of all logs that are not counted yet.", "bytes", "sum("+source("lag_bytes")+")", grades(1<<20, 16<<20, -1)...).none("no log"),
			stat(3, "Bytes lost", "Bytes that were removed or overwritten in the time range before they were read. The figures are too low by them.", "bytes", inRange("", source("lost_bytes_total")), grades(-1, -1, 1)...).none("no log"),
			stat(3, "Not understood", "Share of the mail servers' lines that no rule understands. bouncewatch analyze --unparsed lists them.", "percentunit",
				share(inRange("", lineCount(`,result="unparsed"`)), inRange("", lineCount(`,result!="foreign"`))), grades(0.001, 0.01, -1)...).none("no line"),
			stat(3, "State not written", "Failed attempts to write the state in the time range. Counters stand still until it is written.", "short",
				inRange("", "bouncewatch_checkpoint_errors_total{"+host+"}"), grades(-1, -1, 1)...).none("0"),
			stat(3, "Not told apart", "Outcomes that a full table counted without their codes.", "short", inRange("", "bouncewatch_series_overflow_total{"+host+"}"), grades(-1, 1, -1)...).none("0"),
		}},
		row{"Logs", 9, []*panel{
			table(24, "Logs", "Every followed log. Lost, rotations and cuts are of the time range. Silent logs first.", "Last line",
				column{name: "Host", label: "instance"},
				column{name: "Log", label: "source"},
				column{name: "Read", width: 80, heat: []step{{"red", nil}, {"transparent", new(1.0)}}, expr: sum("instance, source", source("up")),
					texts: mapping{"value", map[string]mappingResult{"0": {Text: "missing", Index: 0}, "1": {Text: "yes", Index: 1}}}},
				column{name: "Last line", unit: "s", width: 110, heat: heat(3600, -1, -1), expr: sum("instance, source", age)},
				column{name: "Unread", unit: "bytes", width: 100, heat: heat(1<<20, 16<<20, -1), expr: sum("instance, source", source("lag_bytes"))},
				column{name: "Lost", unit: "bytes", width: 100, heat: heat(-1, -1, 1), expr: grown("lost_bytes_total")},
				column{name: "Rotations", unit: "short", width: 100, expr: grown("rotations_total")},
				column{name: "Cuts", unit: "short", width: 80, heat: heat(1, -1, -1), expr: grown("truncations_total")},
				column{name: "Lines", unit: "short", width: 100, expr: sum("instance, source", "increase("+lineCount("")+"[$__range])")},
				column{name: "Not understood", unit: "short", width: 130, heat: heat(1, 100, -1), expr: sum("instance, source", "increase("+lineCount(`,result="unparsed"`)+"[$__range])")},
			),
		}},
		row{"", 8, []*panel{
			lines(8, "Lines by what they were", "Per minute. event: an outcome; remark: a reply on the way; ignored: understood, not about an outcome; foreign: of other programs; unparsed: not understood.", perMin,
				query{"{{result}}", perMinute("result", lineCount(""))}).stacked().colored("event", "ignored", "foreign", "unparsed"),
			lines(8, "Unread bytes", "By log; the ten with most.", "bytes", query{"{{instance}} {{source}}",
				source("lag_bytes") + " and on (instance, source) topk(10, max_over_time(" + source("lag_bytes") + "[$__range] @ end()))"}),
			lines(8, "Age of the last line", "By log; the ten oldest. A saw is normal, a ramp is a silent log.", "s", query{"{{instance}} {{source}}",
				age + " and on (instance, source) bottomk(10, " + source("last_line_timestamp_seconds") + " @ end() > 0)"}),
		}},
		row{"Program", 8, []*panel{
			lines(6, "Memory", "Resident memory by host; the ten largest.", "bytes", query{"{{instance}}", largest("process_resident_memory_bytes{" + host + "}")}).bare(),
			lines(6, "CPU", "Share of one core by host; the ten busiest.", "percentunit", query{"{{instance}}",
				top(10, "instance", "rate(process_cpu_seconds_total{"+host+"}[$__rate_interval])", "process_cpu_seconds_total{"+host+"}")}).bare(),
			lines(6, "Duration of a scrape", "As Prometheus measures it, network included; the ten longest.", "s", query{"{{instance}}", largest("scrape_duration_seconds{" + host + "}")}).bare(),
			lines(6, "Series", "Series of a scrape by host. Bounded: no text of a log becomes a label.", "short", query{"{{instance}}", largest("scrape_samples_scraped{" + host + "}")}).bare(),
		}},
		row{"", 7, []*panel{
			table(24, "Versions", "What runs where, the latest start first.", "Started",
				column{name: "Host", label: "instance"},
				column{name: "Version", label: "version"},
				column{name: "Revision", label: "revision"},
				column{name: "Go", label: "goversion"},
				column{name: "Started", unit: "dateTimeFromNow", expr: "1000 * max by (instance, version, revision, goversion) (process_start_time_seconds{" + host +
					"} * on (instance) group_right () bouncewatch_build_info{" + host + "})"},
			),
		}},
	)
}

// largest keeps the ten hosts with the largest values at the end.
func largest(series string) string {
	return series + " and on (instance) topk(10, " + series + " @ end())"
}

// none says what a stat shows without data.
func (p *panel) none(text string) *panel {
	p.FieldConfig.Defaults.NoValue = text
	return p
}
