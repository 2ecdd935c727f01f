package story

import (
	"cmp"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// The kinds of entries besides the names of steps and statuses.
const (
	kindRequeued = "requeued" // sent, and back in this host's queue as Other
	kindRemark   = "remark"
)

// An Entry is what one line says about a message. A key whose value is not known
// is left out.
type Entry struct {
	Time    string `json:"time,omitempty"` // RFC 3339
	Source  string `json:"source"`
	Line    int64  `json:"line"`
	QueueID string `json:"queue_id,omitempty"`
	Kind    string `json:"kind"` // a step's, an event's status, "requeued" or "remark"

	Recipients []string `json:"recipients,omitempty"`
	Sender     *string  `json:"sender,omitempty"` // "" for the null sender
	ClientName string   `json:"client_name,omitempty"`
	ClientIP   string   `json:"client_ip,omitempty"`
	User       string   `json:"user,omitempty"`
	Login      string   `json:"login,omitempty"`
	MessageID  string   `json:"message_id,omitempty"`
	Size       int64    `json:"size,omitempty"`
	Expected   int      `json:"recipients_expected,omitempty"`
	Other      string   `json:"other_queue_id,omitempty"`

	RelayHost string   `json:"relay_host,omitempty"`
	RelayIP   string   `json:"relay_ip,omitempty"`
	Code      string   `json:"code,omitempty"`
	Enhanced  string   `json:"enhanced,omitempty"`
	Stage     string   `json:"stage,omitempty"`
	Cause     string   `json:"cause,omitempty"`
	Actor     string   `json:"actor,omitempty"`
	Text      string   `json:"text,omitempty"`
	Delay     *float64 `json:"delay_seconds,omitempty"`
	Times     int      `json:"times,omitempty"` // where syslog says that the line occurred more than once

	order uint64 // among all entries
}

// note keeps an entry of m's story.
func (t *Tracker) note(m *openMessage, e Entry) {
	t.noted++
	e.QueueID, e.order = string(t.queueID(m)), t.noted
	g := t.groupOf(m)
	g.entries = append(g.entries, e)
	g.shorten(t.Entries)
}

// shorten leaves out entries in the middle: how it began and how it ended matter
// most.
func (g *group) shorten(limit int) {
	if n := len(g.entries) - limit; n > 0 {
		g.entries = slices.Delete(g.entries, limit/2, limit/2+n)
		g.cut += n
	}
}

// merge puts the entries of another story between its own, in the order of the
// logs.
func (g *group) merge(entries []Entry, limit int) {
	g.entries = append(g.entries, entries...)
	slices.SortFunc(g.entries, func(a, b Entry) int { return cmp.Compare(a.order, b.order) })
	g.shorten(limit)
}

func newEntry(at pipeline.Place, kind string) Entry {
	e := Entry{Source: at.Source, Line: at.Line, Kind: kind}
	if !at.Time.IsZero() {
		e.Time = at.Time.Format(time.RFC3339Nano)
	}
	return e
}

func stepEntry(at pipeline.Place, st *logparse.Step) Entry {
	e := newEntry(at, st.Kind.String())
	if st.Sender != nil {
		sender := string(st.Sender)
		e.Sender = &sender
	}
	e.ClientName, e.ClientIP = string(st.ClientName), string(st.ClientIP)
	e.User, e.Login = string(st.User), string(st.Login)
	e.MessageID, e.Other = string(st.MessageID), string(st.Other)
	e.Size, e.Expected = max(0, st.Size), max(0, st.Recipients)
	return e
}

// eventEntry describes an event. For one that this host refused, the recipients
// are the event's own.
func (t *Tracker) eventEntry(m *openMessage, s *pipeline.Seen) Entry {
	ev := s.Event
	e := newEntry(s.Place, ev.Status.String())
	switch {
	case s.Result == logparse.ResultRemark:
		e.Kind = kindRemark
	case ev.Direction == logparse.Inbound:
		if ev.Recipient != nil {
			e.Recipients = []string{string(ev.Recipient)}
		}
	default:
		t.eventRecipients(m, &e, s)
	}
	e.ClientIP, e.RelayHost, e.RelayIP = string(ev.ClientIP), string(ev.RelayHost), string(ev.RelayIP)
	e.Code, e.Enhanced, e.Stage, e.Text = ev.Code.String(), ev.Enhanced.String(), ev.Stage.String(), string(ev.Text)
	if ev.Status != logparse.Sent {
		e.Cause, e.Actor = s.Verdict.Cause.String(), s.Verdict.Cause.Actor()
	}
	if ev.Delay >= 0 {
		delay := ev.Delay
		e.Delay = &delay
	}
	if ev.Repeat > 0 {
		e.Times = ev.Repeat
		if !ev.Folded {
			e.Times++
		}
	}
	return e
}

func (t *Tracker) eventRecipients(m *openMessage, e *Entry, s *pipeline.Seen) {
	for address := range s.Recipients() {
		e.Recipients = append(e.Recipients, string(address))
		if r := t.known(m, address); r != nil && r.outcome == Requeued && e.Kind == logparse.Sent.String() {
			e.Kind, e.Other = kindRequeued, t.texts.string(r.next)
		}
	}
}
