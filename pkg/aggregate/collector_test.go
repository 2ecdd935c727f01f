package aggregate

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func gather(t *testing.T, c *Counts) map[string]map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(NewCollector(func() *Counts { return c }, created))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]float64{}
	for _, f := range families {
		m := map[string]float64{}
		all[strings.TrimPrefix(f.GetName(), "bouncewatch_")] = m
		for _, s := range f.Metric {
			var labels []string
			for _, l := range s.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			v := s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
			m[strings.Join(labels, " ")] = v
			if s.Counter != nil && !s.Counter.CreatedTimestamp.AsTime().Equal(created) {
				t.Errorf("%s: created %v", f.GetName(), s.Counter.CreatedTimestamp.AsTime())
			}
		}
	}
	return all
}

// above0 leaves the series out that stand at 0.
func above0(m map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for k, v := range m {
		if v != 0 {
			out[k] = v
		}
	}
	return out
}

func TestCollectorServesTheContract(t *testing.T) {
	c := New()
	bounced := event(logparse.Bounced, 550, "a@example.com")
	bounced.Enhanced, bounced.Delay = replycode.MakeEnhanced(replycode.PermanentFailure, 1, 1), 2
	c.Add(bounced, replycode.Verdict{Cause: replycode.UserUnknown}, false)
	odd := event(logparse.Deferred, 499, "a@example.com")
	odd.Enhanced = replycode.MakeEnhanced(replycode.TransientFailure, 99, 99)
	c.Add(odd, replycode.Verdict{}, false)
	c.Add(event(logparse.Deferred, replycode.None, "a@example.com"), replycode.Verdict{Cause: replycode.NetworkError}, false)
	c.Add(event(logparse.Sent, 250, "a@example.com"), replycode.Verdict{}, false)
	c.Add(event(logparse.Rejected, 554, "a@example.com"), replycode.Verdict{Cause: replycode.RelayDenied}, false)
	c.Add(event(logparse.Deferred, 421, "a@example.com"), replycode.Verdict{}, true)
	c.Add(event(logparse.AuthFailed, 535, ""), replycode.Verdict{}, true)
	c.Line("mail.log", logparse.ResultEvent)
	c.Line("mail.log", logparse.ResultForeign)

	got := gather(t, c)
	other := replycode.Provider(0).String()
	for name, want := range map[string]map[string]float64{
		"events_total": {
			"direction=outbound mta=postfix status=bounced": 1, "direction=outbound mta=postfix status=deferred": 2,
			"direction=outbound mta=postfix status=sent": 1, "direction=inbound mta=postfix status=rejected": 1,
		},
		"replies_total": {
			"class=5xx code=550 direction=outbound mta=postfix": 1, "class=4xx code=other direction=outbound mta=postfix": 1,
			"class=4xx code=none direction=outbound mta=postfix": 1, "class=2xx code=250 direction=outbound mta=postfix": 1,
			"class=5xx code=554 direction=inbound mta=postfix": 1,
		},
		"enhanced_codes_total": {
			"class=5xx direction=outbound enhanced=5.1.1 mta=postfix": 1, "class=4xx direction=outbound enhanced=other mta=postfix": 1,
		},
		"failures_total": {
			"cause=user_unknown class=5xx direction=outbound mta=postfix": 1, "cause=unknown class=4xx direction=outbound mta=postfix": 1,
			"cause=network_error class=4xx direction=outbound mta=postfix": 1, "cause=relay_denied class=5xx direction=inbound mta=postfix": 1,
		},
		"provider_events_total": {
			"provider=" + other + " status=bounced": 1, "provider=" + other + " status=deferred": 2, "provider=" + other + " status=sent": 1,
		},
		"provider_failures_total": {
			"cause=user_unknown provider=" + other: 1, "cause=unknown provider=" + other: 1, "cause=network_error provider=" + other: 1,
		},
		"delivery_delay_seconds": {"mta=postfix status=bounced": 1},
		"remarks_total":          {"class=4xx code=421 direction=outbound mta=postfix": 1},
		"login_failures_total":   {"mta=postfix": 1},
		"lines_total":            {"result=event source=mail.log": 1, "result=foreign source=mail.log": 1},
		"series_overflow_total":  {},
	} {
		if got := above0(got[name]); !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v\nwant %v", name, got, want)
		}
	}
	if n := len(got["cause_info"]); n != replycode.NumCauses {
		t.Errorf("cause_info has %d series, want %d", n, replycode.NumCauses)
	}
}

