package story

import (
	"iter"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Step takes what a line says besides outcomes.
func (t *Tracker) Step(at Place, st *logparse.Step) {
	t.retire(at.Time)
	if st.Kind == logparse.LoggedIn {
		t.loggedIn(st)
		return
	}
	m := t.find(st.MTA, st.Host, st.QueueID)
	if m != nil && m.isAnother(st, at.Time) {
		t.end(m, t.endingOf(m, Reused))
		m = nil
	}
	if m == nil {
		if st.Kind == logparse.Removed {
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
		t.notice(st, at)
	}
}

// isAnother says whether a step begins another message under the same queue id:
// the line about the removal of the first is missing, or lies before the logs.
// The first lines of one message may be out of order.
func (m *Message) isAnother(st *logparse.Step, now time.Time) bool {
	switch st.Kind {
	case logparse.Arrived:
		return m.Removed || m.arrived || (m.tried || m.named) && now.Sub(m.First) > together
	case logparse.Named:
		return m.Removed || m.named && m.tried
	}
	return false
}

// notice begins the message that is a notice of Sendmail's: no other line says that
// it came in.
func (t *Tracker) notice(st *logparse.Step, at Place) {
	if t.find(st.MTA, st.Host, st.Other) != nil {
		return
	}
	m := t.begin(st.MTA, st.Host, st.Other, at)
	m.Began, m.SenderKnown, m.From = true, true, string(st.QueueID)
	t.accept(m)
}

func (t *Tracker) take(m *Message, st *logparse.Step) {
	if st.Sender != nil {
		m.Sender, m.SenderKnown = t.account(st.Sender), true
	}
	if st.MessageID != nil {
		m.MessageID = t.text(st.MessageID)
	}
	if st.Size >= 0 {
		m.Size = st.Size
	}
	m.Expected = max(m.Expected, st.Recipients)
	switch st.Kind {
	case logparse.Arrived:
		t.arrive(m, st)
	case logparse.Named:
		m.named = true
		m.Began = m.Began || !m.tried // a notice has no client
	case logparse.Active:
		m.tried = true
		t.accept(m)
	case logparse.Probed:
		m.probe, m.tried = true, true
	case logparse.Removed:
		m.Removed = true
		t.put(m, ending)
	}
}

func (t *Tracker) arrive(m *Message, st *logparse.Step) {
	m.Began, m.arrived = true, true
	m.Login, m.User = t.login(st.Login), t.account(st.User)
	if t.Pseudonyms == nil {
		m.ClientName, m.ClientIP = t.common.text(st.ClientName), t.common.text(st.ClientIP)
	}
	switch m.MTA {
	case logparse.Exim:
		t.accept(m)
		m.From = string(st.Other) // a notice about that message, or an answer to it
	case logparse.Sendmail:
		if l, ok := t.logins[session{m.Host, string(st.PID)}]; ok && l.ip == t.text(st.ClientIP) {
			m.User = l.user
		}
		if st.MessageID != nil && st.Recipients > 0 && !m.turned {
			t.accept(m) // otherwise the client left before it sent the mail
		}
	case logparse.Postfix:
		if parent := t.find(m.MTA, st.Host, st.Other); parent != nil {
			t.join(parent, m)
		}
	}
}

func (t *Tracker) loggedIn(st *logparse.Step) {
	t.putLogin(session{t.hostOf(st.Host).name, string(st.PID)}, login{t.account(st.User), t.text(st.ClientIP)})
}

func (t *Tracker) putLogin(at session, l login) {
	if t.logins == nil || len(t.logins) >= maxLogins {
		t.logins = map[session]login{}
	}
	t.logins[at] = l
}

// Event takes an outcome or a remark. The recipients are all of the event's.
func (t *Tracker) Event(at Place, s *pipeline.Seen, recipients iter.Seq[[]byte]) {
	t.retire(at.Time)
	ev := s.Event
	selected := t.Keep == nil || t.Keep(s)
	if ev.QueueID == nil {
		if s.Result == logparse.ResultEvent && ev.Direction == logparse.Inbound && t.Pseudonyms == nil {
			t.turnedAway(at, s, selected)
		}
		return
	}
	m := t.find(ev.MTA, ev.Host, ev.QueueID)
	if m == nil {
		m = t.begin(ev.MTA, ev.Host, ev.QueueID, at)
	}
	t.touch(m, at)
	if s.Result == logparse.ResultEvent {
		t.outcome(m, s, recipients, selected)
	}
	if t.Entries > 0 {
		t.note(m, m.eventEntry(at, s, recipients))
	}
}

// outcome takes what is more than a remark.
func (t *Tracker) outcome(m *Message, s *pipeline.Seen, recipients iter.Seq[[]byte], selected bool) {
	m.story.Selected = m.story.Selected || selected
	if s.Event.Sender != nil && !m.SenderKnown {
		m.Sender, m.SenderKnown = t.account(s.Event.Sender), true
	}
	if s.Event.Direction == logparse.Inbound {
		t.refuse(m, s, selected)
	} else {
		t.attempt(m, s, recipients, selected)
	}
}

// turnedAway makes a story of a client that was refused before its message had a
// queue id.
func (t *Tracker) turnedAway(at Place, s *pipeline.Seen, selected bool) {
	ev := s.Event
	m := t.make(ev.MTA, ev.Host, nil, at)
	m.Began, m.ClientIP = true, string(ev.ClientIP)
	m.Sender, m.SenderKnown = string(ev.Sender), ev.Sender != nil
	m.story.Selected = selected
	m.addRefused(s, selected)
	if t.Entries > 0 {
		t.note(m, m.eventEntry(at, s, nil))
	}
	t.end(m, Complete)
}

// refuse notes that a client was told no: for one recipient, or for the message.
func (t *Tracker) refuse(m *Message, s *pipeline.Seen, selected bool) {
	ev := s.Event
	if !m.tried {
		m.Began = true // nothing comes before a refusal but the lines of its session
	}
	if t.Pseudonyms == nil {
		if m.ClientIP == "" {
			m.ClientIP = string(ev.ClientIP)
		}
		m.addRefused(s, selected)
		t.held++
	}
	if ev.Stage == logparse.Data || ev.Stage == logparse.BDAT || ev.Stage == logparse.EOD {
		m.Accepted, m.turned = false, true
		t.put(m, t.endingList(m))
	}
}

func (m *Message) addRefused(s *pipeline.Seen, selected bool) {
	m.Recipients = append(m.Recipients, Recipient{
		Address: string(s.Event.Recipient), Outcome: Refused, Attempts: s.Event.Count(), Seconds: -1,
		First: s.Verdict.Cause, Last: s.Verdict.Cause, Provider: s.Verdict.Provider, Selected: selected,
	})
}

// attempt notes the outcome of an attempt for all its recipients.
func (t *Tracker) attempt(m *Message, s *pipeline.Seen, recipients iter.Seq[[]byte], selected bool) {
	if m.turned {
		return // Sendmail says for each recipient once more that the message was refused
	}
	m.tried = true
	t.accept(m)
	if s.Event.Recipient == nil {
		t.attemptAll(m, s, selected)
	}
	next := t.requeued(m, s.Event)
	for address := range recipients {
		r, known := t.recipient(m, address)
		r.Selected = r.Selected || selected
		before := r.Outcome
		m.settle(r, s)
		if t.Replies && r.Outcome == Failed && r.Reply == nil {
			r.Reply = replyOf(s)
		}
		if next != nil && r.Outcome == Delivered {
			r.Outcome, r.Next = Requeued, next.QueueID
		}
		t.tell(m, r, known, before)
	}
	if m.MTA == logparse.Sendmail && m.settled() {
		t.put(m, slow)
	}
}

// recipient finds or adds a recipient, and says whether it was known.
func (t *Tracker) recipient(m *Message, address []byte) (r *Recipient, known bool) {
	if t.Pseudonyms != nil {
		address = t.Pseudonyms.of(address)
	}
	if r := m.known(address); r != nil {
		return r, true
	}
	if t.full() || t.Pseudonyms != nil && len(m.Recipients) >= maxKnown {
		return &Recipient{Seconds: -1}, false
	}
	m.Recipients = append(m.Recipients, Recipient{Address: string(address), Seconds: -1})
	t.held++
	return &m.Recipients[len(m.Recipients)-1], false
}

// tell lets the Watcher know what an attempt changed. What goes through a filter
// is met behind it.
func (t *Tracker) tell(m *Message, r *Recipient, known bool, before Outcome) {
	if t.Watcher == nil {
		return
	}
	if !known && r.Outcome != Requeued {
		t.Watcher.Met(m)
	}
	if before == Queued && r.Outcome != Queued {
		t.Watcher.Settled(m, r, 1)
	}
}

// text is what is kept of an address or a name from a line.
func (t *Tracker) text(b []byte) string {
	if t.Pseudonyms == nil || len(b) == 0 {
		return string(b)
	}
	return string(t.Pseudonyms.of(b))
}

// account is what is kept of a user or a sender.
func (t *Tracker) account(b []byte) string {
	if t.Pseudonyms == nil || len(b) == 0 {
		return t.common.text(b)
	}
	return t.Pseudonyms.account(b)
}

// login is what is kept of a user of this host: no address.
func (t *Tracker) login(b []byte) string {
	if t.Pseudonyms == nil {
		return t.common.text(b)
	}
	return string(b[:min(len(b), maxShown)])
}

func replyOf(s *pipeline.Seen) *Reply {
	ev := s.Event
	return &Reply{
		Time: s.Time, Code: ev.Code.String(), Enhanced: ev.Enhanced.String(), Text: string(ev.Text),
		Permanent: ev.Class() == replycode.PermanentFailure && ev.Enhanced.Class() != replycode.TransientFailure,
	}
}

// attemptAll gives up all recipients that wait: expiry is said of the message.
func (t *Tracker) attemptAll(m *Message, s *pipeline.Seen, selected bool) {
	unseen := min(m.Unseen(), maxUnseen)
	if len(m.Recipients) == 0 {
		unseen = max(1, unseen)
	}
	for range unseen { // no attempt was made for them
		m.Recipients = append(m.Recipients, Recipient{Seconds: -1})
		t.held++
	}
	for i := range m.Recipients {
		if r := &m.Recipients[i]; r.Outcome == Queued {
			r.Selected = r.Selected || selected
			r.blame(s.Verdict.Cause)
			m.conclude(r, s)
			t.tell(m, r, true, Queued)
		}
	}
	if m.MTA == logparse.Sendmail {
		t.put(m, slow)
	}
}

// settle notes an attempt for a recipient.
func (m *Message) settle(r *Recipient, s *pipeline.Seen) {
	ev := s.Event
	n := 1 + ev.Repeat
	if ev.Folded {
		n = ev.Repeat
	}
	r.Provider = s.Verdict.Provider
	if ev.Status != logparse.Expired || r.Attempts == 0 {
		r.Attempts += n // Exim's last word about an old message is no attempt
	}
	if ev.Status != logparse.Sent {
		r.blame(s.Verdict.Cause)
	}
	if ev.Status == logparse.Deferred {
		r.Deferred += n
		return
	}
	if r.Outcome == Queued {
		m.conclude(r, s)
	}
}

// blame notes the cause of a failure. That the time was over is none, where the
// reason for the time it took is known.
func (r *Recipient) blame(c replycode.Cause) {
	if !r.failed {
		r.failed, r.First, r.Last = true, c, c
	} else if c != replycode.DeliveryExpired {
		r.Last = c
	}
}

// conclude sets the outcome.
func (m *Message) conclude(r *Recipient, s *pipeline.Seen) {
	ev := s.Event
	switch ev.Status {
	case logparse.Sent:
		r.Outcome = Delivered
	case logparse.Bounced:
		r.Outcome = Failed
	case logparse.Expired:
		r.Outcome = Expired
	default:
		return
	}
	switch {
	case ev.Delay >= 0:
		r.Seconds = ev.Delay
	case m.Began && !m.First.IsZero() && !m.Last.IsZero():
		r.Seconds = m.Last.Sub(m.First).Seconds()
	}
}

// requeued finds the message that a sent one became on this host: the next hop
// named a queue id that is one of ours, of the same mail.
func (t *Tracker) requeued(m *Message, ev *logparse.Event) *Message {
	id := ev.QueuedAs()
	if id == nil {
		return nil
	}
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		next := t.find(mta, ev.Host, id)
		if next == nil || next == m || !next.Began || next.First.Before(m.First) {
			continue
		}
		if next.MessageID == m.MessageID || next.MessageID == "" || m.MessageID == "" {
			t.join(m, next)
			return next
		}
	}
	return nil
}

// join makes next the continuation of m: one story, and of the same origin.
func (t *Tracker) join(m, next *Message) {
	next.From = m.QueueID
	if next.User == "" {
		next.User = m.User
	}
	if m.ClientIP != "" || m.Login != "" {
		next.ClientName, next.ClientIP, next.Login = m.ClientName, m.ClientIP, m.Login
	}
	if t.Done == nil {
		return // nobody asks for stories
	}
	to, from := m.story, next.story
	if to == from || len(to.Messages)+len(from.Messages) > maxChain {
		return
	}
	for _, moved := range from.Messages {
		moved.story = to
	}
	to.Messages = append(to.Messages, from.Messages...)
	to.open += from.open
	to.Selected = to.Selected || from.Selected
	to.merge(from.Entries, t.Entries)
	to.Cut += from.Cut
}
