package story

import (
	"cmp"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A Fate is an outcome as the figures tell it: delivered mail by how many tries it
// took.
type Fate uint8

// The fates. Those before StillQueued are final.
const (
	DeliveredFirst Fate = iota // at the first try
	DeliveredLater             // after it was put off
	DeliveredSome              // delivered, of a message from before the logs: it may have been put off
	FailedForGood
	GivenUp
	StillQueued
	LeftQueue // without a last word
	LostSight // the message was given up by the Tracker
	BackInQueue
	RefusedHere
	NumFates
)

var fateNames = [NumFates]string{
	"delivered_first_try", "delivered_after_deferral", "delivered_began_before_logs", "failed", "expired",
	"queued", "gone", "lost_sight", "requeued", "refused",
}

// String is the fate as JSON has it.
func (f Fate) String() string { return fateNames[f%NumFates] }

// FateOf is the fate of a recipient.
func (m *Message) FateOf(r *Recipient) Fate {
	switch r.Outcome {
	case Delivered:
		switch {
		case r.Deferred > 0:
			return DeliveredLater
		case !m.Began:
			return DeliveredSome
		}
		return DeliveredFirst
	case Requeued:
		return BackInQueue
	case Failed:
		return FailedForGood
	case Expired:
		return GivenUp
	case Refused:
		return RefusedHere
	case Gone:
		return LeftQueue
	}
	if m.Ending == EndOfLogs {
		return StillQueued
	}
	return LostSight
}

// lateLimits are the ends of the ranges of time to delivery; the last range has
// none.
var lateLimits = [...]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}

var lateNames = [len(lateLimits) + 1]string{"1 min", "5 min", "15 min", "1 h", "4 h", "1 d", "more"}

// Late counts recipients whose mail was delivered after a deferral.
type Late struct {
	Count   uint64
	Ranges  [len(lateLimits) + 1]uint64 // by time to delivery
	Untimed uint64                      // the time is not known
	Sum     float64                     // seconds, of those timed
}

func (l *Late) add(seconds float64) {
	l.Count++
	if seconds < 0 {
		l.Untimed++
		return
	}
	i := 0
	for i < len(lateLimits) && seconds > lateLimits[i].Seconds() {
		i++
	}
	l.Ranges[i]++
	l.Sum += seconds
}

// Figures count what became of messages and recipients in the end.
type Figures struct {
	All      bool      // count recipients that are not selected, too
	Suspects *Suspects // if set, is written, too

	From, To    time.Time // of the lines of what was counted
	Messages    uint64    // that this host took
	Began       uint64    // of these, began before the logs
	NotAccepted uint64    // the client was refused, or left before it had sent the message
	Notices     Tally     // mail from the null sender, which is nowhere else: its fate says nothing of the senders here
	Fates       [NumFates]uint64
	Late        map[replycode.Cause]*Late // by the cause of the first deferral

	SenderDomains, Users, Clients, RecipientDomains, Providers *Top
}

// NewFigures returns Figures that keep so many names of each kind.
func NewFigures(names int) *Figures {
	return &Figures{
		Late:          map[replycode.Cause]*Late{},
		SenderDomains: NewTop(names), Users: NewTop(names), Clients: NewTop(names),
		RecipientDomains: NewTop(names), Providers: NewTop(replycode.NumProviders),
	}
}

// Add counts a story.
func (f *Figures) Add(s *Story) {
	if !f.All && !s.Selected {
		return
	}
	for _, m := range s.Messages {
		f.message(m)
	}
}

func (f *Figures) message(m *Message) {
	if m.Probe() {
		return
	}
	f.span(m.First)
	f.span(m.Last)
	switch {
	case !m.Accepted:
		f.NotAccepted++
	case m.SenderDomain() == "<>":
		f.notice(m)
		return
	case m.Began:
		f.Messages++
	default:
		f.Messages++
		f.Began++
	}
	var sum Tally
	for i := range m.Recipients {
		if r := &m.Recipients[i]; f.All || r.Selected {
			sum.add(f.recipient(m, r))
		}
	}
	if n := uint64(m.Unseen()); n > 0 && f.All && m.Accepted {
		fate := m.FateOf(&Recipient{})
		if m.Removed {
			fate = LeftQueue
		}
		f.Fates[fate] += n
		sum.Recipients += n
	}
	if sum.Recipients > 0 {
		f.origin(m, &sum)
	}
}

func (f *Figures) notice(m *Message) {
	for i := range m.Recipients {
		if r := &m.Recipients[i]; (f.All || r.Selected) && r.Outcome != Requeued {
			f.Notices.add(tallyOf(r))
		}
	}
}

func (f *Figures) span(t time.Time) {
	if t.IsZero() {
		return
	}
	if f.From.IsZero() || t.Before(f.From) {
		f.From = t
	}
	if t.After(f.To) {
		f.To = t
	}
}

// recipient counts one recipient and returns it as a tally: an empty one for what
// is counted elsewhere or was never this host's mail.
func (f *Figures) recipient(m *Message, r *Recipient) *Tally {
	fate := m.FateOf(r)
	if fate == RefusedHere {
		f.Fates[fate] += uint64(max(1, r.Attempts))
		return &Tally{}
	}
	f.Fates[fate]++
	if fate == BackInQueue {
		return &Tally{}
	}
	t := tallyOf(r)
	if fate == DeliveredLater {
		f.late(r)
	}
	f.Providers.Add(r.Provider.String(), t)
	if d := domain(r.Address); d != "" {
		f.RecipientDomains.Add(d, t)
	}
	return t
}

func tallyOf(r *Recipient) *Tally {
	t := Tally{Recipients: 1}
	switch r.Outcome {
	case Delivered:
		t.Delivered = 1
	case Failed:
		t.Failed = 1
		if r.Last == replycode.UserUnknown {
			t.Unknown = 1
		}
	case Expired:
		t.Expired = 1
	}
	if r.Deferred > 0 {
		t.Deferred = 1
	}
	return &t
}

func (f *Figures) late(r *Recipient) {
	l := f.Late[r.First]
	if l == nil {
		l = &Late{}
		f.Late[r.First] = l
	}
	l.add(r.Seconds)
}

// origin counts by who sent the mail, as far as the logs say.
func (f *Figures) origin(m *Message, t *Tally) {
	if d := m.SenderDomain(); d != "" {
		f.SenderDomains.Add(d, t)
	}
	switch {
	case m.User != "":
		f.Users.Add(m.User, t)
	case m.Login != "":
		f.Users.Add("local "+m.Login, t)
	}
	if m.ClientIP != "" {
		f.Clients.Add(m.ClientIP, t)
	}
}

// LateCauses are the causes in Late, the most frequent first.
func (f *Figures) LateCauses() []replycode.Cause {
	var causes []replycode.Cause
	for c := range f.Late {
		causes = append(causes, c)
	}
	slices.SortFunc(causes, func(a, b replycode.Cause) int {
		return cmp.Or(cmp.Compare(f.Late[b].Count, f.Late[a].Count), cmp.Compare(a, b))
	})
	return causes
}

// Ended is how many recipients have an outcome, and BounceRate the share of those
// that failed or expired.
func (f *Figures) Ended() (n uint64, bounceRate float64) {
	for fate := DeliveredFirst; fate < StillQueued; fate++ {
		n += f.Fates[fate]
	}
	if n == 0 {
		return 0, 0
	}
	return n, float64(f.Fates[FailedForGood]+f.Fates[GivenUp]) / float64(n)
}
