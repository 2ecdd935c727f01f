package story

// A slab holds values by numbers from 1 on; 0 stands for none. A number takes half
// the room of a pointer, and values without pointers cost the garbage collector
// nothing, however many they are. A value stays where it is until it is dropped.
type slab[T any] struct {
	chunks [][]T
	used   uint32   // the highest number so far
	free   []uint32 // numbers to be used again
}

const slabChunk = 256

// add returns the number of a new zero value, and where it is.
func (s *slab[T]) add() (uint32, *T) {
	if last := len(s.free) - 1; last >= 0 {
		n := s.free[last]
		s.free = s.free[:last]
		return n, s.at(n)
	}
	s.used++
	if int(s.used/slabChunk) >= len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, slabChunk))
	}
	return s.used, s.at(s.used)
}

func (s *slab[T]) at(n uint32) *T { return &s.chunks[n/slabChunk][n%slabChunk] }

func (s *slab[T]) drop(n uint32) {
	var zero T
	*s.at(n) = zero
	s.free = append(s.free, n)
}
