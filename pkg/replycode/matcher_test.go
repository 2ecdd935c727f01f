package replycode

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// ends are the phrases that end behind each byte of the text, in the order of the
// automaton: those that are the same text in order, then shorter ones.
func (m *matcher) ends(text string) (all [][]uint16) {
	s := uint16(0)
	for i := 0; i < len(text); i++ {
		s = m.step(s, text[i], i > 0 && isAlnum(text[i-1]))
		var here []uint16
		for at := m.states[s].ending; at != 0; at = m.endings[at].next {
			here = append(here, m.endings[at].phrase)
		}
		all = append(all, here)
	}
	return all
}

// A search by brute force finds the same, in phrases and texts that are full of
// each other's beginnings and ends; within a word none begins.
func TestMatcherFindsEveryPhrase(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abc."[random.IntN(4)]
		}
		return string(b)
	}
	for range 300 {
		phrases := make([]string, 1+random.IntN(30))
		for i := range phrases {
			phrases[i] = word(1 + random.IntN(6))
		}
		text := word(60)
		for i, got := range newMatcher(phrases).ends(text) {
			var want []uint16
			for start := 0; start <= i; start++ {
				if start > 0 && isAlnum(text[start-1]) && isAlnum(text[start]) {
					continue
				}
				for id, p := range phrases {
					if p == text[start:i+1] {
						want = append(want, uint16(id))
					}
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q in %q[:%d]: %v, want %v", phrases, text, i+1, got, want)
			}
		}
	}
}
