package story

import (
	"bytes"
	"iter"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// An openMessage is what a Tracker knows of a message until its story is over. There
// can be millions: it has no pointers, and its texts are those of the Tracker.
type openMessage struct {
	hash uint32 // of the queue id, in Tracker.index
	host uint16
	mta  logparse.MTA
	id   queueID

	first, last int64 // Unix nanoseconds of the lines about it; 0 where they have none
	size        int64
	mark        uint64 // of its Message-ID, 0 for none

	sender, user, login, clientIP, from text
	clientName, messageID               text // only for stories that are told

	zoneF, zoneL  uint8  // of first and last
	number        uint32 // in Tracker.messages
	before, after uint32 // in the list of its state
	recipients    uint32 // the first, in Tracker.recipients
	lastAdded     uint32 // and the last
	known         int32  // how many there are
	waiting       int32  // of these, without an outcome
	accepted      int32  // of these, not refused, and loose ones with an outcome
	expected      int32  // of the envelope, 0 where unknown
	group         uint32 // of messages of one story, in Tracker.groups; 0 for a story of its own

	state  state
	ending Ending
	flags  flags
}

// flags are what is known of a message, as bits.
type flags uint16

const (
	began       flags = 1 << iota // its first lines were seen
	taken                         // this host took responsibility for it
	removed                       // it left the queue
	senderKnown                   // and empty: the null sender
	arrived                       // the line that says who sent it was seen
	hasID                         // its Message-ID was
	tried                         // an outcome or an activation was
	turned                        // it was refused as a whole
	probe                         // it only asks whether its recipients exist
	isSelected                    // an event of it was selected
	listed                        // it is in the list of its state and in the index: not ended
	noticed                       // the last line about it says that a notice of Sendmail's was queued
)

func (m *openMessage) has(f flags) bool { return m.flags&f != 0 }

// set sets flags.
func (m *openMessage) set(f flags) { m.flags |= f }

// notice says that the message is from the null sender.
func (m *openMessage) notice() bool { return m.has(senderKnown) && m.sender == 0 }

// unseen is how many recipients of the envelope no line spoke of.
func (m *openMessage) unseen() int {
	if m.has(probe) {
		return 0
	}
	return int(max(0, m.expected-m.accepted))
}

// settled says whether all recipients of the envelope have outcomes.
func (m *openMessage) settled() bool { return m.waiting == 0 && m.unseen() == 0 }

// An openRecipient is a recipient of an openMessage.
type openRecipient struct {
	seconds  float64 // from arrival to the outcome; -1 where unknown
	address  text
	next     text   // the queue id it was requeued as
	after    uint32 // the next recipient of the message
	hash     uint32 // of the local part
	message  uint32 // whose it is
	attempts int32
	deferred int32

	outcome  Outcome
	first    replycode.Cause
	last     replycode.Cause // of the first and the last failure, if failed
	provider replycode.Provider
	failed   bool
	selected bool
	loose    bool // there was no room for it: nothing will find it again
}

// recipientsOf are the recipients of a message, in the order of the lines.
func (t *Tracker) recipientsOf(m *openMessage) iter.Seq[*openRecipient] {
	return func(yield func(*openRecipient) bool) {
		for n := m.recipients; n != 0; {
			r := t.recipients.at(n)
			if !yield(r) {
				return
			}
			n = r.after
		}
	}
}

// known finds a recipient by address.
//
// QUIRK: local parts are case-sensitive (RFC 5321 section 2.4). Exim logs a
// deferral with the address in small letters, a later failure with the address as
// it came, and a local delivery by the local part alone. All are one recipient.
func (t *Tracker) known(m *openMessage, address []byte) *openRecipient {
	if m.known == 0 {
		return nil
	}
	address = address[:min(len(address), maxText)]
	hash := localHash(address)
	if m.known > few && len(address) > 0 {
		return t.knownOfMany(m, hash, address)
	}
	for n := m.recipients; n != 0; {
		r := t.recipients.at(n)
		if r.hash == hash && t.isRecipient(r, m, hash, address) {
			return r
		}
		n = r.after
	}
	return nil
}

// few recipients are looked through; those of a message with more are in an index.
const few = 32

func (t *Tracker) knownOfMany(m *openMessage, hash uint32, address []byte) *openRecipient {
	for _, by := range [...]uint32{addressHash(hash, address), hash} {
		many := manyHash(m, by)
		for n, place := t.many.first(many); n != 0; n, place = t.many.next(many, place) {
			if r := t.recipients.at(n); t.isRecipient(r, m, hash, address) {
				return r
			}
		}
	}
	return nil
}

// addToMany leaves out what no address will be looked for. By the local part it adds
// the first recipient only: a mailing may go to info@ of thousands of domains.
func (t *Tracker) addToMany(m *openMessage, n uint32) {
	r := t.recipients.at(n)
	if r.address == 0 {
		return
	}
	address := t.texts.get(r.address)
	whole, local := addressHash(r.hash, address), address[:localLength(address)]
	if whole != r.hash && len(local) > 0 && t.knownOfMany(m, r.hash, local) == nil {
		t.many.add(manyHash(m, r.hash), n)
	}
	t.many.add(manyHash(m, whole), n)
}

func (t *Tracker) removeFromMany(m *openMessage, n uint32) {
	if r := t.recipients.at(n); r.address != 0 {
		whole := addressHash(r.hash, t.texts.get(r.address))
		t.many.remove(manyHash(m, whole), n)
		if whole != r.hash {
			t.many.remove(manyHash(m, r.hash), n)
		}
	}
}

func manyHash(m *openMessage, hash uint32) uint32 { return hash ^ m.number*0x9e3779b1 }

func (t *Tracker) isRecipient(r *openRecipient, m *openMessage, hash uint32, address []byte) bool {
	return r.message == m.number && r.hash == hash && r.outcome != Refused && sameRecipient(t.texts.get(r.address), address)
}

func sameRecipient(known, address []byte) bool {
	if len(known) > len(address) && len(address) > 0 && known[len(address)] == '@' {
		known = known[:len(address)]
	}
	return bytes.Equal(known, address) || bytes.EqualFold(known, address)
}

// localHash is a hash (FNV-1a) of the local part, the same for small letters and
// capitals; addressHash continues it to that of the whole address.
func localHash(address []byte) uint32 {
	return hashOn(2166136261, address[:localLength(address)])
}

func addressHash(local uint32, address []byte) uint32 {
	return hashOn(local, address[localLength(address):])
}

// localLength is how much stands before the first @.
func localLength(address []byte) int {
	if i := bytes.IndexByte(address, '@'); i >= 0 {
		return i
	}
	return len(address)
}

func hashOn(h uint32, b []byte) uint32 {
	for _, c := range b {
		if c < 0x80 { // others have more than one byte, and capitals of another length
			h = (h ^ uint32(c|0x20)) * 16777619
		}
	}
	return h
}

// addRecipient adds one that nothing is known of.
func (t *Tracker) addRecipient(m *openMessage, address []byte) *openRecipient {
	n, r := t.recipients.add()
	r.message, r.address, r.hash, r.seconds = m.number, t.texts.put(address), localHash(address[:min(len(address), maxText)]), -1
	if m.lastAdded == 0 {
		m.recipients = n
	} else {
		t.recipients.at(m.lastAdded).after = n
	}
	m.lastAdded = n
	m.known++
	switch {
	case m.known == few+1:
		for n := m.recipients; n != 0; n = t.recipients.at(n).after {
			t.addToMany(m, n)
		}
	case m.known > few:
		t.addToMany(m, n)
	}
	if m.has(listed) {
		t.held++
	}
	return r
}

// release forgets a message whose story is over.
func (t *Tracker) release(m *openMessage) {
	for n := m.recipients; n != 0; {
		r := t.recipients.at(n)
		after := r.after
		if m.known > few {
			t.removeFromMany(m, n)
		}
		t.texts.drop(r.address)
		t.texts.drop(r.next)
		t.recipients.drop(n)
		delete(t.replies, r)
		n = after
	}
	for _, x := range [...]text{m.id.text(), m.sender, m.user, m.login, m.clientIP, m.from, m.clientName, m.messageID} {
		t.texts.drop(x)
	}
	t.hosts.drop(m.host)
	t.messages.drop(m.number)
}

// A list holds the messages of a state in order.
type list struct {
	first, last uint32
	n           int
}

// push puts m, which is in no list, at the end.
func (t *Tracker) push(m *openMessage) {
	l := &t.lists[m.state]
	m.before, m.after = l.last, 0
	if l.last == 0 {
		l.first = m.number
	} else {
		t.messages.at(l.last).after = m.number
	}
	l.last = m.number
	l.n++
}

// pull takes m out of its list.
func (t *Tracker) pull(m *openMessage) {
	l := &t.lists[m.state]
	if m.before == 0 {
		l.first = m.after
	} else {
		t.messages.at(m.before).after = m.after
	}
	if m.after == 0 {
		l.last = m.before
	} else {
		t.messages.at(m.after).before = m.before
	}
	m.before, m.after = 0, 0
	l.n--
}

// oldest is the first message of a state, nil for none.
func (t *Tracker) oldest(s state) *openMessage {
	if n := t.lists[s].first; n != 0 {
		return t.messages.at(n)
	}
	return nil
}

// inOrder are the messages of a state. Those that were quiet for longest come
// first.
func (t *Tracker) inOrder(s state) iter.Seq[*openMessage] {
	return func(yield func(*openMessage) bool) {
		for n := t.lists[s].first; n != 0; {
			m := t.messages.at(n)
			if !yield(m) {
				return
			}
			n = m.after
		}
	}
}
