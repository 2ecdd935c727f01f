package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// A Text says how the text report is laid out.
type Text struct {
	Width int  // columns of the terminal; 0 means 80
	Color bool // use ANSI colours
	Top   int  // rows of the long tables; 0 means 15
}

// write writes the report for people: first what to do, then the details.
func (t Text) write(w io.Writer, d *document) error {
	p := &printer{Text: t, w: bufio.NewWriter(w), doc: d, lang: d.lang}
	if p.Width == 0 {
		p.Width = 80
	}
	if p.Top == 0 {
		p.Top = 15
	}
	p.totals()
	p.causes()
	p.timeline()
	p.codes()
	p.enhanced()
	p.outcomes(p.T("By provider"), p.T("provider"), p.doc.Providers)
	p.outcomes(p.T("By recipient domain"), p.T("domain"), p.doc.Domains)
	p.delays()
	p.lines()
	p.unmatched()
	return p.w.Flush()
}

type printer struct {
	Text
	w    *bufio.Writer
	doc  *document
	lang string
}

const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

// T is a text of the report in its language.
func (p *printer) T(english string) string { return language.Text(p.lang, english) }

func (p *printer) paint(color, s string) string {
	if !p.Color || s == "" {
		return s
	}
	return color + s + reset
}

// heading begins a section.
func (p *printer) heading(title string) {
	fmt.Fprintln(p.w)
	p.line(bold, title)
}

// line prints s cut to the width, with everything but printable text escaped: a
// domain or a reply is the sender's to choose.
func (p *printer) line(color, s string) {
	fmt.Fprintln(p.w, p.paint(color, strings.TrimRight(terminal.Fit(terminal.Clean(s), p.Width), " ")))
}

func (p *printer) more(n, shown int) {
	if n > shown {
		p.line(faint, fmt.Sprintf("%10s  "+p.T("and %d more (--top sets how many; --format json has all)"), "", n-shown))
	}
}

// totals are one line for each server and direction.
func (p *printer) totals() {
	title := p.T("Mail")
	if d := p.doc.Period; d != nil {
		const layout = "2006-01-02 15:04"
		title += "  " + d.From.Format(layout) + p.T(" to ") + d.To.Format(layout)
	}
	p.line(bold, title)
	if p.doc.Partial {
		p.line(red, "  "+p.T("Reading was interrupted: the figures are partial."))
	}
	if len(p.doc.Events) == 0 {
		p.line("", "  "+p.T("no delivery and no refusal in these logs"))
	}
	counts := map[side]map[string]uint64{}
	var order []side
	for _, r := range p.doc.Events {
		k := side{r.MTA, r.Direction}
		if counts[k] == nil {
			counts[k] = map[string]uint64{}
			order = append(order, k)
		}
		counts[k][r.Status] += r.Count
	}
	p.sides(logparse.Outbound, order, counts)
	p.sides(logparse.Inbound, order, counts)
	if p.doc.AuthFailed > 0 {
		p.line("", "  "+terminal.Left(p.T("failed logins"), 17)+terminal.Right(grouped(p.doc.AuthFailed), 10))
	}
}

type side struct{ mta, direction string }

// sides prints a table of one direction.
func (p *printer) sides(d logparse.Direction, order []side, counts map[side]map[string]uint64) {
	header := true
	for _, k := range order {
		if k.direction != d.String() {
			continue
		}
		n, name := counts[k], fmt.Sprintf("  %-8s %-8s", k.mta, k.direction)
		if header {
			columns := fmt.Sprintf("%-19s%10s%10s%10s%10s", "", "sent", "deferred", "bounced", "expired") + terminal.Right(p.T("bounce rate"), 13)
			if d == logparse.Inbound {
				columns = fmt.Sprintf("%-19s%10s%12s", "", "rejected", "tempfailed")
			}
			p.line(faint, columns)
			header = false
		}
		if d == logparse.Inbound {
			p.line("", fmt.Sprintf("%s%10s%12s", name, grouped(n["rejected"]), grouped(n["tempfailed"])))
			continue
		}
		p.line("", fmt.Sprintf("%s%10s%10s%10s%10s%13s", name, grouped(n["sent"]), grouped(n["deferred"]), grouped(n["bounced"]),
			grouped(n["expired"]), share(n["bounced"]+n["expired"], n["sent"]+n["bounced"]+n["expired"])))
	}
}

