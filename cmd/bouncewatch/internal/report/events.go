package report

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// An Event is one line of the output of "bouncewatch events"; a key whose value
// is not known is left out.
type Event struct {
	Source          string   `json:"source,omitempty"`
	Line            int64    `json:"line,omitempty"`
	Time            string   `json:"time,omitempty"`
	MTA             string   `json:"mta,omitempty"`
	Program         string   `json:"program,omitempty"`
	Host            string   `json:"host,omitempty"`
	QueueID         string   `json:"queue_id,omitempty"`
	Direction       string   `json:"direction,omitempty"`
	Status          string   `json:"status,omitempty"`
	Code            string   `json:"code,omitempty"`
	Enhanced        string   `json:"enhanced,omitempty"`
	DSN             string   `json:"dsn,omitempty"`
	Class           string   `json:"class,omitempty"`
	Stage           string   `json:"stage,omitempty"`
	Cause           string   `json:"cause,omitempty"`
	Actor           string   `json:"actor,omitempty"`
	Label           string   `json:"label,omitempty"` // of the rule of the configuration that decided
	Provider        string   `json:"provider,omitempty"`
	Recipient       string   `json:"recipient,omitempty"`
	RecipientDomain string   `json:"recipient_domain,omitempty"`
	Recipients      int      `json:"recipients,omitempty"`
	Repeat          int      `json:"repeat,omitempty"`
	RelayHost       string   `json:"relay_host,omitempty"`
	RelayIP         string   `json:"relay_ip,omitempty"`
	RelayPort       uint16   `json:"relay_port,omitempty"`
	ClientIP        string   `json:"client_ip,omitempty"`
	Sender          string   `json:"sender,omitempty"`
	DelaySeconds    *float64 `json:"delay_seconds,omitempty"`
	Text            string   `json:"text,omitempty"`
	Remark          bool     `json:"remark,omitempty"`

	at    time.Time // the moment of Time, in the Pipeline's zone where the log has none
	count int       // how many outcomes this is
}

// Events writes events in input order. It holds the last event back by one, so
// that syslog's note about repeats joins the line that it repeats.
type Events struct {
	Remarks bool           // print remarks too
	Mask    bool           // replace the local part of addresses
	Zone    *time.Location // of stamps without one; nil leaves them without

	out  eventWriter
	held *Event
	err  error
}

// An eventWriter is a format of events.
type eventWriter interface {
	write(*Event) error
	close() error
}

// eventFormats has a row for each format of events.
var eventFormats = []struct {
	name string
	new  func(w io.Writer) eventWriter
}{
	{"json", newEventJSON},
	{"parquet", newEventParquet},
}

// EventFormats are all formats of events.
func EventFormats() (names []string) {
	for _, f := range eventFormats {
		names = append(names, f.name)
	}
	return names
}

// NewEvents returns Events that write to w in a format that EventFormats has.
func NewEvents(w io.Writer, format string) *Events {
	i := max(slices.Index(EventFormats(), format), 0)
	return &Events{out: eventFormats[i].new(w)}
}

// eventJSON writes one object a line.
type eventJSON struct{ enc *json.Encoder }

func newEventJSON(w io.Writer) eventWriter {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return eventJSON{enc}
}

func (j eventJSON) write(ev *Event) error { return j.enc.Encode(ev) }

func (j eventJSON) close() error { return nil }

// Add takes the next event.
func (e *Events) Add(s *pipeline.Seen) {
	remark := s.Result == logparse.ResultRemark
	if remark && !e.Remarks {
		return
	}
	if s.Event.Folded && e.held != nil && e.held.Source == s.Source && e.held.Repeat == 0 {
		e.held.Repeat, e.held.Line = s.Event.Repeat, s.Line
		e.held.count += s.Event.Count()
		return
	}
	e.flush()
	ev := e.event(s)
	ev.Remark = remark
	e.held = ev
}

// Close writes what is held back and returns the first error of writing.
func (e *Events) Close() error {
	e.flush()
	if err := e.out.close(); e.err == nil {
		e.err = err
	}
	return e.err
}

func (e *Events) flush() {
	if e.held != nil && e.err == nil {
		e.err = e.out.write(e.held)
	}
	e.held = nil
}

func (e *Events) event(s *pipeline.Seen) *Event {
	ev := s.Event
	out := &Event{
		Source: s.Source, Line: s.Line, Time: e.time(ev.Stamp, s.Time),
		MTA: ev.MTA.String(), Program: string(ev.Program), Host: string(ev.Host), QueueID: string(ev.QueueID),
		Direction: ev.Direction.String(), Status: ev.Status.String(),
		Code: ev.Code.String(), Enhanced: ev.Enhanced.String(), DSN: ev.DSN.String(), Stage: ev.Stage.String(),
		Provider:  s.Verdict.Provider.String(),
		Recipient: e.address(ev.Recipient), RecipientDomain: string(ev.RecipientDomain()), Recipients: ev.Recipients, Repeat: ev.Repeat,
		RelayHost: string(ev.RelayHost), RelayIP: string(ev.RelayIP), RelayPort: ev.RelayPort, ClientIP: string(ev.ClientIP),
		Sender: e.address(ev.Sender), Text: e.text(ev.Text),
		at: s.Time, count: ev.Count(),
	}
	if c := ev.Class(); c != replycode.NoClass {
		out.Class = c.String()
	}
	if ev.Status != logparse.Sent {
		out.Cause, out.Actor, out.Label = s.Verdict.Cause.String(), s.Verdict.Cause.Actor(), s.Verdict.Label
	}
	if ev.Delay >= 0 {
		delay := ev.Delay
		out.DelaySeconds = &delay
	}
	return out
}

// time writes a stamp, which was at a moment that has what it lacks.
func (e *Events) time(s logparse.Stamp, at time.Time) string {
	if s.IsZero() {
		return ""
	}
	if s.Year == 0 || e.Zone != nil && !s.HasZone {
		s.Year = int16(at.Year())
		if e.Zone != nil {
			_, offset := at.Zone()
			s.HasZone, s.ZoneOffset = true, int32(offset)
		}
	}
	return string(s.AppendRFC3339(nil))
}

func (e *Events) address(a []byte) string {
	if !e.Mask {
		return string(a)
	}
	return maskAddress(string(a))
}

func maskAddress(a string) string {
	if i := strings.LastIndexByte(a, '@'); i > 0 {
		return "*" + a[i:]
	}
	return a
}

// text masks each word with an @ in it: a reply may quote addresses anywhere.
func (e *Events) text(t []byte) string {
	if !e.Mask {
		return string(t)
	}
	words := strings.Split(string(t), " ")
	for i, w := range words {
		if at := strings.LastIndexByte(w, '@'); at >= 0 {
			open := ""
			if strings.HasPrefix(w, "<") {
				open = "<"
			}
			words[i] = open + "*" + w[at:]
		}
	}
	return strings.Join(words, " ")
}
