package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/spreadsheet"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

// A table is one table of the report, for formats that are made of tables.
type table struct {
	name, title string
	columns     []string
	rows        func(d *document) [][]string
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', -1, 64) }

var outcomeColumns = []string{"sent", "deferred", "bounced", "expired"}

func (r outcomeRow) cells(name string) []string {
	return []string{name, number(r.Sent), number(r.Deferred), number(r.Bounced), number(r.Expired)}
}

// tables are in the order of a report: what to do first.
var tables = []table{
	{"causes", "Why mail failed, and who must act", []string{"count", "class", "direction", "cause", "actor", "advice"}, func(d *document) (rows [][]string) {
		for _, r := range d.Causes {
			rows = append(rows, []string{number(r.Count), r.Class, r.Direction, r.Cause, r.Actor, r.Advice})
		}
		return rows
	}},
	{"events", "Mail", []string{"count", "mta", "direction", "status"}, func(d *document) (rows [][]string) {
		for _, r := range d.Events {
			rows = append(rows, []string{number(r.Count), r.MTA, r.Direction, r.Status})
		}
		return rows
	}},
	{"codes", "By reply code", []string{"count", "code", "class", "mta", "direction", "meaning"}, func(d *document) (rows [][]string) {
		for _, r := range d.Codes {
			rows = append(rows, []string{number(r.Count), r.Code, r.Class, r.MTA, r.Direction, r.Meaning})
		}
		return rows
	}},
	{"enhanced", "By enhanced status code", []string{"count", "enhanced", "class", "mta", "direction", "meaning"}, func(d *document) (rows [][]string) {
		for _, r := range d.Enhanced {
			rows = append(rows, []string{number(r.Count), r.Enhanced, r.Class, r.MTA, r.Direction, r.Meaning})
		}
		return rows
	}},
	{"providers", "By provider", append([]string{"provider"}, outcomeColumns...), func(d *document) (rows [][]string) {
		for _, r := range d.Providers {
			rows = append(rows, r.cells(r.Provider))
		}
		return rows
	}},
	{"domains", "By recipient domain, most failures first", append([]string{"domain"}, outcomeColumns...), func(d *document) (rows [][]string) {
		for _, r := range d.Domains {
			rows = append(rows, r.cells(r.Domain))
		}
		if d.OtherDomains != nil {
			rows = append(rows, d.OtherDomains.cells("other"))
		}
		return rows
	}},
	{"delays", "Delays in seconds", []string{"mta", "status", "count", "mean", "p50", "p90", "p99"}, func(d *document) (rows [][]string) {
		for _, r := range d.Delays {
			rows = append(rows, []string{r.MTA, r.Status, number(r.Count), seconds(r.Mean), seconds(r.P50), seconds(r.P90), seconds(r.P99)})
		}
		return rows
	}},
	{"hours", "Hours (UTC)", append([]string{"start"}, "sent", "deferred", "bounced", "expired", "rejected", "tempfailed"), func(d *document) (rows [][]string) {
		for _, r := range d.Hours {
			rows = append(rows, []string{r.Start.Format(time.RFC3339), number(r.Sent), number(r.Deferred), number(r.Bounced), number(r.Expired), number(r.Rejected), number(r.TempFailed)})
		}
		return rows
	}},
	{"remarks", "Replies that were not the last word of an attempt", []string{"count", "code", "class", "mta", "direction", "meaning"}, func(d *document) (rows [][]string) {
		for _, r := range d.Remarks {
			rows = append(rows, []string{number(r.Count), r.Code, r.Class, r.MTA, r.Direction, r.Meaning})
		}
		return rows
	}},
	{"lines", "Lines", []string{"count", "result"}, func(d *document) (rows [][]string) {
		for _, name := range []string{"event", "remark", "ignored", "foreign", "unparsed"} {
			rows = append(rows, []string{number(d.Lines[name]), name})
		}
		return rows
	}},
	{"unmatched", "Replies that no rule knew", []string{"count", "reply"}, func(d *document) (rows [][]string) {
		for _, r := range d.Unmatched {
			rows = append(rows, []string{number(r.N), r.Template})
		}
		return rows
	}},
}

// TableNames are all tables, in the order of a report.
func TableNames() (names []string) {
	for _, t := range tables {
		names = append(names, t.name)
	}
	return names
}

// writeCSV writes one table (RFC 4180, with a header line).
func writeCSV(w io.Writer, name string, d *document) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	for _, t := range tables {
		if t.name != name {
			continue
		}
		rows := append([][]string{t.columns}, t.rows(d)...)
		for _, row := range rows[1:] {
			for i, cell := range row {
				row[i] = spreadsheet.Cell(cell)
			}
		}
		return out.WriteAll(rows)
	}
	return fmt.Errorf("unknown table %q", name)
}

// writeMarkdown writes all tables that have rows.
func writeMarkdown(w io.Writer, d *document) error {
	var b strings.Builder
	b.WriteString("# " + d.T("Mail report") + "\n")
	if d.Partial {
		b.WriteString("\n" + d.T("Reading was interrupted: the figures are partial.") + "\n")
	}
	if d.Period != nil {
		fmt.Fprintf(&b, "\n%s"+d.T(" to ")+"%s\n", d.Period.From.Format(time.RFC3339), d.Period.To.Format(time.RFC3339))
	}
	for _, t := range tables {
		rows := t.rows(d)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", d.T(t.title), strings.Join(t.columns, " | "), strings.Repeat(" --- |", len(t.columns)))
		for _, row := range rows {
			for i, cell := range row {
				row[i] = markdownSafe(cell)
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownSafe escapes what markdown or HTML in it would act on.
var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`)

func markdownSafe(cell string) string { return markdownEscapes.Replace(terminal.Clean(cell)) }
