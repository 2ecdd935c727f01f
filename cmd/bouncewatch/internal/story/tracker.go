package story

import (
	"hash/maphash"
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
	// perMessage bounds, with Limit, the recipients of all messages that are open.
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
	Done    func(*Story) // if set, is told each story at its end
	Figures *Figures     // if set, count what became of all

	Ended [NumEndings]uint64 // messages, by how they ended

	watcher    watcher     // if set, is told of recipients at once
	pseudonyms *Pseudonyms // if set, stand for addresses, and nothing is kept that no outcome needs
	clocks     *clocks     // if set, of logs that are read at the same time

	messages   slab[openMessage]
	recipients slab[openRecipient]
	texts      texts
	groups     slab[group]
	alone      group     // of one message
	one        [1]uint32 // its number
	replies    map[*openRecipient]*Reply
	seed       maphash.Seed
	index      index // of the open messages, by queue id
	many       index // of the recipients of messages with more than a few
	hosts      hosts
	zones      zones
	servers    [logparse.NumMTAs]bool // that had messages: most hosts have one

	last   *openMessage    // that was found: the next line is often about the same
	open   int             // messages of all hosts
	lists  [numStates]list // of these, by the time of their last line
	looked time.Time       // when lists were looked through
	due    time.Time       // until when nothing in lists was quiet for long enough, from looked on
	logins map[session]login
	noted  uint64 // entries so far
	held   int    // recipients of the messages that are open
}