// share is the bounce rate: of the mail that came to an end, what failed.
func share(part, whole uint64) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// grouped writes 1234567 as 1,234,567.
func grouped(n uint64) string {
	s := number(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ourActors are those whom a postmaster can be, and who can do something at once.
// They come first, and in red.
var ourActors = []string{"sender host admin", "host's admin", "user or relay admin", "sending domain's admin", "resolver's admin", "host admins", "both admins", "both"}

// A causeLine is a cause in both directions.
type causeLine struct {
	cause, advice     string
	outbound, inbound uint64
}

func (l *causeLine) total() uint64 { return l.outbound + l.inbound }

// causes groups what failed by who must act: first those who can be the reader.
func (p *printer) causes() {
	totals := map[string]uint64{}
	lines := map[string][]*causeLine{}
	var actors []string
	for _, r := range p.doc.Causes {
		if totals[r.Actor] == 0 {
			actors = append(actors, r.Actor)
		}
		totals[r.Actor] += r.Count
		i := slices.IndexFunc(lines[r.Actor], func(l *causeLine) bool { return l.cause == r.Cause })
		if i < 0 {
			i = len(lines[r.Actor])
			lines[r.Actor] = append(lines[r.Actor], &causeLine{cause: r.Cause, advice: r.Advice})
		}
		if r.Direction == logparse.Inbound.String() {
			lines[r.Actor][i].inbound += r.Count
		} else {
			lines[r.Actor][i].outbound += r.Count
		}
	}
	if len(actors) == 0 {
		return
	}
	sortDown(actors, func(a string) uint64 { return totals[a] })
	slices.SortStableFunc(actors, func(a, b string) int { return rank(a) - rank(b) })
	p.heading(p.T("What to do, by who must act"))
	p.line(faint, fmt.Sprintf("%10s%10s  %s", "outbound", "inbound", p.T("cause")))
	for _, actor := range actors {
		p.line(bold, p.T(actor))
		sortDown(lines[actor], (*causeLine).total)
		for _, l := range lines[actor] {
			color := ""
			if l.outbound > 0 && rank(actor) < len(ourActors) {
				color = red
			}
			p.line(color, fmt.Sprintf("%10s%10s  %s", blankZero(l.outbound), blankZero(l.inbound), l.cause))
			p.wrapped(l.advice, 24)
		}
	}
}

func rank(actor string) int {
	if i := slices.Index(ourActors, actor); i >= 0 {
		return i
	}
	return len(ourActors)
}

func blankZero(n uint64) string {
	if n == 0 {
		return ""
	}
	return grouped(n)
}

// wrapped prints prose in lines that fit.
func (p *printer) wrapped(text string, indent int) {
	for _, line := range terminal.Wrap(text, p.Width-indent) {
		p.line(faint, strings.Repeat(" ", indent)+line)
	}
}

var bars = []rune("▁▂▃▄▅▆▇█")

// timeline draws sent and failed mail over the time of the logs.
func (p *printer) timeline() {
	if len(p.doc.Hours) < 2 {
		return
	}
	first, last := p.doc.Hours[0].Start, p.doc.Hours[len(p.doc.Hours)-1].Start
	step := time.Hour
	columns := max(p.Width-14, 10)
	for last.Sub(first)/step >= time.Duration(columns) {
		step = nextStep(step)
	}
	first = first.Truncate(step)
	n := int(last.Sub(first)/step) + 1
	sent, failed, refused := make([]uint64, n), make([]uint64, n), make([]uint64, n)
	for _, h := range p.doc.Hours {
		i := int(h.Start.Sub(first) / step)
		sent[i] += h.Sent
		failed[i] += h.Deferred + h.Bounced + h.Expired
		refused[i] += h.Rejected + h.TempFailed
	}
	p.heading(fmt.Sprintf(p.T("Over time, from %s UTC, %s a column"), first.Format("2006-01-02 15:04"), p.stepName(step)))
	p.line("", terminal.Right(p.T("sent"), 10)+"  "+spark(sent))
	p.line(red, terminal.Right(p.T("failed"), 10)+"  "+spark(failed))
	p.line("", terminal.Right(p.T("refused"), 10)+"  "+spark(refused))
}

func nextStep(step time.Duration) time.Duration {
	if step < 24*time.Hour {
		return map[time.Duration]time.Duration{time.Hour: 6 * time.Hour, 6 * time.Hour: 24 * time.Hour}[step]
	}
	return step * 2
}

func (p *printer) stepName(step time.Duration) string {
	switch {
	case step == time.Hour:
		return p.T("one hour")
	case step < 24*time.Hour:
		return fmt.Sprintf(p.T("%d hours"), step/time.Hour)
	case step == 24*time.Hour:
		return p.T("one day")
	}
	return fmt.Sprintf(p.T("%d days"), step/(24*time.Hour))
}

// spark draws a value in each column; nothing at all is a blank.
func spark(values []uint64) string {
	top := uint64(1)
	for _, v := range values {
		top = max(top, v)
	}
	line := make([]rune, len(values))
	for i, v := range values {
		line[i] = ' '
		if v > 0 {
			line[i] = bars[int(float64(v)/float64(top)*float64(len(bars)-1)+0.5)]
		}
	}
	return strings.TrimRight(string(line), " ")
}

// A codeLine is a code in a direction, over all servers.
type codeLine struct{ code, direction, meaning string }

func (p *printer) codes() {
	totals := map[codeLine]uint64{}
	for _, r := range p.doc.Codes {
		code := r.Code
		if code == "none" {
			code = r.Class
		}
		totals[codeLine{code, r.Direction, r.Meaning}] += r.Count
	}
	p.codeTable(p.T("By reply code"), totals)
}

func (p *printer) enhanced() {
	totals := map[codeLine]uint64{}
	for _, r := range p.doc.Enhanced {
		totals[codeLine{r.Enhanced, r.Direction, r.Meaning}] += r.Count
	}
	p.codeTable(p.T("By enhanced status code"), totals)
}

func (p *printer) codeTable(title string, totals map[codeLine]uint64) {
	if len(totals) == 0 {
		return
	}
	p.heading(title)
	lines := slices.SortedFunc(maps.Keys(totals), func(a, b codeLine) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a.code, b.code), cmp.Compare(a.direction, b.direction))
	})
	for _, l := range lines[:min(p.Top, len(lines))] {
		p.line("", fmt.Sprintf("%10s  %-8s %-9s%s", grouped(totals[l]), l.code, l.direction, l.meaning))
	}
	p.more(len(lines), p.Top)
}

