package story

import (
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

const (
	// linger is how long a message that has ended is still known, for lines out of
	// order and for the reply that names it.
	linger = 10 * time.Second
	// lingerSendmail is longer: Sendmail does not say that a message left the queue,
	// and the members of an alias may follow its name.
	lingerSendmail = 5 * time.Minute
	// maxSession is how long a client can take to send a message.
	maxSession = time.Hour
	// together is how far apart the first lines of a message can be.
	together = 2 * time.Second
	// maxChain bounds the messages of a story: mail can loop through a host.
	maxChain = 1000
	// maxUnseen bounds the recipients that only a number stands for.
	maxUnseen = 10_000
	// maxLogins bounds how many sessions are remembered.
	maxLogins = 4096
	// maxKnown bounds the recipients of a message that are told apart where memory
	// is short; the others count as they come.
	maxKnown = 1000
	// perMessage bounds, with Limit, all recipients that are known where memory is
	// short.
	perMessage = 4
)

// A Tracker follows messages by their queue ids through the logs of hosts, in the
// order of time. Its memory is bounded: of messages that have not ended it knows
// at most Limit, and gives up first the one that nothing was said of for longest.
type Tracker struct {
	Limit   int           // open messages; 0 means no limit
	MaxAge  time.Duration // a message that nothing is said of for longer is not waited for; 0 means for ever
	Entries int           // lines kept of each story; 0 for none
	Replies bool          // keep the last word about failed recipients
	Keep    func(*pipeline.Seen) bool
	Done    func(*Story)

	Watcher    Watcher     // if set, is told of recipients at once
	Pseudonyms *Pseudonyms // if set, stand for addresses, and nothing is kept that no outcome needs

	Ended [NumEndings]uint64 // messages, by how they ended

	open   map[key]*Message
	lists  [numStates]list // of the messages in open, by the time of their last line
	logins map[session]login
	noted  uint64            // entries so far
	names  map[string]string // hosts: few, and each in every message
	held   int               // recipients of the messages in open
}

// A Watcher learns of recipients before their message ends.
type Watcher interface {
	// Met tells of a recipient that a first attempt was made for.
	Met(m *Message)
	// Settled tells of recipients that have their last word, or will have none
	// because the message ended.
	Settled(m *Message, r *Recipient, n int)
}

// A state says what is still expected of a message.
type state uint8

const (
	fresh  state = iota // that this host accepts it
	live                // outcomes
	ending              // nothing: it left the queue
	slow                // nothing, but Sendmail does not say so
	numStates
)

type key struct {
	mta      logparse.MTA
	host, id string
}

// A session is a process of Sendmail that serves a client.
type session struct{ host, pid string }

type login struct{ user, ip string }

// A Place is where a line stands, and when it was written.
type Place struct {
	Source string
	Line   int64
	Time   time.Time // zero where the line has none
}

// Open is how many messages are known at the moment.
func (t *Tracker) Open() int { return len(t.open) }

// Close ends all messages: the logs are over.
func (t *Tracker) Close() {
	for _, s := range [...]state{ending, slow, fresh, live} {
		for m := t.lists[s].first; m != nil; m = t.lists[s].first {
			t.end(m, t.endingOf(m, EndOfLogs))
		}
	}
}

// endingOf is how a message ends for this reason. One that needed nothing more is
// complete.
func (t *Tracker) endingOf(m *Message, reason Ending) Ending {
	if m.state == ending || m.state == slow {
		return Complete
	}
	return reason
}

// retire ends what was quiet for long enough: a few messages for each line, so
// that one line with a wrong time does no harm.
func (t *Tracker) retire(now time.Time) {
	if now.IsZero() {
		return
	}
	quiet := [numStates]time.Duration{fresh: maxSession, live: t.MaxAge, ending: linger, slow: lingerSendmail}
	for range 2 {
		for i := range t.lists {
			if m := t.lists[i].first; m != nil && quiet[i] > 0 && now.Sub(m.Last) > quiet[i] {
				t.end(m, t.endingOf(m, TooOld))
			}
		}
	}
}

// accept notes that this host took the message.
func (t *Tracker) accept(m *Message) {
	m.Accepted = true
	if !m.Removed {
		t.put(m, live)
	}
}

func (t *Tracker) endingList(m *Message) state {
	if m.MTA == logparse.Sendmail {
		return slow
	}
	return ending
}

func (t *Tracker) put(m *Message, s state) {
	if m.list != nil {
		m.list.remove(m)
	}
	m.state = s
	t.lists[s].push(m)
}

// touch notes the time of a line about m.
func (t *Tracker) touch(m *Message, at Place) {
	if !at.Time.IsZero() {
		m.Last = at.Time
	}
	t.put(m, m.state)
}

func (t *Tracker) find(mta logparse.MTA, host, id []byte) *Message {
	if id == nil {
		return nil
	}
	return t.open[key{mta, t.name(host), string(id)}]
}

func (t *Tracker) begin(mta logparse.MTA, host, id []byte, at Place) *Message {
	for t.Limit > 0 && len(t.open) > 0 && (len(t.open) >= t.Limit || t.full()) {
		t.makeRoom()
	}
	m := t.make(mta, host, id, at)
	if t.open == nil {
		t.open = map[key]*Message{}
	}
	t.open[m.key] = m
	t.put(m, fresh)
	return m
}

// full says whether there is no room for more recipients where memory is short.
func (t *Tracker) full() bool {
	return t.Pseudonyms != nil && t.Limit > 0 && t.held >= perMessage*t.Limit
}

func (t *Tracker) make(mta logparse.MTA, host, id []byte, at Place) *Message {
	m := &Message{MTA: mta, Host: t.name(host), QueueID: string(id), First: at.Time, Last: at.Time, Size: -1}
	m.key = key{mta, m.Host, m.QueueID}
	m.self[0] = m
	m.own = Story{Messages: m.self[:], open: 1}
	m.story, m.Recipients = &m.own, m.only[:0]
	return m
}

// makeRoom ends one message: rather one that only lingers, else the oldest of
// those that are many.
func (t *Tracker) makeRoom() {
	for _, s := range [...]state{ending, slow} {
		if m := t.lists[s].first; m != nil {
			t.end(m, Complete)
			return
		}
	}
	crowd := &t.lists[live]
	if t.lists[fresh].n > crowd.n {
		crowd = &t.lists[fresh]
	}
	t.end(crowd.first, Crowded)
}

// end forgets a message, and hands out its story if that was the last of it.
func (t *Tracker) end(m *Message, how Ending) {
	if m.list != nil {
		m.list.remove(m)
		delete(t.open, m.key)
		t.held -= len(m.Recipients)
	}
	m.Ending = how
	t.Ended[how]++
	for i := range m.Recipients {
		if r := &m.Recipients[i]; r.Outcome == Queued {
			t.leave(m, r, 1)
		}
	}
	if n := m.Unseen(); n > 0 && m.Accepted && t.Watcher != nil {
		t.leave(m, &Recipient{Seconds: -1}, n)
	}
	if m.story.open--; m.story.open == 0 && t.Done != nil {
		t.Done(m.story)
	}
}

// leave gives up n recipients that no last word was seen of.
func (t *Tracker) leave(m *Message, r *Recipient, n int) {
	if m.Removed {
		r.Outcome = Gone
	}
	if t.Watcher != nil {
		t.Watcher.Settled(m, r, n)
	}
}

// name keeps one copy of a host's name.
func (t *Tracker) name(host []byte) string {
	if s, ok := t.names[string(host)]; ok {
		return s
	}
	const many = 100_000 // hosts; more are noise
	if t.names == nil || len(t.names) >= many {
		t.names = map[string]string{}
	}
	s := strings.ToLower(string(host))
	t.names[string(host)] = s
	return s
}
