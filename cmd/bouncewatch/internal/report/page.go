package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A pageView is a document as the page shows it.
type pageView struct {
	Page
	*document
}

// Top is how many rows of a long table are shown.
func (*pageView) Top() int { return 50 }

// N writes a count with its thousands apart.
func (*pageView) N(n uint64) string { return grouped(n) }

// A tile is a figure at the top of the page.
type tile struct{ Name, Value, Grade string }

// Tiles are the figures that tell whether all is well.
func (p *pageView) Tiles() []tile {
	t := p.totals()
	all := t.Sent + t.Deferred + t.Bounced + t.Expired
	tiles := []tile{{"Delivery attempts", p.N(all), ""}}
	if all > 0 {
		tiles = append(tiles,
			tile{"Delivered", percent(t.Sent, all), ""},
			tile{"Deferred", percent(t.Deferred, all), grade(t.Deferred, all, 0.2, 0.3)},
			tile{"Bounced", percent(t.Bounced+t.Expired, all), grade(t.Bounced+t.Expired, all, 0.05, 0.1)})
	}
	return append(tiles, tile{"Refused here", p.N(t.Rejected + t.TempFailed), ""})
}

// totals are of all outcomes or, on a page about now, of the last 24 hours.
func (p *pageView) totals() (t hourRow) {
	if p.Recent() {
		for _, h := range p.since(p.Now.Add(-24 * time.Hour)) {
			t.add(h)
		}
		return t
	}
	for _, e := range p.Events {
		t.set(e.Status, e.Count)
	}
	return t
}

// Recent says whether the page is about the present.
func (p *pageView) Recent() bool { return !p.Now.IsZero() }

// since is the time line from the hour of t on.
func (p *pageView) since(t time.Time) []hourRow {
	first := t.Truncate(time.Hour)
	i := slices.IndexFunc(p.Hours, func(h hourRow) bool { return !h.Start.Before(first) })
	if i < 0 {
		return nil
	}
	return p.Hours[i:]
}

func (h *hourRow) add(o hourRow) {
	h.Sent += o.Sent
	h.Deferred += o.Deferred
	h.Bounced += o.Bounced
	h.Expired += o.Expired
	h.Rejected += o.Rejected
	h.TempFailed += o.TempFailed
}

func (h *hourRow) set(status string, n uint64) {
	if c := h.count(status); c != nil {
		*c += n
	}
}

func (h *hourRow) count(status string) *uint64 {
	switch status {
	case "sent":
		return &h.Sent
	case "deferred":
		return &h.Deferred
	case "bounced":
		return &h.Bounced
	case "expired":
		return &h.Expired
	case "rejected":
		return &h.Rejected
	case "tempfailed":
		return &h.TempFailed
	}
	return nil
}

