package pipeline

import (
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A Selection says which events count. A field at its zero value selects all; a
// list selects what is like any of its items.
type Selection struct {
	Since, Until time.Time // from Since on, before Until
	MTAs         []logparse.MTA
	Directions   []logparse.Direction
	Statuses     []logparse.Status
	Codes        []string // "550", "5xx" or "none"
	Causes       []replycode.Cause
	Providers    []replycode.Provider
	Domains      []string // recipient domains, in lower case
	Hosts        []string // logging hosts, in lower case
}

// Keep says whether the event is selected.
func (s *Selection) Keep(seen *Seen) bool {
	ev := seen.Event
	return s.inTime(seen.Time) &&
		among(s.MTAs, ev.MTA) && among(s.Directions, ev.Direction) && among(s.Statuses, ev.Status) &&
		s.hasCause(seen) && among(s.Providers, seen.Verdict.Provider) &&
		s.hasCode(ev) && amongNames(s.Domains, ev.RecipientDomain()) && amongNames(s.Hosts, ev.Host)
}

// All says that every event is selected.
func (s *Selection) All() bool {
	return s.Since.IsZero() && s.Until.IsZero() && len(s.MTAs)+len(s.Directions)+len(s.Statuses)+
		len(s.Codes)+len(s.Causes)+len(s.Providers)+len(s.Domains)+len(s.Hosts) == 0
}

// hasCause never selects sent mail by a cause: it has none.
func (s *Selection) hasCause(seen *Seen) bool {
	return len(s.Causes) == 0 || seen.Event.Status != logparse.Sent && slices.Contains(s.Causes, seen.Verdict.Cause)
}

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func amongNames(list []string, name []byte) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(want string) bool { return strings.EqualFold(want, string(name)) })
}

func (s *Selection) hasCode(ev *logparse.Event) bool {
	if len(s.Codes) == 0 {
		return true
	}
	code := ev.Code.String()
	if ev.Code == replycode.None {
		code = "none"
	}
	return slices.Contains(s.Codes, code) || slices.Contains(s.Codes, ev.Class().String())
}

// inTime leaves out events without a time as soon as the time matters.
func (s *Selection) inTime(t time.Time) bool {
	if s.Since.IsZero() && s.Until.IsZero() {
		return true
	}
	return !t.IsZero() && !t.Before(s.Since) && (s.Until.IsZero() || t.Before(s.Until))
}

// disorder is how much the lines of a log may be out of order.
const disorder = time.Hour

// outside says whether a run of lines between two times, zero where unknown, can
// hold nothing that is selected.
func (s *Selection) outside(first, last time.Time) bool {
	return !s.Since.IsZero() && !last.IsZero() && last.Add(disorder).Before(s.Since) ||
		!s.Until.IsZero() && !first.IsZero() && !first.Add(-disorder).Before(s.Until)
}
