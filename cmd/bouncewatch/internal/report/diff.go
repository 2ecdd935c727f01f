package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// diffVersion changes when a reader of the JSON must change.
const diffVersion = 1

// DiffOptions say what is worth a word. The zero value reports every difference
// that is one.
type DiffOptions struct {
	Confidence float64 // the probability that two periods of like mail give no alarm, as in 0.99
	Factor     float64 // by how much a share must grow or shrink to matter, as in 1.25
}

// A Side is one of the two reports that are compared.
type Side struct{ doc *document }

// SideOf is the report on these counts.
func SideOf(c *aggregate.Counts, partial bool) Side {
	d := newDocument(c, "en")
	d.Partial = partial
	return Side{d}
}

// ReadSide reads a report that was written as JSON, or a snapshot.
func ReadSide(r io.Reader) (Side, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Side{}, err
	}
	var d struct {
		document
		Counts json.RawMessage `json:"counts"` // of a snapshot
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return Side{}, fmt.Errorf("no report: %w", err)
	}
	switch {
	case d.Counts != nil:
		counts, partial, err := ReadSnapshot(data)
		if err != nil {
			return Side{}, err
		}
		return SideOf(counts, partial), nil
	case d.Version != jsonVersion:
		return Side{}, fmt.Errorf("report of version %d: this program reads version %d", d.Version, jsonVersion)
	case d.Events == nil:
		return Side{}, errors.New("no report: it has no events")
	}
	if err := d.check(); err != nil {
		return Side{}, fmt.Errorf("no report: %w", err)
	}
	return Side{&d.document}, nil
}

// check says whether the counts can be those of one report.
func (d *document) check() error {
	s := newShares(d)
	for what, n := range s.counts {
		if of := s.of(what); n > of {
			return fmt.Errorf("%s: %d of %d outcomes", what, n, of)
		}
	}
	return nil
}

// A Diff is what changed between two reports.
type Diff struct {
	Version    int       `json:"version"`
	Before     DiffSide  `json:"before"`
	After      DiffSide  `json:"after"`
	Confidence float64   `json:"confidence"`
	Factor     float64   `json:"factor"`
	Compared   int       `json:"compared"` // shares
	Moved      int       `json:"moved"`    // of them beyond noise
	Rows       []DiffRow `json:"rows"`
}

// A DiffSide says how much there was to compare.
type DiffSide struct {
	Period   *period `json:"period,omitempty"`
	Partial  bool    `json:"partial,omitempty"`
	Outbound uint64  `json:"outbound"` // outcomes of delivery attempts
	Inbound  uint64  `json:"inbound"`  // refusals
}

// A DiffRow is a share that moved beyond noise, or a cause or code that is new or
// gone, perhaps by chance.
type DiffRow struct {
	subject
	Actor  string     `json:"actor,omitempty"` // of a cause
	Advice string     `json:"advice,omitempty"`
	Change string     `json:"change"` // new, gone, up or down
	Moved  bool       `json:"moved"`  // beyond noise
	Before Portion    `json:"before"`
	After  Portion    `json:"after"`
	Rise   [2]float64 `json:"rise"` // interval of the difference of the shares
}

// A subject is what a share is of: the part of a direction's outcomes that have a
// status, a cause or a code; the part of a provider's mail that has a status.
type subject struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Status    string `json:"status,omitempty"` // of a provider
	Direction string `json:"direction"`
}

// The kinds of subjects, in the order of a report.
const (
	kindStatus   = "status"
	kindCause    = "cause"
	kindProvider = "provider"
	kindCode     = "code"
	kindEnhanced = "enhanced"
)

var kinds = []string{kindStatus, kindCause, kindProvider, kindCode, kindEnhanced}

// listed says whether the subject is listed when it is new or gone, however rare.
func (s subject) listed() bool { return s.Kind != kindStatus && s.Kind != kindProvider }

// Compare finds what changed. A share moved beyond noise if Newcombe's interval
// of its difference leaves zero out, at a confidence that allows for the number
// of shares compared, and if it changed by the factor.
func Compare(before, after Side, o DiffOptions) *Diff {
	d := &Diff{
		Version: diffVersion, Before: before.doc.side(), After: after.doc.side(),
		Confidence: o.Confidence, Factor: o.Factor, Rows: []DiffRow{},
	}
	rows := pair(newShares(before.doc), newShares(after.doc))
	d.Compared = len(rows)
	z := deviations(o.Confidence, len(rows))
	actors := map[string]causeRow{}
	for _, r := range append(before.doc.Causes, after.doc.Causes...) {
		actors[r.Cause] = r
	}
	for _, r := range rows {
		r.judge(z, o.Factor)
		if r.Moved {
			d.Moved++
		}
		if r.Kind == kindCause {
			r.Actor, r.Advice = actors[r.Name].Actor, actors[r.Name].Advice
		}
		if r.Moved || r.listed() && (r.Change == "new" || r.Change == "gone") {
			d.Rows = append(d.Rows, r)
		}
	}
	slices.SortFunc(d.Rows, compareRows)
	return d
}

