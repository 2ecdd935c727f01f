package replycode

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed rules.tsv
var rulesTSV string

// The tiers of rules in the order of evidence. Marks name a provider, weak
// phrases count only where the enhanced code does not tell.
const (
	tierTag = iota
	tierProvider
	tierPhrase
	tierWeak
	tierMark
)

var tierNames = map[string]int{"tag": tierTag, "provider": tierProvider, "phrase": tierPhrase, "weak": tierWeak, "mark": tierMark}

// A rule is one row of rules.tsv. It holds when all its phrases stand in the
// text and each kind of condition that it names is met.
type rule struct {
	id        string
	tier      int
	cause     Cause
	provider  Provider // of a mark
	words     []string // the phrases
	weight    int      // how specific it is: what it asks for, in bytes
	phrases   []uint16
	providers []Provider
	codes     []Code
	classes   []Class
	enhanced  []Enhanced // subject and detail, or with the class too
	log       bool       // the log's own words: no reply exists
	inbound   bool
	example   string
}

// ruleSet is the rules, in the order in which they decide, with the automaton
// that finds their phrases.
type ruleSet struct {
	rules      []rule
	phrases    []string
	matcher    *matcher
	byPhrase   [][]uint16 // the rules whose first phrase it is
	byProvider [][]uint16 // the rules without a phrase
}

var loadRules = sync.OnceValue(func() *ruleSet { return parseRules(rulesTSV) })

func parseRules(text string) *ruleSet {
	set := &ruleSet{byProvider: make([][]uint16, NumProviders)}
	phraseID := make(map[string]uint16)
	ids := make(map[string]bool)
	for _, f := range tsvRows("rules.tsv", text, 7) {
		r, err := parseRule(f)
		if err == nil && ids[r.id] {
			err = fmt.Errorf("repeated id")
		}
		if err != nil {
			panic(fmt.Sprintf("replycode: rules.tsv: %s: %v", f[0], err))
		}
		ids[r.id] = true
		set.rules = append(set.rules, r)
	}
	slices.SortStableFunc(set.rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(b.weight, a.weight))
	})
	for i := range set.rules {
		r := &set.rules[i]
		number := uint16(i)
		for _, p := range r.words {
			id, ok := phraseID[p]
			if !ok {
				id = uint16(len(set.phrases))
				phraseID[p] = id
				set.phrases = append(set.phrases, p)
				set.byPhrase = append(set.byPhrase, nil)
			}
			r.phrases = append(r.phrases, id)
		}
		if len(r.phrases) > 0 {
			set.byPhrase[r.phrases[0]] = append(set.byPhrase[r.phrases[0]], number)
		} else {
			for _, p := range r.providers {
				set.byProvider[p] = append(set.byProvider[p], number)
			}
		}
	}
	if len(set.phrases) > maxPhrases {
		panic("replycode: rules.tsv: too many phrases")
	}
	set.matcher = newMatcher(set.phrases)
	return set
}

func splitPhrases(s string) []string {
	if s == "-" {
		return nil
	}
	return strings.Split(s, " & ")
}

// parseRule reads id, cause, tier, conditions, phrases, source, example.
func parseRule(f []string) (r rule, err error) {
	tier, ok := tierNames[f[2]]
	if !ok {
		return r, fmt.Errorf("no tier %q", f[2])
	}
	r = rule{id: f[0], tier: tier, example: f[6]}
	if tier == tierMark {
		r.provider, ok = parseProvider(f[1])
	} else {
		r.cause, ok = ParseCause(f[1])
	}
	if !ok {
		return r, fmt.Errorf("no cause or provider %q", f[1])
	}
	for _, p := range splitPhrases(f[4]) {
		if p != strings.ToLower(p) || strings.TrimSpace(p) != p || len(p) < 3 {
			return r, fmt.Errorf("bad phrase %q", p)
		}
		r.words = append(r.words, p)
		r.weight += len(p)
	}
	for _, word := range words(f[3]) {
		r.weight += 4
		if err := r.condition(word); err != nil {
			return r, err
		}
	}
	if f[4] == "-" && len(r.providers) == 0 {
		return r, fmt.Errorf("neither phrase nor provider")
	}
	return r, nil
}

