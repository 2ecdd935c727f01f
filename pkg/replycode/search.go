package replycode

import "bytes"

const (
	maxPhrases = 8192
	wordBits   = 64
)

// A phraseSet holds numbers of phrases.
type phraseSet [maxPhrases / wordBits]uint64

func (s *phraseSet) has(id uint16) bool { return s[id/wordBits]>>(id%wordBits)&1 != 0 }

func (s *phraseSet) add(id uint16) { s[id/wordBits] |= 1 << (id % wordBits) }

func (s *phraseSet) remove(id uint16) { s[id/wordBits] &^= 1 << (id % wordBits) }

// A search is what one text says: the phrases in it, the first ones in order of
// appearance too, where words of classes stand, and whether it quotes the sender.
type search struct {
	normal  []byte
	phrases phraseSet
	list    [128]uint16
	n       int
	classes classSet
	spots   [64]spot
	spotted int
	ours    bool
}

// scan runs the automaton over the normal form of a text.
func (s *search) scan(set *ruleSet, normal []byte) {
	s.reset(normal)
	s.ours = bytes.IndexByte(normal, markOurs) >= 0
	m := set.matcher
	state, behindLetter := uint16(0), false
	for i, c := range normal {
		state = m.step(state, c, behindLetter)
		behindLetter = isAlnum(c)
		for at := m.states[state].ending; at != 0; at = m.endings[at].next {
			id := m.endings[at].phrase
			p := &set.phrases[id]
			if known := s.phrases.has(id); known && p.classes == 0 || !p.stands(normal, i+1) {
				continue
			} else if !known && s.n < len(s.list) {
				s.phrases.add(id)
				s.list[s.n] = id
				s.n++
			}
			s.spot(p, i+1)
		}
	}
	for i := range s.spots[:s.spotted] {
		s.classes |= s.spots[i].classes
	}
}

func (s *search) reset(normal []byte) {
	for _, id := range s.list[:s.n] {
		s.phrases.remove(id)
	}
	s.normal, s.n, s.classes, s.spotted = normal, 0, 0, 0
}

// spot notes where a word of a class ends. A word inside a longer one is no word of
// its own.
func (s *search) spot(p *phrase, end int) {
	if p.classes == 0 || s.inName(end-p.length, end) {
		return
	}
	start := uint16(end - p.length)
	if last := s.spotted - 1; last >= 0 && s.spots[last].end == uint16(end) {
		return
	}
	for s.spotted > 0 && s.spots[s.spotted-1].start >= start {
		s.spotted--
	}
	if s.spotted < len(s.spots) {
		s.spots[s.spotted] = spot{start: start, end: uint16(end), classes: p.classes}
		s.spotted++
	}
}

// inName says whether normal[start:end] is part of a host name or of a URL: what
// is in there names somebody and says nothing.
func (s *search) inName(start, end int) bool {
	if start > 1 && s.normal[start-1] == '.' && isAlnum(s.normal[start-2]) ||
		end+1 < len(s.normal) && s.normal[end] == '.' && isAlnum(s.normal[end+1]) {
		return true
	}
	from := bytes.LastIndexByte(s.normal[:start], ' ') + 1
	return bytes.Contains(s.normal[from:start], []byte("://"))
}

// hasWords says whether the text says anything: names of hosts, addresses and
// serial numbers do not.
func (s *search) hasWords() bool {
	for start := 0; start < len(s.normal); {
		end := start
		for end < len(s.normal) && s.normal[end] != ' ' {
			end++
		}
		if isWord(s.normal[start:end]) {
			return true
		}
		start = end + 1
	}
	return false
}

// isWord: two letters of a word stand side by side, and no dot or digit between
// letters makes it a name.
func isWord(field []byte) bool {
	letters := 0
	for i, c := range field {
		switch {
		case c >= 0x80 || isAlnum(c) && (c < '0' || c > '9'):
			letters++
		case c == '.' && i+1 < len(field) && isAlnum(field[i+1]), '0' <= c && c <= '9':
			return false
		}
	}
	return letters > 1
}

// stands says whether the phrase that ends before normal[end] is made of whole
// words there.
func (p *phrase) stands(normal []byte, end int) bool {
	if start := end - p.length; p.startsWord && start > 0 && isAlnum(normal[start-1]) {
		return false
	}
	return p.open || !p.endsWord || end == len(normal) || !isAlnum(normal[end])
}

// marked is the provider that a mark in the text names.
func (set *ruleSet) marked(s *search) Provider {
	for _, id := range s.list[:s.n] {
		for _, number := range set.byPhrase[id] {
			if set.rules[number].tier == tierMark {
				return set.rules[number].provider
			}
		}
	}
	return OtherProvider
}
