// Package report renders counts: as text, as JSON, and events one by one.
package report

import (
	"cmp"
	"iter"
	"slices"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// sum adds up the counts whose keys fall on the same row, most first; rows of
// the same count keep the order of Counts.Rows.
func sum[R comparable](c *aggregate.Counts, row func(aggregate.Key) (R, bool)) iter.Seq2[R, uint64] {
	totals := map[R]uint64{}
	var order []R
	for _, r := range c.Rows() {
		k, ok := row(r.Key)
		if !ok {
			continue
		}
		if _, seen := totals[k]; !seen {
			order = append(order, k)
		}
		totals[k] += r.N
	}
	slices.SortStableFunc(order, func(a, b R) int { return cmp.Compare(totals[b], totals[a]) })
	return func(yield func(R, uint64) bool) {
		for _, k := range order {
			if !yield(k, totals[k]) {
				return
			}
		}
	}
}

// countRows are sums as rows that have a count. A reader of the JSON gets empty
// lists, never null.
func countRows[R interface {
	comparable
	WithCount(n uint64) R
}](c *aggregate.Counts, row func(aggregate.Key) (R, bool)) []R {
	rows := []R{}
	for k, n := range sum(c, row) {
		rows = append(rows, k.WithCount(n))
	}
	return rows
}

// sortDown sorts by n, greatest first; equals keep their order.
func sortDown[T any](list []T, n func(T) uint64) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(n(b), n(a)) })
}

func lines(c *aggregate.Counts) (total [logparse.NumResults]uint64) {
	for _, source := range c.Sources() {
		for r, n := range c.Lines(source) {
			total[r] += n
		}
	}
	return total
}

func logins(c *aggregate.Counts) (n uint64) {
	for _, r := range c.Rows() {
		if r.Status == logparse.AuthFailed {
			n += r.N
		}
	}
	return n
}

func providers(c *aggregate.Counts) []outcomeRow {
	rows := []outcomeRow{}
	byProvider := map[replycode.Provider]*outcomeRow{}
	for _, r := range c.Rows() {
		if r.Remark || r.Direction != logparse.Outbound {
			continue
		}
		p := byProvider[r.Provider]
		if p == nil {
			p = &outcomeRow{Provider: r.Provider.String()}
			byProvider[r.Provider] = p
		}
		switch r.Status {
		case logparse.Sent:
			p.Sent += r.N
		case logparse.Deferred:
			p.Deferred += r.N
		case logparse.Bounced:
			p.Bounced += r.N
		case logparse.Expired:
			p.Expired += r.N
		}
	}
	for _, p := range byProvider {
		rows = append(rows, *p)
	}
	slices.SortFunc(rows, func(a, b outcomeRow) int {
		return cmp.Or(cmp.Compare(b.failed(), a.failed()), cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Provider, b.Provider))
	})
	return rows
}

// topCauses are the most frequent causes of failures, by provider.
func topCauses(c *aggregate.Counts) map[string]string {
	type pair struct {
		provider replycode.Provider
		cause    replycode.Cause
	}
	top := map[string]string{}
	for k := range sum(c, func(k aggregate.Key) (pair, bool) {
		return pair{k.Provider, k.Cause}, !k.Remark && k.Direction == logparse.Outbound && k.Status != logparse.Sent
	}) {
		if _, ok := top[k.provider.String()]; !ok {
			top[k.provider.String()] = k.cause.String()
		}
	}
	return top
}

func codeMeaning(c replycode.Code, lang string) string {
	if c == replycode.None {
		return language.Text(lang, "no reply code in the log")
	}
	info, ok := replycode.LookupCode(c)
	if !ok {
		return language.Text(lang, "not in any standard")
	}
	return pick(lang, info.Title, info.TitleZH)
}

func enhancedMeaning(e replycode.Enhanced, lang string) string {
	if info, ok := replycode.LookupEnhanced(e); ok {
		return pick(lang, info.Title, info.TitleZH)
	}
	if info, ok := replycode.LookupSubject(e); ok {
		return pick(lang, info.Title, info.TitleZH) + language.Text(lang, " (detail not in the registry)")
	}
	return language.Text(lang, "not in the registry")
}

func pick(lang, english, zh string) string {
	if lang == "zh" && zh != "" {
		return zh
	}
	return english
}
