package report

import (
	"embed"
	"html/template"
	"io"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// A Page is what stands around the figures of an HTML report.
type Page struct {
	Title   string
	Note    string // one line under the title
	Faults  []string
	Sources []SourceRow // only the status page of the daemon has them
	Links   []Link
	Refresh int // seconds after which a browser loads the page again; 0: never
}

// A SourceRow is the health of a followed log.
type SourceRow struct {
	Source              string
	Up                  bool
	LagBytes, LostBytes int64
	Rotations           int64
	LastLine            string
}

// A Link leads to another page of the daemon.
type Link struct{ Text, URL string }

//go:embed page.html
var pageFS embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFS, "page.html"))

// WriteHTML writes the report as one page that needs no other file. Whatever
// comes from a log is escaped.
func WriteHTML(w io.Writer, p Page, c *aggregate.Counts) error {
	return writeHTML(w, p, newDocument(c))
}

func writeHTML(w io.Writer, p Page, d *document) error {
	return pageTemplate.Execute(w, struct {
		Page
		*document
		Top int
	}{p, d, 50})
}
