package story

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"iter"
	"math"
	"slices"
)

// A Tally counts recipients by what became of them.
type Tally struct {
	Recipients uint64 `json:"recipients"` // all of the below, and those that have no outcome
	Delivered  uint64 `json:"delivered"`
	Deferred   uint64 `json:"deferred"` // put off at least once, whatever came of it
	Failed     uint64 `json:"failed"`
	Expired    uint64 `json:"expired"`
	Unknown    uint64 `json:"unknown_users"` // failed because there is no such mailbox
}

// BounceRate is the share of failed and expired recipients among those with an
// outcome, 0 without any.
func (t *Tally) BounceRate() float64 {
	bounced := t.Failed + t.Expired
	if bounced+t.Delivered == 0 {
		return 0
	}
	return float64(bounced) / float64(bounced+t.Delivered)
}

func (t *Tally) add(o *Tally) {
	t.Recipients += o.Recipients
	t.Delivered += o.Delivered
	t.Deferred += o.Deferred
	t.Failed += o.Failed
	t.Expired += o.Expired
	t.Unknown += o.Unknown
}

// A Top counts recipients by name in bounded memory. Up to its size the counts are
// exact. With more names it is the Space-Saving sketch (Metwally, Agrawal and El
// Abbadi, Efficient Computation of Frequent and Top-k Elements in Data Streams,
// 2005): the least frequent name makes room for a new one. With N recipients and a
// size of k, every name with more than N/k recipients is there, and no name lacks
// more than N/k of them; each row says how many it may lack.
type Top struct {
	size  int
	rows  []row // by number, from 1 on
	index index // of the rows, by name
	seed  maphash.Seed

	first, last uint32   // of the rows as they came in
	least       []uint32 // rows that had weight floor, as they came in: they make room next
	turn        int      // whose turn it is in least
	floor       uint64   // no row weighs less; more than any does before the first look
}

type row struct {
	name          string
	tally         Tally  // since the name came in
	missed        uint64 // recipients that it may have had before, at most
	hash          uint32 // of the name
	before, after uint32 // as they came in
}

// NewTop returns a Top for so many names.
func NewTop(size int) *Top {
	return &Top{size: size, rows: make([]row, 1), seed: maphash.MakeSeed(), floor: math.MaxUint64}
}

// Add counts recipients of a name and returns what is known of it for certain, valid
// until the next call.
func (t *Top) Add(name []byte, tally *Tally) *Tally {
	hash := t.hash(name)
	n := t.find(hash, name)
	isNew := n == 0
	if isNew {
		n = t.admit(hash, string(name))
	}
	r := &t.rows[n]
	r.tally.add(tally)
	if isNew && r.weight() == t.floor { // none of the recipients is new: their name made room before
		t.least = append(t.least, n)
	}
	return &r.tally
}

// addDomain counts under the domain of an address, in small letters. Nearly all are
// in small letters already, and then that is how they are found. A mailbox of this
// host can be logged without a domain: its name is none.
func (t *Top) addDomain(address []byte, tally *Tally) {
	at := bytes.LastIndexByte(address, '@')
	if at < 0 {
		return
	}
	domain := address[at+1:]
	if n := t.find(t.hash(domain), domain); n != 0 {
		t.rows[n].tally.add(tally)
	} else if len(domain) > 0 {
		t.Add(bytes.ToLower(domain), tally)
	}
}

// addAll adds what o is certain of. Where not all names find room, which do must
// not depend on chance.
func (t *Top) addAll(o *Top) {
	for r := range o.inOrder() {
		t.Add([]byte(r.name), &r.tally)
	}
}

func (t *Top) hash(name []byte) uint32 {
	h := maphash.Bytes(t.seed, name)
	return uint32(h>>32) ^ uint32(h)
}

// find is the number of a name's row, 0 without one.
func (t *Top) find(hash uint32, name []byte) uint32 {
	n, place := t.index.first(hash)
	for n != 0 && t.rows[n].name != string(name) {
		n, place = t.index.next(hash, place)
	}
	return n
}

