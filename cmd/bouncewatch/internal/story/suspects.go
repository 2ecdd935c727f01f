package story

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// maxSuspects bounds the rows: a sender that is suspicious for days has many.
const maxSuspects = 1000

// Suspects are the suspicious senders of finished logs, by clock hours. It is a
// Watcher.
type Suspects struct {
	All bool // look at messages that are not selected, too

	senders senders
	rows    map[suspectKey]*SuspectRow
}

type suspectKey struct {
	hour int64
	name string
}

// A SuspectRow is a sender in an hour.
type SuspectRow struct {
	Hour       string `json:"hour"` // RFC 3339, of its beginning
	Name       string `json:"name"`
	Recipients uint64 `json:"recipients"`
	Unknown    uint64 `json:"unknown_users"`
	QueueID    string `json:"queue_id"` // of a message

	start time.Time
}

// NewSuspects returns Suspects by a rule.
func NewSuspects(rule Suspicion) *Suspects {
	s := &Suspects{senders: newSenders(rule), rows: map[suspectKey]*SuspectRow{}}
	s.senders.report = s.note
	return s
}

// Met implements Watcher.
func (s *Suspects) Met(m *Message) {
	if s.wanted(m) {
		s.senders.met(m)
	}
}

// Settled implements Watcher.
func (s *Suspects) Settled(m *Message, r *Recipient, _ int) {
	if r.Outcome == Failed && s.wanted(m) {
		s.senders.failed(m, r)
	}
}

func (s *Suspects) wanted(m *Message) bool {
	return !m.notice() && (s.All || m.story.Selected)
}

func (s *Suspects) note(m *Message, name string, t *Tally) {
	k := suspectKey{s.senders.hour, name}
	row := s.rows[k]
	if row == nil {
		if len(s.rows) >= maxSuspects {
			return
		}
		start := m.Last.Truncate(time.Hour)
		row = &SuspectRow{Hour: start.Format(time.RFC3339), Name: name, QueueID: m.QueueID, start: start}
		s.rows[k] = row
	}
	row.Recipients, row.Unknown = t.Recipients, t.Unknown
}

// Rows are the suspects in the order of time.
func (s *Suspects) Rows() []SuspectRow {
	all := make([]SuspectRow, 0, len(s.rows))
	for _, r := range s.rows {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b SuspectRow) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(b.Unknown, a.Unknown), strings.Compare(a.Name, b.Name))
	})
	return all
}

func (s *Suspects) write(w io.Writer, top int) {
	rows := s.Rows()
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\nSuspicious senders: many recipients that do not exist, or suddenly many\n%-16s%12s%10s  a message\n", "hour", "recipients", "unknown")
	for _, r := range rows[:min(top, len(rows))] {
		fmt.Fprintf(w, "%-16s%12d%10d  %s  %s\n", r.start.Format("2006-01-02 15:04"), r.Recipients, r.Unknown, r.QueueID, Printable(r.Name))
	}
	if n := len(rows) - top; n > 0 {
		fmt.Fprintf(w, "%16s and %d more (--top sets how many; --format json has all)\n", "", n)
	}
}