// outcomes prints providers or domains, those with most failures first.
func (p *printer) outcomes(title, what string, rows []outcomeRow) {
	if len(rows) == 0 {
		return
	}
	p.heading(title)
	p.line(faint, fmt.Sprintf("%10s%10s%10s%10s  %s", "sent", "deferred", "bounced", "expired", what))
	for _, r := range rows[:min(p.Top, len(rows))] {
		p.line("", fmt.Sprintf("%10s%10s%10s%10s  %s", grouped(r.Sent), grouped(r.Deferred), grouped(r.Bounced), grouped(r.Expired), r.Provider+r.Domain))
	}
	p.more(len(rows), p.Top)
}

func (p *printer) delays() {
	if len(p.doc.Delays) == 0 {
		return
	}
	p.heading(p.T("From arrival to the end of the attempt"))
	p.line(faint, terminal.Right(p.T("count"), 10)+terminal.Right(p.T("median"), 10)+terminal.Right("90 %", 10)+terminal.Right("99 %", 10))
	for _, r := range p.doc.Delays {
		p.line("", fmt.Sprintf("%10s%10s%10s%10s  %s %s", grouped(r.Count), span(r.P50), span(r.P90), span(r.P99), r.MTA, r.Status))
	}
}

// span writes seconds as people say them.
func span(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 100:
		return fmt.Sprintf("%.0f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	}
	return fmt.Sprintf("%.1f d", s/86400)
}

func (p *printer) lines() {
	p.heading(p.T("Lines"))
	for r := int(logparse.ResultEvent); r >= 0; r-- {
		n := p.doc.Lines[logparse.Result(r).String()]
		color := ""
		if logparse.Result(r) == logparse.ResultUnparsed && n > 0 {
			color = red
		}
		p.line(color, fmt.Sprintf("%10s  %s", grouped(n), p.T(lineMeanings[r])))
	}
}

var lineMeanings = [logparse.NumResults]string{
	logparse.ResultEvent:    "outcomes of mail",
	logparse.ResultRemark:   "remarks: replies on the way, failed logins",
	logparse.ResultIgnored:  "ignored: understood, not about an outcome",
	logparse.ResultForeign:  "foreign: of other programs",
	logparse.ResultUnparsed: "unparsed: of a mail server, not understood (--unparsed shows them)",
}

func (p *printer) unmatched() {
	if len(p.doc.Unmatched) > 0 {
		p.heading(p.T("Replies that no rule knew (addresses and numbers masked)"))
		for _, u := range p.doc.Unmatched[:min(p.Top, len(p.doc.Unmatched))] {
			p.line("", fmt.Sprintf("%10s  %s", grouped(u.N), u.Template))
		}
		p.more(len(p.doc.Unmatched), p.Top)
	}
	if p.doc.Overflow > 0 {
		p.line(red, terminal.Right(grouped(p.doc.Overflow), 10)+"  "+p.T("outcomes that a full table could not tell apart"))
	}
}
