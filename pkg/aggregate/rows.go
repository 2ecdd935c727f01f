package aggregate

import (
	"cmp"
	"maps"
	"slices"
)

// A Row is one Key and its count.
type Row struct {
	Key
	N uint64
}

// Rows are the counts in a fixed order: the same counts give the same rows.
func (c *Counts) Rows() []Row {
	rows := make([]Row, 0, len(c.keys))
	for k, n := range c.keys {
		rows = append(rows, Row{k, *n})
	}
	slices.SortFunc(rows, func(a, b Row) int { return compareKeys(a.Key, b.Key) })
	return rows
}

func compareKeys(a, b Key) int {
	return cmp.Or(
		cmp.Compare(a.MTA, b.MTA), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Status, b.Status),
		compareBools(a.Remark, b.Remark), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Enhanced, b.Enhanced),
		cmp.Compare(a.Class, b.Class), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Provider, b.Provider),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// A DomainRow is a recipient domain, in lower case, and its counts.
type DomainRow struct {
	Domain string
	DomainCount
}

// Domains are the recipient domains, those with most failures first.
func (c *Counts) Domains() []DomainRow {
	rows := make([]DomainRow, 0, len(c.domains))
	for name, d := range c.domains {
		rows = append(rows, DomainRow{name, d.DomainCount})
	}
	slices.SortFunc(rows, func(a, b DomainRow) int {
		return cmp.Or(cmp.Compare(b.Total()-b.Sent, a.Total()-a.Sent), cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Domain, b.Domain))
	})
	return rows
}

// Sources are the names that lines were counted for, sorted.
func (c *Counts) Sources() []string { return slices.Sorted(maps.Keys(c.lines)) }
