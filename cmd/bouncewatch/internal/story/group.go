package story

// A group is the messages of one story, and the lines kept of it.
type group struct {
	members  []uint32
	open     int // messages that have not ended
	selected bool
	entries  []Entry
	cut      int
}

// groupOf is the group of a message; one that has none gets its own.
func (t *Tracker) groupOf(m *openMessage) *group {
	if m.group != 0 {
		return t.groups.at(m.group)
	}
	n, g := t.groups.add()
	*g = group{members: []uint32{m.number}, open: 1, selected: m.has(isSelected)}
	m.group = n
	return g
}

// join makes next the continuation of m: one story, and of the same origin.
func (t *Tracker) join(m, next *openMessage) {
	t.texts.set(&next.from, t.queueID(m))
	if next.user == 0 {
		t.texts.set(&next.user, t.texts.get(m.user))
	}
	if m.clientIP != 0 || m.login != 0 {
		t.texts.set(&next.clientName, t.texts.get(m.clientName))
		t.texts.set(&next.clientIP, t.texts.get(m.clientIP))
		t.texts.set(&next.login, t.texts.get(m.login))
	}
	if t.Done == nil && t.Figures == nil {
		return // nobody asks for stories
	}
	to, from := t.groupOf(m), t.groupOf(next)
	if to == from || len(to.members)+len(from.members) > maxChain {
		return
	}
	old := next.group
	for _, n := range from.members {
		t.messages.at(n).group = m.group
	}
	to.members = append(to.members, from.members...)
	to.open += from.open
	to.selected = to.selected || from.selected
	to.merge(from.entries, t.Entries)
	to.cut += from.cut
	t.groups.drop(old)
}

// choose notes that an event of m was selected.
func (t *Tracker) choose(m *openMessage) {
	m.set(isSelected)
	if m.group != 0 {
		t.groups.at(m.group).selected = true
	}
}

// chosen says whether an event of m's story was selected so far.
func (t *Tracker) chosen(m *openMessage) bool {
	return m.has(isSelected) || m.group != 0 && t.groups.at(m.group).selected
}

// finish hands out the story of a message that ended, if that was the last of it.
func (t *Tracker) finish(m *openMessage) {
	if m.group == 0 {
		t.one = [1]uint32{m.number}
		t.alone = group{members: t.one[:], selected: m.has(isSelected)}
		t.tell(&t.alone)
		return
	}
	n := m.group
	g := t.groups.at(n)
	if g.open--; g.open == 0 {
		t.tell(g)
		t.groups.drop(n)
	}
}

// tell counts and tells a story, and forgets it.
func (t *Tracker) tell(g *group) {
	if t.Figures != nil {
		for _, n := range g.members {
			t.Figures.add(t, t.messages.at(n), g.selected)
		}
	}
	if t.Done != nil {
		t.Done(t.story(g))
	}
	for _, n := range g.members {
		t.release(t.messages.at(n))
	}
}

func (t *Tracker) story(g *group) *Story {
	s := &Story{Entries: g.entries, Cut: g.cut, Selected: g.selected}
	for _, n := range g.members {
		s.Messages = append(s.Messages, t.message(t.messages.at(n)))
	}
	return s
}
