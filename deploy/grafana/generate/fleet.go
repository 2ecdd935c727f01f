package main

import "fmt"

// fleet shows hundreds of hosts at once. It asks what recording.rules.yml records,
// and of the series of hosts only those of which a host has a few: a query takes
// as long for a thousand hosts as others for one.
func fleet() *dashboard {
	all := added("", rate("job_direction_status:bouncewatch_events", outbound))
	status := func(s string) string {
		return added("", rate("job_direction_status:bouncewatch_events", outbound+`,status=~"`+s+`"`))
	}
	part := func(s string) string {
		return sum("", rate("job_direction_status:bouncewatch_events", outbound+`,status=~"`+s+`"`))
	}
	ended := func(matchers string) string { return rate("job_outcome:bouncewatch_recipients", matchers) }
	failed := rate("job_direction_cause:bouncewatch_failures", outbound)
	d := newDashboard("fleet", "Fleet", "Many hosts at once: what fails, who blocks us, and which hosts need someone. Needs recording.rules.yml.",
		[]variable{fleetJobVariable},
		row{"", 4, []*panel{
			stat(3, "Hosts", "Hosts whose bouncewatch answers Prometheus.", "short", "sum(job:bouncewatch_hosts:up{"+anyHost+"})"),
			stat(3, "Hosts silent", "Hosts whose bouncewatch does not answer Prometheus.", "short", "count(up{"+anyHost+"} == 0) or vector(0)", grades(-1, -1, 1)...),
			stat(3, "Delivery attempts", "Outcomes of outgoing mail in the time range: one for each recipient of each attempt.", "short", all),
			stat(3, "Delivered", "Share of the attempts that the other side took.", "percentunit", share(status("sent"), all),
				step{"red", nil}, step{"orange", new(0.8)}, step{"yellow", new(0.9)}, step{"green", new(0.95)}),
			stat(3, "Bounced", "Share of the attempts that failed for good: bounced, or given up after days.", "percentunit",
				share(status("bounced|expired"), all), grades(bounceGrades[0], bounceGrades[1], bounceGrades[2])...),
			stat(3, "Deferred", "Share of the attempts that will be tried again, greylisting included.", "percentunit",
				share(status("deferred"), all), grades(deferralGrades[0], deferralGrades[1], deferralGrades[2])...),
			stat(3, "Bounced in the end", "The true bounce rate: share of the recipients whose mail failed for good or was given up.", "percentunit",
				share(added("", ended(lost)), added("", ended(""))), grades(bounceGrades[0], bounceGrades[1], bounceGrades[2])...),
			stat(3, "Hosts blocked", "Hosts with 5 % or more of their mail to a provider refused or slowed for their address, reputation or rate, in the last half hour.", "short",
				"count(count by (job, instance) ("+blockedNow+")) or vector(0)", grades(-1, 1, 10)...),
		}},
		row{"", 8, []*panel{
			lines(12, "Outgoing mail", "Outcomes per minute, one for each recipient of each attempt.", perMin,
				query{"{{status}}", "60 * " + sum("status", rate("job_direction_status:bouncewatch_events", outbound))}).stacked().colored(outcomes...),
			lines(12, "Shares of outgoing mail", "Over five minutes each. Dashed: where the alerts on bounces (10 %) and deferrals (30 %) of a host begin.", "percentunit",
				query{"bounced", share(part("bounced|expired"), part(".+"))}, query{"deferred", share(part("deferred"), part(".+"))}).
				limits(step{"transparent", nil}, step{"red", new(0.1)}, step{"yellow", new(0.3)}).colored("bounced", "deferred"),
		}},
		row{"Hosts", 11, []*panel{
			fleetHosts(12),
			table(12, "Blocked now", "Hosts that a provider refuses or slows for their address, reputation or rate: share of their mail to it in the last half hour; the thirty worst. A click leads to the provider.", "Share",
				column{name: "Host", label: "instance", url: dashboardURL("glance", "instance", "Host")},
				column{name: "Provider", label: "provider", url: dashboardURL("provider", "provider", "Provider")},
				column{name: "Cause", label: "cause", width: 130},
				column{name: "Share", unit: "percentunit", width: 90, heat: heat(-1, blockGrades[1], blockGrades[2]), expr: "topk(30, " + sum("instance, provider, cause", blockedNow) + ")"},
			),
		}},
		row{"", 9, []*panel{
			lines(8, "Hosts blocked", "By cause; those with 5 % or more of their mail to a provider refused or slowed in half an hour.", "short",
				query{"{{cause}}", "count by (cause) (count by (job, instance, cause) (" + blockedNow + "))"}).colored("ip_blocked", "poor_reputation", "rate_limited"),
			table(16, "Hosts that need a look", "Hosts that cannot be scraped or whose figures may be too low: a log is missing, is not read to its end, was lost in part, or is not understood. No row: all is well.", "Silent",
				column{name: "Host", label: "instance", url: dashboardURL("health", "instance", "Host")},
				column{name: "Silent", unit: "short", width: 80, heat: heat(-1, -1, 1), expr: worst("count by (instance) (up{" + anyHost + "} == 0)")},
				column{name: "Logs missing", unit: "short", width: 125, heat: heat(-1, -1, 1), expr: worst("count by (instance) (bouncewatch_source_up{" + anyHost + "} == 0)")},
				column{name: "Unread", unit: "bytes", width: 100, heat: heat(1<<20, 16<<20, -1), expr: worst(sum("instance", "bouncewatch_source_lag_bytes{"+anyHost+"}") + " >= 1048576")},
				column{name: "Lost", unit: "bytes", width: 100, heat: heat(-1, -1, 1), expr: worst(sum("instance", "increase(bouncewatch_source_lost_bytes_total{"+anyHost+"}[$__range])") + " > 0")},
				column{name: "Not understood", unit: "percentunit", width: 130, heat: heat(0.001, 0.01, -1), expr: worst(
					share(sum("instance", rate("instance_result:bouncewatch_lines", `result="unparsed"`)), sum("instance", rate("instance_result:bouncewatch_lines", `result!="foreign"`))) + " > 0.001")},
				column{name: "Suspicious senders", unit: "short", width: 175, heat: heat(-1, -1, 1), expr: worst(sum("instance", "bouncewatch_suspicious_senders{"+anyHost+"}") + " > 0")},
			),
		}},
		row{"Why", 11, []*panel{
			lines(10, "Failures of outgoing mail by cause", "Per minute; the ten most frequent causes of the time range.", perMin,
				query{"{{cause}}", "60 * " + sum("cause", failed) + " and on (cause) topk(10, " + sum("cause", "sum_over_time("+failed+"[$__range] @ end())") + ")"}).stacked().colored(marked...),
			table(14, "Causes and advice", "Failures of outgoing mail in the time range.", "Failures",
				column{name: "Cause", label: "cause", width: 150},
				column{name: "Must act", label: "actor", width: 150, texts: actors()},
				column{name: "What to do", label: "advice", texts: advice()},
				column{name: "Failures", unit: "short", width: 90, expr: copyLabel(copyLabel(added("cause", failed)+" >= 1", "cause", "advice"), "cause", "actor")},
				column{name: "Of all", unit: "percentunit", width: 80, heat: heat(-1, 0.05, 0.1),
					expr: copyLabel(copyLabel("("+added("cause", failed)+" >= 1) / on () group_left () ("+all+" > 0)", "cause", "advice"), "cause", "actor")},
			),
		}},
		row{"Where, and with which replies", 11, []*panel{
			fleetProviders(14),
			table(10, "Reply codes", "Deciding replies to outgoing mail in the time range, without success.", "Replies",
				column{name: "Code", label: "code", width: 70},
				column{name: "Class", label: "class", width: 70},
				column{name: "Meaning", label: "meaning", texts: codeMeanings()},
				column{name: "Replies", unit: "short", width: 90, expr: copyLabel(added("code, class", rate("job_direction_code:bouncewatch_replies", outbound))+" >= 1", "code", "meaning")},
			),
		}},
	)
	d.Annotations.List[0].Enable = false // a thousand hosts have too many
	return d
}

