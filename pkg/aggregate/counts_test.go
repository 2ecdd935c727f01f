package aggregate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func event(st logparse.Status, code replycode.Code, recipient string) *logparse.Event {
	direction := logparse.Outbound
	if st >= logparse.Rejected {
		direction = logparse.Inbound
	}
	return &logparse.Event{
		MTA: logparse.Postfix, Direction: direction, Status: st, Code: code,
		Recipient: []byte(recipient), Recipients: 1, Lines: 1, Delay: -1,
	}
}

func TestAddCountsRecipientsTimesRepeats(t *testing.T) {
	c := New()
	ev := event(logparse.Bounced, 550, "a@Example.COM")
	ev.Recipients, ev.Repeat = 3, 2
	c.Add(ev, replycode.Verdict{Cause: replycode.UserUnknown}, false)
	ev.Folded = true // syslog's note: the first occurrence was counted already
	c.Add(ev, replycode.Verdict{Cause: replycode.UserUnknown}, false)

	key := Key{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Bounced, Code: 550,
		Class: replycode.PermanentFailure, Cause: replycode.UserUnknown}
	if got, want := c.Rows(), []Row{{key, 3*3 + 3*2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("Rows = %+v, want %+v", got, want)
	}
	if got, want := c.Domains(), []DomainRow{{"example.com", DomainCount{Bounced: 15}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("Domains = %+v, want %+v", got, want)
	}
}

func TestRemarksAreKeptApart(t *testing.T) {
	c := New()
	ev := event(logparse.Deferred, 421, "a@example.com")
	ev.Delay = 3
	c.Add(ev, replycode.Verdict{}, true)
	if rows := c.Rows(); len(rows) != 1 || !rows[0].Remark || rows[0].N != 1 {
		t.Errorf("Rows = %+v, want one remark", rows)
	}
	if len(c.Domains()) != 0 || len(c.Delays()) != 0 {
		t.Error("a remark counted as an outcome of its domain")
	}
}

// someCounts makes Counts out of a seed; their sums are exact in float64.
func someCounts(seed uint64) *Counts {
	r := rand.New(rand.NewPCG(seed, 1))
	c := New()
	for range 200 {
		ev := event(logparse.Status(1+r.IntN(6)), replycode.Code(200+r.IntN(400)), fmt.Sprintf("u@d%d.example", r.IntN(9)))
		ev.MTA = logparse.MTA(1 + r.IntN(3))
		ev.Delay = float64(r.IntN(4000)) / 4
		c.Add(ev, replycode.Verdict{Cause: replycode.Cause(r.IntN(replycode.NumCauses))}, r.IntN(5) == 0)
		c.At(created.Add(time.Duration(r.IntN(90))*time.Minute), ev.Status, 1)
		c.Line(fmt.Sprintf("log%d", r.IntN(3)), logparse.Result(r.IntN(int(logparse.NumResults))))
		c.Unmatched([]byte(fmt.Sprintf("word%c", 'a'+rune(r.IntN(5)))), 1)
	}
	return c
}

func stateOf(t *testing.T, c *Counts) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMergeIsAssociativeAndCommutative(t *testing.T) {
	merge := func(all ...*Counts) *Counts {
		sum := New()
		for _, c := range all {
			sum.Merge(c)
		}
		return sum
	}
	for seed := uint64(0); seed < 20; seed += 3 {
		a, b, c := someCounts(seed), someCounts(seed+1), someCounts(seed+2)
		want := stateOf(t, merge(a, b, c))
		if got := stateOf(t, merge(c, a, b)); got != want {
			t.Fatalf("seed %d: c+a+b differs from a+b+c", seed)
		}
		if got := stateOf(t, merge(a, merge(b, c))); got != want {
			t.Fatalf("seed %d: a+(b+c) differs from (a+b)+c", seed)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	c := someCounts(1)
	before := stateOf(t, c)
	clone := c.Clone()
	if got := stateOf(t, clone); got != before {
		t.Fatal("the clone differs")
	}
	clone.Merge(someCounts(2))
	if stateOf(t, c) != before {
		t.Error("a change of the clone changed the original")
	}
}

func TestStateKeepsEverything(t *testing.T) {
	for _, c := range []*Counts{New(), NewWithoutDomains(), someCounts(7)} {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Counts
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		back.hour, back.hourAt, back.recent = c.hour, c.hourAt, c.recent // shortcuts, not counts
		if !reflect.DeepEqual(&back, c) {
			t.Errorf("after a round trip:\n%+v\nwant\n%+v", &back, c)
		}
	}
}

func TestStateRefusesWhatItDoesNotKnow(t *testing.T) {
	for state, want := range map[string]string{
		`{"version":2}`: "counts of version 2, this program knows version 1",
		`{"version":1,"keys":[{"mta":"qmail","class":"none"}]}`:                                            `unknown name "qmail"`,
		`{"version":1,"keys":[{"mta":"exim","class":"6xx"}]}`:                                              `unknown name "6xx"`,
		`{"version":1,"keys":[{"class":"none","provider":"other","cause":"unknown","code":"999"}]}`:        `unknown name "999"`,
		`{"version":1,"keys":[{"class":"none","provider":"other","cause":"unknown","enhanced":"5.1.1x"}]}`: `unknown name "5.1.1x"`,
		`{"version":1,"keys":[{"class":"none","provider":"other","cause":"moon"}]}`:                        `unknown name "moon"`,
		`{"version":1,"lines":{"a":[1]}}`:                                                                  "lines of a: 1 results, not 5",
		`{"version":1,"delays":[{"mta":"exim","status":"sent","Native":[1]}]}`:                             `unknown name "native histogram of 1 buckets"`,
	} {
		var c Counts
		if err := json.Unmarshal([]byte(state), &c); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", state, err, want)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	c := New()
	for range 2 {
		c.Add(event(logparse.Bounced, 550, "u@big.example"), replycode.Verdict{}, false)
	}
	for i := range maxDomains {
		c.Add(event(logparse.Sent, 250, fmt.Sprintf("u@%d.example", i)), replycode.Verdict{}, false)
	}
	if n := len(c.Domains()); n != maxDomains/2+1 {
		t.Errorf("%d domains kept, want %d", n, maxDomains/2+1)
	}
	if got := c.Domains()[0]; got != (DomainRow{"big.example", DomainCount{Bounced: 2}}) {
		t.Errorf("the domain with most mail is %+v", got)
	}
	if got := c.OtherDomains(); got != (DomainCount{Sent: maxDomains / 2}) {
		t.Errorf("OtherDomains = %+v, want %d sent", got, maxDomains/2)
	}
	if c.Overflow() != 0 {
		t.Errorf("Overflow = %d for domains, which are no series", c.Overflow())
	}

	c = NewWithoutDomains()
	c.Add(event(logparse.Sent, 250, "u@example.com"), replycode.Verdict{}, false)
	if len(c.Domains()) != 0 || c.OtherDomains() != (DomainCount{}) {
		t.Error("domains were kept")
	}

	c = New()
	for i := range maxTemplates + 5 {
		word := strings.Repeat("a", 1+i%40) + strings.Repeat("b", 1+i/40)
		c.Unmatched([]byte(word), 2)
	}
	if got := c.Templates(); len(got) != maxTemplates+1 || got[0] != (TemplateRow{otherReplies, 10}) {
		t.Errorf("%d templates, first %+v; want %d, and 10 other replies", len(got), got[0], maxTemplates+1)
	}
}

func TestHours(t *testing.T) {
	c := New()
	c.At(created, logparse.Sent, 2)
	c.At(created.Add(time.Hour), logparse.Bounced, 3)
	c.At(created.Add(30*time.Minute), logparse.Sent, 5)
	c.At(time.Time{}, logparse.Sent, 7)
	want := []HourRow{{Start: created.Truncate(time.Hour)}, {Start: created.Truncate(time.Hour).Add(time.Hour)}}
	want[0].Statuses[logparse.Sent], want[1].Statuses[logparse.Bounced] = 7, 3
	if got := c.Hours(); !reflect.DeepEqual(got, want) {
		t.Errorf("Hours = %v, want %v", got, want)
	}
}

func TestTemplatesMaskWhatIsPersonal(t *testing.T) {
	c := New()
	c.Unmatched([]byte("no  <alice@example.com>\n here 192.0.2.17 \x1b[31m x\xff1234y"), 2)
	c.Unmatched([]byte("once"), 1)
	want := []TemplateRow{{"no <address> here #.#.#.# ?[#m x?#y", 2}, {"once", 1}}
	if got := c.Templates(); !reflect.DeepEqual(got, want) {
		t.Errorf("Templates = %+v, want %+v", got, want)
	}
}

func TestAddAllocatesNothingForKnownKeys(t *testing.T) {
	c := New()
	ev := event(logparse.Bounced, 550, "a@Example.com")
	ev.Delay = 12
	if n := testing.AllocsPerRun(100, func() { c.Add(ev, replycode.Verdict{}, false) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	c := New()
	ev := event(logparse.Bounced, 550, "a@Example.com")
	ev.Delay = 12
	b.ReportAllocs()
	for b.Loop() {
		c.Add(ev, replycode.Verdict{}, false)
	}
}

// A daemon's time line has two weeks, whatever order the hours come in.
func TestTimeLineOfADaemonIsBounded(t *testing.T) {
	c := NewWithoutDomains()
	for i := range 2 * recentHours {
		c.At(created.Add(time.Duration(i)*time.Hour), logparse.Sent, 1)
	}
	c.At(created, logparse.Sent, 1) // older than all: only in the totals
	for _, c := range []*Counts{c, c.Clone()} {
		hours := c.Hours()
		if first := created.Add(recentHours * time.Hour).Truncate(time.Hour); len(hours) != recentHours || !hours[0].Start.Equal(first) {
			t.Errorf("%d hours from %v, want %d from %v", len(hours), hours[0].Start, recentHours, first)
		}
		for _, h := range hours {
			if h.Statuses[logparse.Sent] != 1 {
				t.Errorf("%v: %v", h.Start, h.Statuses)
			}
		}
	}
	report := New()
	for i := range 2 * recentHours {
		report.At(created.Add(time.Duration(i)*time.Hour), logparse.Sent, 1)
	}
	if n := len(report.Hours()); n != 2*recentHours {
		t.Errorf("%d hours of a report", n)
	}
}

// numbered makes Counts of n domains and n templates, the i-th of them i+1 times.
func numbered(prefix string, n int) *Counts {
	c := New()
	for i := range n {
		ev := event(logparse.Bounced, 550, fmt.Sprintf("u@%s%d.example", prefix, i))
		ev.Recipients = i + 1
		c.Add(ev, replycode.Verdict{}, false)
		word := strings.Repeat("a", 1+i%40) + strings.Repeat("b", 1+i/40)
		c.Unmatched([]byte(prefix+word), uint64(i+1))
	}
	return c
}

// With tables that overflow, a+b is still b+a, and what stays is the greatest.
func TestMergeOfFullTablesIsNotUpToChance(t *testing.T) {
	a, b := numbered("x", maxTemplates), numbered("y", maxTemplates)
	a.domainLimit, b.domainLimit = maxTemplates, maxTemplates
	ab, ba := a.Clone(), b.Clone()
	ab.Merge(b)
	ba.Merge(a)
	if stateOf(t, ab) != stateOf(t, ba) {
		t.Error("a+b differs from b+a")
	}
	// Of each prefix 1000 down to 501 stay; the others are 1+...+500 twice.
	const rest = 2 * 500 * 501 / 2
	if got := ab.OtherDomains(); len(ab.Domains()) != maxTemplates || got != (DomainCount{Bounced: rest}) {
		t.Errorf("%d domains, the others %+v; want %d and %d bounced", len(ab.Domains()), got, maxTemplates, rest)
	}
	if got := ab.Templates(); len(got) != maxTemplates+1 || got[0] != (TemplateRow{otherReplies, rest}) {
		t.Errorf("%d templates, the first %+v; want %d and %d others", len(got), got[0], maxTemplates+1, rest)
	}
}

// JSON has no bytes that are not UTF-8: both names become "\ufffd.example".
func TestStateAddsDomainsThatBecameTheSame(t *testing.T) {
	c := New()
	for _, name := range []string{"\xfe.example", "\xff.example"} {
		c.Add(event(logparse.Bounced, 550, "u@"+name), replycode.Verdict{}, false)
	}
	var back Counts
	if err := json.Unmarshal([]byte(stateOf(t, c)), &back); err != nil {
		t.Fatal(err)
	}
	if got, want := back.Domains(), []DomainRow{{"\ufffd.example", DomainCount{Bounced: 2}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("Domains = %+v, want %+v", got, want)
	}
}

// What a full table could not tell apart is the same in a copy, and after a restart: else counters would fall.
func TestCopyOfAFullTable(t *testing.T) {
	c := NewWithoutDomains()
	for i := range maxKeys + 1000 {
		c.Add(&logparse.Event{
			MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Bounced, Recipients: 1, Delay: -1,
			Code: replycode.Code(550 + i%3), Enhanced: replycode.MakeEnhanced(replycode.PermanentFailure, uint16(100+i/900), uint16(i%900)),
		}, replycode.Verdict{Cause: replycode.Cause(i % 5)}, false)
	}
	if c.Overflow() == 0 {
		t.Fatal("the table is not full")
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var read Counts
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*Counts{"copy": c.Clone(), "read again": &read} {
		if !slices.Equal(other.Rows(), c.Rows()) || other.Overflow() != c.Overflow() {
			t.Errorf("%s: %d rows and %d told apart no more, want %d and %d", name, len(other.Rows()), other.Overflow(), len(c.Rows()), c.Overflow())
		}
	}
}
