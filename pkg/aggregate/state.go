package aggregate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// stateVersion changes when an older program could not read the state.
const stateVersion = 1

// The state speaks in names, never in our numbers, so that a later version may
// order its tables anew.
type state struct {
	Version   int                 `json:"version"`
	Keys      []stateKey          `json:"keys"`
	Domains   []DomainRow         `json:"domains,omitempty"`
	Other     *DomainCount        `json:"other_domains,omitempty"`
	Limit     int                 `json:"domain_limit,omitempty"`
	Lines     map[string][]uint64 `json:"lines"`
	Delays    []stateDelay        `json:"delays"`
	Unmatched map[string]uint64   `json:"unmatched"`
	Hours     []stateHour         `json:"hours,omitempty"`
	First     time.Time           `json:"first,omitzero"`
	Last      time.Time           `json:"last,omitzero"`
	Overflow  uint64              `json:"overflow"`
}

type stateKey struct {
	MTA       string `json:"mta"`
	Direction string `json:"direction"`
	Status    string `json:"status"`
	Remark    bool   `json:"remark,omitempty"`
	Code      string `json:"code,omitempty"`
	Enhanced  string `json:"enhanced,omitempty"`
	Class     string `json:"class"`
	Cause     string `json:"cause,omitempty"`
	Provider  string `json:"provider,omitempty"`
	N         uint64 `json:"n"`
}

type stateDelay struct {
	MTA    string `json:"mta"`
	Status string `json:"status"`
	Histogram
}

type stateHour struct {
	Start  time.Time `json:"start"`
	Status string    `json:"status"`
	N      uint64    `json:"n"`
}

// MarshalJSON writes all counts, by names.
func (c *Counts) MarshalJSON() ([]byte, error) {
	s := state{Version: stateVersion, Domains: c.Domains(), Limit: c.domainLimit, Lines: map[string][]uint64{}, Unmatched: map[string]uint64{}, Overflow: c.overflow, First: c.first, Last: c.last}
	if c.otherDomains != (DomainCount{}) {
		s.Other = &c.otherDomains
	}
	for _, r := range c.Rows() {
		s.Keys = append(s.Keys, stateKey{
			MTA: r.MTA.String(), Direction: r.Direction.String(), Status: r.Status.String(), Remark: r.Remark,
			Code: r.Code.String(), Enhanced: r.Enhanced.String(), Class: r.Class.String(),
			Cause: r.Cause.String(), Provider: r.Provider.String(), N: r.N,
		})
	}
	for source, l := range c.lines {
		s.Lines[source] = l[:]
	}
	for t, n := range c.unmatched {
		s.Unmatched[t] = *n
	}
	for _, r := range c.Delays() {
		s.Delays = append(s.Delays, stateDelay{r.MTA.String(), r.Status.String(), *r.Histogram})
	}
	for _, h := range c.Hours() {
		for st, n := range h.Statuses {
			if n > 0 {
				s.Hours = append(s.Hours, stateHour{h.Start, logparse.Status(st).String(), n})
			}
		}
	}
	slices.SortFunc(s.Delays, func(a, b stateDelay) int { return strings.Compare(a.MTA+" "+a.Status, b.MTA+" "+b.Status) })
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote. A state of a newer version and a
// name that this version does not know are errors: counts are never dropped.
func (c *Counts) UnmarshalJSON(b []byte) error {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s.Version != stateVersion {
		return fmt.Errorf("counts of version %d, this program knows version %d", s.Version, stateVersion)
	}
	*c = *NewWithoutDomains()
	c.domainLimit = s.Limit
	if s.Other != nil {
		c.otherDomains = *s.Other
	}
	for _, k := range s.Keys {
		key, err := k.key()
		if err != nil {
			return err
		}
		*c.key(key) += k.N
	}
	for _, d := range s.Domains {
		// Names that were not UTF-8 may have become the same.
		if c.domains[d.Domain] == nil {
			c.domains[d.Domain] = &domain{name: d.Domain}
		}
		c.domains[d.Domain].merge(&d.DomainCount)
	}
	for source, l := range s.Lines {
		if len(l) != int(logparse.NumResults) {
			return fmt.Errorf("lines of %s: %d results, not %d", source, len(l), logparse.NumResults)
		}
		copy(c.Lines(source)[:], l)
	}
	for _, d := range s.Delays {
		var f finder
		mta, status := find(&f, logparse.NumMTAs, d.MTA), find(&f, logparse.NumStatuses, d.Status)
		if n := len(d.Native); n != 0 && n != nativeBuckets {
			f.unknown(fmt.Sprintf("native histogram of %d buckets", n))
		}
		if f.err != nil {
			return f.err
		}
		c.delays[mta][status] = &d.Histogram
	}
	for _, h := range s.Hours {
		var f finder
		c.inHour(h.Start.Unix() / 3600)[find(&f, logparse.NumStatuses, h.Status)] += h.N
		if f.err != nil {
			return f.err
		}
	}
	for t, n := range s.Unmatched {
		c.addTemplate(t, n)
	}
	c.first, c.last = s.First, s.Last
	c.overflow = s.Overflow
	return nil
}

func (k stateKey) key() (Key, error) {
	var f finder
	key := Key{
		MTA:       find(&f, logparse.NumMTAs, k.MTA),
		Direction: find(&f, logparse.NumDirections, k.Direction),
		Status:    find(&f, logparse.NumStatuses, k.Status),
		Remark:    k.Remark,
		Class:     find(&f, replycode.PermanentFailure+1, k.Class),
	}
	var ok bool
	// One that a former configuration named keeps its counts.
	if key.Provider, ok = replycode.NameProvider(k.Provider); !ok {
		f.unknown(k.Provider)
	}
	if key.Cause, ok = replycode.ParseCause(k.Cause); !ok {
		f.unknown(k.Cause)
	}
	if key.Code, ok = replycode.ParseCode([]byte(k.Code)); !ok && k.Code != "" {
		f.unknown(k.Code)
	}
	var n int
	if key.Enhanced, n = replycode.ParseEnhanced([]byte(k.Enhanced)); n != len(k.Enhanced) {
		f.unknown(k.Enhanced)
	}
	return key, f.err
}

// A finder looks names up and keeps the first fault.
type finder struct{ err error }

func (f *finder) unknown(name string) {
	if f.err == nil {
		f.err = fmt.Errorf("unknown name %q", name)
	}
}

// find is the value below limit whose name is given.
func find[T interface {
	~uint8
	String() string
}](f *finder, limit T, name string) T {
	for v := T(0); v < limit; v++ {
		if v.String() == name {
			return v
		}
	}
	f.unknown(name)
	return 0
}