// anyHost are the matchers of a dashboard where no host is chosen.
const anyHost = `job=~"$job"`

var fleetJobVariable = labelVariable("job", "Job", "label_values(job:bouncewatch_hosts:up, job)")

// blockedNow is the share of a host's mail that a provider keeps out for a cause.
const blockedNow = "instance_provider_cause:bouncewatch_failures:share30m{" + anyHost + "," + blocking + "} >= 0.05"

// rate is a recorded rate by second.
func rate(of, matchers string) string { return of + ":rate5m{" + anyHost + "," + matchers + "}" }

// added is what a recorded rate adds up to in the time range: its rule is evaluated
// each minute.
func added(by, recorded string) string {
	return "60 * " + sum(by, "sum_over_time("+recorded+"[$__range])")
}

// worst keeps a table short where a whole site is ill.
func worst(byHost string) string { return "topk(30, " + byHost + ")" }

// fleetHosts has a row for each of the hosts with most bounces.
func fleetHosts(width int) *panel {
	outcome := func(s string) string {
		return added("instance", rate("instance_direction_status:bouncewatch_events", outbound+`,status=~"`+s+`"`))
	}
	listed := func(expr string) string {
		return fmt.Sprintf("(%s) and on (instance) topk(30, %s >= 1)", expr, outcome("bounced|expired"))
	}
	return table(width, "Hosts with most bounces", "Outgoing mail in the time range of the thirty hosts with most bounces. A click leads to the host.", "Bounces",
		column{name: "Host", label: "instance", url: dashboardURL("glance", "instance", "Host")},
		column{name: "Bounces", unit: "short", width: 90, expr: listed(outcome("bounced|expired"))},
		column{name: "Attempts", unit: "short", width: 100, expr: listed(outcome(".+"))},
		column{name: "Bounced", unit: "percentunit", width: 95, heat: heat(-1, bounceGrades[1], bounceGrades[2]), expr: listed(share(outcome("bounced|expired"), outcome(".+")))},
		column{name: "Deferred", unit: "percentunit", width: 95, heat: heat(-1, deferralGrades[1], deferralGrades[2]), expr: listed(share(outcome("deferred"), outcome(".+")))},
	)
}

// fleetProviders has a row for each provider with mail in the time range.
func fleetProviders(width int) *panel {
	outcome := func(s string) string {
		return added("provider", rate("job_provider_status:bouncewatch_events", `status=~"`+s+`"`))
	}
	all := outcome(".+")
	return table(width, "Providers", "Receivers by the organisation behind their mail exchangers. A click leads to the provider. Blocked: refused or slowed for our address, reputation or rate.", "Attempts",
		column{name: "Provider", label: "provider", url: dashboardURL("provider", "provider", "Provider")},
		column{name: "Attempts", unit: "short", width: 105, expr: all + " >= 1"},
		column{name: "Deferred", unit: "percentunit", width: 105, heat: heat(-1, deferralGrades[1], deferralGrades[2]), expr: share(outcome("deferred"), all)},
		column{name: "Bounced", unit: "percentunit", width: 105, heat: heat(-1, bounceGrades[1], bounceGrades[2]), expr: share(outcome("bounced|expired"), all)},
		column{name: "Blocked", unit: "percentunit", width: 105, heat: heat(blockGrades[0], blockGrades[1], blockGrades[2]),
			expr: share(added("provider", "job_provider:bouncewatch_blocked:rate5m{"+anyHost+"}"), all)},
	)
}
