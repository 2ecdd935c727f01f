package main

// provider shows how mail to one or a few receivers fares.
func provider() *dashboard {
	const at = host + `,provider=~"$provider"`
	all := "bouncewatch_provider_events_total{" + at + "}"
	with := func(matchers string) string { return "bouncewatch_provider_events_total{" + at + "," + matchers + "}" }
	failed := "bouncewatch_provider_failures_total{" + at + "}"
	blocked := "bouncewatch_provider_failures_total{" + at + "," + blocking + "}"
	return newDashboard("provider", "Provider", "How mail to a receiver fares, whether it blocks us, and from which host.",
		[]variable{jobVariable, instanceVariable, providerVariable()},
		row{"", 4, []*panel{
			stat(4, "Delivery attempts", "Outcomes of mail to the provider in the time range.", "short", inRange("", all)),
			stat(4, "Delivered", "Share of the attempts that the provider took.", "percentunit", share(inRange("", with(`status="sent"`)), inRange("", all)),
				step{"red", nil}, step{"orange", new(0.8)}, step{"yellow", new(0.9)}, step{"green", new(0.95)}),
			stat(4, "Deferred", "Share of the attempts that will be tried again.", "percentunit", share(inRange("", with(`status="deferred"`)), inRange("", all)),
				grades(deferralGrades[0], deferralGrades[1], deferralGrades[2])...),
			stat(4, "Bounced", "Share of the attempts that failed for good.", "percentunit", share(inRange("", with(`status=~"bounced|expired"`)), inRange("", all)),
				grades(bounceGrades[0], bounceGrades[1], bounceGrades[2])...),
			stat(4, "Blocked", "Share of the attempts that failed for our address, our reputation or our rate. The alert begins at 20 % in half an hour.", "percentunit",
				share(inRange("", blocked), inRange("", all)), grades(blockGrades[0], blockGrades[1], blockGrades[2])...),
			stat(4, "Most frequent cause", "Why most of the failed mail failed, in the time range.", "short", "topk(1, "+inRange("cause", failed)+" >= 1)").showName("{{cause}}"),
		}},
		row{"", 9, []*panel{
			lines(12, "Outcomes", "Per minute, one for each recipient of each attempt.", perMin, query{"{{status}}", perMinute("status", all)}).stacked().colored(outcomes...),
			lines(12, "Failures by cause", "Per minute; the ten most frequent causes of the time range. Dots, where Prometheus stores exemplars, have the queue id of a failure.", perMin,
				query{"{{cause}}", top(10, "cause", perMinute("cause", failed), failed)}).stacked().colored(marked...).exemplars(),
		}},
		row{"Are we blocked?", 8, []*panel{
			lines(12, "Blocked share by provider", "Share of the attempts over ten minutes that failed for our address, our reputation or our rate; the eight providers with most of it. Dashed: where the alert begins.", "percentunit",
				query{"{{provider}}", top(8, "provider", smooth("provider", blocked, all), blocked)}).limits(step{"transparent", nil}, step{"red", new(0.2)}),
			lines(12, "Blocked share by host", "The same by host: one host alone points to its address, all of them to what is sent.", "percentunit",
				query{"{{instance}}", top(8, "instance", smooth("instance", blocked, all), blocked)}).limits(step{"transparent", nil}, step{"red", new(0.2)}),
		}},
		row{"What to do", 10, []*panel{
			table(24, "Causes and advice", "Failures at the provider in the time range.", "Failures",
				column{name: "Cause", label: "cause", width: 160, url: dashboardURL("causes", "cause", "Cause")},
				column{name: "Must act", label: "actor", width: 180},
				column{name: "What to do", label: "advice", texts: advice()},
				column{name: "Failures", unit: "short", width: 100, expr: copyLabel(withActor(inRange("cause", failed)+" >= 1"), "cause", "advice")},
				column{name: "Of all attempts", unit: "percentunit", width: 130, heat: heat(-1, 0.05, 0.1),
					expr: copyLabel(withActor("("+inRange("cause", failed)+" >= 1) / on () group_left () ("+inRange("", all)+" > 0)"), "cause", "advice")},
			),
		}},
		row{"All providers", 10, []*panel{
			providerTable(24, "Providers", "All receivers, whatever is chosen above. A click chooses one."),
		}},
	)
}

// showName makes a stat show the name of its series.
func (p *panel) showName(legend string) *panel {
	p.Targets[0].LegendFormat = legend
	p.Options["textMode"] = "value_and_name"
	p.FieldConfig.Defaults.NoValue = "no failure"
	return p
}
