package report

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// jsonVersion changes when a reader of the JSON report must change.
const jsonVersion = 1

// writeJSON writes the report as one JSON object.
func writeJSON(w io.Writer, d *document) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// A document is what every format says; JSON says all of it. docs/report.schema.json
// describes it.
type document struct {
	Version      int                     `json:"version"`
	Partial      bool                    `json:"partial,omitempty"`
	Period       *period                 `json:"period,omitempty"`
	Events       []eventRow              `json:"events"`
	Classes      []classRow              `json:"classes"`
	Codes        []codeRow               `json:"codes"`
	Enhanced     []enhancedRow           `json:"enhanced"`
	Causes       []causeRow              `json:"causes"`
	Providers    []outcomeRow            `json:"providers"`
	Domains      []outcomeRow            `json:"domains"`
	OtherDomains *outcomeRow             `json:"other_domains,omitempty"` // domains that had no room in memory
	Delays       []delayRow              `json:"delays"`
	Hours        []hourRow               `json:"hours"`
	Remarks      []codeRow               `json:"remarks"`
	AuthFailed   uint64                  `json:"login_failures"`
	Lines        map[string]uint64       `json:"lines"`
	Unmatched    []aggregate.TemplateRow `json:"unmatched"`
	Overflow     uint64                  `json:"overflow"`

	topCauses map[string]string // the most frequent cause of a provider
	counts    *aggregate.Counts // what all this is made of
	lang      string            // of meanings and advice
}

type period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type delayRow struct {
	MTA    string  `json:"mta"`
	Status string  `json:"status"`
	Count  uint64  `json:"count"`
	Mean   float64 `json:"mean_seconds"`
	P50    float64 `json:"p50_seconds"`
	P90    float64 `json:"p90_seconds"`
	P99    float64 `json:"p99_seconds"`
}

type hourRow struct {
	Start      time.Time `json:"start"`
	Sent       uint64    `json:"sent"`
	Deferred   uint64    `json:"deferred"`
	Bounced    uint64    `json:"bounced"`
	Expired    uint64    `json:"expired"`
	Rejected   uint64    `json:"rejected"`
	TempFailed uint64    `json:"tempfailed"`
}

type eventRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Status    string `json:"status"`
	Count     uint64 `json:"count"`
}

func (r eventRow) WithCount(n uint64) eventRow { r.Count = n; return r }

type classRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Class     string `json:"class"`
	Count     uint64 `json:"count"`
}

func (r classRow) WithCount(n uint64) classRow { r.Count = n; return r }

type codeRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Code      string `json:"code"`
	Class     string `json:"class"`
	Meaning   string `json:"meaning"`
	Count     uint64 `json:"count"`
}

func (r codeRow) WithCount(n uint64) codeRow { r.Count = n; return r }

type enhancedRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Enhanced  string `json:"enhanced"`
	Class     string `json:"class"`
	Meaning   string `json:"meaning"`
	Count     uint64 `json:"count"`
}

func (r enhancedRow) WithCount(n uint64) enhancedRow { r.Count = n; return r }

type causeRow struct {
	Cause     string `json:"cause"`
	Direction string `json:"direction"`
	Actor     string `json:"actor"`
	Class     string `json:"class"`
	Advice    string `json:"advice"`
	Count     uint64 `json:"count"`
}

func (r causeRow) WithCount(n uint64) causeRow { r.Count = n; return r }

// An outcomeRow is what became of the mail for a provider or a domain, which is
// the key that is there.
type outcomeRow struct {
	Provider string `json:"provider,omitempty"`
	Domain   string `json:"domain,omitempty"`
	Sent     uint64 `json:"sent"`
	Deferred uint64 `json:"deferred"`
	Bounced  uint64 `json:"bounced"`
	Expired  uint64 `json:"expired"`
}

func (r outcomeRow) failed() uint64 { return r.Deferred + r.Bounced + r.Expired }

// T is a text in the language of the document.
func (d *document) T(english string) string { return language.Text(d.lang, english) }

