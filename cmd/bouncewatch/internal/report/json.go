package report

import (
	"encoding/json"
	"io"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// jsonVersion changes when a reader of the JSON report must change.
const jsonVersion = 1

// WriteJSON writes the report as one JSON object. Same counts, same bytes.
func WriteJSON(w io.Writer, c *aggregate.Counts) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(newDocument(c))
}

type document struct {
	Version    int                     `json:"version"`
	Events     []eventRow              `json:"events"`
	Classes    []classRow              `json:"classes"`
	Codes      []codeRow               `json:"codes"`
	Enhanced   []enhancedRow           `json:"enhanced"`
	Causes     []causeRow              `json:"causes"`
	Providers  []providerRow           `json:"providers"`
	Domains    []domainRow             `json:"domains"`
	Remarks    []codeRow               `json:"remarks"`
	AuthFailed uint64                  `json:"login_failures"`
	Lines      map[string]uint64       `json:"lines"`
	Unmatched  []aggregate.TemplateRow `json:"unmatched"`
	Overflow   uint64                  `json:"overflow"`
}

type eventRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Status    string `json:"status"`
	Count     uint64 `json:"count"`
}

type classRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Class     string `json:"class"`
	Count     uint64 `json:"count"`
}

type codeRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Code      string `json:"code"`
	Class     string `json:"class"`
	Meaning   string `json:"meaning"`
	Count     uint64 `json:"count"`
}

type enhancedRow struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Enhanced  string `json:"enhanced"`
	Class     string `json:"class"`
	Meaning   string `json:"meaning"`
	Count     uint64 `json:"count"`
}

type causeRow struct {
	Cause     string `json:"cause"`
	Direction string `json:"direction"`
	Actor     string `json:"actor"`
	Class     string `json:"class"`
	Advice    string `json:"advice"`
	Count     uint64 `json:"count"`
}

type providerRow struct {
	Provider string `json:"provider"`
	Sent     uint64 `json:"sent"`
	Deferred uint64 `json:"deferred"`
	Bounced  uint64 `json:"bounced"`
	Expired  uint64 `json:"expired"`
}

type domainRow struct {
	Domain   string `json:"domain"`
	Sent     uint64 `json:"sent"`
	Deferred uint64 `json:"deferred"`
	Bounced  uint64 `json:"bounced"`
	Expired  uint64 `json:"expired"`
}

func newDocument(c *aggregate.Counts) *document {
	d := &document{Version: jsonVersion, Lines: map[string]uint64{}, Unmatched: c.Templates(), Overflow: c.Overflow(), AuthFailed: logins(c)}
	for k, n := range sum(c, func(k aggregate.Key) (eventRow, bool) {
		return eventRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Status: k.Status.String()}, !k.Remark
	}) {
		k.Count = n
		d.Events = append(d.Events, k)
	}
	for k, n := range sum(c, func(k aggregate.Key) (classRow, bool) {
		return classRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Class: k.Class.String()}, !k.Remark
	}) {
		k.Count = n
		d.Classes = append(d.Classes, k)
	}
	for k, n := range sum(c, func(k aggregate.Key) (codeRow, bool) { return newCodeRow(k), !k.Remark }) {
		k.Count = n
		d.Codes = append(d.Codes, k)
	}
	for k, n := range sum(c, func(k aggregate.Key) (codeRow, bool) {
		return newCodeRow(k), k.Remark && k.Status != logparse.AuthFailed
	}) {
		k.Count = n
		d.Remarks = append(d.Remarks, k)
	}
	for k, n := range sum(c, func(k aggregate.Key) (enhancedRow, bool) {
		return enhancedRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Enhanced: k.Enhanced.String(),
			Class: k.Class.String(), Meaning: enhancedMeaning(k.Enhanced)}, !k.Remark && k.Enhanced != replycode.NoEnhanced
	}) {
		k.Count = n
		d.Enhanced = append(d.Enhanced, k)
	}
	for k, n := range sum(c, func(k aggregate.Key) (causeRow, bool) {
		info := replycode.Causes()[k.Cause]
		return causeRow{Cause: info.Name, Direction: k.Direction.String(), Actor: info.Actor, Class: k.Class.String(), Advice: info.Advice},
			!k.Remark && k.Status != logparse.Sent
	}) {
		k.Count = n
		d.Causes = append(d.Causes, k)
	}
	d.Providers = providers(c)
	for _, r := range c.Domains() {
		d.Domains = append(d.Domains, domainRow{r.Domain, r.Sent, r.Deferred, r.Bounced, r.Expired})
	}
	for r, n := range lines(c) {
		d.Lines[logparse.Result(r).String()] = n
	}
	return d
}

func newCodeRow(k aggregate.Key) codeRow {
	code := k.Code.String()
	if code == "" {
		code = "none"
	}
	return codeRow{MTA: k.MTA.String(), Direction: k.Direction.String(), Code: code, Class: k.Class.String(), Meaning: codeMeaning(k.Code)}
}
