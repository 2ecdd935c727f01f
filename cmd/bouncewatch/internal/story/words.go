package story

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// WriteText writes the story in plain words, in English or Chinese (lang "zh"): who and
// what, each step, the end.
func (s *Story) WriteText(w io.Writer, lang string) error {
	p := printer{bufio.NewWriter(w), lang}
	for i, m := range s.Messages {
		fmt.Fprintln(p, terminal.Clean(p.headline(m, i > 0)))
	}
	for i := range s.Entries {
		if s.Cut > 0 && i == (len(s.Entries)+1)/2 {
			fmt.Fprintf(p, "  "+p.T("... %d lines left out")+"\n", s.Cut)
		}
		s.writeEntry(&p, &s.Entries[i])
	}
	for _, m := range s.Messages {
		for _, line := range p.ends(m) {
			fmt.Fprintln(p, "  =", terminal.Clean(s.prefix(m.QueueID)+line))
		}
	}
	fmt.Fprintln(p)
	return p.Flush()
}

func (p *printer) headline(m *Message, next bool) string {
	var b strings.Builder
	switch {
	case m.QueueID == "":
		b.WriteString(p.T("A client was refused"))
	case next:
		b.WriteString("  " + p.say("later message %s", m.QueueID))
	default:
		b.WriteString(p.say("Message %s", m.QueueID))
	}
	if m.Host != "" {
		b.WriteString(p.say(" (%s on %s)", m.MTA, m.Host))
	} else {
		fmt.Fprintf(&b, " (%s)", m.MTA)
	}
	if m.SenderKnown {
		b.WriteString(p.say(" from %s", angle(m.Sender)))
	}
	if !m.Began {
		b.WriteString(p.T(", began before the logs"))
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

func (s *Story) writeEntry(p *printer, e *Entry) {
	stamp := e.Time
	if t, err := time.Parse(time.RFC3339Nano, e.Time); err == nil {
		stamp = t.Format(time.DateTime)
	}
	fmt.Fprintf(p, "  %-19s  %s\n", stamp, terminal.Clean(s.prefix(e.QueueID)+p.entry(e)))
}

// say is the text in the printer's language with values in it.
func (p *printer) say(english string, values ...any) string {
	return fmt.Sprintf(p.T(english), values...)
}

func (p *printer) number(n int, one, many string) string {
	return language.Number(p.lang, uint64(n), one, many)
}

// stepWords say what a line says besides outcomes.
var stepWords = map[string]string{
	logparse.Probed.String():    "is only a question whether an address is good",
	logparse.Removed.String():   "leaves the queue",
	logparse.Discarded.String(): "is thrown away, as a rule or a filter of this host wants it",
	logparse.Cancelled.String(): "is given up, by hand or because it was frozen for too long",
}

// entry is the entry as people would say it.
func (p *printer) entry(e *Entry) string {
	switch e.Kind {
	case logparse.Arrived.String():
		return p.T("comes in") + p.origin(e) + p.envelope(e)
	case logparse.Named.String():
		if e.MessageID == "" {
			return p.T("has no Message-ID")
		}
		return "Message-ID " + e.MessageID
	case logparse.Active.String():
		return p.T("is taken up for delivery") + p.envelope(e)
	case logparse.Noticed.String():
		return p.say("a notice about it is queued as %s", e.Other)
	case kindRemark:
		return p.T("on the way") + p.relay(e) + p.reply(e)
	case kindRequeued:
		return p.say("%s is handed on", p.recipients(e)) + p.relay(e) + p.say(" and comes back as %s", e.Other)
	}
	if step, ok := stepWords[e.Kind]; ok {
		return p.T(step)
	}
	return p.recipients(e) + " " + p.T(cmp.Or(statusWords[e.Kind], e.Kind)) + p.relay(e) + p.reply(e) + p.times(e)
}

var statusWords = map[string]string{
	logparse.Sent.String():       "is delivered",
	logparse.Deferred.String():   "is put off",
	logparse.Bounced.String():    "fails for good",
	logparse.Expired.String():    "is given up, too long in the queue",
	logparse.Rejected.String():   "is refused",
	logparse.TempFailed.String(): "is refused for now",
}

func (p *printer) recipients(e *Entry) string {
	if len(e.Recipients) == 0 {
		return p.T("the message")
	}
	return strings.Join(e.Recipients, ", ")
}

func (p *printer) origin(e *Entry) string {
	var b strings.Builder
	if host := hostWords(e.ClientName, e.ClientIP); host != "" {
		b.WriteString(p.say(" from %s", host))
	}
	if e.Login != "" {
		b.WriteString(p.say(" by local user %s", e.Login))
	}
	if e.User != "" {
		b.WriteString(p.say(", logged in as %s", e.User))
	}
	if e.Other != "" {
		b.WriteString(p.say(", because of %s", e.Other))
	}
	return b.String()
}

func (p *printer) envelope(e *Entry) string {
	var parts []string
	if e.Sender != nil {
		parts = append(parts, p.say("sender %s", angle(*e.Sender)))
	}
	if e.Size > 0 {
		parts = append(parts, p.say("%d bytes", e.Size))
	}
	if e.Expected > 0 {
		parts = append(parts, p.number(e.Expected, "%d recipient", "%d recipients"))
	}
	if e.MessageID != "" {
		parts = append(parts, "Message-ID "+e.MessageID)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func (p *printer) relay(e *Entry) string {
	host := hostWords(e.RelayHost, e.RelayIP)
	switch {
	case host != "" && (e.Kind == logparse.Sent.String() || e.Kind == kindRequeued):
		return p.say(" to %s", host)
	case host != "" && e.Kind == logparse.Deferred.String():
		return p.say(" by %s", host)
	case host != "":
		return p.say(" at %s", host)
	case e.ClientIP != "":
		return p.say(" to the client [%s]", e.ClientIP)
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
func (p *printer) reply(e *Entry) string {
	s := ""
	if e.Text != "" {
		s = ": " + e.Text
	}
	if e.Cause != "" {
		s += p.say(" (%s; who acts: %s)", e.Cause, p.T(e.Actor))
	}
	return s
}

func (p *printer) times(e *Entry) string {
	if e.Times < 2 {
		return ""
	}
	return p.say(", %d times", e.Times)
}

var endingWords = map[Ending]string{
	Crowded: "given up here: too many messages at the same time (--limit)",
	TooOld:  "given up here: no line about it for too long (--max-age)",
	Reused:  "its queue id was given to another message: the line about its end is missing",
}

// ends are what became of each recipient.
func (p *printer) ends(m *Message) (lines []string) {
	for i := range m.Recipients {
		lines = append(lines, p.end(&m.Recipients[i]))
	}
	if n := m.Unseen; n > 0 && m.Accepted {
		lines = append(lines, p.number(n, "%d recipient of which the logs say nothing more", "%d recipients of which the logs say nothing more"))
	}
	if why, ok := endingWords[m.Ending]; ok {
		lines = append(lines, p.T(why))
	} else if len(lines) == 0 && !m.Accepted {
		lines = append(lines, p.T("was not accepted: the client left before it had sent the message"))
	}
	return lines
}

var outcomeWords = [NumOutcomes]string{
	Queued: "still in the queue", Delivered: "delivered", Requeued: "back in the queue", Failed: "failed for good",
	Expired: "given up", Refused: "refused", Gone: "left the queue, and no line says how",
}

func (p *printer) end(r *Recipient) string {
	b := strings.Builder{}
	b.WriteString(cmp.Or(r.Address, p.T("the message")) + ": " + p.T(outcomeWords[r.Outcome]))
	if r.Outcome == Requeued {
		b.WriteString(p.say(" as %s", r.Next))
	}
	if r.Seconds >= 0 && r.Outcome != Requeued {
		b.WriteString(p.duration(r.Seconds))
	}
	if r.Attempts > 1 {
		b.WriteString(", " + p.number(r.Attempts, "%d attempt", "%d attempts"))
	}
	if (r.Outcome == Failed || r.Outcome == Expired || r.Outcome == Queued && r.Deferred > 0) && r.Last != replycode.UnknownCause {
		b.WriteString(", " + r.Last.String())
	}
	return b.String()
}

// duration writes seconds as people say them.
func (p *printer) duration(s float64) string {
	switch {
	case s < 1:
		return p.T(" at once")
	case s < 120:
		return p.say(" after %.0f s", s)
	case s < 2*3600:
		return p.say(" after %.0f min", s/60)
	case s < 48*3600:
		return p.say(" after %.0f h", s/3600)
	}
	return p.say(" after %.1f d", s/86400)
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
