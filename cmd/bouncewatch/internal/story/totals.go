package story

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Totals count what became of recipients since a daemon began to count. As in
// Figures, mail from the null sender and what went back into the queue are left
// out.
type Totals struct {
	Outcomes  [logparse.NumMTAs][NumFates]uint64
	Providers map[replycode.Provider]*[NumFates]uint64
	Failures  [logparse.NumMTAs][replycode.NumCauses]uint64 // failed or given up, by the last cause
	Late      [logparse.NumMTAs]aggregate.Histogram         // delivered after a deferral: seconds from arrival
	LateCause [replycode.NumCauses]uint64                   // of the first deferral
	Ended     [NumEndings]uint64                            // messages
}

// counted are the fates that Totals have.
var counted = [...]Fate{DeliveredFirst, DeliveredLater, DeliveredSome, FailedForGood, GivenUp, LeftQueue, LostSight}

// CountedFates are the fates that Totals count: all that a recipient can have when
// nothing more is expected.
func CountedFates() []Fate { return slices.Clone(counted[:]) }

func newTotals() Totals { return Totals{Providers: map[replycode.Provider]*[NumFates]uint64{}} }

func (t *Totals) add(m *openMessage, r *openRecipient, n uint64) {
	fate := m.fateOf(r)
	if !slices.Contains(counted[:], fate) {
		return
	}
	t.Outcomes[m.mta][fate] += n
	p := t.Providers[r.provider]
	if p == nil {
		p = new([NumFates]uint64)
		t.Providers[r.provider] = p
	}
	p[fate] += n
	switch fate {
	case FailedForGood, GivenUp:
		t.Failures[m.mta][r.last] += n
	case DeliveredLater:
		t.LateCause[r.first] += n
		if r.seconds >= 0 {
			t.Late[m.mta].Add(r.seconds, n)
		}
	}
}

func (t *Totals) clone() Totals {
	c := *t
	c.Providers = maps.Clone(t.Providers)
	for p, n := range c.Providers {
		copied := *n
		c.Providers[p] = &copied
	}
	for i := range c.Late {
		c.Late[i].Native = slices.Clone(c.Late[i].Native)
	}
	return c
}

// The state speaks in names: a later version may order its tables anew.
type stateTotals struct {
	Outcomes  map[string]map[string]uint64   `json:"outcomes"`  // by server and fate
	Providers map[string]map[string]uint64   `json:"providers"` // by provider and fate
	Failures  map[string]map[string]uint64   `json:"failures"`  // by server and cause
	Late      map[string]aggregate.Histogram `json:"late"`
	LateCause map[string]uint64              `json:"late_causes"`
	Ended     map[string]uint64              `json:"ended"`
}

func (t *Totals) state() stateTotals {
	s := stateTotals{
		Outcomes: map[string]map[string]uint64{}, Providers: map[string]map[string]uint64{}, Failures: map[string]map[string]uint64{},
		Late: map[string]aggregate.Histogram{}, LateCause: byName[replycode.Cause](t.LateCause[:]), Ended: byName[Ending](t.Ended[:]),
	}
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		name := mta.String()
		s.Outcomes[name] = byName[Fate](t.Outcomes[mta][:])
		s.Failures[name] = byName[replycode.Cause](t.Failures[mta][:])
		s.Late[name] = t.Late[mta]
	}
	for p, n := range t.Providers {
		s.Providers[p.String()] = byName[Fate](n[:])
	}
	return s
}

type namedNumber interface {
	~uint8
	String() string
}

func byName[T namedNumber](counts []uint64) map[string]uint64 {
	out := map[string]uint64{}
	for i, n := range counts {
		if n > 0 {
			out[T(i).String()] = n
		}
	}
	return out
}

// restore is the reverse. A name that this version does not know is an error:
// counts are never dropped.
func (s *stateTotals) restore() (t Totals, err error) {
	t = newTotals()
	for name, counts := range s.Outcomes {
		mta, e := named[logparse.MTA](int(logparse.NumMTAs), name, err)
		err = fill[Fate](t.Outcomes[mta][:], counts, e)
	}
	for name, counts := range s.Failures {
		mta, e := named[logparse.MTA](int(logparse.NumMTAs), name, err)
		err = fill[replycode.Cause](t.Failures[mta][:], counts, e)
	}
	for name, counts := range s.Providers {
		p, ok := replycode.NameProvider(name)
		if !ok {
			return t, fmt.Errorf("unknown provider %q", name)
		}
		t.Providers[p] = new([NumFates]uint64)
		err = fill[Fate](t.Providers[p][:], counts, err)
	}
	for name, h := range s.Late {
		var mta logparse.MTA
		if mta, err = named[logparse.MTA](int(logparse.NumMTAs), name, err); err == nil {
			err = h.Check()
		}
		t.Late[mta] = h
	}
	err = fill[replycode.Cause](t.LateCause[:], s.LateCause, err)
	err = fill[Ending](t.Ended[:], s.Ended, err)
	return t, err
}

func fill[T namedNumber](counts []uint64, by map[string]uint64, err error) error {
	for name, n := range by {
		var i T
		i, err = named[T](len(counts), name, err)
		counts[i] += n
	}
	return err
}

// named is the value below limit with that name. It keeps an earlier error.
func named[T namedNumber](limit int, name string, err error) (T, error) {
	for i := range limit {
		if T(i).String() == name {
			return T(i), err
		}
	}
	if err == nil {
		err = fmt.Errorf("unknown name %q", name)
	}
	return 0, err
}

// MarshalJSON writes the totals by names.
func (t *Totals) MarshalJSON() ([]byte, error) { return json.Marshal(t.state()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Totals) UnmarshalJSON(b []byte) error {
	var s stateTotals
	err := json.Unmarshal(b, &s)
	if err == nil {
		*t, err = s.restore()
	}
	return err
}
