package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// A Page is what stands around the figures of an HTML report.
type Page struct {
	Title   string
	Note    string // one line under the title
	Lang    string // "zh", else English
	Faults  []string
	Sources []SourceRow // only the status page of the daemon has them
	Links   []Link
	Refresh int // seconds after which a browser loads the page again; 0: never

	// Now makes the page one about the present: the figures at the top are of the
	// last 24 hours, the history is that of the last three days.
	Now time.Time

	// Of the daemon's page only:
	Failures []FailureRow // the latest ones
	Outcomes []OutcomeRow
	Senders  []SenderRow
}

// An OutcomeRow is what became of recipients in the end, since counting began.
type OutcomeRow struct {
	MTA                                   string
	First, Later, Failed, Expired, Others uint64
	Open                                  int    // messages
	Half                                  string // in what time half of Later arrived
}

// Known is whether there is anything to say.
func (r *OutcomeRow) Known() bool {
	return r.First+r.Later+r.Failed+r.Expired+r.Others > 0 || r.Open > 0
}

// A SenderRow is a sender whose mail fails, masked.
type SenderRow struct {
	Name                        string
	Recipients, Failed, Unknown uint64
	Suspicious                  bool
	QueueID                     string // of a message, if suspicious
}

// A FailureRow is mail that failed, without addresses.
type FailureRow struct {
	Time, QueueID, Status, Code, Cause, Provider, Text string
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

// WriteHTML writes the report as one page that needs no other file and no
// script. Whatever comes from a log is escaped.
func WriteHTML(w io.Writer, p Page, c *aggregate.Counts) error {
	return writeHTML(w, p, newDocument(c, p.Lang))
}

func writeHTML(w io.Writer, p Page, d *document) error {
	return pageTemplate.Execute(w, &pageView{Page: p, document: d})
}

// StyleSource allows the style of the page and no other in a Content Security
// Policy (CSP Level 3 section 2.3.1, hash-source).
var StyleSource = func() string {
	page, err := pageFS.ReadFile("page.html")
	if err != nil {
		panic(err) // it is embedded
	}
	_, style, _ := strings.Cut(string(page), "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()
