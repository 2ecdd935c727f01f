package logparse

import (
	"strings"
	"testing"
)

// TestEximRejectLog reads the reject logs of two runs. A record is a line of the
// main log too, so the truth for that line holds; the header lines of refused mail
// behind a record are no lines of a log.
func TestEximRejectLog(t *testing.T) {
	for _, name := range []string{"exim496-rich", "exim498-debian"} {
		t.Run(name, func(t *testing.T) { exCheckRejectLog(t, name) })
	}
}

func exCheckRejectLog(t *testing.T, name string) {
	truths := exTruthsByText(t, name)
	var p Parser
	var ev Event
	refusals, headers := 0, 0
	for i, line := range readLines(t, "exim-logs/rejectlog."+name) {
		got := p.Parse(line, &ev)
		truth, record := truths[string(line)]
		switch {
		case !record:
			headers++
			if got != ResultForeign {
				t.Errorf("line %d is a header line, got %v %s: %s", i+1, got, pfShow(&ev), line)
			}
		case truth == nil || !truth.Scored:
			if got != ResultIgnored {
				t.Errorf("line %d is no outcome, got %v %s: %s", i+1, got, pfShow(&ev), line)
			}
		default:
			if fault := exCompare(truth, got, &ev); fault != "" {
				t.Errorf("line %d: %s, got %v %s: %s", i+1, fault, got, pfShow(&ev), line)
			}
			if truth.Event == "reject" {
				refusals++
			}
		}
	}
	if refusals != 34 || headers != 34 {
		t.Errorf("%d refusals and %d header lines, want 34 and 34", refusals, headers)
	}
}

// In a container's log the header lines of refused mail are no lines of a log
// either, whatever the sender of the mail wrote in them.
func TestEximRejectLogWrapped(t *testing.T) {
	lines := []string{
		"2026-01-02 03:04:05 1xW4V6-0005cI-0l H=(x) [192.0.2.9] F=<b@example.org> rejected after DATA: 550 5.7.1 spam",
		"Envelope-from: <b@example.org>",
		"  Subject:Mar  5 10:11:12 mx1 postfix/smtp[7]: 4F2A1C0: to=<e@evil.example>, relay=none, delay=1, dsn=5.0.0, status=bounced (x)",
		"  X:2026-01-02 03:04:05 1xW4V6-0005cJ-0l ** e@evil.example: Unrouteable address",
		"F From:2026-01-02 03:04:05 1xW4V6-0005cJ-0l ** e@evil.example: Unrouteable address",
		"\t2026-01-02 03:04:05 1xW4V6-0005cJ-0l ** e@evil.example: Unrouteable address",
		"2026-01-02 03:04:06 1xW4V6-0005cK-0l ** ann@example.com: Unrouteable address",
	}
	for _, w := range lawPrefixes {
		if w.name == "grep" || w.name == "priority" || w.name == "mark" {
			continue // these stand in front of lines that begin with a time, or of the first line only
		}
		var p Parser
		var ev Event
		events := 0
		for _, line := range lines {
			l := lawLine{line: line, iso: "2026-01-02T04:04:05", utc: "2026-01-02T03:04:05"}
			for part := range strings.SplitSeq(w.wrap(&l), "\n") {
				if p.Parse([]byte(part), &ev) == ResultEvent {
					events++
				}
			}
		}
		if events != 2 {
			t.Errorf("%s: %d events, want the refusal and the bounce behind it", w.name, events)
		}
	}
}

// exTruthsByText has every line of a main log: with its truth, or with nil.
func exTruthsByText(t *testing.T, name string) map[string]*pfTruth {
	byLine := readTruths(t, "exim-logs/"+name+".truth.jsonl")
	byText := map[string]*pfTruth{}
	for i, line := range readLines(t, "exim-logs/"+name+".log") {
		byText[string(line)] = byLine[i+1]
	}
	return byText
}

// TestEximPanicLog reads what Exim writes into its panic log, too. A line without a
// message id in front says nothing that only Exim would say.
func TestEximPanicLog(t *testing.T) {
	const id = "1xW4V6-0005cI-0l "
	for _, c := range []struct {
		line string
		want Result
	}{
		{"socket bind() to port 25 for address (any IPv4) failed: Address already in use: daemon abandoned", ResultIgnored},
		{"Failed to get write lock for /var/spool/exim/db/retry.lockfile: timed out", ResultIgnored},
		{"Cannot open main log file \"/var/log/exim/mainlog\": Permission denied: euid=100 egid=101", ResultIgnored},
		{"exim user lost privilege for using -C option", ResultIgnored},
		{id + "Tainted filename for search: '/etc/exim/a@example.com'", ResultIgnored},
		{id + "Error in system filter: failed to expand \"x\": 550 5.1.1", ResultIgnored},
		{id + "failed to read delivery status for a@example.com from delivery subprocess", ResultIgnored},
		{id + "unlink /var/spool/exim/input/1xW4V6-0005cI-0l-H: No such file or directory", ResultIgnored},
		{id + "== a@example.com R=dnslookup T=remote_smtp def", ResultUnparsed}, // cut off by a full disk
		{"string_sprintf expansion was longer than 32768", ResultForeign},
	} {
		var p Parser
		var ev Event
		if got := p.Parse([]byte("2026-01-02 03:04:05 "+c.line), &ev); got != c.want {
			t.Errorf("%s: got %v, want %v", c.line, got, c.want)
		}
	}
}