// newDocument has its meanings and advice in a language, "en" or "zh".
func newDocument(c *aggregate.Counts, lang string) *document {
	d := &document{
		counts: c, lang: lang, Version: jsonVersion, topCauses: topCauses(c),
		Events:    countRows(c, newEventRow),
		Classes:   countRows(c, newClassRow),
		Codes:     countRows(c, func(k aggregate.Key) (codeRow, bool) { return newCodeRow(k, lang), !k.Remark }),
		Enhanced:  countRows(c, func(k aggregate.Key) (enhancedRow, bool) { return newEnhancedRow(k, lang) }),
		Causes:    countRows(c, func(k aggregate.Key) (causeRow, bool) { return newCauseRow(k, lang) }),
		Providers: providers(c), Domains: []outcomeRow{}, Delays: []delayRow{}, Hours: []hourRow{},
		Remarks: countRows(c, func(k aggregate.Key) (codeRow, bool) {
			return newCodeRow(k, lang), k.Remark && k.Status != logparse.AuthFailed
		}),
		AuthFailed: logins(c), Lines: map[string]uint64{}, Unmatched: c.Templates(), Overflow: c.Overflow(),
	}
	for _, r := range c.Domains() {
		d.Domains = append(d.Domains, outcomeRow{Domain: r.Domain, Sent: r.Sent, Deferred: r.Deferred, Bounced: r.Bounced, Expired: r.Expired})
	}
	if o := c.OtherDomains(); o.Total() > 0 {
		d.OtherDomains = &outcomeRow{Domain: "other", Sent: o.Sent, Deferred: o.Deferred, Bounced: o.Bounced, Expired: o.Expired}
	}
	d.addTimes(c)
	for r, n := range lines(c) {
		d.Lines[logparse.Result(r).String()] = n
	}
	return d
}

func newEventRow(k aggregate.Key) (eventRow, bool) {
	return eventRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Status: k.Status.String()}, !k.Remark
}

func newClassRow(k aggregate.Key) (classRow, bool) {
	return classRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Class: k.Class.String()}, !k.Remark
}

func newCodeRow(k aggregate.Key, lang string) codeRow {
	return codeRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Code: cmp.Or(k.Code.String(), "none"),
		Class: k.Class.String(), Meaning: codeMeaning(k.Code, lang)}
}

func newEnhancedRow(k aggregate.Key, lang string) (enhancedRow, bool) {
	return enhancedRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Enhanced: k.Enhanced.String(),
		Class: k.Class.String(), Meaning: enhancedMeaning(k.Enhanced, lang)}, !k.Remark && k.Enhanced != replycode.NoEnhanced
}

func newCauseRow(k aggregate.Key, lang string) (causeRow, bool) {
	info := replycode.Causes()[k.Cause]
	return causeRow{Cause: info.Name, Direction: k.Direction.String(), Actor: info.Actor, Class: k.Class.String(),
		Advice: pick(lang, info.Advice, info.AdviceZH)}, !k.Remark && k.Status != logparse.Sent
}

func (d *document) addTimes(c *aggregate.Counts) {
	if first, last := c.Period(); !first.IsZero() {
		d.Period = &period{first, last}
	}
	for _, r := range c.Delays() {
		d.Delays = append(d.Delays, delayRow{
			MTA: r.MTA.String(), Status: r.Status.String(), Count: r.Count, Mean: rounded(r.Sum() / float64(r.Count)),
			P50: rounded(r.Quantile(0.5)), P90: rounded(r.Quantile(0.9)), P99: rounded(r.Quantile(0.99)),
		})
	}
	for _, h := range c.Hours() {
		d.Hours = append(d.Hours, hourRow{
			Start: h.Start, Sent: h.Statuses[logparse.Sent], Deferred: h.Statuses[logparse.Deferred],
			Bounced: h.Statuses[logparse.Bounced], Expired: h.Statuses[logparse.Expired],
			Rejected: h.Statuses[logparse.Rejected], TempFailed: h.Statuses[logparse.TempFailed],
		})
	}
}

// rounded drops the digits of a delay that no log has: the order of adding up
// must not show.
func rounded(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }
