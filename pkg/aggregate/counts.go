// Package aggregate counts Events exactly: by status, reply code, enhanced
// code, cause and provider, in memory that no log can make grow without bound.
package aggregate

import (
	"cmp"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A Key is everything that tells one counted kind of Event from another.
type Key struct {
	MTA       logparse.MTA
	Direction logparse.Direction
	Status    logparse.Status
	Remark    bool
	Code      replycode.Code
	Enhanced  replycode.Enhanced
	Class     replycode.Class
	Cause     replycode.Cause
	Provider  replycode.Provider
}

// Limits of the tables. What comes after the table of keys is full is counted
// under the key without its free parts and shows in Overflow; of a full table of
// domains the smaller half is added up in OtherDomains.
const (
	maxKeys    = 1 << 15
	maxDomains = 1 << 15
)

// A DomainCount is what happened to mail for one recipient domain.
type DomainCount struct {
	Sent, Deferred, Bounced, Expired uint64
}

// A domain is a row of the table of domains.
type domain struct {
	name string
	DomainCount
}

// Total is the number of outcomes.
func (d DomainCount) Total() uint64 { return d.Sent + d.Deferred + d.Bounced + d.Expired }

// Counts are the totals of one log, or of many merged. The zero value is not
// ready; use New. Counts are for one goroutine.
type Counts struct {
	keys      map[Key]*uint64
	domains   map[string]*domain
	recent    *recent // of keys and domains; nil before the first
	lines     map[string]*[logparse.NumResults]uint64
	delays    [logparse.NumMTAs][logparse.NumStatuses]*Histogram // nil where there is none
	unmatched map[string]*uint64                                 // by template
	overflow  uint64
	exemplars map[seriesKey]*exemplar // of a daemon only

	hours  map[int64]*[logparse.NumStatuses]uint64 // by Unix time / 3600
	hour   *[logparse.NumStatuses]uint64           // the one of hourAt
	hourAt int64

	first, last time.Time // of what is in hours

	domainLimit  int
	otherDomains DomainCount // of domains that had no room
}

// New returns empty Counts.
func New() *Counts {
	c := NewWithoutDomains()
	c.domainLimit = maxDomains
	return c
}

// NewWithoutDomains returns empty Counts that never keep a recipient domain and
// only the latest hours: for a daemon that runs for years, serves no domains and
// writes its counts to disk.
func NewWithoutDomains() *Counts {
	return &Counts{
		keys:      map[Key]*uint64{},
		domains:   map[string]*domain{},
		lines:     map[string]*[logparse.NumResults]uint64{},
		unmatched: map[string]*uint64{},
		hours:     map[int64]*[logparse.NumStatuses]uint64{},
	}
}

// Add counts an Event (or a remark) with the verdict about it. It keeps nothing
// of the Event's bytes but the recipient's domain.
func (c *Counts) Add(ev *logparse.Event, v replycode.Verdict, remark bool) {
	n := uint64(max(ev.Count(), 0))
	k := Key{
		MTA: ev.MTA, Direction: ev.Direction, Status: ev.Status, Remark: remark,
		Code: ev.Code, Enhanced: ev.Enhanced, Class: ev.Class(),
		Cause: v.Cause, Provider: v.Provider,
	}
	c.addKey(k, n)
	if remark {
		return
	}
	if c.domainLimit == 0 {
		c.setExemplar(k, ev.QueueID)
	}
	if ev.Direction == logparse.Outbound {
		c.addDomain(ev.RecipientDomain(), ev.Status, n)
	}
	if ev.Delay >= 0 {
		c.delay(ev.MTA, ev.Status).Add(ev.Delay, n)
	}
}

func (c *Counts) addKey(k Key, n uint64) {
	slot := c.remembered().key(k)
	if slot.n == nil || slot.key != k {
		if c.keys[k] == nil && len(c.keys) >= maxKeys {
			c.overflow += n
			k.Code, k.Enhanced = replycode.None, replycode.NoEnhanced
			*c.key(k) += n
			return
		}
		slot.key, slot.n = k, c.key(k)
	}
	*slot.n += n
}

// key is where a Key is counted.
func (c *Counts) key(k Key) *uint64 {
	n := c.keys[k]
	if n == nil {
		n = new(uint64)
		c.keys[k] = n
	}
	return n
}

func (c *Counts) addDomain(domain []byte, s logparse.Status, n uint64) {
	if c.domainLimit == 0 || len(domain) == 0 || len(domain) > maxDomainLength {
		return
	}
	slot := c.remembered().domain(domain)
	if slot.domain == nil || slot.name != string(domain) {
		slot.domain = c.domain(domain)
	}
	slot.add(s, n)
}

// domain looks the domain up without making a string of it, so that only a new
// domain allocates. Domains compare without regard to case (RFC 5321 section 2.4).
func (c *Counts) domain(name []byte) *domain {
	var buf [maxDomainLength]byte
	lower := buf[:len(name)]
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		lower[i] = b
	}
	d := c.domains[string(lower)]
	if d == nil {
		if len(c.domains) >= c.domainLimit {
			c.makeRoom()
		}
		d = &domain{name: string(lower)}
		c.domains[d.name] = d
	}
	return d
}