func percent(part, whole uint64) string {
	if whole == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// grade is a class of the style: the limits are those of the alerts.
func grade(part, whole uint64, warn, bad float64) string {
	switch share := float64(part) / float64(max(whole, 1)); {
	case share >= bad:
		return "bad"
	case share >= warn:
		return "warn"
	}
	return ""
}

// A pageCause is a cause, whatever the class of the replies was.
type pageCause struct {
	Cause, Definition, Actor, Classes, Advice string
	Count                                     uint64
	Width                                     int // of its bar, in percent of the longest

	rank int // of the actor
}

// CausesOf are the causes of a direction, most frequent first.
func (p *pageView) CausesOf(direction string) (all []pageCause) {
	at := map[string]int{}
	for _, c := range p.Causes {
		if c.Direction != direction {
			continue
		}
		i, ok := at[c.Cause]
		if !ok {
			i, at[c.Cause] = len(all), len(all)
			all = append(all, p.newPageCause(c))
		}
		all[i].Count += c.Count
		if !strings.Contains(all[i].Classes, c.Class) {
			all[i].Classes = strings.TrimSpace(all[i].Classes + " " + c.Class)
		}
	}
	sortDown(all, func(c pageCause) uint64 { return c.Count })
	for i := range all {
		classes := strings.Fields(all[i].Classes)
		slices.Sort(classes)
		all[i].Classes = strings.Join(classes, " ")
		all[i].Width = int(100 * all[i].Count / max(all[0].Count, 1))
	}
	return all
}

// A causeTable is what the template of a table of causes needs.
type causeTable struct {
	View   *pageView
	Causes []pageCause
}

// CauseTable is nil without a failure in the direction.
func (p *pageView) CauseTable(direction string) *causeTable {
	if causes := p.CausesOf(direction); len(causes) > 0 {
		return &causeTable{p, causes}
	}
	return nil
}

func (p *pageView) newPageCause(c causeRow) pageCause {
	line := pageCause{Cause: c.Cause, Actor: p.T(c.Actor), Advice: c.Advice, rank: rank(c.Actor)}
	if cause, ok := replycode.ParseCause(c.Cause); ok {
		info := replycode.Causes()[cause]
		line.Definition = pick(p.Lang, info.Definition, info.DefinitionZH)
	}
	return line
}

// An actorLine is who must act on how many failures of outgoing mail.
type actorLine struct {
	Actor  string
	Count  uint64
	Causes []string
	Width  int // of its bar, in percent of the longest

	rank int
}

// Actors are those who must act: first those who can be the reader.
func (p *pageView) Actors() (all []actorLine) {
	for _, c := range p.CausesOf("outbound") {
		i := slices.IndexFunc(all, func(a actorLine) bool { return a.Actor == c.Actor })
		if i < 0 {
			i, all = len(all), append(all, actorLine{Actor: c.Actor, rank: c.rank})
		}
		all[i].Count += c.Count
		all[i].Causes = append(all[i].Causes, c.Cause)
	}
	most := uint64(1)
	for _, a := range all {
		most = max(most, a.Count)
	}
	for i := range all {
		all[i].Width = int(100 * all[i].Count / most)
	}
	slices.SortStableFunc(all, func(a, b actorLine) int { return cmp.Or(a.rank-b.rank, cmp.Compare(b.Count, a.Count)) })
	return all
}

// A shareLine is an outcomeRow in shares.
type shareLine struct {
	Name                       string
	Total                      uint64
	Sent, Deferred, Bounced    string
	DeferredGrade, BounceGrade string
	Cause                      string // the most frequent one
}

// ProviderShares are the providers with their most frequent cause.
func (p *pageView) ProviderShares() (all []shareLine) {
	for _, r := range p.Providers {
		line := newShareLine(r.Provider, r)
		line.Cause = p.topCauses[r.Provider]
		all = append(all, line)
	}
	return all
}

// DomainShares are the domains with most failures.
func (p *pageView) DomainShares() (all []shareLine) {
	for _, r := range p.Domains[:min(len(p.Domains), p.Top())] {
		all = append(all, newShareLine(r.Domain, r))
	}
	return all
}

func newShareLine(name string, r outcomeRow) shareLine {
	total := r.Sent + r.failed()
	return shareLine{
		Name: name, Total: total, Sent: percent(r.Sent, total), Deferred: percent(r.Deferred, total), Bounced: percent(r.Bounced+r.Expired, total),
		DeferredGrade: grade(r.Deferred, total, 0.2, 0.3), BounceGrade: grade(r.Bounced+r.Expired, total, 0.05, 0.1),
	}
}

// A serverLine is what a kind of mail server did.
type serverLine struct {
	MTA string
	hourRow
}

// Servers are the mail servers, the busiest first.
func (p *pageView) Servers() (all []serverLine) {
	for _, e := range p.Events {
		i := slices.IndexFunc(all, func(s serverLine) bool { return s.MTA == e.MTA })
		if i < 0 {
			i, all = len(all), append(all, serverLine{MTA: e.MTA})
		}
		all[i].set(e.Status, e.Count)
	}
	return all
}
