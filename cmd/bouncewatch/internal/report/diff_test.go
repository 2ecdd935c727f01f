package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A fate is what became of some outbound mail.
type fate struct {
	n        int
	status   logparse.Status
	code     replycode.Code
	cause    replycode.Cause
	provider replycode.Provider
}

func countMail(fates ...fate) *aggregate.Counts {
	c := aggregate.New()
	for _, m := range fates {
		if m.n == 0 {
			continue
		}
		ev := logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: m.status, Code: m.code, Recipients: m.n, Lines: 1, Delay: -1}
		c.Add(&ev, replycode.Verdict{Cause: m.cause, Provider: m.provider}, false)
	}
	return c
}

func compare(before, after *aggregate.Counts) *Diff {
	return Compare(SideOf(before, false), SideOf(after, false), DiffOptions{Confidence: 0.99, Factor: 1.25})
}

func sent(n int) fate     { return fate{n: n, status: logparse.Sent, code: 250} }
func unknown(n int) fate  { return fate{n, logparse.Bounced, 550, replycode.UserUnknown, 0} }
func blocked(n int) fate  { return fate{n, logparse.Bounced, 554, replycode.IPBlocked, 1} }
func deferred(n int) fate { return fate{n, logparse.Deferred, 0, replycode.NetworkError, 0} }

func rowsOf(d *Diff) (rows []string) {
	for _, r := range d.Rows {
		rows = append(rows, fmt.Sprintf("%v %s %d/%d %d/%d %v", r.subject, r.Change, r.Before.Count, r.Before.Of, r.After.Count, r.After.Of, r.Moved))
	}
	return rows
}

func TestDiffFindsWhatMoved(t *testing.T) {
	d := compare(
		countMail(sent(9800), unknown(100), deferred(2), fate{98, logparse.Deferred, 451, replycode.Greylisted, 0}),
		countMail(sent(9500), unknown(101), blocked(299), fate{97, logparse.Deferred, 451, replycode.Greylisted, 0}, fate{3, logparse.Bounced, 552, replycode.MailboxFull, 0}),
	)
	want := []string{
		"bounced up 100/10000 403/10000 true",
		"cause ip_blocked new 0/10000 299/10000 true",
		"code 554 new 0/10000 299/10000 true",
		"cause mailbox_full new 0/10000 3/10000 false",
		"cause network_error gone 2/10000 0/10000 false",
		"code 552 new 0/10000 3/10000 false",
		"code none gone 2/10000 0/10000 false",
	}
	if got := rowsOf(d); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d.Moved != 3 {
		t.Errorf("%d moved, want 3", d.Moved)
	}
	info := replycode.Causes()[replycode.IPBlocked]
	if d.Rows[1].Actor != info.Actor || d.Rows[1].Advice != info.Advice {
		t.Errorf("actor %q, advice %q", d.Rows[1].Actor, d.Rows[1].Advice)
	}
}

// The other way round, what was new is gone.
func TestDiffIsSymmetric(t *testing.T) {
	a, b := countMail(sent(900), unknown(100)), countMail(sent(900), blocked(100))
	there, back := compare(a, b), compare(b, a)
	opposite := map[string]string{"new": "gone", "gone": "new", "up": "down", "down": "up"}
	changes := map[subject]string{}
	for _, r := range there.Rows {
		changes[r.subject] = opposite[r.Change]
	}
	if there.Moved != back.Moved || len(there.Rows) != len(back.Rows) || there.Moved != 5 {
		t.Fatalf("%d and %d moved, want two causes, two codes and a provider", there.Moved, back.Moved)
	}
	for _, r := range back.Rows {
		if changes[r.subject] != r.Change {
			t.Errorf("%v: %s, want %s", r.subject, r.Change, changes[r.subject])
		}
	}
}

// A provider's share is of its own mail: a receiver with little mail counts as
// well as a large one.
func TestDiffSeesAProvider(t *testing.T) {
	to := func(n int, s logparse.Status) fate { return fate{n: n, status: s, provider: 2} }
	d := compare(countMail(sent(1_000_000), to(100, logparse.Sent)), countMail(sent(1_000_000), to(60, logparse.Sent), to(40, logparse.Deferred)))
	name := replycode.Provider(2).String()
	i := slices.IndexFunc(d.Rows, func(r DiffRow) bool { return r.Kind == kindProvider })
	if i < 0 || d.Rows[i].Name != name || d.Rows[i].Status != "deferred" || !d.Rows[i].Moved || d.Rows[i].After != newPortion(40, 100) {
		t.Errorf("no word about %s: %v", name, rowsOf(d))
	}
}

