package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// A format is a way to write a report.
type format struct {
	name  string
	write func(w io.Writer, o Options, d *document) error
}

// formats has a row for each format.
var formats = []format{
	{"text", func(w io.Writer, o Options, d *document) error { return o.Text.write(w, d) }},
	{"json", func(w io.Writer, _ Options, d *document) error { return writeJSON(w, d) }},
	{"csv", func(w io.Writer, o Options, d *document) error { return writeCSV(w, o.Table, d) }},
	{"html", func(w io.Writer, o Options, d *document) error { return writeHTML(w, o.Page, d) }},
	{"markdown", func(w io.Writer, _ Options, d *document) error { return writeMarkdown(w, d) }},
	{"openmetrics", func(w io.Writer, _ Options, d *document) error { return writeOpenMetrics(w, d) }},
	{"snapshot", func(w io.Writer, _ Options, d *document) error { return writeSnapshot(w, d) }},
}

// Options are what single formats want to know.
type Options struct {
	Text  Text   // of text
	Table string // of csv: which table
	Page  Page   // of html

	Lang    string // of meanings, advice and headings: "zh", else English
	Partial bool   // the counts are of a part of the input only, because reading was interrupted
}

// FormatNames are all formats, first that for people.
func FormatNames() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Write writes the report in a format that FormatNames has. Same counts and options,
// same bytes.
func Write(w io.Writer, name string, o Options, c *aggregate.Counts) error {
	i := slices.Index(FormatNames(), name)
	if i < 0 {
		return fmt.Errorf("unknown format %q", name)
	}
	d := newDocument(c, o.Lang)
	d.Partial = o.Partial
	o.Page.Lang, o.Page.Title = o.Lang, cmp.Or(o.Page.Title, d.T("Mail report"))
	return formats[i].write(w, o, d)
}
