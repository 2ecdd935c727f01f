package main

const (
	delivered = `outcome=~"delivered.+"`
	lost      = `outcome=~"failed|expired"`
)

// messages tells what became of mail in the end, however many attempts it took.
func messages() *dashboard {
	all := recipients("")
	return newDashboard("messages", "What became of mail", "What became of mail in the end, however many attempts it took; whose mail looks suspicious.",
		[]variable{jobVariable, instanceVariable, mtaVariable},
		row{"", 4, []*panel{
			stat(3, "Recipients", "Recipients whose mail came to an end in the time range: one for each recipient, not for each attempt.", "short", inRange("", all)),
			stat(3, "Delivered", "Share of the recipients whose mail was delivered in the end.", "percentunit",
				share(inRange("", recipients(delivered)), inRange("", all)), step{"red", nil}, step{"orange", new(0.8)}, step{"yellow", new(0.9)}, step{"green", new(0.95)}),
			stat(3, "Bounced in the end", "The true bounce rate: share of the recipients whose mail failed for good or was given up after days.", "percentunit",
				share(inRange("", recipients(lost)), inRange("", all)), grades(bounceGrades[0], bounceGrades[1], bounceGrades[2])...),
			stat(3, "Late", "Share of the delivered mail that was put off at least once, greylisting included.", "percentunit",
				share(inRange("", recipients(`outcome="delivered_after_deferral"`)), inRange("", recipients(delivered))),
				grades(deferralGrades[0], deferralGrades[1], deferralGrades[2])...),
			stat(3, "Late: half in", "Half of the mail that was put off and delivered later came within this time of its arrival here.", "s",
				"histogram_quantile(0.5, "+inRange("le", late("bucket"))+")", grades(3600, 14400, -1)...).none("none late"),
			stat(3, "Late: in an hour", "Share of the mail that was put off and delivered later, within an hour of its arrival here.", "percentunit",
				share(inRange("", late("bucket", `le=~"3600|3600[.]0"`)), inRange("", late("count"))), step{"orange", nil}, step{"yellow", new(0.5)}, step{"green", new(0.9)}).none("none late"),
			stat(3, "Open messages", "Messages that wait for the outcome of a recipient, now: the queues, as far as the logs say.", "short", "sum(bouncewatch_messages_open{"+mail+"})"),
			stat(3, "Suspicious senders", "Senders in this hour or the one before with many recipients that do not exist, or ten times as many recipients as usual. The log of bouncewatch names them.", "short",
				"sum(bouncewatch_suspicious_senders{"+host+"})", grades(-1, -1, 1)...),
		}},
		row{"", 9, []*panel{
			lines(12, "What became of mail", "Recipients per minute by the end of their mail. gone: it left the queue and no line says how; lost_sight: bouncewatch gave it up.", perMin,
				query{"{{outcome}}", perMinute("outcome", all)}).stacked().colored(endings...),
			lines(12, "Bounced in the end, and bounced attempts", "Over ten minutes each. Attempts that are repeated make the share of attempts smaller. Dashed: where the alert on attempts begins.", "percentunit",
				query{"recipients", smooth("", recipients(lost), all)},
				query{"attempts", smooth("", events(outbound+`,status=~"bounced|expired"`), events(outbound))}).
				limits(step{"transparent", nil}, step{"red", new(0.1)}),
		}},
		row{"Why", 11, []*panel{
			table(14, "Bounced in the end, by the last cause", "Recipients whose mail failed or expired in the time range. A click leads to the advice.", "Recipients",
				column{name: "Cause", label: "cause", url: dashboardURL("causes", "cause", "Cause"), width: 160},
				column{name: "Must act", label: "actor", width: 170},
				column{name: "What to do", label: "advice", texts: advice()},
				column{name: "Recipients", unit: "short", width: 100,
					expr: copyLabel(withActor(inRange("cause", "bouncewatch_recipient_failures_total{"+mail+"}")+" >= 1"), "cause", "advice")},
			),
			table(10, "Delivered late, by the first cause", "Recipients whose mail was put off for this cause first and delivered later.", "Recipients",
				column{name: "Cause", label: "cause", url: dashboardURL("causes", "cause", "Cause"), width: 160},
				column{name: "Meaning", label: "meaning", texts: definitions()},
				column{name: "Recipients", unit: "short", width: 100,
					expr: copyLabel(inRange("cause", "bouncewatch_deferred_deliveries_total{"+host+"}")+" >= 1", "cause", "meaning")},
			),
		}},
		row{"How late", 8, []*panel{
			lines(12, "Late mail: from arrival to delivery", "Of mail that was put off and delivered later, over half an hour each. Half of it came sooner than p50.", "s",
				query{"p50", lateQuantile("0.5")}, query{"p90", lateQuantile("0.9")}, query{"p99", lateQuantile("0.99")}).logarithmic(),
			lines(12, "Open messages", "Messages that wait for an outcome, by host; the ten hosts with most at the end.", "short",
				query{"{{instance}}", "sum by (instance) (" + open + ") and on (instance) topk(10, sum by (instance) (" + open + " @ end()))"}),
		}},
		row{"Where", 10, []*panel{
			recipientTable(14),
			lines(5, "Suspicious senders", "By host; the ten hosts with most at the end.", "short", query{"{{instance}}", largest("bouncewatch_suspicious_senders{" + host + "}")}).bare(),
			lines(5, "Lost sight of", "Messages that bouncewatch gave up, per minute: crowded, more than message_limit; too_old; id_reused.", perMin,
				query{"{{reason}}", perMinute("reason", "bouncewatch_messages_lost_sight_total{"+host+"}")}),
		}},
	)
}

const open = "bouncewatch_messages_open{" + mail + "}"

// recipients are those with a final outcome.
func recipients(matchers string) string {
	return "bouncewatch_recipients_total{" + mail + "," + matchers + "}"
}

// late is a part of the histogram of mail that was put off and delivered later.
func late(part string, matchers ...string) string {
	series := "bouncewatch_deferred_delivery_seconds_" + part + "{" + mail
	for _, m := range matchers {
		series += "," + m
	}
	return series + "}"
}

func lateQuantile(q string) string {
	return "histogram_quantile(" + q + ", " + sum("le", "rate("+late("bucket")+"[30m])") + ")"
}

// recipientTable has a row for each provider with mail that came to an end.
func recipientTable(width int) *panel {
	ended := func(matchers string) string {
		return inRange("provider", "bouncewatch_provider_recipients_total{"+host+","+matchers+"}")
	}
	all := ended("")
	return table(width, "Providers", "What became of mail by receiver, in the time range. A click leads to the provider.", "Recipients",
		column{name: "Provider", label: "provider", url: dashboardURL("provider", "provider", "Provider")},
		column{name: "Recipients", unit: "short", width: 105, expr: all + " >= 1"},
		column{name: "First try", unit: "percentunit", width: 100, expr: share(ended(`outcome="delivered_first_try"`), all)},
		column{name: "Late", unit: "percentunit", width: 100, heat: heat(-1, deferralGrades[1], deferralGrades[2]), expr: share(ended(`outcome="delivered_after_deferral"`), all)},
		column{name: "Failed", unit: "percentunit", width: 100, heat: heat(-1, bounceGrades[1], bounceGrades[2]), expr: share(ended(`outcome="failed"`), all)},
		column{name: "Expired", unit: "percentunit", width: 100, heat: heat(-1, bounceGrades[1], bounceGrades[2]), expr: share(ended(`outcome="expired"`), all)},
	)
}
