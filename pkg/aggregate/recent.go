package aggregate

import "hash/maphash"

// recent remembers where the keys and domains of the last events are counted: most
// events are like one shortly before.
type recent struct {
	keys    [256]recentKey
	domains [512]recentDomain
}

// A recentKey is of no Key while n is nil.
type recentKey struct {
	key Key
	n   *uint64
}

// A recentDomain is of no domain while it holds none.
type recentDomain struct{ *domain }

func (c *Counts) remembered() *recent {
	if c.recent == nil {
		c.recent = new(recent)
	}
	return c.recent
}

// key is the slot for a Key.
func (r *recent) key(k Key) *recentKey {
	const golden = 0x9e3779b1 // 2^32 / the golden ratio: spreads what differs in any bit
	h := uint32(k.Code)<<16 ^ uint32(k.Enhanced) ^ uint32(k.Provider)<<11 ^ uint32(k.Cause)<<19 ^ uint32(k.Status)<<27 ^ uint32(k.Direction)<<30
	return &r.keys[h*golden>>24]
}

// domain is the slot for a domain.
func (r *recent) domain(name []byte) *recentDomain {
	return &r.domains[maphash.Bytes(recentSeed, name)%uint64(len(r.domains))]
}

var recentSeed = maphash.MakeSeed()
