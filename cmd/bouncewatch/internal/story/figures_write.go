package story

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

var fateWords = [NumFates]string{
	"delivered at the first try",
	"delivered after it was put off",
	"delivered; the message began before the logs",
	"failed for good",
	"given up: too long in the queue",
	"still in the queue",
	"left the queue, and no line says how",
	"lost sight of (--limit, --max-age, a queue id used again)",
	"back in the queue under another id: counted there",
	"refused: never this host's mail",
}

// tables are the rows by name, in the order of the output.
func (f *Figures) tables() []namedTop {
	return []namedTop{
		{"By sender domain", "sender_domains", f.SenderDomains},
		{"By authenticated or local user", "users", f.Users},
		{"By client", "clients", f.Clients},
		{"By recipient domain", "recipient_domains", f.RecipientDomains},
		{"By provider", "providers", f.Providers()},
	}
}

type namedTop struct {
	title, key string
	top        *Top
}

// WriteText writes the figures for people, with so many rows of each table, in English
// or Chinese (lang "zh").
func (f *Figures) WriteText(w io.Writer, top int, lang string) error {
	p := printer{bufio.NewWriter(w), lang}
	title := p.T("Messages")
	if !f.From.IsZero() {
		const layout = "2006-01-02 15:04"
		title += "  " + f.From.Format(layout) + p.T(" to ") + f.To.Format(layout)
	}
	fmt.Fprintln(p, title)
	fmt.Fprintf(p, "%10d  %s", f.Messages, p.T("taken by this host"))
	if f.Began > 0 {
		fmt.Fprintf(p, p.T(", of which %d began before the logs"), f.Began)
	}
	fmt.Fprintf(p, "\n%10d  %s\n", f.NotAccepted, p.T("not taken: refused, or the client left"))
	if n := f.Notices; n.Recipients > 0 {
		fmt.Fprintf(p, "%10d  "+p.T("notices (from the null sender), not counted below: %d delivered, %d failed")+"\n", n.Recipients, n.Delivered, n.Failed+n.Expired)
	}
	f.writeFates(&p)
	f.writeLate(&p)
	if f.Suspects != nil {
		f.Suspects.write(&p, top)
	}
	for _, t := range f.tables() {
		t.write(&p, top)
	}
	return p.Flush()
}

// A printer writes text in a language.
type printer struct {
	*bufio.Writer // keeps the first error
	lang          string
}

// T is the text in the printer's language.
func (p *printer) T(english string) string { return language.Text(p.lang, english) }

// head writes the heads of columns, each so wide and at the right.
func (p *printer) head(columns ...column) {
	for _, c := range columns {
		p.WriteString(terminal.Right(p.T(c.name), c.width))
	}
}

type column struct {
	name  string
	width int
}

func (f *Figures) writeFates(p *printer) {
	fmt.Fprintln(p, "\n"+p.T("What became of each recipient in the end"))
	ended, rate := f.Ended()
	for fate, n := range f.Fates {
		switch {
		case n == 0:
		case Fate(fate) < StillQueued:
			fmt.Fprintf(p, "%10d  %5.1f %%  %s\n", n, 100*float64(n)/float64(ended), p.T(fateWords[fate]))
		default:
			fmt.Fprintf(p, "%10d  %7s  %s\n", n, "", p.T(fateWords[fate]))
		}
	}
	if ended > 0 {
		fmt.Fprintf(p, "%10d  "+p.T("with an outcome, of which bounced: %.1f %%")+"\n", ended, 100*rate)
	}
}

func (f *Figures) writeLate(p *printer) {
	if len(f.Late) == 0 {
		return
	}
	fmt.Fprintln(p, "\n"+p.T("Delivered after it was put off: time from arrival, by the first cause"))
	p.head(column{"count", 10})
	for i, name := range lateNames {
		if i < len(lateLimits) {
			name = "<" + name
		}
		fmt.Fprintf(p, "%8s", name)
	}
	fmt.Fprintln(p, "  "+p.T("cause"))
	for _, c := range f.LateCauses() {
		l := f.Late[c]
		fmt.Fprintf(p, "%10d", l.Count)
		for _, n := range l.Ranges {
			fmt.Fprintf(p, "%8d", n)
		}
		fmt.Fprintf(p, "  %s\n", c)
	}
}

