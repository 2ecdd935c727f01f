// Package doctor looks at a host as "bouncewatch watch" would find it: what is
// wrong, and what to type to mend it. It changes nothing.
package doctor

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

// A State is how bad a finding is.
type State string

// The states. A Note is worth knowing and no fault.
const (
	Fine  State = "ok"
	Note  State = "note"
	Wrong State = "wrong"
)

// A Finding is what one check found.
type Finding struct {
	Check   string `json:"check"`   // what kind of thing was looked at: config, log, journal, state, space, listener, web
	Subject string `json:"subject"` // which one
	State   State  `json:"state"`
	Text    string `json:"text"`
	Mend    string `json:"mend,omitempty"` // what to type, or do
	Log     *Log   `json:"log,omitempty"`  // of a log that could be read
}

// A Report is all that was found.
type Report struct {
	Version  int       `json:"version"` // of this format
	State    State     `json:"state"`   // Wrong if any finding is, else Fine
	User     string    `json:"user"`    // whose access was judged
	Findings []Finding `json:"findings"`
}

// A Host is what to look at.
type Host struct {
	Who           Who
	Logs          []string // files and globs that would be followed
	Usual         []string // where logs were looked for, if none were named
	Journals      []string // directories of the systemd journal
	StateDir      string
	ListenAddress []string
	WebConfigFile string
	Location      *time.Location // of stamps without a zone
}

// Examine looks at everything.
func Examine(h Host) []Finding {
	findings := h.logs()
	findings = append(findings, h.journals()...)
	findings = append(findings, h.state()...)
	return append(findings, h.listeners()...)
}

// NewReport sums up findings.
func NewReport(who Who, findings []Finding) Report {
	r := Report{Version: 1, State: Fine, User: who.String(), Findings: findings}
	if r.count(Wrong) > 0 {
		r.State = Wrong
	}
	return r
}

func (r *Report) count(s State) (n int) {
	for i := range r.Findings {
		if r.Findings[i].State == s {
			n++
		}
	}
	return n
}

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "access judged for %s\n\n", r.User)
	for i := range r.Findings {
		r.Findings[i].writeText(&b)
	}
	fmt.Fprintf(&b, "\n%d wrong, %d to note\n", r.count(Wrong), r.count(Note))
	_, err := io.WriteString(w, terminal.CleanLines(b.String()))
	return err
}

const indent = "                  "

func (f *Finding) writeText(b *strings.Builder) {
	text := f.Text
	if f.Log != nil {
		text += "\n" + f.Log.text()
	}
	if f.Mend != "" {
		text += "\nmend: " + f.Mend
	}
	fmt.Fprintf(b, "%-6s %-10s %s: %s\n", f.State, f.Check, f.Subject, strings.ReplaceAll(text, "\n", "\n"+indent))
}
