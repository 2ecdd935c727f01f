// Package story puts the lines about a message together: who sent it, what was
// tried, and what became of each recipient in the end.
package story

import (
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// An Outcome is what became of a recipient in the end.
type Outcome uint8

// The outcomes. Those from Delivered on are final.
const (
	Queued    Outcome = iota // no last word was seen: still in the queue as far as the log goes
	Delivered                // accepted by the next host, or delivered here
	Requeued                 // came back into this host's queue under another id: that message has the outcome
	Failed                   // a permanent failure
	Expired                  // given up because the queue lifetime was over
	Refused                  // never accepted: the client was told so
	Gone                     // the message left the queue without a last word: deleted by hand, discarded, or the line is missing
	NumOutcomes
)

var outcomeNames = [NumOutcomes]string{"queued", "delivered", "requeued", "failed", "expired", "refused", "gone"}

// String is the outcome in lower case.
func (o Outcome) String() string { return outcomeNames[o%NumOutcomes] }

// An Ending says why nothing more is expected of a message.
type Ending uint8

// The endings.
const (
	Complete  Ending = iota // it left the queue, was refused, or all its recipients have outcomes
	EndOfLogs               // the logs end
	TooOld                  // nothing was said of it for so long that it is not waited for any more
	Crowded                 // it was given up because too many messages were open
	Reused                  // its queue id was given to another message
	NumEndings
)

var endingNames = [NumEndings]string{"complete", "end_of_logs", "too_old", "crowded", "id_reused"}

// String is the ending in lower case.
func (e Ending) String() string { return endingNames[e%NumEndings] }

// A Recipient is one recipient of a message, and how it fared.
type Recipient struct {
	Address  string // "" where only the message as a whole was spoken of
	Outcome  Outcome
	Attempts int // that the logs show
	Deferred int // how many of them put the message off
	First    replycode.Cause
	Last     replycode.Cause // of the first and the last failure
	Provider replycode.Provider
	Seconds  float64 // from arrival to the outcome; -1 where unknown
	Next     string  // the queue id it was requeued as
	Selected bool    // one of its events was selected
	Reply    *Reply  // the last word about a failed recipient, if the Tracker keeps it
}

// A Reply is the last word about a recipient.
type Reply struct {
	Time      time.Time // zero where the line has none
	Code      string
	Enhanced  string
	Text      string
	Permanent bool // of class 5, and no enhanced code says otherwise
}

// A Message is one queue id, from its arrival to its end.
type Message struct {
	MTA     logparse.MTA
	Host    string
	QueueID string // "" for a client that was refused before the message had one

	Sender      string // "" for the null sender, if SenderKnown
	SenderKnown bool
	MessageID   string
	ClientName  string
	ClientIP    string
	User        string // whom the client logged in as
	Login       string // the user of this host that submitted it
	From        string // the queue id that this host had the mail under before
	Size        int64  // -1 where unknown
	Expected    int    // recipients of the envelope, 0 where unknown

	First, Last time.Time // of the lines about it; zero where they have none
	Began       bool      // its first lines were seen: it did not begin before the logs
	Accepted    bool      // this host took responsibility for it
	Removed     bool      // it left the queue
	Ending      Ending
	Recipients  []Recipient
	Unseen      int // recipients of the envelope that no line spoke of

	turned bool // it was refused as a whole
}

// A Story is a message and what it became under other queue ids of the same host,
// in a content filter, say.
type Story struct {
	Messages []*Message
	Entries  []Entry // in the order of the logs; empty where the Tracker keeps none
	Cut      int     // entries left out in the middle, because there were too many
	Selected bool    // an event of it was selected
}

// message is m with all its texts.
func (t *Tracker) message(m *openMessage) *Message {
	out := &Message{
		MTA: m.mta, Host: t.hosts.name(m.host), QueueID: string(t.queueID(m)),
		Sender: t.texts.string(m.sender), SenderKnown: m.has(senderKnown), MessageID: t.texts.string(m.messageID),
		ClientName: t.texts.string(m.clientName), ClientIP: t.texts.string(m.clientIP),
		User: t.texts.string(m.user), Login: t.texts.string(m.login), From: t.texts.string(m.from),
		Size: m.size, Expected: int(m.expected), First: t.zones.time(m.first, m.zoneF), Last: t.zones.time(m.last, m.zoneL),
		Began: m.has(began), Accepted: m.has(taken), Removed: m.has(removed), Ending: m.ending, Unseen: m.unseen(), turned: m.has(turned),
	}
	for r := range t.recipientsOf(m) {
		out.Recipients = append(out.Recipients, Recipient{
			Address: t.texts.string(r.address), Outcome: r.outcome, Attempts: int(r.attempts), Deferred: int(r.deferred),
			First: r.first, Last: r.last, Provider: r.provider, Seconds: r.seconds, Next: t.texts.string(r.next),
			Selected: r.selected, Reply: t.replies[r],
		})
	}
	return out
}

// SenderDomain is the part of the sender behind the @: "<>" for the null sender,
// "" where it is not known.
func (m *Message) SenderDomain() string {
	if m.SenderKnown && m.Sender == "" {
		return "<>"
	}
	return domain(m.Sender)
}

func domain(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
