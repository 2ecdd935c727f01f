package main

// causes says why mail fails and what each cause asks for.
func causes() *dashboard {
	const both = `direction=~"$direction",cause=~"$cause"`
	failed := failures(both)
	all := events(`direction=~"$direction"`)
	return newDashboard("causes", "Causes and advice", "Why mail fails, who must act, and what to do.",
		[]variable{jobVariable, instanceVariable, mtaVariable, directionVariable(), causeVariable()},
		row{"", 7, []*panel{
			bars(8, "Who must act", "Failures in the time range by who must act on their cause.", "short",
				query{"{{actor}}", sum("actor", withActor(inRange("cause", failed)+" >= 1"))}),
			lines(16, "Failures by who must act", "Per minute.", perMin,
				query{"{{actor}}", sum("actor", withActor(perMinute("cause", failed))) + " and on (actor) (" +
					sum("actor", withActor(sum("cause", "increase("+failed+"[$__range] @ end())"))) + " > 0)"}).stacked(),
		}},
		row{"", 13, []*panel{
			table(24, "Causes and advice", "Failures in the time range by cause.", "Failures",
				column{name: "Cause", label: "cause", width: 160},
				column{name: "Meaning", label: "meaning", texts: definitions()},
				column{name: "Must act", label: "actor", width: 170},
				column{name: "What to do", label: "advice", texts: advice()},
				column{name: "Failures", unit: "short", width: 90, expr: withTexts(inRange("cause", failed) + " >= 1")},
				column{name: "Of all mail", unit: "percentunit", width: 100, heat: heat(-1, 0.05, 0.1),
					expr: withTexts("(" + inRange("cause", failed) + " >= 1) / on () group_left () (" + inRange("", all) + " > 0)")},
			),
		}},
		row{"Over time", 9, []*panel{
			lines(12, "Failures by cause", "Per minute; the ten most frequent causes of the time range.", perMin,
				query{"{{cause}}", top(10, "cause", perMinute("cause", failed), failed)}).stacked().colored(marked...),
			lines(12, "Failures by host", "Per minute; the ten hosts with most of them.", perMin,
				query{"{{instance}}", top(10, "instance", perMinute("instance", failed), failed)}).stacked(),
		}},
		row{"Codes", 11, []*panel{
			table(12, "Reply codes", "Deciding replies in the time range, without success.", "Replies",
				column{name: "Code", label: "code", width: 70},
				column{name: "Class", label: "class", width: 70},
				column{name: "Meaning", label: "meaning", texts: codeMeanings()},
				column{name: "Replies", unit: "short", width: 90, expr: copyLabel(inRange("code, class", replies(`direction=~"$direction",class!="2xx"`))+" >= 1", "code", "meaning")},
			),
			table(12, "Enhanced status codes", "The finer codes of RFC 3463 beside the replies, without success.", "Replies",
				column{name: "Code", label: "enhanced", width: 80},
				column{name: "Class", label: "class", width: 70},
				column{name: "Meaning", label: "meaning", texts: enhancedMeanings()},
				column{name: "Replies", unit: "short", width: 90, expr: copyLabel(inRange("enhanced, class",
					"bouncewatch_enhanced_codes_total{"+mail+`,direction=~"$direction",class!="2xx"}`)+" >= 1", "enhanced", "meaning")},
			),
		}},
		row{"Providers", 11, []*panel{
			lines(12, "Failures by provider", "Outgoing mail per minute that failed for the chosen causes; the ten providers with most of it.", perMin,
				query{"{{provider}}", top(10, "provider", perMinute("provider", providerFailures), providerFailures)}).stacked(),
			table(12, "Cause by provider", "Failures of outgoing mail in the time range. A click leads to the provider.", "Failures",
				column{name: "Provider", label: "provider", url: dashboardURL("provider", "provider", "Provider")},
				column{name: "Cause", label: "cause"},
				column{name: "Failures", unit: "short", width: 100, expr: inRange("provider, cause", providerFailures) + " >= 1"},
			),
		}},
	)
}

const providerFailures = "bouncewatch_provider_failures_total{" + host + `,cause=~"$cause"}`

// withTexts adds who must act, and copies of the cause for its texts.
func withTexts(byCause string) string {
	return copyLabel(copyLabel(withActor(byCause), "cause", "advice"), "cause", "meaning")
}

func directionVariable() variable {
	v := labelVariable("direction", "Direction", "label_values(bouncewatch_events_total, direction)")
	v.Description = "outbound: this side delivers; inbound: this side refuses"
	v.Current = map[string]any{"text": []string{"outbound"}, "value": []string{"outbound"}}
	return v
}

func causeVariable() variable {
	return labelVariable("cause", "Cause", "label_values(bouncewatch_cause_info, cause)")
}
