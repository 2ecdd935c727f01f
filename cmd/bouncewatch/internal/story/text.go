package story

import "encoding/binary"

// A text is a short run of bytes in texts, 0 for an empty one.
type text uint32

// texts hold many short runs of bytes: queue ids, addresses. Each has a slot of
// the smallest size that it fits in. The garbage collector sees a few large pieces
// instead of millions of strings.
type texts struct {
	sizes [len(slotSizes)]slots
}

type slots struct {
	chunks [][]byte
	used   uint32   // the highest number so far; numbers begin at 1
	free   []uint32 // numbers to be used again
}

const (
	slotChunk = 256 // slots that are made at a time
	slotBits  = 28  // of a text; the bits above say which size
	// lengthBytes of a slot say how long the text in it is.
	lengthBytes = 2
	// maxText bounds what is kept of a text. RFC 5321 (4.5.3.1) allows a path of 256
	// bytes, RFC 5322 (2.1.1) a header line of 998.
	maxText = 1024 - lengthBytes
)

// slotSizes fit what queue ids, IP addresses and mail addresses are long.
var slotSizes = [...]int{8, 12, 16, 20, 26, 32, 40, 48, 64, 96, 192, lengthBytes + maxText}

// slotOf is the index of the slot size for a length.
var slotOf = func() (of [maxText + 1]uint8) {
	size := 0
	for n := range of {
		if n+lengthBytes > slotSizes[size] {
			size++
		}
		of[n] = uint8(size)
	}
	return of
}()

// put keeps a copy of b.
func (t *texts) put(b []byte) text {
	if len(b) == 0 {
		return 0
	}
	b = b[:min(len(b), maxText)]
	size := slotOf[len(b)]
	s := &t.sizes[size]
	n := s.take(slotSizes[size])
	slot := s.at(n, slotSizes[size])
	binary.LittleEndian.PutUint16(slot, uint16(len(b)))
	copy(slot[lengthBytes:], b)
	return text(uint32(size)<<slotBits | n)
}

// get is valid until the text is dropped.
func (t *texts) get(x text) []byte {
	if x == 0 {
		return nil
	}
	size := x >> slotBits
	slot := t.sizes[size].at(uint32(x)&(1<<slotBits-1), slotSizes[size])
	return slot[lengthBytes : lengthBytes+int(binary.LittleEndian.Uint16(slot))]
}

func (t *texts) string(x text) string { return string(t.get(x)) }

// set puts b in the place of another text.
func (t *texts) set(x *text, b []byte) {
	if *x != 0 && string(t.get(*x)) == string(b) {
		return
	}
	t.drop(*x)
	*x = t.put(b)
}

func (t *texts) drop(x text) {
	if x != 0 {
		s := &t.sizes[x>>slotBits]
		s.free = append(s.free, uint32(x)&(1<<slotBits-1))
	}
}

// take is the number of a slot that is free.
func (s *slots) take(size int) uint32 {
	if last := len(s.free) - 1; last >= 0 {
		n := s.free[last]
		s.free = s.free[:last]
		return n
	}
	s.used++
	if int(s.used/slotChunk) >= len(s.chunks) {
		s.chunks = append(s.chunks, make([]byte, slotChunk*size))
	}
	return s.used
}

func (s *slots) at(n uint32, size int) []byte {
	i := int(n%slotChunk) * size
	return s.chunks[n/slotChunk][i : i+size]
}
