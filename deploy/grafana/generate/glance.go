package main

const outbound = `direction="outbound"`

// glance answers in one screen whether mail arrives, and if not, why.
func glance() *dashboard {
	all := events(outbound)
	bounced := events(outbound + `,status=~"bounced|expired"`)
	deferred := events(outbound + `,status="deferred"`)
	return newDashboard("glance", "Mail at a glance", "Does mail arrive, and if not: why, where, and who must act.",
		[]variable{jobVariable, instanceVariable, mtaVariable},
		row{"", 4, []*panel{
			stat(3, "Delivery attempts", "Outcomes of outgoing mail in the time range: one for each recipient of each attempt.", "short", inRange("", all)),
			stat(3, "Delivered", "Share of the attempts that the other side took.", "percentunit",
				share(inRange("", events(outbound+`,status="sent"`)), inRange("", all)), step{"red", nil}, step{"orange", new(0.8)}, step{"yellow", new(0.9)}, step{"green", new(0.95)}),
			stat(3, "Bounced", "Share of the attempts that failed for good: bounced, or given up after days. Providers lower the reputation of senders with many bounces.", "percentunit",
				share(inRange("", bounced), inRange("", all)), grades(bounceGrades[0], bounceGrades[1], bounceGrades[2])...),
			stat(3, "Deferred", "Share of the attempts that will be tried again, greylisting included.", "percentunit",
				share(inRange("", deferred), inRange("", all)), grades(deferralGrades[0], deferralGrades[1], deferralGrades[2])...),
			stat(3, "Blocking providers", "Providers where at least 5 % of the attempts of a host failed for its address, its reputation or its rate.", "short",
				"count(count by (provider) ("+share(sum("instance, provider", "increase(bouncewatch_provider_failures_total{"+host+","+blocking+"}[$__range])"),
					sum("instance, provider", "increase(bouncewatch_provider_events_total{"+host+"}[$__range])"))+" > 0.05)) or vector(0)", grades(-1, 1, 3)...),
			stat(3, "Refused by us", "Clients that this side refused, for good or for now.", "short", inRange("", events(`direction="inbound"`))),
			stat(3, "Failed logins", "Logins of clients that failed. Thousands are an attack, or a device with an old password.", "short",
				inRange("", "bouncewatch_login_failures_total{"+mail+"}"), grades(1000, 10000, -1)...),
			stat(3, "Logs not read", "Logs that are missing, and hosts that cannot be scraped. See Exporter health.", "short",
				"(count(bouncewatch_source_up{"+host+"} == 0) or vector(0)) + (count(up{"+host+"} == 0) or vector(0))", grades(-1, -1, 1)...),
		}},
		row{"", 8, []*panel{
			lines(12, "Outgoing mail", "Outcomes per minute, one for each recipient of each attempt.", perMin,
				query{"{{status}}", perMinute("status", all)}).stacked().colored(outcomes...),
			lines(12, "Shares of outgoing mail", "Over ten minutes each. Dashed: where the alerts on bounces (10 %) and deferrals (30 %) begin.", "percentunit",
				query{"bounced", smooth("", bounced, all)}, query{"deferred", smooth("", deferred, all)}).
				limits(step{"transparent", nil}, step{"red", new(0.1)}, step{"yellow", new(0.3)}).
				colored("bounced", "deferred"),
		}},
		row{"Why", 9, []*panel{
			lines(12, "Failures of outgoing mail by cause", "Per minute; the ten most frequent causes of the time range.", perMin,
				query{"{{cause}}", top(10, "cause", perMinute("cause", failures(outbound)), failures(outbound))}).stacked().colored(marked...).exemplars(),
			table(12, "Causes, and who must act", "Failures of outgoing mail in the time range. A click leads to the advice.", "Failures",
				column{name: "Cause", label: "cause", url: dashboardURL("causes", "cause", "Cause")},
				column{name: "Must act", label: "actor"},
				column{name: "Failures", unit: "short", width: 100,
					expr: withActor(inRange("cause", failures(outbound)) + " >= 1")},
				column{name: "Of all attempts", unit: "percentunit", width: 130, heat: heat(-1, 0.05, 0.1),
					expr: withActor("(" + inRange("cause", failures(outbound)) + " >= 1) / on () group_left () (" + inRange("", all) + " > 0)")},
			),
		}},
		row{"Where", 9, []*panel{
			providerTable(14, "Providers", "Receivers by the organisation behind their mail exchangers. A click leads to the provider. Blocked: refused or slowed for our address, reputation or rate."),
			hostTable(10),
		}},
		row{"Replies", 9, []*panel{
			lines(12, "Outgoing mail by class of reply", "Per minute. 4xx: try again; 5xx: for good; none: no reply, for example no connection.", perMin,
				query{"{{class}}", perMinute("class", replies(outbound+`,class!="3xx"`))}).stacked().
				colored("2xx", "4xx", "5xx"),
			table(12, "Reply codes", "The deciding replies to outgoing mail that was not taken, in the time range.", "Replies",
				column{name: "Code", label: "code", width: 70},
				column{name: "Class", label: "class", width: 70},
				column{name: "Meaning", label: "meaning", texts: codeMeanings()},
				column{name: "Replies", unit: "short", width: 100, expr: copyLabel(inRange("code, class", replies(outbound+`,class!="2xx"`))+" >= 1", "code", "meaning")},
			),
		}},
		row{"Delays and incoming mail", 8, []*panel{
			lines(12, "Delay of delivered mail", "From arrival to the end of the attempt that delivered it. Half of the mail is faster than p50.", "s",
				query{"p50", quantile("0.5")}, query{"p90", quantile("0.9")}, query{"p99", quantile("0.99")}).logarithmic(),
			lines(12, "Refused clients by cause", "Per minute; the eight most frequent causes of the time range.", perMin,
				query{"{{cause}}", top(8, "cause", perMinute("cause", failures(`direction="inbound"`)), failures(`direction="inbound"`))}).stacked(),
		}},
	)
}

