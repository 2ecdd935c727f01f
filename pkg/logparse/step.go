package logparse

import (
	"bytes"
	"iter"
)

// A StepKind says what a line tells of a message besides outcomes.
type StepKind uint8

// The kinds of steps.
const (
	NoStep    StepKind = iota
	Arrived            // this host took the message in, or began to: who gave it
	LoggedIn           // a client logged in: the messages of its session are of User
	Named              // the Message-ID header was read
	Active             // the queue manager takes the message up for delivery, each time anew
	Noticed            // a notice about the message was queued as Other
	Removed            // the message left the queue
	Discarded          // this host took the message, and a rule or a filter threw it away
	Cancelled          // this host tries no more: those who wait get nothing, and the sender a notice
	Probed             // it is no mail but a question, whether an address is good; this is an answer
	NumStepKinds
)

var stepNames = [NumStepKinds]string{"", "arrived", "logged_in", "named", "active", "noticed", "removed", "discarded", "cancelled", "probed"}

// String is the kind in lower case, "" for NoStep.
func (k StepKind) String() string { return name(stepNames[:], k) }

// A Step is a point in the life of a message that is no outcome. With the Events
// of the same QueueID it makes the message's story.
//
// The byte slices alias the parsed line, or a buffer of the Parser, and are
// valid until the next call of Parse. A nil slice means that the line does not
// say.
type Step struct {
	MTA  MTA
	Kind StepKind

	Stamp   Stamp
	Host    []byte // the logging host
	PID     []byte
	QueueID []byte // nil for a login outside of a message

	Sender     []byte // the envelope sender; empty and not nil for <>
	MessageID  []byte // without angle brackets
	Other      []byte // the queue id of the message it came from, or of the notice
	ClientName []byte // who sent the message, as this host names it
	ClientIP   []byte
	User       []byte // whom the client logged in as
	Login      []byte // the user of this host who submitted the message: a name or a number
	Size       int64  // in bytes, -1 where unknown
	Recipients int    // of the envelope, -1 where unknown
}

// Step says what the last line given to Parse tells of a message besides
// outcomes. It reports whether there is anything; if not, st is of no use. It is for
// callers that follow messages: Parse does no work for it.
func (p *Parser) Step(st *Step) bool {
	f := &p.frame
	if p.server == nil || f.Folded || len(f.Message) == 0 {
		return false
	}
	kind := p.server.step(f, st)
	if kind == NoStep {
		return false
	}
	st.MTA, st.Kind = p.server.mta, kind
	return true
}

// begin clears st for the message of a queue id. Most lines have none, and clearing
// costs more than finding that out.
func (st *Step) begin(f *Frame, id []byte) {
	*st = Step{} // not with the fields: that would make another, and copy it
	st.QueueID, st.Stamp = id, f.Stamp
	st.Host, st.PID = f.Host, f.PID
	st.Size, st.Recipients = -1, -1
}

// Recipients are all recipients of ev, the result of the last call of Parse:
// Sendmail puts those that shared an attempt in one line, and Event has the first.
// Nothing is said where the line names none.
func (p *Parser) Recipients(ev *Event) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if ev.Recipients <= 1 || ev.MTA != Sendmail {
			if ev.Recipient != nil {
				yield(ev.Recipient)
			}
			return
		}
		b, ok := pfAfter(p.frame.rest, "to=")
		for n := 0; ok && n < ev.Recipients; n++ {
			var recipient []byte
			if recipient, b, ok = smRecipient(b); !ok || !yield(smBare(recipient)) {
				return
			}
		}
	}
}

// QueuedAs is the queue id that the next host says it gave the message, or that
// local(8) of Postfix gave it on the way to other addresses; nil where the reply
// of a sent message names none. The words are those of Postfix, Exim and Sendmail;
// a content filter between two Postfix repeats the second's.
func (e *Event) QueuedAs() []byte {
	if e.Status != Sent {
		return nil
	}
	if b, ok := stepBehindLast(e.Text, stepQueuedAs); ok {
		return stepID(b)
	}
	if b, ok := pfAfter(e.Text, "forwarded as "); ok {
		return stepID(b)
	}
	if b, ok := stepBehindLast(e.Text, stepEximOK); ok {
		id, _ := exMessageID(b)
		return id
	}
	if i := bytes.Index(e.Text, stepAccepted); i > 0 {
		b := e.Text[:i]
		if b = b[bytes.LastIndexByte(b, ' ')+1:]; smIsQueueID(b) {
			return b
		}
	}
	return nil
}

// stepBehindLast is what follows the last words. From the beginning, because
// bytes.LastIndex is slow.
func stepBehindLast(b, words []byte) (rest []byte, found bool) {
	for {
		i := bytes.Index(b, words)
		if i < 0 {
			return b, found
		}
		b, found = b[i+len(words):], true
	}
}

var (
	stepQueuedAs = []byte("queued as ")
	stepEximOK   = []byte("OK id=")
	stepAccepted = []byte(" Message accepted for delivery")
)

// stepID is the letters and digits that b starts with, nil without any.
func stepID(b []byte) []byte {
	n := 0
	for n < len(b) && n < pfMaxQueueID && (pfIDBytes[b[n]] != 0 || b[n] == '-') {
		n++
	}
	if n == 0 {
		return nil
	}
	return b[:n]
}

// stepSize reads a number of bytes or recipients, -1 when b is none.
func stepSize(b []byte) int64 {
	v, digits := stampNumber(b)
	if digits == 0 || digits != len(b) || digits > 18 {
		return -1
	}
	return int64(v)
}

// stepBare takes off the angle brackets of a Message-ID; nil for an empty one.
func stepBare(b []byte) []byte {
	if n := len(b); n > 1 && b[0] == '<' && b[n-1] == '>' {
		b = b[1 : n-1]
	}
	if len(b) == 0 {
		return nil
	}
	return b
}
