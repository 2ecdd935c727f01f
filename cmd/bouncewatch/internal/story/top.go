package story

import (
	"bytes"
	"cmp"
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
	size int
	rows map[string]*row
	heap []*row // once it is full: the row to make room first is the first, and no row goes before its parent
	came uint64 // rows that came in so far
}

type row struct {
	name   string
	tally  Tally  // since the name came in
	missed uint64 // recipients that it may have had before, at most
	came   uint64 // when it came in, as a number
	at     int    // place in the heap
	placed uint64 // its weight when it was placed there
}

// NewTop returns a Top for so many names.
func NewTop(size int) *Top { return &Top{size: size, rows: map[string]*row{}} }

// Add counts recipients of a name and returns what is known of it for certain.
func (t *Top) Add(name []byte, tally *Tally) *Tally {
	r := t.rows[string(name)]
	if r == nil {
		r = t.admit(string(name))
	}
	r.tally.add(tally)
	return &r.tally
}

// addDomain counts under the domain of an address, in small letters. Nearly all are
// in small letters already, and then that is how they are found.
func (t *Top) addDomain(address []byte, tally *Tally) {
	domain := address[bytes.LastIndexByte(address, '@')+1:]
	if r := t.rows[string(domain)]; r != nil {
		r.tally.add(tally)
	} else if len(domain) > 0 {
		t.Add(bytes.ToLower(domain), tally)
	}
}

// addAll adds what o is certain of. Where not all names find room, which do must
// not depend on chance.
func (t *Top) addAll(o *Top) {
	for _, r := range o.inOrder() {
		t.Add([]byte(r.name), &r.tally)
	}
}

// inOrder are the rows as they came in.
func (t *Top) inOrder() []*row {
	return slices.SortedFunc(slices.Values(t.heap), func(a, b *row) int { return cmp.Compare(a.came, b.came) })
}

// full says whether a new name needs the room of another: only then are the rows in
// the order of the heap.
func (t *Top) full() bool { return len(t.heap) == t.size }

func (t *Top) admit(name string) *row {
	t.came++
	if !t.full() {
		r := &row{name: name, came: t.came}
		t.append(r)
		return r
	}
	r := t.least()
	delete(t.rows, r.name)
	r.name, r.missed, r.tally, r.came = name, r.weight(), Tally{}, t.came
	t.rows[name] = r
	t.sink(r)
	return r
}

// least is the row that makes room first. Weights only grow, so that one which did
// not since it was placed is less than all below it, whatever these have become.
func (t *Top) least() *row {
	r := t.heap[0]
	for r.placed != r.weight() {
		r.placed = r.weight()
		t.sink(r)
		r = t.heap[0]
	}
	return r
}

// append adds a row where there is room.
func (t *Top) append(r *row) {
	r.at = len(t.heap)
	t.rows[r.name], t.heap = r, append(t.heap, r)
	if t.full() {
		for _, r := range t.heap {
			r.placed = r.weight()
		}
		for i := len(t.heap)/2 - 1; i >= 0; i-- {
			t.sink(t.heap[i])
		}
	}
}

// sink moves a row down to its place in the heap.
func (t *Top) sink(r *row) {
	for {
		least := 2*r.at + 1
		if least >= len(t.heap) {
			return
		}
		if right := least + 1; right < len(t.heap) && t.heap[right].before(t.heap[least]) {
			least = right
		}
		child := t.heap[least]
		if r.before(child) {
			return
		}
		t.heap[r.at], child.at, r.at = child, r.at, least
		t.heap[least] = r
	}
}

// before says whether r makes room before o: the least frequent, and of these the
// one that came first.
func (r *row) before(o *row) bool {
	if r.placed != o.placed {
		return r.placed < o.placed
	}
	return r.came < o.came
}

// put adds a row as it was.
func (t *Top) put(from *TopRow) {
	t.came++
	r := &row{name: from.Name, tally: from.Tally, missed: from.Missed, came: t.came}
	if t.rows[r.name] == nil {
		t.append(r)
	}
}

// tally is what is known of a name for certain.
func (t *Top) tally(name []byte) Tally {
	if r := t.rows[string(name)]; r != nil {
		return r.tally
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
	rows := make([]TopRow, 0, len(t.heap))
	for _, r := range t.inOrder() {
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