// makeRoom adds the smaller half of the table of domains to OtherDomains. A
// domain with much mail stays, with an exact count unless it was among the small
// ones before.
func (c *Counts) makeRoom() {
	rows := c.Domains()
	slices.SortFunc(rows, func(a, b DomainRow) int {
		return cmp.Or(cmp.Compare(a.Total(), b.Total()), cmp.Compare(a.Domain, b.Domain))
	})
	for _, r := range rows[:(len(rows)+1)/2] {
		c.otherDomains.merge(&r.DomainCount)
		delete(c.domains, r.Domain)
	}
	c.recent = nil
}

const maxDomainLength = 255 // RFC 5321 section 4.5.3.1.2

func (d *DomainCount) add(s logparse.Status, n uint64) {
	switch s {
	case logparse.Sent:
		d.Sent += n
	case logparse.Deferred:
		d.Deferred += n
	case logparse.Bounced:
		d.Bounced += n
	case logparse.Expired:
		d.Expired += n
	}
}

func (d *DomainCount) merge(o *DomainCount) {
	d.Sent += o.Sent
	d.Deferred += o.Deferred
	d.Bounced += o.Bounced
	d.Expired += o.Expired
}

// Line counts what a line of the named source was.
func (c *Counts) Line(source string, r logparse.Result) { c.Lines(source)[r]++ }

// Lines are the line counts of a source, by Result, for a caller that counts
// many lines of one source.
func (c *Counts) Lines(source string) *[logparse.NumResults]uint64 {
	l := c.lines[source]
	if l == nil {
		l = new([logparse.NumResults]uint64)
		c.lines[source] = l
	}
	return l
}

// ForgetLines drops the line counts of a source that will not be read again.
func (c *Counts) ForgetLines(source string) { delete(c.lines, source) }

// OtherDomains is what happened to mail for the domains that had no room.
func (c *Counts) OtherDomains() DomainCount { return c.otherDomains }

// Clone is a copy that shares nothing with c.
func (c *Counts) Clone() *Counts {
	o := NewWithoutDomains()
	o.domainLimit = c.domainLimit
	o.Merge(c)
	return o
}

// Overflow is the number of outcomes that a full table could not tell apart.
func (c *Counts) Overflow() uint64 { return c.overflow }

// Merge adds what o counted. Merging is associative and commutative as long as
// no table is full; when one is, it still does not depend on chance. Counts
// without domains leave those of o out.
func (c *Counts) Merge(o *Counts) {
	c.mergeKeys(o)
	c.mergeDomains(o)
	for source, l := range o.lines {
		mine := c.Lines(source)
		for r, n := range l {
			mine[r] += n
		}
	}
	for mta, statuses := range o.delays {
		for status, h := range statuses {
			if h != nil {
				c.delay(logparse.MTA(mta), logparse.Status(status)).merge(h)
			}
		}
	}
	c.mergeTemplates(o)
	c.mergeHours(o)
	c.mergeExemplars(o)
	c.overflow += o.overflow
}

// mergeKeys goes by the order of rows where it decides which keys find room. All of
// one that fill a table alone found theirs before.
func (c *Counts) mergeKeys(o *Counts) {
	if len(c.keys) > 0 && len(c.keys)+len(o.keys) > maxKeys {
		for _, r := range o.Rows() {
			c.addKey(r.Key, r.N)
		}
		return
	}
	for k, n := range o.keys {
		*c.key(k) += *n
	}
}

// mergeDomains makes room after all were added: what stays depends on the sums
// alone. The table has at most twice its size meanwhile.
func (c *Counts) mergeDomains(o *Counts) {
	c.otherDomains.merge(&o.otherDomains)
	if c.domainLimit == 0 {
		return
	}
	for name, d := range o.domains {
		mine := c.domains[name]
		if mine == nil {
			mine = &domain{name: name}
			c.domains[name] = mine
		}
		mine.merge(&d.DomainCount)
	}
	if len(c.domains) > c.domainLimit {
		c.makeRoom()
	}
}
