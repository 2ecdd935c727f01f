package replycode

import "bytes"

const (
	maxPhrases = 4096
	wordBits   = 64
)

// A phraseSet holds numbers of phrases.
type phraseSet [maxPhrases / wordBits]uint64

func (s *phraseSet) has(id uint16) bool { return s[id/wordBits]>>(id%wordBits)&1 != 0 }

func (s *phraseSet) add(id uint16) { s[id/wordBits] |= 1 << (id % wordBits) }

// A search is what one text says: the phrases in it, the first ones in order of
// appearance too, and whether it quotes the sender.
type search struct {
	phrases phraseSet
	list    [128]uint16
	n       int
	ours    bool
}

// scan runs the automaton over the normal form of a text.
func (s *search) scan(set *ruleSet, normal []byte) {
	s.phrases, s.n = phraseSet{}, 0
	s.ours = bytes.IndexByte(normal, markOurs) >= 0
	m := set.matcher
	state := uint16(0)
	for i, c := range normal {
		state = m.step(state, c)
		for at := m.states[state].ending; at != 0; at = m.endings[at].next {
			if id := m.endings[at].phrase; !s.phrases.has(id) && s.n < len(s.list) && set.phrases[id].stands(normal, i+1) {
				s.phrases.add(id)
				s.list[s.n] = id
				s.n++
			}
		}
	}
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