func TestKnownSeriesExistBeforeTheFirstEvent(t *testing.T) {
	got := gather(t, New())
	for _, s := range []struct{ name, labels string }{
		{"events_total", "direction=outbound mta=sendmail status=expired"},
		{"events_total", "direction=inbound mta=exim status=tempfailed"},
		{"replies_total", "class=5xx code=550 direction=outbound mta=exim"},
		{"replies_total", "class=4xx code=none direction=outbound mta=postfix"},
		{"failures_total", "cause=ip_blocked class=4xx direction=outbound mta=postfix"},
		{"provider_events_total", "provider=google status=bounced"},
		{"provider_failures_total", "cause=ip_blocked provider=google"},
		{"login_failures_total", "mta=postfix"},
		{"login_failures_total", "mta=exim"},
		{"login_failures_total", "mta=sendmail"},
		{"replies_total", "class=2xx code=none direction=outbound mta=sendmail"},
		{"enhanced_codes_total", "class=5xx direction=outbound enhanced=5.7.1 mta=exim"},
		{"enhanced_codes_total", "class=4xx direction=outbound enhanced=4.2.2 mta=postfix"},
		{"enhanced_codes_total", "class=2xx direction=outbound enhanced=2.0.0 mta=sendmail"},
		{"enhanced_codes_total", "class=4xx direction=outbound enhanced=other mta=postfix"},
		{"remarks_total", "class=4xx code=421 direction=outbound mta=postfix"},
		{"remarks_total", "class=none code=none direction=outbound mta=sendmail"},
		{"delivery_delay_seconds", "mta=exim status=sent"},
		{"series_overflow_total", ""},
	} {
		if v, ok := got[s.name][s.labels]; !ok || v != 0 {
			t.Errorf("%s{%s} = %v, %v; want it at 0", s.name, s.labels, v, ok)
		}
	}
}

// What is seeded cannot occur outside of our tables: a success is no failure, and
// a failed login is no remark.
func TestOnlyWhatMayOccurIsSeeded(t *testing.T) {
	got := gather(t, New())
	failures := 0
	for _, info := range replycode.EnhancedCodes() {
		if info.HasCause && !strings.HasSuffix(info.Pattern, ".x") {
			failures++
		}
	}
	// For each server the failures as 4.x.x and 5.x.x, other in both classes, and 2.0.0.
	if n, want := len(got["enhanced_codes_total"]), 3*(2*failures+2+1); n != want {
		t.Errorf("%d enhanced codes, want %d", n, want)
	}
	for labels := range got["enhanced_codes_total"] {
		if strings.Contains(labels, "enhanced=5.1.5 ") || strings.Contains(labels, "inbound") { // 2.1.5 is "destination address valid"
			t.Errorf("seeded: %s", labels)
		}
	}
	for labels := range got["remarks_total"] {
		if strings.Contains(labels, "class=2xx") || strings.Contains(labels, "inbound") {
			t.Errorf("seeded: %s", labels)
		}
	}
	total := 0
	for _, series := range got {
		total += len(series)
	}
	if total > 6000 { // of a host that has seen no mail; a scrape must stay under 3 ms
		t.Errorf("%d series before the first event", total)
	}
}

