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

// The tiers of rules in the order of evidence. Weak phrases count only where the
// enhanced code does not tell; marks name a provider.
const (
	tierOwn = iota // of a configuration, never of rules.tsv
	tierTag
	tierProvider
	tierPhrase
	tierWeak
	tierMark
)

var tiers = [...]struct {
	name     string
	evidence Evidence
}{{"own", Own}, {"tag", ProviderTag}, {"provider", ProviderRule}, {"phrase", Phrase}, {"weak", WeakPhrase}, {"mark", NoEvidence}}

// A rule is one row of rules.tsv. It holds when all its phrases stand in the
// text and each kind of condition that it names is met.
type rule struct {
	id        string
	tier      int
	cause     Cause
	provider  Provider // of a mark
	phrases   []uint16
	words     []string // the phrases as written
	weight    int      // how specific it is: what it asks for, in bytes
	wordClass classSet // what must stand in the text
	pairs     []pair   // what of it must stand near each other
	without   classSet // what must not
	found     classSet // the class that it is looked up by
	providers []Provider
	codes     []Code
	classes   []Class
	enhanced  []Enhanced // subject and detail, or with the class too
	log       bool       // the log's own words: no reply exists
	inbound   bool
	ours      bool // an address of the sender's domain stands in the text
	source    string
	label     string
	example   string
}

// conditionWeight is what a condition counts beside the phrases.
const conditionWeight = 4

// ruleSet is the rules, in the order in which they decide, with the automaton
// that finds their phrases.
type ruleSet struct {
	rules      []rule
	firstWords int // the first that asks for classes of words
	firstWeak  int
	phrases    []phrase
	matcher    *matcher
	byPhrase   [][]uint16 // the rules whose first phrase it is
	byClass    [][]uint16 // the rules that ask for classes of words
	byProvider [][]uint16 // the rules that ask for neither
	ownMX      map[string]Provider
	ownDomains map[string]Provider
}

// A phrase stands as whole words; one written with * at its end may go on.
type phrase struct {
	length     int
	open       bool // on the right
	startsWord bool
	endsWord   bool
	classes    classSet
}

var loadRules = sync.OnceValue(func() *ruleSet { return parseRules(rulesTSV) })

func parseRules(text string) *ruleSet { return newRuleSet(parseRows(text)) }

// newRuleSet takes rules in any order; those of one configuration keep theirs.
func newRuleSet(rules []rule) *ruleSet {
	set := &ruleSet{rules: rules, byClass: make([][]uint16, maxClasses), byProvider: make([][]uint16, MaxProviders)}
	slices.SortStableFunc(set.rules, decidesBefore)
	set.firstWords = slices.IndexFunc(set.rules, func(r rule) bool { return r.classed() || r.vague() || r.tier >= tierWeak })
	set.firstWeak = slices.IndexFunc(set.rules, func(r rule) bool { return r.tier >= tierWeak })
	set.index()
	return set
}

func parseRows(text string) (rules []rule) {
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
		rules = append(rules, r)
	}
	return rules
}

// decidesBefore orders rules by tier, then the more specific first, then by the
// order of the causes. Rules of classes of words stand behind all phrases but the
// vague ones, and in front of weak ones; these, and the rules of a configuration, keep their order.
func decidesBefore(a, b rule) int {
	if o := cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.place(), b.place())); o != 0 || a.ordered() {
		return o
	}
	return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.cause, b.cause))
}

// ordered says whether a rule decides by its place in the file.
func (r *rule) ordered() bool { return r.tier == tierOwn || r.classed() }

// classed says whether a rule asks for classes of words.
func (r *rule) classed() bool { return r.wordClass != 0 }

func (r *rule) place() int {
	switch {
	case r.classed() && r.tier == tierWeak:
		return -1
	case r.classed():
		return 1
	case r.vague():
		return 2
	}
	return 0
}

// vague says whether the rule names a cause that means "no finer reason given": words
// that give one decide before it.
func (r *rule) vague() bool { return r.tier == tierPhrase && r.cause == PolicyRejected && !r.classed() }

// index numbers the phrases and builds the automaton.
func (set *ruleSet) index() {
	numbers := make(map[string]uint16)
	var literals []string
	number := func(word string) uint16 {
		word = folded(word)
		id, known := numbers[word]
		if !known {
			id = uint16(len(literals))
			numbers[word] = id
			literal := strings.TrimSuffix(word, "*")
			literals = append(literals, literal)
			set.phrases = append(set.phrases, newPhrase(literal, literal != word))
			set.byPhrase = append(set.byPhrase, nil)
		}
		return id
	}
	for class, words := range loadWords().words {
		for _, word := range words {
			set.phrases[number(word)].classes |= 1 << class
		}
	}
	for i := range set.rules {
		r := &set.rules[i]
		for _, word := range r.words {
			r.phrases = append(r.phrases, number(word))
		}
		set.lookUp(r, uint16(i))
	}
	if len(literals) > maxPhrases {
		panic("replycode: rules.tsv: too many phrases")
	}
	set.matcher = newMatcher(literals)
}

