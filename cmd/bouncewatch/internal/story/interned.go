package story

import "hash/maphash"

// interned makes strings of bytes that often come again, such as senders: the last
// ones are known, and need no memory of their own.
type interned struct {
	seed  maphash.Seed
	slots []string
}

const internedSlots = 1024 // a power of two

func (c *interned) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if c.slots == nil {
		c.seed, c.slots = maphash.MakeSeed(), make([]string, internedSlots)
	}
	slot := &c.slots[maphash.Bytes(c.seed, b)%internedSlots]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
