package story

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

// maxSuspects bounds the rows: a sender that is suspicious for days has many.
const maxSuspects = 1000

// Suspects are the suspicious senders of finished logs, by clock hours.
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
	s := &Suspects{senders: newSenders(rule, senderNamesOfLogs), rows: map[suspectKey]*SuspectRow{}}
	s.senders.report = s.note
	return s
}

func (s *Suspects) met(t *Tracker, m *openMessage) {
	if s.wanted(t, m) {
		s.senders.met(t, m)
	}
}

func (s *Suspects) settled(t *Tracker, m *openMessage, r *openRecipient, _ int) {
	if r.outcome == Failed && s.wanted(t, m) {
		s.senders.failed(t, m, r)
	}
}

func (s *Suspects) wanted(t *Tracker, m *openMessage) bool {
	return !m.notice() && (s.All || t.chosen(m))
}

func (s *Suspects) note(t *Tracker, m *openMessage, name string, sum *Tally) {
	k := suspectKey{s.senders.hour, name}
	row := s.rows[k]
	if row == nil {
		if len(s.rows) >= maxSuspects {
			return
		}
		start := t.zones.time(m.last, m.zoneL).Truncate(time.Hour)
		row = &SuspectRow{Hour: start.Format(time.RFC3339), Name: name, QueueID: string(t.queueID(m)), start: start}
		s.rows[k] = row
	}
	row.Recipients, row.Unknown = sum.Recipients, sum.Unknown
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

func (s *Suspects) write(p *printer, top int) {
	rows := s.Rows()
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(p, "\n"+p.T("Suspicious senders: many recipients that do not exist, or suddenly many"))
	p.WriteString(terminal.Left(p.T("hour"), 16))
	p.head(column{"recipients", 12}, column{"unknown", 10})
	fmt.Fprintln(p, "  "+p.T("a message"))
	for _, r := range rows[:min(top, len(rows))] {
		fmt.Fprintf(p, "%-16s%12d%10d  %s  %s\n", r.start.Format("2006-01-02 15:04"), r.Recipients, r.Unknown, r.QueueID, terminal.Clean(r.Name))
	}
	if n := len(rows) - top; n > 0 {
		fmt.Fprintf(p, "%16s  "+p.T("and %d more (--top sets how many; --format json has all)")+"\n", "", n)
	}
}