// folded is a phrase without accents, as in the normal form.
func folded(word string) string {
	dst := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		if dst = append(dst, word[i]); firstLatin <= word[i] && word[i] <= lastLatin && i+1 < len(word) {
			i++
			dst = foldLetter(dst, word[i-1], word[i])
		}
	}
	return string(dst)
}

// lookUp says what in a text leads to a rule.
func (set *ruleSet) lookUp(r *rule, number uint16) {
	switch {
	case r.classed():
		r.found.each(func(class int) { set.byClass[class] = append(set.byClass[class], number) })
	case len(r.phrases) > 0:
		set.byPhrase[r.phrases[0]] = append(set.byPhrase[r.phrases[0]], number)
	default:
		for _, p := range r.providers {
			set.byProvider[p] = append(set.byProvider[p], number)
		}
	}
}

func newPhrase(literal string, open bool) phrase {
	return phrase{length: len(literal), open: open,
		startsWord: isAlnum(literal[0]), endsWord: isAlnum(literal[len(literal)-1])}
}

func splitPhrases(s string) []string {
	if s == "-" {
		return nil
	}
	return strings.Split(s, " & ")
}

// parseRule reads id, cause, tier, conditions, phrases, source, example.
func parseRule(f []string) (r rule, err error) {
	r = rule{id: f[0], tier: -1, source: f[5], example: f[6]}
	for i := tierTag; i < len(tiers); i++ {
		if tiers[i].name == f[2] {
			r.tier = i
		}
	}
	known := r.tier >= 0
	if r.tier == tierMark {
		r.provider, known = parseProvider(f[1])
	} else if known {
		r.cause, known = ParseCause(f[1])
	}
	if !known {
		return r, fmt.Errorf("no tier %q, or no cause or provider %q", f[2], f[1])
	}
	for _, p := range splitPhrases(f[4]) {
		if err := r.term(p); err != nil {
			return r, err
		}
	}
	for _, word := range words(f[3]) {
		if err := r.condition(word); err != nil {
			return r, err
		}
		r.weight += conditionWeight
	}
	if len(r.words) == 0 && !r.classed() && len(r.providers) == 0 {
		return r, fmt.Errorf("neither phrase nor provider")
	}
	return r, nil
}

// term reads a phrase or classes of words.
func (r *rule) term(p string) error {
	if strings.HasPrefix(strings.TrimPrefix(p, "!"), "{") {
		return r.wordTerm(p)
	}
	if p != strings.ToLower(p) || strings.TrimSpace(p) != p || len(p) < 3 {
		return fmt.Errorf("bad phrase %q", p)
	}
	r.words = append(r.words, p)
	r.weight += len(p)
	return nil
}

func (r *rule) condition(word string) error {
	switch {
	case word == "log":
		r.log = true
	case word == "inbound":
		r.inbound = true
	case word == "ours":
		r.ours = true
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
		return r.codeCondition(word)
	}
	return nil
}

func (r *rule) codeCondition(word string) error {
	if c, ok := ParseCode([]byte(word)); ok {
		r.codes = append(r.codes, c)
		return nil
	}
	e, n := ParseEnhanced([]byte(word))
	if n != len(word) || e == NoEnhanced {
		return fmt.Errorf("bad condition %q", word)
	}
	r.enhanced = append(r.enhanced, e)
	return nil
}

// holds says whether the phrases and conditions of a rule are met.
func (r *rule) holds(q *query) bool {
	for _, id := range r.phrases {
		if !q.phrases.has(id) {
			return false
		}
	}
	if r.classed() && !q.wordsHold(r) {
		return false
	}
	reply := &q.reply
	if r.tier == tierMark || r.log && reply.Code != None || r.inbound && !reply.Inbound || r.ours && !q.ours {
		return false
	}
	return oneOf(r.providers, q.provider) && oneOf(r.classes, reply.class()) && oneOf(r.codes, reply.Code) &&
		r.enhancedFits(reply.Enhanced)
}

func oneOf[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

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

func (r *rule) evidence() Evidence {
	if r.classed() && r.tier == tierPhrase {
		return Words
	}
	return tiers[r.tier].evidence
}

func (r *rule) candidate() Candidate {
	return Candidate{Cause: r.cause, Rule: r.id, Label: r.label, Evidence: r.evidence(), Phrases: r.words,
		Source: r.source, rule: r}
}