func (r *rule) condition(word string) error {
	switch {
	case word == "log":
		r.log = true
	case word == "inbound":
		r.inbound = true
	case word == "4xx":
		r.classes = append(r.classes, TransientFailure)
	case word == "5xx":
		r.classes = append(r.classes, PermanentFailure)
	case word[0] == '@':
		p, ok := parseProvider(word[1:])
		if !ok {
			return fmt.Errorf("no provider %q", word)
		}
		r.providers = append(r.providers, p)
	case strings.HasPrefix(word, "X."):
		e, ok := patternCode(word)
		if !ok {
			return fmt.Errorf("bad condition %q", word)
		}
		r.enhanced = append(r.enhanced, e&subjectDetailMask)
	default:
		if c, ok := ParseCode([]byte(word)); ok {
			r.codes = append(r.codes, c)
			return nil
		}
		e, n := ParseEnhanced([]byte(word))
		if n != len(word) || e == NoEnhanced {
			return fmt.Errorf("bad condition %q", word)
		}
		r.enhanced = append(r.enhanced, e)
	}
	return nil
}

// maxPhrases bounds the set of phrases found in one text, which lives on the
// stack.
const (
	maxPhrases = 2048
	wordBits   = 64
)

type phraseSet [maxPhrases / wordBits]uint64

func (s *phraseSet) has(id uint16) bool { return s[id/wordBits]>>(id%wordBits)&1 != 0 }

// A search is what one text says: the phrases in it, and the first ones in
// order of appearance.
type search struct {
	phrases phraseSet
	list    [128]uint16
	n       int
}

// maxText bounds the work on one reply; the reason stands at its beginning.
const maxText = 4096

// scan runs the automaton over the text as one line: lower case, blanks folded,
// the code at the start of each further line of the reply left out.
func (set *ruleSet) scan(found *search, r *Reply) {
	text := r.Text
	if len(text) > maxText {
		text = text[:maxText]
	}
	m := set.matcher
	state := uint16(0)
	blank := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if isBlank(c) {
			if n := repeatedCode(text[i+1:], r); n > 0 {
				i += n
			}
			if !blank {
				state = set.advance(found, m.step(state, ' '))
			}
			blank = true
			continue
		}
		blank = false
		state = set.advance(found, m.step(state, lowerByte(c)))
	}
}

func (set *ruleSet) advance(found *search, state uint16) uint16 {
	for _, id := range set.matcher.found[state] {
		if !found.phrases.has(id) && found.n < len(found.list) {
			found.phrases[id/wordBits] |= 1 << (id % wordBits)
			found.list[found.n] = id
			found.n++
		}
	}
	return state
}

// repeatedCode is the length of "550-5.1.1 " at the start of b, where b goes on
// a reply 550 5.1.1 (RFC 5321 section 4.2.1).
func repeatedCode(b []byte, r *Reply) int {
	if len(b) < 4 || b[3] != '-' && b[3] != ' ' {
		return 0
	}
	if c, ok := ParseCode(b[:3]); !ok || c != r.Code {
		return 0
	}
	n := 4
	if e, l := ParseEnhanced(b[n:]); l > 0 && e == r.Enhanced {
		n += l
		if n < len(b) && b[n] == ' ' {
			n++
		}
	}
	return n
}

// holds says whether the phrases and conditions of a rule are met.
func (r *rule) holds(found *search, reply *Reply, p Provider) bool {
	for _, id := range r.phrases {
		if !found.phrases.has(id) {
			return false
		}
	}
	if r.log && reply.Code != None || r.inbound && !reply.Inbound {
		return false
	}
	return oneOf(r.providers, p) && oneOf(r.classes, reply.class()) && oneOf(r.codes, reply.Code) && r.enhancedFits(reply.Enhanced)
}

func oneOf[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return len(list) == 0
}

func (r *rule) enhancedFits(e Enhanced) bool {
	for _, want := range r.enhanced {
		if want == e || want.Class() == NoClass && e != NoEnhanced && want == e&subjectDetailMask {
			return true
		}
	}
	return len(r.enhanced) == 0
}

// class is the class of the code, else of the enhanced code.
func (r *Reply) class() Class {
	if r.Code != None {
		return r.Code.Class()
	}
	return r.Enhanced.Class()
}
