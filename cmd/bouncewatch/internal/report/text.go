package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A Text says how the text report is laid out.
type Text struct {
	Width int  // columns of the terminal; 0 means 80
	Color bool // use ANSI colours
	Top   int  // rows of the long tables; 0 means 15
}

// Write writes the report for people: first what to do, then the details.
func (t Text) Write(w io.Writer, c *aggregate.Counts) error {
	p := &printer{Text: t, w: bufio.NewWriter(w), doc: newDocument(c)}
	if p.Width == 0 {
		p.Width = 80
	}
	if p.Top == 0 {
		p.Top = 15
	}
	p.totals()
	p.causes(c)
	p.classes()
	p.codes()
	p.enhanced()
	p.providers()
	p.domains()
	p.notUnderstood()
	return p.w.Flush()
}

type printer struct {
	Text
	w   *bufio.Writer
	doc *document
}

const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

func (p *printer) paint(color, s string) string {
	if !p.Color {
		return s
	}
	return color + s + reset
}

func (p *printer) heading(s string) { fmt.Fprintf(p.w, "\n%s\n", p.paint(bold, s)) }

// line prints s cut to the width, with everything but printable text escaped: a
// domain or a reply is the sender's to choose.
func (p *printer) line(s string) { fmt.Fprintln(p.w, fit(clean(s), p.Width)) }

func (p *printer) more(n, shown int) {
	if n > shown {
		fmt.Fprintln(p.w, p.paint(faint, fmt.Sprintf("  ... and %d more (--format json has all)", n-shown)))
	}
}

func (p *printer) totals() {
	fmt.Fprintln(p.w, p.paint(bold, "Mail"))
	for _, r := range p.doc.Events {
		color := ""
		if r.Status == "bounced" || r.Status == "expired" {
			color = red
		}
		s := fmt.Sprintf("  %-9s %-9s %-11s %10d", r.MTA, r.Direction, r.Status, r.Count)
		if color != "" {
			s = p.paint(color, s)
		}
		fmt.Fprintln(p.w, s)
	}
	if len(p.doc.Events) == 0 {
		p.line("  no delivery or refusal in these logs")
	}
	if p.doc.AuthFailed > 0 {
		p.line(fmt.Sprintf("  failed logins %28d", p.doc.AuthFailed))
	}
}

func (p *printer) causes(c *aggregate.Counts) {
	type row struct{ direction, actor, cause, advice string }
	shown := ""
	for k, n := range sum(c, func(k aggregate.Key) (row, bool) {
		info := replycode.Causes()[k.Cause]
		return row{k.Direction.String(), info.Actor, info.Name, info.Advice}, !k.Remark && k.Status != logparse.Sent
	}) {
		if shown == "" {
			p.heading("Why mail failed, and who must act")
			shown = "yes"
		}
		p.line(fmt.Sprintf("%10d  %-18s %-8s  %s", n, k.cause, k.direction, k.actor))
		fmt.Fprintln(p.w, p.paint(faint, fit("            "+k.advice, p.Width)))
	}
}

func (p *printer) classes() {
	p.heading("By class")
	for _, r := range p.doc.Classes {
		p.line(fmt.Sprintf("%10d  %-5s %-9s %s", r.Count, r.Class, r.MTA, r.Direction))
	}
}

func (p *printer) codes() {
	p.heading("By reply code")
	for _, r := range p.doc.Codes {
		p.line(fmt.Sprintf("%10d  %-5s %-9s %-9s %s", r.Count, r.Code, r.MTA, r.Direction, r.Meaning))
	}
}

func (p *printer) enhanced() {
	p.heading("By enhanced status code")
	for i, r := range p.doc.Enhanced {
		if i == p.Top {
			break
		}
		p.line(fmt.Sprintf("%10d  %-8s %-9s %-9s %s", r.Count, r.Enhanced, r.MTA, r.Direction, r.Meaning))
	}
	p.more(len(p.doc.Enhanced), p.Top)
}

const outcomeHeader = "      sent  deferred   bounced   expired"

func outcomes(sent, deferred, bounced, expired uint64, name string) string {
	return fmt.Sprintf("%10d%10d%10d%10d  %s", sent, deferred, bounced, expired, name)
}

func (p *printer) providers() {
	p.heading("By provider\n" + outcomeHeader)
	for _, r := range p.doc.Providers {
		p.line(outcomes(r.Sent, r.Deferred, r.Bounced, r.Expired, r.Provider))
	}
}

func (p *printer) domains() {
	p.heading("By recipient domain, most failures first\n" + outcomeHeader)
	for i, r := range p.doc.Domains {
		if i == p.Top {
			break
		}
		p.line(outcomes(r.Sent, r.Deferred, r.Bounced, r.Expired, r.Domain))
	}
	p.more(len(p.doc.Domains), p.Top)
}

func (p *printer) notUnderstood() {
	p.heading("Lines")
	for r := logparse.ResultEvent; ; r-- {
		p.line(fmt.Sprintf("%10d  %s", p.doc.Lines[r.String()], lineMeanings[r]))
		if r == 0 {
			break
		}
	}
	if len(p.doc.Unmatched) > 0 {
		p.heading("Replies that no rule knew (addresses and numbers masked)")
	}
	for i, u := range p.doc.Unmatched {
		if i == p.Top {
			break
		}
		p.line(fmt.Sprintf("%10d  %s", u.N, u.Template))
	}
	p.more(len(p.doc.Unmatched), p.Top)
	if p.doc.Overflow > 0 {
		p.line(fmt.Sprintf("%10d  outcomes that a full table could not tell apart", p.doc.Overflow))
	}
}

var lineMeanings = [logparse.NumResults]string{
	logparse.ResultEvent:    "event: an outcome of mail",
	logparse.ResultRemark:   "remark: a reply on the way, or a failed login",
	logparse.ResultIgnored:  "ignored: understood, not about an outcome",
	logparse.ResultForeign:  "foreign: of other programs",
	logparse.ResultUnparsed: "unparsed: of a mail server, not understood",
}

// clean replaces what a terminal could act on.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// fit cuts s to at most columns; wide characters take two.
func fit(s string, columns int) string {
	used := 0
	for i, r := range s {
		w := 1
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			w = 2
		}
		if used+w > columns {
			return s[:i]
		}
		used += w
	}
	return s
}
