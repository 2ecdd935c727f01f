package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// A Format is a way to write a report.
type Format struct {
	Name  string
	write func(w io.Writer, o Options, d *document) error
}

// formats has a row for each format.
var formats = []Format{
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

	Partial bool // the counts are of a part of the input only, because reading was interrupted
}

// FindFormat finds a format by its name.
func FindFormat(name string) (Format, error) {
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("unknown format %q: known formats are %s", name, FormatNames())
}

// FormatNames lists all formats for a help text.
func FormatNames() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// Write writes the report. Same counts and options, same bytes.
func (f Format) Write(w io.Writer, o Options, c *aggregate.Counts) error {
	d := newDocument(c)
	d.Partial = o.Partial
	return f.write(w, o, d)
}
