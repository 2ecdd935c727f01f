package story

// A list holds messages in order; a message is in one list at most.
type list struct {
	first, last *Message
	n           int
}

// push puts m, which is in no list, at the end.
func (l *list) push(m *Message) {
	m.list, m.before, m.after = l, l.last, nil
	if l.last == nil {
		l.first = m
	} else {
		l.last.after = m
	}
	l.last = m
	l.n++
}

func (l *list) remove(m *Message) {
	if m.before == nil {
		l.first = m.after
	} else {
		m.before.after = m.after
	}
	if m.after == nil {
		l.last = m.before
	} else {
		m.after.before = m.before
	}
	m.list, m.before, m.after = nil, nil, nil
	l.n--
}
