package story

import (
	"math"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Step takes what a line says besides outcomes.
func (t *Tracker) Step(at pipeline.Place, st *logparse.Step) {
	t.retire(at)
	if st.Kind == logparse.LoggedIn {
		t.loggedIn(st)
		return
	}
	m := t.find(st.MTA, st.Host, st.QueueID)
	if m != nil && m.isAnother(st, at.Time) {
		t.end(m, m.endingFor(Reused))
		m = nil
	}
	if m == nil {
		if st.Kind == logparse.Removed || st.Kind == logparse.Discarded {
			return // nothing else is known of it
		}
		m = t.begin(st.MTA, st.Host, st.QueueID, at)
	}
	t.touch(m, at)
	if t.Entries > 0 {
		t.note(m, stepEntry(at, st))
	}
	t.take(m, st)
	if st.Kind == logparse.Noticed && st.MTA == logparse.Sendmail {
		m.set(noticed)
		t.notice(st, at)
	}
}

// isAnother says whether a step begins another message under the same queue id:
// the line about the removal of the first is missing, or lies before the logs.
// The first lines of one message may be out of order.
func (m *openMessage) isAnother(st *logparse.Step, now time.Time) bool {
	switch st.Kind {
	case logparse.Arrived:
		return m.has(removed|arrived) || m.has(tried|hasID) && nanoseconds(now)-m.first > int64(together)
	case logparse.Named:
		return m.has(removed) || m.has(hasID) && m.has(tried)
	}
	return false
}

// notice begins the message that is a notice of Sendmail's: no other line says that
// it came in.
func (t *Tracker) notice(st *logparse.Step, at pipeline.Place) {
	if t.find(st.MTA, st.Host, st.Other) != nil {
		return
	}
	m := t.begin(st.MTA, st.Host, st.Other, at)
	m.set(began | senderKnown)
	t.texts.set(&m.from, st.QueueID)
	t.accept(m)
}

func (t *Tracker) take(m *openMessage, st *logparse.Step) {
	if st.Sender != nil {
		t.sentBy(m, st.Sender)
	}
	if st.MessageID != nil {
		m.mark = t.markOf(st.MessageID)
		if t.Done != nil {
			t.texts.set(&m.messageID, st.MessageID)
		}
	}
	if st.Size >= 0 {
		m.size = st.Size
	}
	m.expected = max(m.expected, int32(min(st.Recipients, math.MaxInt32)))
	switch st.Kind {
	case logparse.Arrived:
		t.arrive(m, st)
	case logparse.Named:
		m.set(hasID)
		if !m.has(tried) { // a notice has no client
			m.set(began)
		}
	case logparse.Active:
		m.set(tried)
		t.accept(m)
	case logparse.Probed:
		m.set(probe | tried)
	case logparse.Removed:
		m.set(removed)
		t.put(m, ending)
	case logparse.Discarded:
		m.set(taken | removed)
		t.put(m, ending)
	case logparse.Cancelled:
		t.cancel(m)
	}
}

func (t *Tracker) arrive(m *openMessage, st *logparse.Step) {
	m.set(began | arrived)
	t.texts.set(&m.user, t.account(st.User))
	t.texts.set(&m.login, t.login(st.Login))
	if t.pseudonyms == nil {
		t.texts.set(&m.clientIP, st.ClientIP)
	}
	if t.Done != nil {
		t.texts.set(&m.clientName, st.ClientName)
	}
	switch m.mta {
	case logparse.Exim:
		t.accept(m)
		t.texts.set(&m.from, st.Other) // a notice about that message, or an answer to it
	case logparse.Sendmail:
		t.sessionUser(m, st)
		if st.MessageID != nil && st.Recipients > 0 && !m.has(turned) {
			t.accept(m) // otherwise the client left before it sent the mail
		}
	case logparse.Postfix:
		if parent := t.find(m.mta, st.Host, st.Other); parent != nil && parent != m {
			t.join(parent, m)
			if st.Login != nil {
				t.putBack(parent, m)
			}
		}
	}
}

// sessionUser notes whom the client of Sendmail logged in as before.
func (t *Tracker) sessionUser(m *openMessage, st *logparse.Step) {
	if len(t.logins) == 0 {
		return // mail from other hosts
	}
	if l, ok := t.logins[session{t.hosts.name(m.host), string(st.PID)}]; ok && l.ip == string(t.text(st.ClientIP)) {
		t.texts.set(&m.user, []byte(l.user))
	}
}

func (t *Tracker) loggedIn(st *logparse.Step) {
	host := t.hosts.name(t.hosts.of(st.Host))
	t.putLogin(session{host, string(st.PID)}, login{string(t.account(st.User)), string(t.text(st.ClientIP))})
}

func (t *Tracker) putLogin(at session, l login) {
	if t.logins == nil || len(t.logins) >= maxLogins {
		t.logins = map[session]login{}
	}
	t.logins[at] = l
}

// Event takes an outcome or a remark. The recipients are all of the event's.
func (t *Tracker) Event(s *pipeline.Seen) {
	t.retire(s.Place)
	ev := s.Event
	selected := t.Keep == nil || t.Keep(s)
	if ev.QueueID == nil {
		if s.Result == logparse.ResultEvent && ev.Direction == logparse.Inbound && t.pseudonyms == nil {
			t.turnedAway(s, selected)
		}
		return
	}
	m := t.find(ev.MTA, ev.Host, ev.QueueID)
	if m == nil {
		m = t.begin(ev.MTA, ev.Host, ev.QueueID, s.Place)
	}
	isNotice := m.has(noticed) && ev.RelayHost == nil && ev.RelayIP == nil // other remarks name a host
	t.touch(m, s.Place)
	switch {
	case s.Result == logparse.ResultEvent:
		t.outcome(m, s, selected)
	case isNotice:
		t.returned(m, s, selected)
	}
	if t.Entries > 0 {
		t.note(m, t.eventEntry(m, s))
	}
}

// outcome takes what is more than a remark.
func (t *Tracker) outcome(m *openMessage, s *pipeline.Seen, selected bool) {
	if selected {
		t.choose(m)
	}
	if s.Event.Sender != nil && !m.has(senderKnown) {
		t.sentBy(m, s.Event.Sender)
	}
	if s.Event.Direction == logparse.Inbound {
		t.refuse(m, s, selected)
	} else {
		t.attempt(m, s, selected)
	}
}

// turnedAway makes a story of a client that was refused before its message had a
// queue id.
func (t *Tracker) turnedAway(s *pipeline.Seen, selected bool) {
	ev := s.Event
	m := t.make(ev.MTA, ev.Host, nil, s.Place)
	m.set(began)
	t.texts.set(&m.clientIP, ev.ClientIP)
	if ev.Sender != nil {
		t.sentBy(m, ev.Sender)
	}
	if selected {
		t.choose(m)
	}
	t.addRefused(m, s, selected)
	if t.Entries > 0 {
		t.note(m, t.eventEntry(m, s))
	}
	t.end(m, Complete)
}

// refuse notes that a client was told no: for one recipient, or for the message.
func (t *Tracker) refuse(m *openMessage, s *pipeline.Seen, selected bool) {
	ev := s.Event
	if !m.has(tried) {
		m.set(began) // nothing comes before a refusal but the lines of its session
	}
	if t.pseudonyms == nil {
		if m.clientIP == 0 {
			t.texts.set(&m.clientIP, ev.ClientIP)
		}
		t.addRefused(m, s, selected)
	}
	if ev.Stage == logparse.Data || ev.Stage == logparse.BDAT || ev.Stage == logparse.EOD {
		m.flags &^= taken
		m.set(turned)
		t.put(m, m.endingState())
	}
}

func (t *Tracker) addRefused(m *openMessage, s *pipeline.Seen, selected bool) {
	r := t.addRecipient(m, s.Event.Recipient)
	r.outcome, r.attempts, r.selected = Refused, int32(s.Event.Count()), selected
	r.first, r.last, r.provider = s.Verdict.Cause, s.Verdict.Cause, s.Verdict.Provider
}

// attempt notes the outcome of an attempt for all its recipients.
func (t *Tracker) attempt(m *openMessage, s *pipeline.Seen, selected bool) {
	if m.has(turned) {
		return // Sendmail says for each recipient once more that the message was refused
	}
	m.set(tried)
	t.accept(m)
	if s.Event.Recipient == nil {
		t.attemptAll(m, s, selected)
	}
	next := t.requeued(m, s.Event)
	for address := range s.Recipients() {
		t.attemptOne(m, s, address, next, selected)
	}
	if m.mta == logparse.Sendmail && m.settled() {
		t.put(m, slow)
	}
}

func (t *Tracker) attemptOne(m *openMessage, s *pipeline.Seen, address []byte, next *openMessage, selected bool) {
	r, isNew := t.recipient(m, address)
	r.selected = r.selected || selected
	before := r.outcome
	m.settle(r, s)
	if t.Replies && r.outcome == Failed && t.replies[r] == nil {
		t.keepReply(r, s)
	}
	if next != nil && r.outcome == Delivered {
		r.outcome = Requeued
		t.texts.set(&r.next, t.queueID(next))
	}
	t.changed(m, r, isNew, before)
}

// recipient finds or adds a recipient, and says whether it is a new one.
func (t *Tracker) recipient(m *openMessage, address []byte) (r *openRecipient, isNew bool) {
	if t.pseudonyms != nil {
		address = t.pseudonyms.of(address)
	}
	if r := t.known(m, address); r != nil {
		return r, false
	}
	if t.pseudonyms != nil && (t.full() || m.known >= maxKnown) {
		return &openRecipient{seconds: -1, loose: true}, true
	}
	return t.addWaiting(m, address), true
}

// addWaiting adds a recipient that an outcome is to come of.
func (t *Tracker) addWaiting(m *openMessage, address []byte) *openRecipient {
	m.accepted++
	m.waiting++
	return t.addRecipient(m, address)
}

// changed lets the watcher know what an attempt changed. What goes through a filter
// is met behind it.
func (t *Tracker) changed(m *openMessage, r *openRecipient, isNew bool, before Outcome) {
	switch {
	case before != Queued || r.outcome == Queued:
	case r.loose:
		m.accepted++ // no line of its own is to come: it is unseen no more
	default:
		m.waiting--
	}
	if t.watcher == nil {
		return
	}
	if isNew && r.outcome != Requeued {
		t.watcher.met(t, m)
	}
	if before == Queued && r.outcome != Queued {
		t.watcher.settled(t, m, r, 1)
	}
}

// sentBy notes the envelope sender.
func (t *Tracker) sentBy(m *openMessage, sender []byte) {
	m.set(senderKnown)
	t.texts.set(&m.sender, t.account(sender))
}

// markOf is what is kept of a Message-ID. Two that differ have the same mark with a
// chance of one in 2^64.
func (t *Tracker) markOf(messageID []byte) uint64 {
	if t.pseudonyms != nil {
		return t.pseudonyms.mark(messageID)
	}
	return t.sum(messageID) | 1
}

// text is what is kept of an address or a name from a line, valid until the next
// call.
func (t *Tracker) text(b []byte) []byte {
	if t.pseudonyms == nil || len(b) == 0 {
		return b
	}
	return t.pseudonyms.of(b)
}

// account is what is kept of a user or a sender.
func (t *Tracker) account(b []byte) []byte {
	if t.pseudonyms == nil || len(b) == 0 {
		return b
	}
	return t.pseudonyms.account(b)
}

// login is what is kept of a user of this host: no address.
func (t *Tracker) login(b []byte) []byte {
	if t.pseudonyms == nil {
		return b
	}
	return b[:min(len(b), maxShown)]
}

func (t *Tracker) keepReply(r *openRecipient, s *pipeline.Seen) {
	if t.replies == nil {
		t.replies = map[*openRecipient]*Reply{}
	}
	ev := s.Event
	t.replies[r] = &Reply{
		Time: s.Time, Code: ev.Code.String(), Enhanced: ev.Enhanced.String(), Text: string(ev.Text),
		Permanent: ev.Class() == replycode.PermanentFailure && ev.Enhanced.Class() != replycode.TransientFailure,
	}
}

// settle notes an attempt for a recipient.
func (m *openMessage) settle(r *openRecipient, s *pipeline.Seen) {
	ev := s.Event
	n := 1 + ev.Repeat
	if ev.Folded {
		n = ev.Repeat
	}
	r.provider = s.Verdict.Provider
	if ev.Status != logparse.Expired || r.attempts == 0 {
		r.attempts += int32(n) // Exim's last word about an old message is no attempt
	}
	if ev.Status != logparse.Sent {
		r.blame(s.Verdict.Cause)
	}
	if ev.Status == logparse.Deferred {
		r.deferred += int32(n)
		return
	}
	if r.outcome == Queued {
		m.conclude(r, s)
	}
}

// blame notes the cause of a failure. That the time was over is none, where the
// reason for the time it took is known.
func (r *openRecipient) blame(c replycode.Cause) {
	if !r.failed {
		r.failed, r.first, r.last = true, c, c
	} else if c != replycode.DeliveryExpired {
		r.last = c
	}
}

// conclude sets the outcome.
func (m *openMessage) conclude(r *openRecipient, s *pipeline.Seen) {
	ev := s.Event
	switch ev.Status {
	case logparse.Sent:
		r.outcome = Delivered
	case logparse.Bounced:
		r.outcome = Failed
	case logparse.Expired:
		r.outcome = Expired
	default:
		return
	}
	if ev.Delay >= 0 {
		r.seconds = ev.Delay
	} else {
		m.time(r)
	}
}

// time notes how long the outcome took by the times of the lines.
func (m *openMessage) time(r *openRecipient) {
	if m.has(began) && m.first != 0 && m.last != 0 {
		r.seconds = time.Duration(m.last - m.first).Seconds()
	}
}
