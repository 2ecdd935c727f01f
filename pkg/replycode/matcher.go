package replycode

// A matcher finds many literal phrases in one pass over a text: the automaton of
// Aho and Corasick, where the cost per byte does not depend on the number of
// phrases. Nearly all states have one child, so a state holds that one, and only
// those with more have a row with room for all; what is in neither is what the
// longest proper suffix of the state's text would do. A phrase that begins with a
// letter or a digit begins where a word does: no suffix does so within a word.
type matcher struct {
	column  [256]uint8 // byte to column of a row; 0 for bytes in no phrase
	inWord  [256]bool  // of a column: a letter or a digit
	columns int
	states  []state
	rows    []uint16 // row*columns + column
	endings []ending // the first is of no phrase
}

// A state stands for a text that begins a phrase. State 0 is that of no text.
type state struct {
	only   uint8  // the column of the only child, or manyChildren
	next   uint16 // that child, or the row of the children
	suffix uint16 // the state of the longest proper suffix
	ending uint16 // the first of the phrases that end here, 0 for none
}

const manyChildren = 255

// An ending is a phrase that ends in a state, and the ending to look at then.
// States whose texts end alike share what follows.
type ending struct{ phrase, next uint16 }

// newMatcher builds the automaton. Phrases must be lower case and not empty.
func newMatcher(phrases []string) *matcher {
	m := &matcher{columns: 1, states: make([]state, 1), endings: make([]ending, 1, 1+len(phrases))}
	for _, p := range phrases {
		for i := 0; i < len(p); i++ {
			if m.column[p[i]] == 0 {
				if m.columns >= manyChildren {
					panic("replycode: too many different bytes in phrases")
				}
				m.column[p[i]] = uint8(m.columns)
				m.inWord[m.columns] = isAlnum(p[i])
				m.columns++
			}
		}
	}
	m.addRow(0)
	for id, p := range phrases {
		s := uint16(0)
		for i := 0; i < len(p); i++ {
			s = m.grow(s, m.column[p[i]])
		}
		m.addEnding(s, uint16(id))
	}
	m.link()
	return m
}

// addRow makes room for all children of a state.
func (m *matcher) addRow(s uint16) {
	st := &m.states[s]
	row := len(m.rows) / m.columns
	m.rows = append(m.rows, make([]uint16, m.columns)...)
	if st.only != 0 {
		m.rows[row*m.columns+int(st.only)] = st.next
	}
	st.only, st.next = manyChildren, uint16(row)
}

// grow is the child of a state, made if there is none.
func (m *matcher) grow(s uint16, column uint8) uint16 {
	if child := m.child(s, column); child != 0 {
		return child
	}
	if len(m.states) > 1<<16-1 {
		panic("replycode: too many states")
	}
	child := uint16(len(m.states))
	m.states = append(m.states, state{})
	st := &m.states[s]
	if st.only == 0 {
		st.only, st.next = column, child
		return child
	}
	if st.only != manyChildren {
		m.addRow(s)
	}
	m.rows[int(st.next)*m.columns+int(column)] = child
	return child
}

// addEnding puts a phrase behind those that end in the state already.
func (m *matcher) addEnding(s, phrase uint16) {
	at := &m.states[s].ending
	for *at != 0 {
		at = &m.endings[*at].next
	}
	*at = uint16(len(m.endings))
	m.endings = append(m.endings, ending{phrase: phrase})
}

// link finds the suffixes, breadth first: that of a child is a child of one that
// is known. What ends in a suffix ends in the state too.
func (m *matcher) link() {
	queue := make([]uint16, 1, len(m.states))
	last := make([]uint8, len(m.states)) // the column that led to a state
	for head := 0; head < len(queue); head++ {
		s := queue[head]
		m.eachChild(s, func(column uint8, child uint16) {
			queue = append(queue, child)
			last[child] = column
			st := &m.states[child]
			if s != 0 {
				st.suffix = m.next(m.states[s].suffix, column, m.inWord[last[s]])
			}
			at := &st.ending
			for *at != 0 {
				at = &m.endings[*at].next
			}
			*at = m.states[st.suffix].ending
		})
	}
}

func (m *matcher) eachChild(s uint16, f func(column uint8, child uint16)) {
	st := m.states[s]
	switch st.only {
	case 0:
	case manyChildren:
		for column, child := range m.rows[int(st.next)*m.columns:][:m.columns] {
			if child != 0 {
				f(uint8(column), child)
			}
		}
	default:
		f(st.only, st.next)
	}
}

// child is 0 where the state has no such child.
func (m *matcher) child(s uint16, column uint8) uint16 {
	switch st := &m.states[s]; st.only {
	case column:
		return st.next
	case manyChildren:
		return m.rows[int(st.next)*m.columns+int(column)]
	}
	return 0
}

// next is the child of a state or of the longest suffix that has one. A text
// grows by a byte at a time, so it cannot shrink to suffixes more often than it
// has bytes. behindLetter says that a letter or a digit stands before the byte.
func (m *matcher) next(s uint16, column uint8, behindLetter bool) uint16 {
	for s != 0 {
		if child := m.child(s, column); child != 0 {
			return child
		}
		s = m.states[s].suffix
	}
	if behindLetter && m.inWord[column] {
		return 0
	}
	return m.child(0, column)
}

// step is the state behind one more byte.
func (m *matcher) step(s uint16, c byte, behindLetter bool) uint16 {
	column := m.column[c]
	if column == 0 {
		return 0
	}
	return m.next(s, column, behindLetter)
}
