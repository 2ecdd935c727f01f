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

	Recycle bool // a Story, its Messages and their Recipients are used again after Done

	Watcher    Watcher     // if set, is told of recipients at once
	Pseudonyms *Pseudonyms // if set, stand for addresses, and nothing is kept that no outcome needs

	Ended [NumEndings]uint64 // messages, by how they ended

	hosts  map[string]*host
	host   *host           // of the last line: most are of the same
	last   *Message        // that was found: the next line is often about the same
	open   int             // messages of all hosts
	lists  [numStates]list // of these, by the time of their last line
	looked time.Time       // when lists were looked through
	due    time.Time       // until when nothing in lists was quiet for long enough, from looked on
	logins map[session]login
	noted  uint64   // entries so far
	held   int      // recipients of the messages that are open
	spare  *Message // to be used again, as a list by after
	common interned
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

// A host is one that logs, with its open messages by queue id.
type host struct {
	name string
	open [logparse.NumMTAs]map[string]*Message
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
func (t *Tracker) Open() int { return t.open }

// Close ends all messages: the logs are over.
func (t *Tracker) Close() {
	for _, s := range [...]state{ending, slow, fresh, live} {
		for m := t.lists[s].first; m != nil; m = t.lists[s].first {
			t.end(m, t.endingOf(m, EndOfLogs))
		}
	}
}

// endingOf is how a message ends for this reason. One that needed nothing more is
// complete, and so is one that this host never took: its client left.
func (t *Tracker) endingOf(m *Message, reason Ending) Ending {
	if m.state == ending || m.state == slow || m.state == fresh && reason == TooOld {
		return Complete
	}
	return reason
}

// retire ends what was quiet for long enough: a few messages for each line, so
// that one line with a wrong time does no harm.
func (t *Tracker) retire(now time.Time) {
	if !now.After(t.due) && !now.Before(t.looked) || now.IsZero() {
		return // nearly always
	}
	t.looked = now
	for range 2 {
		for i := range t.lists {
			if m := t.lists[i].first; m != nil && t.quiet(state(i)) > 0 && now.Sub(m.Last) > t.quiet(state(i)) {
				t.end(m, t.endingOf(m, TooOld))
			}
		}
	}
	t.due = now.Add(linger) // what is put in a list from now on cannot be before
	if t.MaxAge > 0 {
		t.expect(now.Add(t.MaxAge))
	}
	for i := range t.lists {
		if m := t.lists[i].first; m != nil && t.quiet(state(i)) > 0 {
			t.expect(m.Last.Add(t.quiet(state(i))))
		}
	}
}

func (t *Tracker) expect(due time.Time) {
	if due.Before(t.due) {
		t.due = due
	}
}

// quiet is how long nothing may be said of a message in a state, 0 for ever.
func (t *Tracker) quiet(s state) time.Duration {
	return [numStates]time.Duration{fresh: maxSession, live: t.MaxAge, ending: linger, slow: lingerSendmail}[s]
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
	if m.list == &t.lists[s] && m.after == nil {
		return // it is the last one already
	}
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
	h := t.hostOf(host)
	if m := t.last; m != nil && m.host == h && m.MTA == mta && m.QueueID == string(id) {
		return m
	}
	m := h.open[mta][string(id)]
	if m != nil {
		t.last = m
	}
	return m
}

func (t *Tracker) begin(mta logparse.MTA, host, id []byte, at Place) *Message {
	for t.Limit > 0 && t.open > 0 && (t.open >= t.Limit || t.full()) {
		t.makeRoom()
	}
	m := t.make(mta, host, id, at)
	if m.host.open[mta] == nil {
		m.host.open[mta] = map[string]*Message{}
	}
	m.host.open[mta][m.QueueID] = m
	t.open++
	t.last = m
	t.put(m, fresh)
	return m
}

// full says whether there is no room for more recipients where memory is short.
func (t *Tracker) full() bool {
	return t.Pseudonyms != nil && t.Limit > 0 && t.held >= perMessage*t.Limit
}

func (t *Tracker) make(mta logparse.MTA, host, id []byte, at Place) *Message {
	m := t.spare
	if m == nil {
		m = &Message{}
	} else {
		t.spare = m.after
		*m = Message{}
	}
	m.host = t.hostOf(host)
	m.MTA, m.Host, m.QueueID, m.First, m.Last, m.Size = mta, m.host.name, string(id), at.Time, at.Time, -1
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
		delete(m.host.open[m.MTA], m.QueueID)
		t.open--
		t.held -= len(m.Recipients)
	}
	if t.last == m {
		t.last = nil
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
	s := m.story
	if s.open--; s.open > 0 {
		return
	}
	if t.Done != nil {
		t.Done(s)
	}
	if t.Recycle {
		for _, m := range s.Messages {
			m.after, t.spare = t.spare, m
		}
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

// hostOf is the host of a name.
func (t *Tracker) hostOf(name []byte) *host {
	if t.host != nil && t.host.name == string(name) {
		return t.host
	}
	h := t.hosts[string(name)]
	if h == nil {
		h = t.newHost(string(name))
	}
	t.host = h
	return h
}

// newHost adds a host under its name as it was written, and in small letters.
func (t *Tracker) newHost(name string) *host {
	const many = 100_000 // more are noise
	if t.hosts == nil || len(t.hosts) >= many {
		t.forgetHosts()
	}
	lower := strings.ToLower(name)
	h := t.hosts[lower]
	if h == nil {
		h = &host{name: lower}
		t.hosts[lower] = h
	}
	t.hosts[name] = h
	return h
}

// forgetHosts forgets those without open messages.
func (t *Tracker) forgetHosts() {
	kept := map[string]*host{}
	for name, h := range t.hosts {
		for _, open := range h.open {
			if len(open) > 0 {
				kept[name] = h
			}
		}
	}
	t.hosts = kept
}
