package story

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
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
	heap rowHeap
}

type row struct {
	name   string
	tally  Tally  // since the name came in
	missed uint64 // recipients that it may have had before, at most
	at     int    // place in the heap
}

// NewTop returns a Top for so many names.
func NewTop(size int) *Top { return &Top{size: size, rows: map[string]*row{}} }

// Add counts recipients of a name and returns what is known of it for certain.
func (t *Top) Add(name string, tally *Tally) *Tally {
	r := t.rows[name]
	if r == nil {
		r = t.admit(name)
	}
	r.tally.add(tally)
	if t.full() {
		heap.Fix(&t.heap, r.at)
	}
	return &r.tally
}

// addAll adds what o is certain of. Where not all names find room, which do must
// not depend on chance.
func (t *Top) addAll(o *Top) {
	rows := o.heap
	if len(t.heap)+len(rows) > t.size {
		rows = slices.Clone(rows)
		slices.SortFunc(rows, func(a, b *row) int { return strings.Compare(a.name, b.name) })
	}
	for _, r := range rows {
		t.Add(r.name, &r.tally)
	}
}

// full says whether a new name needs the room of another: only then are the rows in
// the order of the heap.
func (t *Top) full() bool { return len(t.heap) == t.size }

func (t *Top) admit(name string) *row {
	if !t.full() {
		r := &row{name: name}
		t.append(r)
		return r
	}
	r := t.heap[0]
	delete(t.rows, r.name)
	r.name, r.missed, r.tally = name, r.weight(), Tally{}
	t.rows[name] = r
	return r
}

// append adds a row where there is room.
func (t *Top) append(r *row) {
	r.at = len(t.heap)
	t.rows[r.name], t.heap = r, append(t.heap, r)
	if t.full() {
		heap.Init(&t.heap)
	}
}

// put adds a row as it was.
func (t *Top) put(from *TopRow) {
	r := &row{name: from.Name, tally: from.Tally, missed: from.Missed}
	if t.rows[r.name] == nil {
		t.append(r)
	}
}

// tally is what is known of a name for certain.
func (t *Top) tally(name string) Tally {
	if r := t.rows[name]; r != nil {
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

// Rows are all names, those with most bounces first.
func (t *Top) Rows() []TopRow {
	rows := make([]TopRow, 0, len(t.heap))
	for _, r := range t.heap {
		rows = append(rows, TopRow{Name: r.name, Tally: r.tally, BounceRate: r.tally.BounceRate(), Missed: r.missed})
	}
	slices.SortFunc(rows, func(a, b TopRow) int {
		return cmp.Or(cmp.Compare(b.Failed+b.Expired, a.Failed+a.Expired), cmp.Compare(b.Recipients, a.Recipients), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

// rowHeap has the least frequent name first (container/heap).
type rowHeap []*row

func (h rowHeap) Len() int { return len(h) }

func (h rowHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].weight(), h[j].weight()), cmp.Compare(h[i].name, h[j].name)) < 0
}

func (h rowHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is never called: a heap is made of all rows at once.
func (h *rowHeap) Push(any) {}

// Pop is never called: a row makes room in its place.
func (h *rowHeap) Pop() any { return nil }
