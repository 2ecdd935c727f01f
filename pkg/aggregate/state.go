package aggregate

import (
	"encoding/json"
	"fmt"

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
	Domains   []DomainRow         `json:"domains"`
	Lines     map[string][]uint64 `json:"lines"`
	Delays    []stateDelay        `json:"delays"`
	Unmatched map[string]uint64   `json:"unmatched"`
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

// MarshalJSON writes all counts, by names.
func (c *Counts) MarshalJSON() ([]byte, error) {
	s := state{Version: stateVersion, Domains: c.Domains(), Lines: map[string][]uint64{}, Unmatched: c.unmatched, Overflow: c.overflow}
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
	for k, h := range c.delays {
		s.Delays = append(s.Delays, stateDelay{k.mta.String(), k.status.String(), *h})
	}
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
	*c = *New()
	for _, k := range s.Keys {
		key, err := k.key()
		if err != nil {
			return err
		}
		c.keys[key] += k.N
	}
	for _, d := range s.Domains {
		count := d.DomainCount
		c.domains[d.Domain] = &count
	}
	for source, l := range s.Lines {
		copy(c.Lines(source)[:], l)
	}
	for _, d := range s.Delays {
		mta, status := find(logparse.NumMTAs, d.MTA), find(logparse.NumStatuses, d.Status)
		h := d.Histogram
		c.delays[delayKey{mta, status}] = &h
	}
	for t, n := range s.Unmatched {
		c.unmatched[t] = n
	}
	c.overflow = s.Overflow
	return nil
}

func (k stateKey) key() (Key, error) {
	key := Key{
		MTA: find(logparse.NumMTAs, k.MTA), Direction: find(logparse.NumDirections, k.Direction),
		Status: find(logparse.NumStatuses, k.Status), Remark: k.Remark, Class: find(replycode.Class(6), k.Class),
		Provider: find(replycode.Provider(replycode.NumProviders), k.Provider),
	}
	key.Code, _ = replycode.ParseCode([]byte(k.Code))
	key.Enhanced, _ = replycode.ParseEnhanced([]byte(k.Enhanced))
	cause, ok := replycode.ParseCause(k.Cause)
	if !ok {
		return key, fmt.Errorf("unknown cause %q", k.Cause)
	}
	key.Cause = cause
	return key, nil
}

// find is the value below limit whose name is given, 0 without one.
func find[T interface {
	~uint8
	String() string
}](limit T, name string) T {
	for v := T(0); v < limit; v++ {
		if v.String() == name {
			return v
		}
	}
	return 0
}