func (t *namedTop) write(p *printer, top int) {
	rows := t.top.Rows()
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(p, "\n"+p.T(t.title))
	p.head(column{"recipients", 10}, column{"delivered", 10}, column{"failed", 10}, column{"given up", 10}, column{"unknown", 10}, column{"bounced", 9})
	fmt.Fprintln(p)
	var missed uint64
	for i := range rows {
		r := &rows[i]
		missed = max(missed, r.Missed)
		if i < top {
			fmt.Fprintf(p, "%10d%10d%10d%10d%10d%7.1f %%  %s\n", r.Recipients, r.Delivered, r.Failed, r.Expired, r.Unknown, 100*r.BounceRate, terminal.Clean(r.Name))
		}
	}
	p.andMore(len(rows) - top)
	if missed > 0 {
		fmt.Fprintf(p, "%10s  "+p.T("more names than --names: a row may lack up to %d recipients")+"\n", "", missed)
	}
}

func (p *printer) andMore(n int) {
	if n > 0 {
		fmt.Fprintf(p, "%10s  "+p.T("and %d more (--top sets how many; --format json has all)")+"\n", "", n)
	}
}

type jsonLate struct {
	Cause   string            `json:"cause"`
	Actor   string            `json:"actor"`
	Count   uint64            `json:"count"`
	Mean    *float64          `json:"mean_seconds,omitempty"`
	Ranges  map[string]uint64 `json:"up_to"` // by the end of the range, in seconds; "inf" is the last
	Untimed uint64            `json:"untimed,omitempty"`
}

type jsonTop struct {
	Exact bool     `json:"exact"` // no row lacks anything
	Rows  []TopRow `json:"rows"`
}

type jsonFigures struct {
	Version     int               `json:"version"`
	From        string            `json:"from,omitempty"`
	To          string            `json:"to,omitempty"`
	Messages    uint64            `json:"messages"`
	Began       uint64            `json:"messages_began_before_logs"`
	NotAccepted uint64            `json:"messages_not_accepted"`
	Notices     Tally             `json:"notices"`
	Recipients  map[string]uint64 `json:"recipients"`
	BounceRate  float64           `json:"bounce_rate"`
	Late        []jsonLate        `json:"delivered_after_deferral"`
	GivenUp     map[string]uint64 `json:"messages_lost_sight"` // by the reason
	Suspicious  []SuspectRow      `json:"suspicious_senders,omitempty"`
	jsonTables
}

type jsonTables struct {
	SenderDomains    jsonTop `json:"sender_domains"`
	Users            jsonTop `json:"users"`
	Clients          jsonTop `json:"clients"`
	RecipientDomains jsonTop `json:"recipient_domains"`
	Providers        jsonTop `json:"providers"`
}

// WriteJSON writes all figures; ended are the Tracker's.
func (f *Figures) WriteJSON(w io.Writer, ended [NumEndings]uint64) error {
	doc := jsonFigures{
		Version: 1, Messages: f.Messages, Began: f.Began, NotAccepted: f.NotAccepted, Notices: f.Notices,
		Recipients: map[string]uint64{}, Late: []jsonLate{}, GivenUp: map[string]uint64{},
		jsonTables: jsonTables{
			SenderDomains: f.SenderDomains.json(), Users: f.Users.json(), Clients: f.Clients.json(),
			RecipientDomains: f.RecipientDomains.json(), Providers: f.Providers().json(),
		},
	}
	if !f.From.IsZero() {
		doc.From, doc.To = f.From.Format(time.RFC3339), f.To.Format(time.RFC3339)
	}
	for fate, n := range f.Fates {
		doc.Recipients[Fate(fate).String()] = n
	}
	_, doc.BounceRate = f.Ended()
	if f.Suspects != nil {
		doc.Suspicious = f.Suspects.Rows()
	}
	for _, c := range f.LateCauses() {
		late := f.Late[c].json()
		late.Cause, late.Actor = c.String(), c.Actor()
		doc.Late = append(doc.Late, late)
	}
	for _, e := range [...]Ending{TooOld, Crowded, Reused} {
		doc.GivenUp[e.String()] = ended[e]
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(&doc)
}

func (l *Late) json() jsonLate {
	out := jsonLate{Count: l.Count, Ranges: map[string]uint64{}, Untimed: l.Untimed}
	if timed := l.Count - l.Untimed; timed > 0 {
		mean := l.Sum / float64(timed)
		out.Mean = &mean
	}
	for i, n := range l.Ranges {
		end := "inf"
		if i < len(lateLimits) {
			end = fmt.Sprint(lateLimits[i].Seconds())
		}
		out.Ranges[end] = n
	}
	return out
}

func (t *Top) json() jsonTop {
	out := jsonTop{Exact: true, Rows: t.Rows()}
	for i := range out.Rows {
		out.Exact = out.Exact && out.Rows[i].Missed == 0
	}
	return out
}