// A share that grows by less than the factor is no news, however sure the growth.
func TestDiffFactor(t *testing.T) {
	before, after := countMail(sent(900_000), unknown(100_000)), countMail(sent(880_000), unknown(120_000))
	if d := compare(before, after); d.Moved != 0 {
		t.Errorf("%v, want nothing: 1.2 is less than 1.25", rowsOf(d))
	}
	d := Compare(SideOf(before, false), SideOf(after, false), DiffOptions{Confidence: 0.99, Factor: 1.2})
	if d.Moved != 4 {
		t.Errorf("%v, want the status, the cause, the provider and the code", rowsOf(d))
	}
}

func TestDiffWithNothingToCompare(t *testing.T) {
	for _, d := range []*Diff{
		compare(aggregate.New(), aggregate.New()), compare(aggregate.New(), countMail(unknown(1000))), compare(countMail(unknown(1000)), aggregate.New()),
	} {
		if d.Compared != 0 || d.Moved != 0 || len(d.Rows) != 0 {
			t.Errorf("%d compared, %d moved, %v", d.Compared, d.Moved, rowsOf(d))
		}
	}
}

// Of periods of like mail, at most so many seem to differ as the confidence says.
func TestDiffOfLikeMailIsQuiet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	period := func() *aggregate.Counts {
		var n [6]int
		for range 3000 {
			// kinds from 80 % down to 0.1 %
			i, dice := 0, random.IntN(1000)
			for _, limit := range []int{800, 900, 960, 990, 999} {
				if dice >= limit {
					i++
				}
			}
			n[i]++
		}
		return countMail(sent(n[0]), fate{n[1], logparse.Deferred, 451, replycode.Greylisted, 0}, unknown(n[2]), deferred(n[3]),
			blocked(n[4]), fate{n[5], logparse.Bounced, 552, replycode.MailboxFull, 0})
	}
	alarms := 0
	const pairs = 400
	for range pairs {
		if Compare(SideOf(period(), false), SideOf(period(), false), DiffOptions{Confidence: 0.9, Factor: 1}).Moved > 0 {
			alarms++
		}
	}
	if alarms == 0 || alarms > pairs/10 {
		t.Errorf("%d of %d comparisons of like mail give an alarm, want some but at most a tenth", alarms, pairs)
	}
}

// A report or a snapshot that was written and read again is the same Side.
func TestReadSide(t *testing.T) {
	for _, format := range []string{"json", "snapshot"} {
		side, err := ReadSide(strings.NewReader(render(t, format, Options{}, sample())))
		if err != nil {
			t.Fatal(err)
		}
		d := Compare(side, SideOf(sample(), false), DiffOptions{Confidence: 0.99, Factor: 1})
		if len(d.Rows) != 0 || d.Compared != 13 || d.Before.Outbound != d.After.Outbound {
			t.Errorf("%s: %d of %d differ: %v", format, len(d.Rows), d.Compared, rowsOf(d))
		}
	}
}

func TestReadSideRefusesWhatIsNoReport(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "no report: unexpected end of JSON input",
		`{"version":1,"events":[]`:    "no report: unexpected end of JSON input",
		`{"version":1,"events":[]} {`: "no report: invalid character '{' after top-level value",
		`{"version":2}`:               "report of version 2: this program reads version 1",
		`{"events":[]}`:               "report of version 0: this program reads version 1",
		`{"version":1}`:               "no report: it has no events",
		`{"version":9,"counts":{}}`:   "snapshot of version 9, this program knows version 1",
		`{"version":1,"events":[],"causes":[{"cause":"x","direction":"outbound","count":2}]}`: "no report: cause x: 2 of 0 outcomes",
	} {
		if _, err := ReadSide(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestDiffJSONFollowsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "..", "..", "docs", "diff.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Diff{compare(aggregate.New(), aggregate.New()), compare(sample(), countMail(blocked(1000))), compare(countMail(blocked(1000)), sample())} {
		var b bytes.Buffer
		if err := d.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Error(err)
		}
	}
}
