package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// WriteJSON writes the differences as one JSON object; docs/diff.schema.json
// describes it.
func (d *Diff) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// WriteText writes the differences for people, in English or Chinese (lang "zh"): what
// moved, then what is new and what is gone.
func (d *Diff) WriteText(w io.Writer, t Text, lang string) error {
	p := &printer{Text: t, w: bufio.NewWriter(w), lang: lang}
	if p.Width == 0 {
		p.Width = 80
	}
	p.side(p.T("Before"), d.Before)
	p.side(p.T("After"), d.After)
	for _, direction := range []struct {
		name          string
		before, after uint64
	}{{p.T("outbound mail"), d.Before.Outbound, d.After.Outbound}, {p.T("refusals"), d.Before.Inbound, d.After.Inbound}} {
		if (direction.before == 0) != (direction.after == 0) {
			p.line(red, "  "+fmt.Sprintf(p.T("%s on one side only: nothing to compare"), direction.name))
		}
	}
	p.diffRows(p.T("Moved beyond noise"), d.Rows, func(r DiffRow) bool { return r.Moved })
	p.diffRows(p.T("New, perhaps by chance"), d.Rows, func(r DiffRow) bool { return !r.Moved && r.Change == "new" })
	p.diffRows(p.T("Gone, perhaps by chance"), d.Rows, func(r DiffRow) bool { return !r.Moved && r.Change == "gone" })
	p.heading(fmt.Sprintf(p.T("%d of %d shares moved"), d.Moved, d.Compared))
	p.wrapped(fmt.Sprintf(p.T("Noise: zero is in Newcombe's interval of the difference, at a confidence of %g for all shares together; or the share changed by less than a factor of %g."), d.Confidence, d.Factor), 2)
	return p.w.Flush()
}

func (p *printer) side(name string, s DiffSide) {
	when := p.T("no time known")
	if s.Period != nil {
		const layout = "2006-01-02 15:04"
		when = s.Period.From.Format(layout) + p.T(" to ") + s.Period.To.Format(layout)
	}
	p.line(bold, terminal.Left(name, 8)+when+"  "+fmt.Sprintf(p.T("%s outbound, %s refused"), grouped(s.Outbound), grouped(s.Inbound)))
	if s.Partial {
		p.line(red, "  "+p.T("Reading was interrupted: the figures are partial."))
	}
}

// diffRows prints a table of the rows that are chosen.
func (p *printer) diffRows(title string, rows []DiffRow, chosen func(DiffRow) bool) {
	header := true
	for _, r := range rows {
		if !chosen(r) {
			continue
		}
		if header {
			p.heading(title)
			p.line(faint, terminal.Right(p.T("before"), 19)+terminal.Right(p.T("after"), 20))
			header = false
		}
		color := ""
		if r.Moved && (r.Change == "new" || r.Change == "up") {
			color = red
		}
		p.line(color, fmt.Sprintf("%10s%9s%11s%9s  %s  %s", grouped(r.Before.Count), shareOf(r.Before), grouped(r.After.Count), shareOf(r.After), terminal.Left(p.T(r.Change), 4), p.subject(r.subject)))
		if r.Moved && r.Advice != "" && r.Change != "gone" && r.Change != "down" {
			p.wrapped(p.T(r.Actor)+": "+p.advice(&r), 47)
		}
	}
}

func shareOf(p Portion) string { return fmt.Sprintf("%.2f %%", 100*p.Share) }

// advice is that of a row's cause.
func (p *printer) advice(r *DiffRow) string {
	for _, c := range replycode.Causes() {
		if c.Name == r.Name && p.lang == "zh" {
			return c.AdviceZH
		}
	}
	return r.Advice
}

// String is the subject in words.
func (s subject) String() string { return new(printer).subject(s) }

// subject is String in the printer's language.
func (p *printer) subject(s subject) string {
	words := []string{p.T(s.Kind), s.Name}
	switch {
	case s.Kind == kindStatus:
		words = words[1:]
	case s.Kind == kindEnhanced:
		words[0] = p.T("code")
	case s.Kind == kindProvider:
		words = append(words, s.Status)
	}
	if s.Direction == logparse.Inbound.String() {
		words = append(words, p.T("(inbound)"))
	}
	return strings.Join(words, " ")
}