// Every reply code and every enhanced code that the standards know has its own
// label value; all others fall together, or a remote server could make series.
func TestSeriesAreBounded(t *testing.T) {
	c := New()
	for code := replycode.Code(200); code < 600; code++ {
		ev := event(logparse.Bounced, code, "a@example.com")
		ev.Enhanced = replycode.MakeEnhanced(replycode.PermanentFailure, uint16(code), uint16(code))
		c.Add(ev, replycode.Verdict{}, false)
	}
	got := gather(t, c)
	if n := len(above0(got["enhanced_codes_total"])); n != 4 { // other, in each class of reply code
		t.Errorf("%d series of codes outside the registry, want 4: %v", n, got["enhanced_codes_total"])
	}
	codes := map[string]bool{}
	for labels := range above0(got["replies_total"]) {
		codes[labels] = true
	}
	if want := len(replycode.Codes()) + 4; len(codes) > want {
		t.Errorf("%d series of reply codes, want at most %d", len(codes), want)
	}
}

func TestDelayHistogramHasBothForms(t *testing.T) {
	h := &Histogram{}
	for _, d := range []float64{0, 0.001, 0.5, 0.6, 1, 2, 1e9} {
		h.Add(d, 2)
	}
	if want := [len(DelayBuckets)]uint64{6, 4, 2}; h.Buckets != want || h.Count != 14 || h.Zero != 4 {
		t.Errorf("buckets %v count %d zero %d, want %v 14 4", h.Buckets, h.Count, h.Zero, want)
	}
	out := h.Metric(timestamppb.New(created))
	got := map[int32]int64{}
	var index int32
	var n int64
	deltas := out.PositiveDelta
	for _, span := range out.PositiveSpan {
		index += span.GetOffset()
		for range span.GetLength() {
			n, deltas = n+deltas[0], deltas[1:]
			got[index] = n
			index++
		}
	}
	// Bucket i of schema 3 holds (2^((i-1)/8), 2^(i/8)]: 0.5 is 2^(-8/8), 0.6 lies
	// under 2^(-5/8) = 0.648, 1 is 2^0, 2 is 2^(8/8).
	want := map[int32]int64{-8: 2, -5: 2, 0: 2, 8: 2, nativeHighest: 2}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("native buckets %v, want %v", got, want)
	}
	if len(out.Bucket) != len(DelayBuckets) {
		t.Errorf("%d classic buckets", len(out.Bucket))
	}
}

// fullCounts have the given number of kinds of events, of all causes, codes and
// providers.
func fullCounts(kinds int) *Counts {
	c := NewWithoutDomains()
	var enhanced []replycode.Enhanced
	for _, info := range replycode.EnhancedCodes() {
		if e, n := replycode.ParseEnhanced([]byte("5" + info.Pattern[1:])); n == len(info.Pattern) {
			enhanced = append(enhanced, e, replycode.MakeEnhanced(replycode.TransientFailure, e.Subject(), e.Detail()))
		}
	}
	for i := range kinds {
		status := logparse.Sent + logparse.Status(i%6)
		ev := event(status, replycode.Code(200+i%400), "a@example.com")
		ev.MTA, ev.Enhanced, ev.QueueID, ev.Delay = 1+logparse.MTA(i/7%3), enhanced[i%len(enhanced)], []byte("4XyZ1234567"), float64(i)
		c.Add(ev, replycode.Verdict{Cause: replycode.Cause(i / 3 % replycode.NumCauses), Provider: replycode.Provider(i / 5 % replycode.NumProviders)}, i%11 == 0)
	}
	for r := range logparse.NumResults {
		c.Line("mail.log", r)
	}
	return c
}

func BenchmarkScrape(b *testing.B) {
	for _, kinds := range []int{300, 3000, 20_000} { // a busy host, all series, an unkind log
		c := fullCounts(kinds)
		collector := NewCollector(func() *Counts { return c }, created)
		b.Run(fmt.Sprint(kinds), func(b *testing.B) {
			series := 0
			for b.Loop() {
				families, err := collector.Gather()
				if err != nil {
					b.Fatal(err)
				}
				series = 0
				for _, f := range families {
					series += len(f.Metric)
				}
			}
			b.ReportMetric(float64(series), "series")
		})
	}
}