// len is how many rows there are.
func (t *Top) len() int { return len(t.rows) - 1 }

// inOrder are the rows as they came in.
func (t *Top) inOrder() iter.Seq[*row] {
	return func(yield func(*row) bool) {
		for n := t.first; n != 0 && yield(&t.rows[n]); {
			n = t.rows[n].after
		}
	}
}

// admit makes a row for a name that has none.
func (t *Top) admit(hash uint32, name string) uint32 {
	n, missed := uint32(len(t.rows)), uint64(0)
	if t.len() < t.size {
		t.rows = append(t.rows, row{})
	} else {
		n = t.leastFrequent()
		r := &t.rows[n]
		missed = r.weight()
		t.index.remove(r.hash, n)
		t.pull(r)
	}
	t.rows[n] = row{name: name, missed: missed, hash: hash}
	t.index.add(hash, n)
	t.push(n)
	return n
}

// leastFrequent is the row that makes room: the least frequent, and of these the one
// that came first. Weights only grow, so that those which had the least keep their
// turn until they have more, and a look at all rows is due only when none has so
// little any more: at most N/k times.
func (t *Top) leastFrequent() uint32 {
	if t.turn >= t.size {
		t.least, t.turn = slices.Delete(t.least, 0, t.turn), 0 // whose turn is over need no room
	}
	for {
		for t.turn < len(t.least) {
			n := t.least[t.turn]
			t.turn++
			if t.rows[n].weight() == t.floor {
				return n
			}
		}
		t.lookForLeast()
	}
}

func (t *Top) lookForLeast() {
	t.least, t.turn, t.floor = t.least[:0], 0, math.MaxUint64
	for n := t.first; n != 0; n = t.rows[n].after {
		w := t.rows[n].weight()
		if w < t.floor {
			t.least, t.floor = t.least[:0], w
		}
		if w == t.floor {
			t.least = append(t.least, n)
		}
	}
}

// push makes a row the one that came in last.
func (t *Top) push(n uint32) {
	t.rows[n].before = t.last
	if t.last == 0 {
		t.first = n
	} else {
		t.rows[t.last].after = n
	}
	t.last = n
}

func (t *Top) pull(r *row) {
	if r.before == 0 {
		t.first = r.after
	} else {
		t.rows[r.before].after = r.after
	}
	if r.after == 0 {
		t.last = r.before
	} else {
		t.rows[r.after].before = r.before
	}
}

// put adds a row as it was.
func (t *Top) put(from *TopRow) {
	hash := t.hash([]byte(from.Name))
	if t.find(hash, []byte(from.Name)) == 0 && t.len() < t.size {
		r := &t.rows[t.admit(hash, from.Name)]
		r.tally, r.missed = from.Tally, from.Missed
	}
}

// tally is what is known of a name for certain.
func (t *Top) tally(name []byte) Tally {
	if n := t.find(t.hash(name), name); n != 0 {
		return t.rows[n].tally
	}
	return Tally{}
}

// weight is how many recipients the name can have had.
func (r *row) weight() uint64 { return r.tally.Recipients + r.missed }

// A TopRow is what is known of a name.
type TopRow struct {
	Name string `json:"name"`
	Tally
	BounceRate float64 `json:"bounce_rate"`
	Missed     uint64  `json:"may_lack,omitempty"` // recipients that the figures may lack, at most
}

// rowsInOrder are all names as they came in.
func (t *Top) rowsInOrder() []TopRow {
	rows := make([]TopRow, 0, t.len())
	for r := range t.inOrder() {
		rows = append(rows, TopRow{Name: r.name, Tally: r.tally, BounceRate: r.tally.BounceRate(), Missed: r.missed})
	}
	return rows
}

// Rows are all names, those with most bounces first.
func (t *Top) Rows() []TopRow {
	rows := t.rowsInOrder()
	slices.SortFunc(rows, func(a, b TopRow) int {
		return cmp.Or(cmp.Compare(b.Failed+b.Expired, a.Failed+a.Expired), cmp.Compare(b.Recipients, a.Recipients), cmp.Compare(a.Name, b.Name))
	})
	return rows
}
