package story

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// WriteText writes the story in plain words: who and what, each step, the end.
func (s *Story) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	for i, m := range s.Messages {
		fmt.Fprintln(out, terminal.Clean(m.headline(i > 0)))
	}
	for i := range s.Entries {
		if s.Cut > 0 && i == (len(s.Entries)+1)/2 {
			fmt.Fprintf(out, "  ... %d lines left out\n", s.Cut)
		}
		s.writeEntry(out, &s.Entries[i])
	}
	for _, m := range s.Messages {
		for _, line := range m.ends() {
			fmt.Fprintln(out, "  =", terminal.Clean(s.prefix(m.QueueID)+line))
		}
	}
	fmt.Fprintln(out)
	return out.Flush()
}

func (m *Message) headline(next bool) string {
	var b strings.Builder
	switch {
	case m.QueueID == "":
		b.WriteString("A client was refused")
	case next:
		b.WriteString("  later message " + m.QueueID)
	default:
		b.WriteString("Message " + m.QueueID)
	}
	fmt.Fprintf(&b, " (%s", m.MTA)
	if m.Host != "" {
		b.WriteString(" on " + m.Host)
	}
	b.WriteString(")")
	if m.SenderKnown {
		b.WriteString(" from " + angle(m.Sender))
	}
	if !m.Began {
		b.WriteString(", began before the logs")
	}
	return b.String()
}

func angle(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}

// prefix tells the messages of a story apart, where there are several.
func (s *Story) prefix(id string) string {
	if len(s.Messages) < 2 {
		return ""
	}
	return id + ": "
}

func (s *Story) writeEntry(w io.Writer, e *Entry) {
	stamp := e.Time
	if t, err := time.Parse(time.RFC3339Nano, e.Time); err == nil {
		stamp = t.Format(time.DateTime)
	}
	fmt.Fprintf(w, "  %-19s  %s\n", stamp, terminal.Clean(s.prefix(e.QueueID)+e.words()))
}

// words are the entry as people would say it.
func (e *Entry) words() string {
	switch e.Kind {
	case logparse.Arrived.String():
		return "comes in" + e.origin() + e.envelope()
	case logparse.Named.String():
		if e.MessageID == "" {
			return "has no Message-ID"
		}
		return "Message-ID " + e.MessageID
	case logparse.Active.String():
		return "is taken up for delivery" + e.envelope()
	case logparse.Noticed.String():
		return "a notice about it is queued as " + e.Other
	case logparse.Probed.String():
		return "is only a question whether an address is good"
	case logparse.Removed.String():
		return "leaves the queue"
	case logparse.Discarded.String():
		return "is thrown away, as a rule or a filter of this host wants it"
	case logparse.Cancelled.String():
		return "is given up, by hand or because it was frozen for too long"
	case kindRemark:
		return "on the way" + e.relay() + e.reply()
	case kindRequeued:
		return e.to() + " is handed on" + e.relay() + " and comes back as " + e.Other
	}
	return e.to() + " " + e.verb() + e.relay() + e.reply() + e.times()
}

func (e *Entry) verb() string {
	switch e.Kind {
	case logparse.Sent.String():
		return "is delivered"
	case logparse.Deferred.String():
		return "is put off"
	case logparse.Bounced.String():
		return "fails for good"
	case logparse.Expired.String():
		return "is given up, too long in the queue"
	case logparse.Rejected.String():
		return "is refused"
	case logparse.TempFailed.String():
		return "is refused for now"
	}
	return e.Kind
}

func (e *Entry) to() string {
	if len(e.Recipients) == 0 {
		return "the message"
	}
	return strings.Join(e.Recipients, ", ")
}

func (e *Entry) origin() string {
	var b strings.Builder
	if host := hostWords(e.ClientName, e.ClientIP); host != "" {
		b.WriteString(" from " + host)
	}
	if e.Login != "" {
		b.WriteString(" by local user " + e.Login)
	}
	if e.User != "" {
		b.WriteString(", logged in as " + e.User)
	}
	if e.Other != "" {
		b.WriteString(", because of " + e.Other)
	}
	return b.String()
}

