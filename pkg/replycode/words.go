package replycode

import (
	"bytes"
	_ "embed"
	"fmt"
	"math/bits"
	"strings"
	"sync"
)

//go:embed words.tsv
var wordsTSV string

// Receivers say the same thing in countless ways: mailbox not found, no such
// user, the address does not exist. A class holds words that say one half of it;
// a rule asks for two classes near each other, in either order.
const (
	maxClasses = 64
	reach      = 32 // bytes that may stand between two words that belong together
)

// A classSet holds numbers of classes.
type classSet uint64

func (s classSet) hasAll(other classSet) bool { return s&other == other }

// each calls f with each class of the set.
func (s classSet) each(f func(class int)) {
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		f(bits.TrailingZeros64(rest))
	}
}

// A vocabulary is the rows of words.tsv: names in order, and the words of each.
type vocabulary struct {
	names []string
	words [][]string
}

// marks puts what stands in the normal form in place of its name.
var marks = strings.NewReplacer("<address>", string(rune(markAddress)), "<ours>", string(rune(markOurs)), "<ip>", string(rune(markIP)))

var loadWords = sync.OnceValue(func() *vocabulary {
	all := parseWords(wordsTSV)
	return &all
})

func parseWords(text string) (all vocabulary) {
	for _, f := range tsvRows("words.tsv", text, 2) {
		if len(all.names) == maxClasses || all.find(f[0]) != 0 {
			panic("replycode: words.tsv: too many classes, or repeated: " + f[0])
		}
		all.names = append(all.names, f[0])
		all.words = append(all.words, strings.Split(marks.Replace(f[1]), " | "))
	}
	return all
}

// find is the class of that name, no class where there is none.
func (w *vocabulary) find(name string) classSet {
	for i, known := range w.names {
		if known == name {
			return 1 << i
		}
	}
	return 0
}

// A pair is two classes that must stand near each other.
type pair [2]classSet

// wordTerm reads a term of a rule that names classes: {a} asks for a word of the
// class, {a}~{b} for two near each other, !{a} for none.
func (r *rule) wordTerm(term string) error {
	not := strings.HasPrefix(term, "!")
	var both pair
	names := strings.Split(strings.TrimPrefix(term, "!"), "~")
	if len(names) > len(both) {
		return fmt.Errorf("too many classes in %q", term)
	}
	for i, name := range names {
		if both[i] = loadWords().find(strings.Trim(name, "{}")); both[i] == 0 {
			return fmt.Errorf("no class %q", name)
		}
	}
	switch {
	case not:
		r.without |= both[0] | both[1]
		return nil
	case both[1] != 0:
		r.pairs = append(r.pairs, both)
	}
	r.wordClass |= both[0] | both[1]
	r.found = max(both[0], both[1])
	return nil
}

// A spot is where a word of a class stands in the text.
type spot struct {
	start, end uint16
	classes    classSet
}

// near says whether two words of the classes stand near each other in one
// sentence, in either order.
func (s *search) near(p pair) bool {
	_, _, ok := s.nearest(p)
	return ok
}

// nearest finds the first such pair of words.
func (s *search) nearest(p pair) (left, right *spot, ok bool) {
	for i := range s.spots[:s.spotted] {
		left = &s.spots[i]
		if left.classes&(p[0]|p[1]) == 0 {
			continue
		}
		for j := range s.spots[:s.spotted] {
			right = &s.spots[j]
			if right.start >= left.end && right.start-left.end <= reach && p.are(left, right) &&
				oneSentence(s.normal[left.end:right.start]) {
				return left, right, true
			}
		}
	}
	return nil, nil, false
}

func (p pair) are(left, right *spot) bool {
	return left.classes&p[0] != 0 && right.classes&p[1] != 0 || left.classes&p[1] != 0 && right.classes&p[0] != 0
}

func oneSentence(between []byte) bool {
	return !bytes.Contains(between, []byte(". ")) && !bytes.Contains(between, []byte("; "))
}

// wordsHold says whether what a rule asks of classes is met.
func (s *search) wordsHold(r *rule) bool {
	if !s.classes.hasAll(r.wordClass) || s.classes&r.without != 0 {
		return false
	}
	for _, p := range r.pairs {
		if !s.near(p) {
			return false
		}
	}
	return true
}

// foundWords are the words of classes that a rule found, as they stand in the text.
func (s *search) foundWords(r *rule) (list []string) {
	for _, p := range r.pairs {
		if left, right, ok := s.nearest(p); ok {
			list = append(list, string(s.normal[left.start:left.end]), string(s.normal[right.start:right.end]))
		}
	}
	for i := range s.spots[:s.spotted] {
		if at := &s.spots[i]; len(r.pairs) == 0 && at.classes&r.wordClass != 0 {
			list = append(list, string(s.normal[at.start:at.end]))
		}
	}
	return list
}
