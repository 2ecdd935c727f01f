package story

import (
	"cmp"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A Suspicion says when the mail of a sender looks like that of a thief. Either is
// enough, within a clock hour.
type Suspicion struct {
	// Unknown recipients do not exist, and they are a fifth or more of the
	// sender's recipients.
	Unknown int
	// Recipients are that many, and ten times as many as the sender had per hour
	// since the beginning of yesterday. Only who logged in, or is a user of this
	// host, is asked, and only when a day was seen.
	Recipients int
}

const (
	unknownShare = 5  // one in so many
	suddenFactor = 10 // times what is usual
	// senderNames bounds the table of an hour or a day in a daemon: a sender with more
	// than a thousandth of its recipients is in it.
	senderNames = 1000
	// senderNamesOfLogs does so for finished logs, where there is room for more.
	senderNamesOfLogs = 10_000
	hoursOfDay        = 24
)

// senders counts recipients by who sent the mail, by hours and days of the logs
// (UTC).
type senders struct {
	rule  Suspicion
	names int // that a table has room for

	first            int64 // the first hour seen; hours are of Unix time
	hour             int64
	now, before      *Top // of the hour, and of the one before
	today, yesterday *Top // of the days; today without this hour
	suspects         map[string]suspect
	fresh            []string                                                  // suspects that nobody was told of
	report           func(t *Tracker, m *openMessage, name string, sum *Tally) // if set, is told of suspects each time
	name             []byte                                                    // of the sender that is counted
}

// A suspect is a sender that looked like a thief's.
type suspect struct {
	Hour    int64  `json:"hour"` // the last one
	QueueID string `json:"queue_id"`
}

func newSenders(rule Suspicion, names int) senders {
	s := senders{rule: rule, names: names, suspects: map[string]suspect{}}
	s.now, s.before, s.today, s.yesterday = NewTop(names), NewTop(names), NewTop(names), NewTop(names)
	return s
}

// met counts a recipient that a first attempt was made for.
func (s *senders) met(t *Tracker, m *openMessage) { s.add(t, m, &Tally{Recipients: 1}) }

// failed counts a recipient that failed for good.
func (s *senders) failed(t *Tracker, m *openMessage, r *openRecipient) {
	one := Tally{Failed: 1}
	if r.last != replycode.RecipientRefused && slices.Contains(addressCauses[:], r.last) {
		one.Unknown = 1
	}
	s.add(t, m, &one)
}

func (s *senders) add(t *Tracker, m *openMessage, more *Tally) {
	name, known := s.accountOf(t, m)
	if len(name) == 0 || m.last == 0 {
		return
	}
	hour := m.last / int64(time.Hour)
	if hour < s.hour-1 && t.clocks.othersReached(s.hour-1) {
		return // of a log that is behind: what is suspicious now is not in it
	}
	s.turn(hour)
	sum := s.now.Add(name, more)
	if s.suspicious(name, sum, known) {
		s.suspect(t, m, string(name), sum)
	}
}

func (s *senders) suspect(t *Tracker, m *openMessage, name string, sum *Tally) {
	if s.suspects[name].Hour != s.hour {
		s.fresh = append(s.fresh, name)
	}
	s.suspects[name] = suspect{s.hour, string(t.queueID(m))}
	if s.report != nil {
		s.report(t, m, name, sum)
	}
}

// accountOf is who sent the message, and whether this host knows them.
func (s *senders) accountOf(t *Tracker, m *openMessage) (name []byte, known bool) {
	switch {
	case m.user != 0:
		return t.texts.get(m.user), true
	case m.login != 0:
		s.name = append(append(s.name[:0], "local "...), t.texts.get(m.login)...)
		return s.name, true
	}
	return t.texts.get(m.sender), false
}

// turn begins another hour. Lines of the hour before may still come; what lies
// farther back means that the clock was set.
func (s *senders) turn(hour int64) {
	if hour == s.hour || hour == s.hour-1 {
		return
	}
	if s.first == 0 || hour < s.first {
		s.first = hour
	}
	s.today.addAll(s.now)
	s.before, s.now = s.now, NewTop(s.names)
	if hour != s.hour+1 {
		s.before = NewTop(s.names)
	}
	switch day := hour / hoursOfDay; day - s.hour/hoursOfDay {
	case 0:
	case 1:
		s.yesterday, s.today = s.today, NewTop(s.names)
	default:
		s.yesterday, s.today = NewTop(s.names), NewTop(s.names)
	}
	s.hour = hour
	for name, sus := range s.suspects {
		if sus.Hour < hour-1 || sus.Hour > hour {
			delete(s.suspects, name)
		}
	}
}

func (s *senders) suspicious(name []byte, t *Tally, known bool) bool {
	if t.Unknown >= uint64(s.rule.Unknown) && t.Unknown*unknownShare >= t.Recipients {
		return true
	}
	if !known || t.Recipients < uint64(s.rule.Recipients) || s.hour-s.first < hoursOfDay {
		return false
	}
	hours := hoursOfDay + s.hour%hoursOfDay // yesterday, and today without this one
	usual := s.yesterday.tally(name).Recipients + s.today.tally(name).Recipients
	return t.Recipients*uint64(hours) >= suddenFactor*usual
}

// A SenderRow is a sender in the last two clock hours.
type SenderRow struct {
	Name       string // masked
	Tally      Tally
	Suspicious bool
	QueueID    string // of a message of a suspect
}

// rows are the suspects, then those with most failures; at most n.
func (s *senders) rows(n int) (all []SenderRow, suspects int) {
	tallies := map[string]*Tally{}
	for _, top := range [...]*Top{s.now, s.before} {
		for r := range top.inOrder() {
			if tallies[r.name] == nil {
				tallies[r.name] = &Tally{}
			}
			tallies[r.name].add(&r.tally)
		}
	}
	for name, sus := range s.suspects {
		if t := tallies[name]; t != nil {
			all = append(all, SenderRow{name, *t, true, sus.QueueID})
		}
	}
	suspects = len(all)
	for name, t := range tallies {
		if _, is := s.suspects[name]; !is && t.Failed > 0 {
			all = append(all, SenderRow{Name: name, Tally: *t})
		}
	}
	slices.SortFunc(all, func(a, b SenderRow) int {
		if a.Suspicious != b.Suspicious {
			return map[bool]int{true: -1, false: 1}[a.Suspicious]
		}
		return cmp.Or(cmp.Compare(b.Tally.Unknown, a.Tally.Unknown), cmp.Compare(b.Tally.Failed, a.Tally.Failed),
			cmp.Compare(b.Tally.Recipients, a.Tally.Recipients), cmp.Compare(a.Name, b.Name))
	})
	all = all[:min(n, len(all))]
	for i := range all {
		all[i].Name = shown(all[i].Name)
	}
	return all, suspects
}

type stateSenders struct {
	First     int64              `json:"first"`
	Hour      int64              `json:"hour"`
	Now       []TopRow           `json:"now,omitempty"`
	Before    []TopRow           `json:"before,omitempty"`
	Today     []TopRow           `json:"today,omitempty"`
	Yesterday []TopRow           `json:"yesterday,omitempty"`
	Suspects  map[string]suspect `json:"suspects,omitempty"`
}

func (s *senders) state() stateSenders {
	return stateSenders{
		s.first, s.hour, s.now.rowsInOrder(), s.before.rowsInOrder(), s.today.rowsInOrder(), s.yesterday.rowsInOrder(), s.suspects,
	}
}

func (s *senders) restore(from *stateSenders) {
	s.first, s.hour = from.First, from.Hour
	s.now, s.before, s.today, s.yesterday = topOf(from.Now), topOf(from.Before), topOf(from.Today), topOf(from.Yesterday)
	if from.Suspects != nil {
		s.suspects = from.Suspects
	}
}

func topOf(rows []TopRow) *Top {
	t := NewTop(senderNames)
	for _, r := range rows[:min(len(rows), senderNames)] {
		t.put(&r)
	}
	return t
}

// current says whether a suspect of that hour is one at the time.
func current(sus, hour int64, quiet time.Duration) bool {
	return sus >= hour+int64(quiet/time.Hour)-1
}
