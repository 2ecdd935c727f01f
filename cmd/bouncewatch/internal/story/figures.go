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
	return fateOf(r.Outcome, r.Deferred > 0, m.Began, m.Ending)
}

func (m *openMessage) fateOf(r *openRecipient) Fate {
	return fateOf(r.outcome, r.deferred > 0, m.has(began), m.ending)
}

func fateOf(o Outcome, deferred, began bool, e Ending) Fate {
	switch o {
	case Delivered:
		switch {
		case deferred:
			return DeliveredLater
		case !began:
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
	if e == EndOfLogs {
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

	SenderDomains, Users, Clients, RecipientDomains *Top

	from, to  int64   // From and To as Unix nanoseconds
	providers []Tally // by Provider
	name      []byte  // to count under
}

// NewFigures returns Figures that keep so many names of each kind.
func NewFigures(names int) *Figures {
	return &Figures{
		Late:          map[replycode.Cause]*Late{},
		SenderDomains: NewTop(names), Users: NewTop(names), Clients: NewTop(names), RecipientDomains: NewTop(names),
		providers: make([]Tally, replycode.MaxProviders),
	}
}

// Empty says that no message was counted.
func (f *Figures) Empty() bool { return f.Messages == 0 && f.NotAccepted == 0 && f.Notices == Tally{} }

// add counts a message of a story that is over, and is selected or not.
func (f *Figures) add(t *Tracker, m *openMessage, selected bool) {
	if m.has(probe) || !f.All && !selected {
		return
	}
	f.span(t, m.first, m.zoneF)
	f.span(t, m.last, m.zoneL)
	switch {
	case !m.has(taken):
		f.NotAccepted++
	case m.notice():
		f.notice(t, m)
		return
	case m.has(began):
		f.Messages++
	default:
		f.Messages++
		f.Began++
	}
	var sum Tally
	for r := range t.recipientsOf(m) {
		if f.All || r.selected {
			f.recipient(t, m, r, &sum)
		}
	}
	if n := uint64(m.unseen()); n > 0 && f.All && m.has(taken) {
		fate := m.fateOf(&openRecipient{})
		if m.has(removed) {
			fate = LeftQueue
		}
		f.Fates[fate] += n
		sum.Recipients += n
	}
	if sum.Recipients > 0 {
		f.origin(t, m, &sum)
	}
}

func (f *Figures) notice(t *Tracker, m *openMessage) {
	for r := range t.recipientsOf(m) {
		if (f.All || r.selected) && r.outcome != Requeued {
			tally := r.tally()
			f.Notices.add(&tally)
		}
	}
}

func (f *Figures) span(t *Tracker, nanoseconds int64, zone uint8) {
	if nanoseconds == 0 {
		return
	}
	if f.from == 0 || nanoseconds < f.from {
		f.from, f.From = nanoseconds, t.zones.time(nanoseconds, zone)
	}
	if nanoseconds > f.to {
		f.to, f.To = nanoseconds, t.zones.time(nanoseconds, zone)
	}
}

// recipient counts one recipient and adds it to the sum of its message, unless it is
// counted elsewhere or was never this host's mail.
func (f *Figures) recipient(t *Tracker, m *openMessage, r *openRecipient, sum *Tally) {
	fate := m.fateOf(r)
	switch fate {
	case RefusedHere:
		f.Fates[fate] += uint64(max(1, r.attempts))
		return
	case BackInQueue:
		f.Fates[fate]++
		return
	case DeliveredLater:
		f.late(r)
	}
	f.Fates[fate]++
	tally := r.tally()
	sum.add(&tally)
	f.providers[r.provider].add(&tally)
	f.RecipientDomains.addDomain(t.texts.get(r.address), &tally)
}

// Providers are the figures of all receiving providers.
func (f *Figures) Providers() *Top {
	top := NewTop(replycode.MaxProviders)
	for p := range f.providers {
		if f.providers[p].Recipients > 0 {
			top.Add([]byte(replycode.Provider(p).String()), &f.providers[p])
		}
	}
	return top
}

// tally is the recipient as a tally.
func (r *openRecipient) tally() Tally {
	t := Tally{Recipients: 1}
	switch r.outcome {
	case Delivered:
		t.Delivered = 1
	case Failed:
		t.Failed = 1
		if r.last == replycode.UserUnknown {
			t.Unknown = 1
		}
	case Expired:
		t.Expired = 1
	}
	if r.deferred > 0 {
		t.Deferred = 1
	}
	return t
}

func (f *Figures) late(r *openRecipient) {
	l := f.Late[r.first]
	if l == nil {
		l = &Late{}
		f.Late[r.first] = l
	}
	l.add(r.seconds)
}

// origin counts by who sent the mail, as far as the logs say.
func (f *Figures) origin(t *Tracker, m *openMessage, sum *Tally) {
	f.SenderDomains.addDomain(t.texts.get(m.sender), sum)
	switch {
	case m.user != 0:
		f.Users.Add(t.texts.get(m.user), sum)
	case m.login != 0:
		f.name = append(append(f.name[:0], "local "...), t.texts.get(m.login)...)
		f.Users.Add(f.name, sum)
	}
	if m.clientIP != 0 {
		f.Clients.Add(t.texts.get(m.clientIP), sum)
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
