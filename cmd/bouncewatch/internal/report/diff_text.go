package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// WriteJSON writes the differences as one JSON object; docs/diff.schema.json
// describes it.
func (d *Diff) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// WriteText writes the differences for people: what moved, then what is new and
// what is gone.
func (d *Diff) WriteText(w io.Writer, t Text) error {
	p := &printer{Text: t, w: bufio.NewWriter(w)}
	if p.Width == 0 {
		p.Width = 80
	}
	p.side("Before", d.Before)
	p.side("After", d.After)
	for _, direction := range []struct {
		name          string
		before, after uint64
	}{{"outbound mail", d.Before.Outbound, d.After.Outbound}, {"refusals", d.Before.Inbound, d.After.Inbound}} {
		if (direction.before == 0) != (direction.after == 0) {
			p.line(red, "  "+direction.name+" on one side only: nothing to compare")
		}
	}
	p.diffRows("Moved beyond noise", d.Rows, func(r DiffRow) bool { return r.Moved })
	p.diffRows("New, perhaps by chance", d.Rows, func(r DiffRow) bool { return !r.Moved && r.Change == "new" })
	p.diffRows("Gone, perhaps by chance", d.Rows, func(r DiffRow) bool { return !r.Moved && r.Change == "gone" })
	p.heading(fmt.Sprintf("%d of %d shares moved", d.Moved, d.Compared))
	p.wrapped(fmt.Sprintf("Noise: zero is in Newcombe's interval of the difference, at a confidence of %g for all shares together; or the share changed by less than a factor of %g.", d.Confidence, d.Factor), 2)
	return p.w.Flush()
}

func (p *printer) side(name string, s DiffSide) {
	when := "no time known"
	if s.Period != nil {
		const layout = "2006-01-02 15:04"
		when = s.Period.From.Format(layout) + " to " + s.Period.To.Format(layout)
	}
	p.line(bold, fmt.Sprintf("%-8s%s  %s outbound, %s refused", name, when, grouped(s.Outbound), grouped(s.Inbound)))
	if s.Partial {
		p.line(red, "  reading was interrupted: the figures are partial")
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
			p.line(faint, fmt.Sprintf("%19s%20s", "before", "after"))
			header = false
		}
		color := ""
		if r.Moved && (r.Change == "new" || r.Change == "up") {
			color = red
		}
		p.line(color, fmt.Sprintf("%10s%9s%11s%9s  %-4s  %s", grouped(r.Before.Count), shareOf(r.Before), grouped(r.After.Count), shareOf(r.After), r.Change, r.subject))
		if r.Moved && r.Advice != "" && r.Change != "gone" && r.Change != "down" {
			p.wrapped(r.Actor+": "+r.Advice, 47)
		}
	}
}

func shareOf(p Portion) string { return fmt.Sprintf("%.2f %%", 100*p.Share) }

// String is the subject in words.
func (s subject) String() string {
	words := []string{s.Kind, s.Name}
	switch {
	case s.Kind == kindStatus:
		words = words[1:]
	case s.Kind == kindEnhanced:
		words[0] = "code"
	case s.Kind == kindProvider:
		words = append(words, s.Status)
	}
	if s.Direction == logparse.Inbound.String() {
		words = append(words, "(inbound)")
	}
	return strings.Join(words, " ")
}