// A watcher learns of recipients before their message ends.
type watcher interface {
	// met tells of a recipient that a first attempt was made for.
	met(t *Tracker, m *openMessage)
	// settled tells of recipients that have their last word, or will have none
	// because the message ended.
	settled(t *Tracker, m *openMessage, r *openRecipient, n int)
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

// A session is a process of Sendmail that serves a client.
type session struct{ host, pid string }

type login struct{ user, ip string }

// Open is how many messages are known at the moment.
func (t *Tracker) Open() int { return t.open }

// Close ends all messages: the logs are over.
func (t *Tracker) Close() {
	for _, s := range [...]state{ending, slow, fresh, live} {
		for m := t.oldest(s); m != nil; m = t.oldest(s) {
			t.end(m, m.endingFor(EndOfLogs))
		}
	}
}

// endingFor is how a message ends for this reason. One that needed nothing more is
// complete, and so is one that this host never took: its client left.
func (m *openMessage) endingFor(reason Ending) Ending {
	if m.state == ending || m.state == slow || m.state == fresh && reason == TooOld {
		return Complete
	}
	return reason
}

// retire ends what was quiet for long enough: a few messages for each line, so
// that one line with a wrong time does no harm.
func (t *Tracker) retire(at pipeline.Place) {
	now := at.Time
	if t.clocks != nil {
		now = t.clocks.read(at)
	}
	if !now.After(t.due) && !now.Before(t.looked) || now.IsZero() {
		return // nearly always
	}
	t.looked = now
	for range 2 {
		for s := range numStates {
			if m := t.oldest(s); m != nil && t.quiet(s) > 0 && now.UnixNano()-m.last > int64(t.quiet(s)) {
				t.end(m, m.endingFor(TooOld))
			}
		}
	}
	t.due = now.Add(linger) // what is put in a list from now on cannot be before
	if t.MaxAge > 0 {
		t.expect(now.Add(t.MaxAge))
	}
	for s := range numStates {
		if m := t.oldest(s); m != nil && t.quiet(s) > 0 {
			t.expect(time.Unix(0, m.last).Add(t.quiet(s)))
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
func (t *Tracker) accept(m *openMessage) {
	m.set(taken)
	if !m.has(removed) {
		t.put(m, live)
	}
}

// endingState is the state of a message that nothing more is expected of.
func (m *openMessage) endingState() state {
	if m.mta == logparse.Sendmail {
		return slow
	}
	return ending
}

// put puts m at the end of the list of a state.
func (t *Tracker) put(m *openMessage, s state) {
	if !m.has(listed) {
		m.state = s
		return // it ended already
	}
	if m.state == s && m.after == 0 {
		return // it is the last one already
	}
	t.pull(m)
	m.state = s
	t.push(m)
}

// touch notes the time of a line about m.
func (t *Tracker) touch(m *openMessage, at pipeline.Place) {
	m.flags &^= noticed
	if !at.Time.IsZero() {
		m.last, m.zoneL = at.Time.UnixNano(), t.zones.of(at.Time)
	}
	t.put(m, m.state)
}

// find finds the message of a queue id, nil where none is open.
func (t *Tracker) find(mta logparse.MTA, host, id []byte) *openMessage {
	if id == nil {
		return nil
	}
	h := t.hosts.of(host)
	hash := t.hash(mta, h, id)
	if m := t.last; m != nil && m.hash == hash && t.is(m, mta, h, id) {
		return m
	}
	for n, place := t.index.first(hash); n != 0; n, place = t.index.next(hash, place) {
		if m := t.messages.at(n); t.is(m, mta, h, id) {
			t.last = m
			return m
		}
	}
	return nil
}

func (t *Tracker) is(m *openMessage, mta logparse.MTA, host uint16, id []byte) bool {
	return m.host == host && m.mta == mta && string(t.queueID(m)) == string(id)
}

func (t *Tracker) hash(mta logparse.MTA, host uint16, id []byte) uint32 {
	h := t.sum(id) ^ (uint64(host)<<8|uint64(mta))*0x9e3779b97f4a7c15
	return uint32(h>>32) ^ uint32(h)
}

// sum is a hash that nobody can foresee.
func (t *Tracker) sum(b []byte) uint64 {
	if t.seed == (maphash.Seed{}) {
		t.seed = maphash.MakeSeed()
	}
	return maphash.Bytes(t.seed, b)
}

func (t *Tracker) begin(mta logparse.MTA, host, id []byte, at pipeline.Place) *openMessage {
	for t.Limit > 0 && t.open > 0 && (t.open >= t.Limit || t.full()) {
		t.makeRoom()
	}
	return t.enlist(mta, host, id, at)
}

// enlist begins a message without making room for it.
func (t *Tracker) enlist(mta logparse.MTA, host, id []byte, at pipeline.Place) *openMessage {
	m := t.make(mta, host, id, at)
	m.hash = t.hash(mta, m.host, t.queueID(m))
	t.index.add(m.hash, m.number)
	t.open++
	t.last = m
	m.set(listed)
	m.state = fresh
	t.push(m)
	return m
}

// full says whether there is no room for more recipients.
func (t *Tracker) full() bool { return t.Limit > 0 && t.held >= perMessage*t.Limit }

func (t *Tracker) make(mta logparse.MTA, host, id []byte, at pipeline.Place) *openMessage {
	if t.watcher == nil && t.Figures != nil && t.Figures.Suspects != nil {
		t.watcher = t.Figures.Suspects
	}
	n, m := t.messages.add()
	m.number, m.mta, m.host, m.size = n, mta, t.hosts.of(host), -1
	t.setQueueID(m, id)
	t.hosts.hold(m.host)
	t.servers[mta] = true
	if !at.Time.IsZero() {
		m.first, m.zoneF = at.Time.UnixNano(), t.zones.of(at.Time)
		m.last, m.zoneL = m.first, m.zoneF
	}
	return m
}

// makeRoom ends one message: rather one that only lingers, else the oldest of
// those that are many.
func (t *Tracker) makeRoom() {
	for _, s := range [...]state{ending, slow} {
		if m := t.oldest(s); m != nil {
			t.end(m, Complete)
			return
		}
	}
	crowd := live
	if t.lists[fresh].n > t.lists[live].n {
		crowd = fresh
	}
	t.end(t.oldest(crowd), Crowded)
}

// end forgets a message, and hands out its story if that was the last of it.
func (t *Tracker) end(m *openMessage, how Ending) {
	if m.has(listed) {
		t.pull(m)
		t.index.remove(m.hash, m.number)
		t.open--
		t.held -= int(m.known)
		m.flags &^= listed
	}
	if t.last == m {
		t.last = nil
	}
	m.ending = how
	t.Ended[how]++
	if m.waiting > 0 {
		for r := range t.recipientsOf(m) {
			if r.outcome == Queued {
				t.leave(m, r, 1)
			}
		}
	}
	if n := m.unseen(); n > 0 && m.has(taken) && t.watcher != nil {
		t.leave(m, &openRecipient{seconds: -1}, n)
	}
	t.finish(m)
}

// leave gives up n recipients that no last word was seen of.
func (t *Tracker) leave(m *openMessage, r *openRecipient, n int) {
	if m.has(removed) {
		r.outcome = Gone
	}
	if t.watcher != nil {
		t.watcher.settled(t, m, r, n)
	}
}