func (e *Entry) envelope() string {
	var parts []string
	if e.Sender != nil {
		parts = append(parts, "sender "+angle(*e.Sender))
	}
	if e.Size > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes", e.Size))
	}
	if e.Expected > 0 {
		parts = append(parts, Plural(e.Expected, "recipient"))
	}
	if e.MessageID != "" {
		parts = append(parts, "Message-ID "+e.MessageID)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func (e *Entry) relay() string {
	host := hostWords(e.RelayHost, e.RelayIP)
	switch {
	case host != "" && (e.Kind == logparse.Sent.String() || e.Kind == kindRequeued):
		return " to " + host
	case host != "" && e.Kind == logparse.Deferred.String():
		return " by " + host
	case host != "":
		return " at " + host
	case e.ClientIP != "":
		return " to the client [" + e.ClientIP + "]"
	}
	return ""
}

func hostWords(name, ip string) string {
	switch {
	case name != "" && ip != "":
		return name + " [" + ip + "]"
	case ip != "":
		return "[" + ip + "]"
	}
	return name
}

// reply is what was said, and for failures what it means and who must act.
func (e *Entry) reply() string {
	s := ""
	if e.Text != "" {
		s = ": " + e.Text
	}
	if e.Cause != "" {
		s += " (" + e.Cause + "; who acts: " + e.Actor + ")"
	}
	return s
}

func (e *Entry) times() string {
	if e.Times < 2 {
		return ""
	}
	return fmt.Sprintf(", %d times", e.Times)
}

// ends are what became of each recipient.
func (m *Message) ends() (lines []string) {
	for i := range m.Recipients {
		lines = append(lines, m.Recipients[i].words())
	}
	if n := m.Unseen; n > 0 && m.Accepted {
		lines = append(lines, Plural(n, "recipient")+" of which the logs say nothing more")
	}
	switch {
	case m.Ending == Crowded:
		lines = append(lines, "given up here: too many messages at the same time (--limit)")
	case m.Ending == TooOld:
		lines = append(lines, "given up here: no line about it for too long (--max-age)")
	case m.Ending == Reused:
		lines = append(lines, "its queue id was given to another message: the line about its end is missing")
	case len(lines) == 0 && !m.Accepted:
		lines = append(lines, "was not accepted: the client left before it had sent the message")
	}
	return lines
}

func (r *Recipient) words() string {
	b := strings.Builder{}
	if r.Address == "" {
		b.WriteString("the message")
	} else {
		b.WriteString(r.Address)
	}
	b.WriteString(": " + r.Outcome.words())
	if r.Outcome == Requeued {
		b.WriteString(" as " + r.Next)
	}
	if r.Seconds >= 0 && r.Outcome != Requeued {
		b.WriteString(duration(r.Seconds))
	}
	if r.Attempts > 1 {
		b.WriteString(", " + Plural(r.Attempts, "attempt"))
	}
	if (r.Outcome == Failed || r.Outcome == Expired || r.Outcome == Queued && r.Deferred > 0) && r.Last != replycode.UnknownCause {
		b.WriteString(", " + r.Last.String())
	}
	return b.String()
}

func (o Outcome) words() string {
	switch o {
	case Queued:
		return "still in the queue"
	case Requeued:
		return "back in the queue"
	case Failed:
		return "failed for good"
	case Expired:
		return "given up"
	case Gone:
		return "left the queue, and no line says how"
	}
	return o.String()
}

// duration writes seconds as people say them.
func duration(s float64) string {
	switch {
	case s < 1:
		return " at once"
	case s < 120:
		return fmt.Sprintf(" after %.0f s", s)
	case s < 2*3600:
		return fmt.Sprintf(" after %.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf(" after %.0f h", s/3600)
	}
	return fmt.Sprintf(" after %.1f d", s/86400)
}

// Plural is a number of things: 1 message, 2 messages.
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type jsonRecipient struct {
	Address  string   `json:"address,omitempty"`
	Outcome  string   `json:"outcome"`
	Attempts int      `json:"attempts"`
	Deferred int      `json:"deferred"`
	First    string   `json:"first_cause,omitempty"`
	Last     string   `json:"last_cause,omitempty"`
	Provider string   `json:"provider"`
	Seconds  *float64 `json:"seconds,omitempty"`
	Next     string   `json:"requeued_as,omitempty"`
}

type jsonMessage struct {
	MTA        string          `json:"mta"`
	Host       string          `json:"host,omitempty"`
	QueueID    string          `json:"queue_id,omitempty"`
	Sender     *string         `json:"sender,omitempty"`
	MessageID  string          `json:"message_id,omitempty"`
	ClientName string          `json:"client_name,omitempty"`
	ClientIP   string          `json:"client_ip,omitempty"`
	User       string          `json:"user,omitempty"`
	Login      string          `json:"login,omitempty"`
	From       string          `json:"from_queue_id,omitempty"`
	Size       *int64          `json:"size,omitempty"`
	Expected   int             `json:"recipients_expected,omitempty"`
	Began      bool            `json:"began"` // false: it began before the logs
	Accepted   bool            `json:"accepted"`
	Removed    bool            `json:"removed"`
	Ending     string          `json:"ending"`
	Recipients []jsonRecipient `json:"recipients"`
}

// WriteJSON writes the story as one JSON object on one line.
func (s *Story) WriteJSON(w io.Writer) error {
	doc := struct {
		Messages []jsonMessage `json:"messages"`
		Entries  []Entry       `json:"entries"`
		Cut      int           `json:"entries_left_out,omitempty"`
	}{Entries: s.Entries, Cut: s.Cut}
	for _, m := range s.Messages {
		doc.Messages = append(doc.Messages, m.json())
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

func (m *Message) json() jsonMessage {
	out := jsonMessage{
		MTA: m.MTA.String(), Host: m.Host, QueueID: m.QueueID, MessageID: m.MessageID,
		ClientName: m.ClientName, ClientIP: m.ClientIP, User: m.User, Login: m.Login, From: m.From,
		Expected: m.Expected, Began: m.Began, Accepted: m.Accepted, Removed: m.Removed, Ending: m.Ending.String(),
		Recipients: []jsonRecipient{},
	}
	if m.SenderKnown {
		out.Sender = &m.Sender
	}
	if m.Size >= 0 {
		out.Size = &m.Size
	}
	for i := range m.Recipients {
		out.Recipients = append(out.Recipients, m.Recipients[i].json())
	}
	return out
}

func (r *Recipient) json() jsonRecipient {
	out := jsonRecipient{
		Address: r.Address, Outcome: r.Outcome.String(), Attempts: r.Attempts, Deferred: r.Deferred,
		Provider: r.Provider.String(), Next: r.Next,
	}
	if r.Deferred > 0 || r.Outcome == Failed || r.Outcome == Expired || r.Outcome == Refused {
		out.First, out.Last = r.First.String(), r.Last.String()
	}
	if r.Seconds >= 0 {
		out.Seconds = &r.Seconds
	}
	return out
}