// The Collector gathers by itself what a registry would, which sorts and checks.
func TestGatherEqualsARegistry(t *testing.T) {
	for name, c := range map[string]*Counts{"empty": New(), "some": someCounts(5), "full": fullCounts(20_000)} {
		collector := NewCollector(func() *Counts { return c }, created)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(collector)
		want, err := registry.Gather()
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := collector.Gather()
		if err != nil {
			t.Fatal(name, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d families, want %d", name, len(got), len(want))
		}
		for i := range want {
			if !proto.Equal(got[i], want[i]) {
				t.Errorf("%s: %s differs", name, want[i].GetName())
			}
		}
	}
}

// Scrapes at the same time share the table of series; what each got stays as it
// was, whatever is counted later.
func TestScrapesAreIndependent(t *testing.T) {
	var current atomic.Pointer[Counts]
	current.Store(New())
	collector := NewCollector(current.Load, created)
	first, err := collector.Gather()
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(first)
	current.Store(fullCounts(5000))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := collector.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if fmt.Sprint(first) != before {
		t.Error("a later scrape changed an earlier one")
	}
}

func TestFailuresHaveTheQueueIDAsExemplar(t *testing.T) {
	exemplars := func(c *Counts) (all []string) {
		families, err := NewCollector(func() *Counts { return c }, created).Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				if e := m.GetCounter().GetExemplar(); e != nil {
					all = append(all, fmt.Sprintf("%s %v %s=%s", strings.TrimPrefix(f.GetName(), "bouncewatch_"), e.GetValue(), e.Label[0].GetName(), e.Label[0].GetValue()))
				}
			}
		}
		return all
	}
	c := NewWithoutDomains()
	add := func(c *Counts, status logparse.Status, queueID string) {
		ev := event(status, 550, "a@example.com")
		ev.QueueID = []byte(queueID)
		c.Add(ev, replycode.Verdict{Cause: replycode.UserUnknown}, false)
	}
	add(c, logparse.Sent, "4XyZ0000000")
	for _, odd := range []string{"", "<script>", "a b", "a\"b", "a\nb", "\xff", "user@example.com", strings.Repeat("A", 33)} {
		add(c, logparse.Bounced, odd)
	}
	if got := exemplars(c); got != nil {
		t.Errorf("exemplars %v of what is no queue id of a failure", got)
	}
	add(c, logparse.Bounced, "4XyZ1111111")
	add(c, logparse.Bounced, "1tKxYz-000000003Xc-1aBc")
	want := []string{"failures_total 1 queue_id=1tKxYz-000000003Xc-1aBc", "provider_failures_total 1 queue_id=1tKxYz-000000003Xc-1aBc"}
	clone := c.Clone()
	add(c, logparse.Bounced, "4XyZ2222222")
	if got := exemplars(clone); !reflect.DeepEqual(got, want) {
		t.Errorf("exemplars %v, want %v", got, want)
	}
	if state := stateOf(t, clone); strings.Contains(state, "1tKxYz") {
		t.Error("a queue id in the state")
	}
	report := New()
	add(report, logparse.Bounced, "4XyZ1111111")
	if got := exemplars(report); got != nil {
		t.Errorf("exemplars %v of a report", got)
	}
}

func TestQuantile(t *testing.T) {
	h := &Histogram{}
	if q := h.Quantile(0.5); q == q {
		t.Errorf("quantile of nothing = %v, want NaN", q)
	}
	h.Add(0, 1)
	h.Add(1, 8)
	h.Add(64, 1)
	for q, want := range map[float64]float64{0: 0, 0.1: 0, 0.11: 1, 0.5: 1, 0.9: 1, 0.91: 64, 1: 64} {
		if got := h.Quantile(q); got != want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
}
