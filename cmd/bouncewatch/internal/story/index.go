package story

// An index finds numbers by hashes: an open-addressing table with linear probing.
// It says which numbers have the hash; the caller knows which of them is meant.
type index struct {
	slots []uint64 // a hash in the upper half, a number in the lower; 0 is free
	n     int
}

const smallestIndex = 64 // a power of two

// first is where a search for a hash begins; next goes on behind a place. Both
// return the number there and its place, or the number 0.
func (x *index) first(hash uint32) (n uint32, place int) {
	if len(x.slots) == 0 {
		return 0, 0
	}
	return x.search(hash, int(hash)&(len(x.slots)-1))
}

func (x *index) next(hash uint32, place int) (uint32, int) {
	return x.search(hash, (place+1)&(len(x.slots)-1))
}

func (x *index) search(hash uint32, i int) (uint32, int) {
	for ; x.slots[i] != 0; i = (i + 1) & (len(x.slots) - 1) {
		if uint32(x.slots[i]>>32) == hash {
			return uint32(x.slots[i]), i
		}
	}
	return 0, i
}

// add adds a number that is not there.
func (x *index) add(hash, n uint32) {
	if x.n >= len(x.slots)/2 {
		x.grow()
	}
	x.n++
	x.insert(uint64(hash)<<32 | uint64(n))
}

func (x *index) insert(slot uint64) {
	mask := len(x.slots) - 1
	i := int(slot>>32) & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, max(smallestIndex, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			x.insert(slot)
		}
	}
}

// remove removes a number. What stands behind it moves up, so that no search stops
// too early.
func (x *index) remove(hash, n uint32) {
	i, mask := int(hash), len(x.slots)-1
	for i &= mask; x.slots[i] != uint64(hash)<<32|uint64(n); i = (i + 1) & mask {
		if x.slots[i] == 0 {
			return
		}
	}
	for j := (i + 1) & mask; x.slots[j] != 0; j = (j + 1) & mask {
		home := int(x.slots[j]>>32) & mask
		if (j-home)&mask >= (j-i)&mask {
			x.slots[i], i = x.slots[j], j
		}
	}
	x.slots[i] = 0
	x.n--
}
