package replycode

// A matcher finds many literal phrases in one pass over a text: the automaton
// of Aho and Corasick with all transitions filled in, so the cost per byte does
// not depend on the number of phrases.
type matcher struct {
	column  [256]uint8 // byte to column of next; 0 for bytes in no phrase
	columns int
	next    []uint16   // state*columns + column
	found   [][]uint16 // phrases that end in a state
	ends    []bool     // whether any does
}

// newMatcher builds the automaton. Phrases must be lower case and not empty.
func newMatcher(phrases []string) *matcher {
	m := &matcher{columns: 1}
	for _, p := range phrases {
		for i := 0; i < len(p); i++ {
			if m.column[p[i]] == 0 {
				if m.columns > 255 {
					panic("replycode: too many different bytes in phrases")
				}
				m.column[p[i]] = uint8(m.columns)
				m.columns++
			}
		}
	}
	m.addState()
	for id, p := range phrases {
		s := 0
		for i := 0; i < len(p); i++ {
			at := s*m.columns + int(m.column[p[i]])
			if m.next[at] == 0 {
				m.next[at] = m.addState()
			}
			s = int(m.next[at])
		}
		m.found[s] = append(m.found[s], uint16(id))
	}
	m.link()
	m.ends = make([]bool, len(m.found))
	for s := range m.found {
		m.ends[s] = len(m.found[s]) > 0
	}
	return m
}

func (m *matcher) addState() uint16 {
	state := len(m.found)
	if state > 1<<16-1 {
		panic("replycode: too many states")
	}
	m.found = append(m.found, nil)
	m.next = append(m.next, make([]uint16, m.columns)...)
	return uint16(state)
}

// link fills in the missing transitions, breadth first: where a state has no
// child, it does what the longest proper suffix of its text would do.
func (m *matcher) link() {
	suffix := make([]uint16, len(m.found))
	queue := make([]uint16, 0, len(m.found))
	for c := 1; c < m.columns; c++ {
		if s := m.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		m.found[s] = append(m.found[s], m.found[suffix[s]]...)
		for c := 1; c < m.columns; c++ {
			at := int(s)*m.columns + c
			over := m.next[int(suffix[s])*m.columns+c]
			if child := m.next[at]; child != 0 {
				suffix[child] = over
				queue = append(queue, child)
			} else {
				m.next[at] = over
			}
		}
	}
}

// step is the state behind one more byte.
func (m *matcher) step(state uint16, c byte) uint16 {
	return m.next[int(state)*m.columns+int(m.column[c])]
}