// pair makes a row of each subject that both sides can have a share of.
func pair(was, is *shares) (rows []DiffRow) {
	subjects := maps.Clone(was.counts)
	maps.Copy(subjects, is.counts)
	for s := range subjects {
		if before, after := was.portion(s), is.portion(s); before.Of > 0 && after.Of > 0 {
			rows = append(rows, DiffRow{subject: s, Before: before, After: after})
		}
	}
	return rows
}

func (r *DiffRow) judge(z, factor float64) {
	r.Rise[0], r.Rise[1] = newcombe(r.Before, r.After, z)
	less, more := min(r.Before.Share, r.After.Share), max(r.Before.Share, r.After.Share)
	r.Moved = (r.Rise[0] > 0 || r.Rise[1] < 0) && more >= less*factor
	switch {
	case r.Before.Count == 0 && r.After.Count > 0:
		r.Change = "new"
	case r.After.Count == 0 && r.Before.Count > 0:
		r.Change = "gone"
	case r.After.Share > r.Before.Share:
		r.Change = "up"
	case r.After.Share < r.Before.Share:
		r.Change = "down"
	}
}

// least is by how much the share moved at least.
func (r *DiffRow) least() float64 { return max(r.Rise[0], -r.Rise[1]) }

// compareRows puts what moved first, and of a kind what moved most.
func compareRows(a, b DiffRow) int {
	if a.Moved != b.Moved {
		if a.Moved {
			return -1
		}
		return 1
	}
	return cmp.Or(
		slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), cmp.Compare(b.least(), a.least()),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Status, b.Status), cmp.Compare(b.Direction, a.Direction),
	)
}

// shares are the counts of a report by subject, and what they are shares of.
type shares struct {
	counts    map[subject]uint64
	totals    map[string]uint64 // by direction
	providers map[string]uint64
}

func newShares(d *document) *shares {
	s := &shares{map[subject]uint64{}, map[string]uint64{}, map[string]uint64{}}
	for _, r := range d.Events {
		s.totals[r.Direction] += r.Count
		s.add(subject{Kind: kindStatus, Name: r.Status, Direction: r.Direction}, r.Status != logparse.Sent.String(), r.Count)
	}
	for _, r := range d.Causes {
		s.add(subject{Kind: kindCause, Name: r.Cause, Direction: r.Direction}, true, r.Count)
	}
	for _, r := range d.Codes {
		s.add(subject{Kind: kindCode, Name: r.Code, Direction: r.Direction}, isFailure(r.Class), r.Count)
	}
	for _, r := range d.Enhanced {
		s.add(subject{Kind: kindEnhanced, Name: r.Enhanced, Direction: r.Direction}, isFailure(r.Class), r.Count)
	}
	for _, r := range d.Providers {
		s.providers[r.Provider] += r.Sent + r.failed()
		to := subject{Kind: kindProvider, Name: r.Provider, Direction: logparse.Outbound.String()}
		to.Status = logparse.Deferred.String()
		s.add(to, r.Deferred > 0, r.Deferred)
		to.Status = logparse.Bounced.String()
		s.add(to, r.Bounced+r.Expired > 0, r.Bounced+r.Expired)
	}
	return s
}

// isFailure: what becomes of the rest needs no row of its own.
func isFailure(class string) bool { return class != replycode.Success.String() }

func (s *shares) add(what subject, counts bool, n uint64) {
	if counts {
		s.counts[what] += n
	}
}

// of is the number of outcomes that the subject is a part of.
func (s *shares) of(what subject) uint64 {
	if what.Kind == kindProvider {
		return s.providers[what.Name]
	}
	return s.totals[what.Direction]
}

func (s *shares) portion(what subject) Portion { return newPortion(s.counts[what], s.of(what)) }

func (d *document) side() DiffSide {
	totals := newShares(d).totals
	return DiffSide{
		Period: d.Period, Partial: d.Partial,
		Outbound: totals[logparse.Outbound.String()], Inbound: totals[logparse.Inbound.String()],
	}
}