func replies(matchers string) string {
	return "bouncewatch_replies_total{" + mail + "," + matchers + "}"
}

// withActor adds who must act on a cause.
func withActor(byCause string) string {
	return "(" + byCause + ") * on (cause) group_left (actor) group by (cause, actor) (bouncewatch_cause_info{" + host + "} @ end())"
}

func quantile(q string) string {
	return "histogram_quantile(" + q + ", " + sum("le", `rate(bouncewatch_delivery_delay_seconds_bucket{`+mail+`,status="sent"}[10m])`) + ")"
}

// providerTable has a row for each provider with mail in the time range.
func providerTable(width int, title, description string) *panel {
	all := inRange("provider", "bouncewatch_provider_events_total{"+host+"}")
	part := func(matchers string) string {
		return share(inRange("provider", "bouncewatch_provider_events_total{"+host+","+matchers+"}"), all)
	}
	return table(width, title, description, "Attempts",
		column{name: "Provider", label: "provider", url: dashboardURL("provider", "provider", "Provider")},
		column{name: "Attempts", unit: "short", width: 105, expr: all + " >= 1"},
		column{name: "Delivered", unit: "percentunit", width: 105, expr: part(`status="sent"`)},
		column{name: "Deferred", unit: "percentunit", width: 105, heat: heat(-1, deferralGrades[1], deferralGrades[2]), expr: part(`status="deferred"`)},
		column{name: "Bounced", unit: "percentunit", width: 105, heat: heat(-1, bounceGrades[1], bounceGrades[2]), expr: part(`status=~"bounced|expired"`)},
		column{name: "Blocked", unit: "percentunit", width: 105, heat: heat(blockGrades[0], blockGrades[1], blockGrades[2]),
			expr: share(inRange("provider", "bouncewatch_provider_failures_total{"+host+","+blocking+"}"), all)},
	)
}

// hostTable has a row for each host.
func hostTable(width int) *panel {
	all := inRange("instance", events(outbound))
	return table(width, "Hosts", "Outgoing mail of each host in the time range, those with most bounces first.", "Bounced",
		column{name: "Host", label: "instance", url: dashboardURL("glance", "instance", "Host")},
		column{name: "Attempts", unit: "short", width: 105, expr: all},
		column{name: "Deferred", unit: "percentunit", width: 105, heat: heat(-1, deferralGrades[1], deferralGrades[2]),
			expr: share(inRange("instance", events(outbound+`,status="deferred"`)), all)},
		column{name: "Bounced", unit: "percentunit", width: 105, heat: heat(-1, bounceGrades[1], bounceGrades[2]),
			expr: share(inRange("instance", events(outbound+`,status=~"bounced|expired"`)), all)},
		column{name: "Blocked", unit: "percentunit", width: 105, heat: heat(blockGrades[0], blockGrades[1], blockGrades[2]),
			expr: share(inRange("instance", "bouncewatch_provider_failures_total{"+host+","+blocking+"}"), inRange("instance", "bouncewatch_provider_events_total{"+host+"}"))},
	)
}
