package story

import (
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

// What happens to all recipients of a message at once, and to a message that becomes
// another.

// putBack notes that postsuper -r put a message back into the queue as next, with
// the recipients that wait.
func (t *Tracker) putBack(m, next *openMessage) {
	m.expected = m.accepted // the others will be next's
	for r := range t.recipientsOf(m) {
		if r.outcome == Queued {
			r.outcome = Requeued
			t.texts.set(&r.next, t.queueID(next))
			t.changed(m, r, false, Queued)
		}
	}
	m.set(removed)
	t.put(m, ending)
}

// cancel lets all recipients fail that wait, for the reason that they wait for.
func (t *Tracker) cancel(m *openMessage) {
	for range min(m.unseen(), maxUnseen) {
		t.addWaiting(m, nil)
	}
	for r := range t.recipientsOf(m) {
		if r.outcome == Queued {
			r.outcome = Failed
			m.time(r)
			t.changed(m, r, false, Queued)
		}
	}
}

// returned gives up all recipients of a message of Sendmail that goes back before
// any was tried, as with too many hops: only the notice is logged. Where there
// were attempts, their lines tell more.
func (t *Tracker) returned(m *openMessage, s *pipeline.Seen, selected bool) {
	if !m.has(began) || m.known > 0 {
		return
	}
	if selected {
		t.choose(m)
	}
	for range min(m.unseen(), maxUnseen) {
		r := t.addWaiting(m, nil)
		r.selected = selected
		r.blame(s.Verdict.Cause)
		r.outcome = Failed
		m.time(r)
		t.changed(m, r, false, Queued)
	}
	t.put(m, slow)
}

// attemptAll gives up all recipients that wait: expiry is said of the message.
func (t *Tracker) attemptAll(m *openMessage, s *pipeline.Seen, selected bool) {
	unseen := min(m.unseen(), maxUnseen)
	if m.known == 0 {
		unseen = max(1, unseen)
	}
	for range unseen { // no attempt was made for them
		t.addWaiting(m, nil)
	}
	for r := range t.recipientsOf(m) {
		if r.outcome == Queued {
			r.selected = r.selected || selected
			r.blame(s.Verdict.Cause)
			m.conclude(r, s)
			t.changed(m, r, false, Queued)
		}
	}
	if m.mta == logparse.Sendmail {
		t.put(m, slow)
	}
}

// requeued finds the message that a sent one became on this host: the next hop
// named a queue id that is one of ours, of the same mail.
func (t *Tracker) requeued(m *openMessage, ev *logparse.Event) *openMessage {
	id := ev.QueuedAs()
	if id == nil {
		return nil
	}
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		if !t.servers[mta] {
			continue
		}
		next := t.find(mta, ev.Host, id)
		if next == nil || next == m || !next.has(began) || next.first < m.first {
			continue
		}
		if next.mark == m.mark || next.mark == 0 || m.mark == 0 {
			t.join(m, next)
			return next
		}
	}
	return nil
}
