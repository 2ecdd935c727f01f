package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A condition is what --fail-if asks.
type condition struct {
	text, name, operator string
	limit                float64
}

// A conditionError says that a condition holds.
type conditionError struct{ *condition }

func (e conditionError) Error() string { return "--fail-if " + e.text + " holds" }

// tally is what conditions are about.
type tally struct {
	statuses      [logparse.NumStatuses]uint64
	unknown       uint64 // failures whose cause no rule knows
	lines, unread uint64 // lines of mail servers, and those that no rule understands
}

// quantities are the names a condition may use. A rate of nothing is 0.
var quantities = map[string]func(*tally) float64{
	"sent":       func(t *tally) float64 { return float64(t.statuses[logparse.Sent]) },
	"deferred":   func(t *tally) float64 { return float64(t.statuses[logparse.Deferred]) },
	"bounced":    func(t *tally) float64 { return float64(t.statuses[logparse.Bounced]) },
	"expired":    func(t *tally) float64 { return float64(t.statuses[logparse.Expired]) },
	"rejected":   func(t *tally) float64 { return float64(t.statuses[logparse.Rejected]) },
	"tempfailed": func(t *tally) float64 { return float64(t.statuses[logparse.TempFailed]) },
	"unparsed":   func(t *tally) float64 { return float64(t.unread) },
	"bounce_rate": func(t *tally) float64 {
		failed := t.statuses[logparse.Bounced] + t.statuses[logparse.Expired]
		return ratio(failed, failed+t.statuses[logparse.Sent])
	},
	"deferral_rate": func(t *tally) float64 { return ratio(t.statuses[logparse.Deferred], t.outbound()) },
	"unknown_rate":  func(t *tally) float64 { return ratio(t.unknown, t.failures()) },
	"unparsed_rate": func(t *tally) float64 { return ratio(t.unread, t.lines) },
}

func conditionNames() string {
	return strings.Join(slices.Sorted(maps.Keys(quantities)), ", ")
}

func ratio(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func (t *tally) outbound() uint64 {
	return t.statuses[logparse.Sent] + t.statuses[logparse.Deferred] + t.statuses[logparse.Bounced] + t.statuses[logparse.Expired]
}

func (t *tally) failures() uint64 {
	return t.outbound() - t.statuses[logparse.Sent] + t.statuses[logparse.Rejected] + t.statuses[logparse.TempFailed]
}

func newTally(c *aggregate.Counts) *tally {
	t := &tally{}
	for _, r := range c.Rows() {
		if r.Remark {
			continue
		}
		t.statuses[r.Status] += r.N
		if r.Status != logparse.Sent && r.Cause == replycode.UnknownCause {
			t.unknown += r.N
		}
	}
	for _, source := range c.Sources() {
		for r, n := range c.Lines(source) {
			if logparse.Result(r) != logparse.ResultForeign {
				t.lines += n
			}
			if logparse.Result(r) == logparse.ResultUnparsed {
				t.unread += n
			}
		}
	}
	return t
}

var conditionForm = regexp.MustCompile(`^\s*([a-z_]+)\s*(>=|<=|==|!=|>|<)\s*([0-9.]+)\s*(%?)\s*$`)

// parseCondition returns nil for no condition.
func parseCondition(text string) (*condition, error) {
	if text == "" {
		return nil, nil
	}
	m := conditionForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("--fail-if %q: write it as in 'bounce_rate > 5%%'", text)
	}
	if quantities[m[1]] == nil {
		return nil, fmt.Errorf("--fail-if %q: unknown quantity %s: known are %s", text, m[1], conditionNames())
	}
	limit, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return nil, fmt.Errorf("--fail-if %q: %s is no number", text, m[3])
	}
	if m[4] == "%" {
		limit /= 100
	}
	return &condition{strings.TrimSpace(text), m[1], m[2], limit}, nil
}

func (c *condition) holds(counts *aggregate.Counts) bool {
	v := quantities[c.name](newTally(counts))
	switch c.operator {
	case ">":
		return v > c.limit
	case ">=":
		return v >= c.limit
	case "<":
		return v < c.limit
	case "<=":
		return v <= c.limit
	case "!=":
		return v != c.limit
	}
	return v == c.limit
}
