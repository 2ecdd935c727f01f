package replycode

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An OwnRule is a rule of a configuration. It holds when all its phrases stand in
// the text and each condition that it names is met.
type OwnRule struct {
	ID       string   `yaml:"id"`
	Cause    string   `yaml:"cause"`
	Phrases  []string `yaml:"phrases,omitempty"`  // whole words in any case; * at the end: or go on
	Provider string   `yaml:"provider,omitempty"` // only replies of this one
	Codes    []string `yaml:"codes,omitempty"`    // only these codes: 550, 5.7.1, X.7.1
	Class    string   `yaml:"class,omitempty"`    // only 4xx or 5xx
	Label    string   `yaml:"label,omitempty"`    // what explanations and events call it
	Expect   []string `yaml:"expect,omitempty"`   // replies that it must decide, as from its provider
}

// Rules are the built-in rules with those of a configuration in front. They do
// not change; any number of Classifiers may share them. A nil *Rules is the
// built-in ones alone.
type Rules struct {
	set *ruleSet
	own []OwnRule
}

// NewRules compiles own rules, which are tried in their order before all others,
// and own providers. The error joins what CheckRules finds.
func NewRules(own []OwnRule, providers []OwnProvider) (*Rules, error) {
	var all []error
	for _, f := range CheckRules(own, providers) {
		all = append(all, f)
	}
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	var named ruleSet
	if !named.addProviders(providers) {
		return nil, fmt.Errorf("providers: more than %d new names since the program started", MaxOwnProviders)
	}
	compiled := make([]rule, 0, len(own))
	for i := range own {
		r, err := own[i].compile()
		if err != nil {
			return nil, fmt.Errorf("rules[%d]: %w", i, err)
		}
		compiled = append(compiled, r)
	}
	rules := &Rules{set: newRuleSet(append(compiled, parseRows(rulesTSV)...)), own: own}
	rules.set.ownMX, rules.set.ownDomains = named.ownMX, named.ownDomains
	return rules, nil
}

func (rs *Rules) compiled() *ruleSet {
	if rs == nil {
		return loadRules()
	}
	return rs.set
}

// compile makes a rule of one that CheckRules found good.
func (o *OwnRule) compile() (rule, error) {
	r := rule{id: o.ID, tier: tierOwn, label: o.Label, source: "configuration"}
	r.cause, _ = ParseCause(o.Cause)
	for _, p := range o.Phrases {
		r.words = append(r.words, normalPhrase(p))
	}
	conditions := slices.Clone(o.Codes)
	if o.Provider != "" {
		conditions = append(conditions, "@"+o.Provider)
	}
	if o.Class != "" {
		conditions = append(conditions, o.Class)
	}
	for _, word := range conditions {
		if err := r.condition(word); err != nil {
			return r, err
		}
	}
	return r, nil
}

// normalPhrase is a phrase as it stands in the normal form of a text.
func normalPhrase(s string) string {
	return string(normalise(nil, &Reply{Text: []byte(strings.TrimSpace(s))}))
}

// Unmet are the faults of the examples of own rules: each must be decided by the
// rule that has it.
func (rs *Rules) Unmet() (faults []Fault) {
	if rs == nil {
		return nil
	}
	c := NewClassifier(rs)
	for i := range rs.own {
		for j, text := range rs.own[i].Expect {
			if why := c.unmet(&rs.own[i], text); why != "" {
				faults = append(faults, Fault{Path: []any{"rules", i, "expect", j}, Text: why})
			}
		}
	}
	return faults
}

// unmet says why a rule does not decide its example, "" if it does. The example
// counts as a reply of the rule's provider.
func (c *Classifier) unmet(own *OwnRule, text string) string {
	c.prepare()
	reply := Reply{Text: []byte(text)}
	reply.Code, reply.Enhanced = Find(reply.Text)
	p, _ := parseProvider(own.Provider)
	c.normal = normalise(c.normal[:0], &reply)
	c.look(&reply, p)
	best := c.query.decide()
	if best.Rule == own.ID {
		return ""
	}
	r := &c.set.rules[slices.IndexFunc(c.set.rules, func(r rule) bool { return r.id == own.ID })]
	why := c.query.whyNot(r)
	switch {
	case best.Rule == "":
		return why
	case why == "":
		return "rule " + best.Rule + " stands before and decides it: " + best.Cause.String()
	}
	return why + "; " + best.Evidence.String() + " " + best.Rule + " decides it: " + best.Cause.String()
}

// whyNot says what keeps a rule from holding, "" where nothing does.
func (q *query) whyNot(r *rule) string {
	for i, id := range r.phrases {
		if !q.phrases.has(id) {
			return fmt.Sprintf("%q does not stand in it as whole words", r.words[i])
		}
	}
	switch reply := &q.reply; {
	case !oneOf(r.classes, reply.class()):
		return "it is not of class " + r.classes[0].String()
	case !oneOf(r.codes, reply.Code) || !r.enhancedFits(reply.Enhanced):
		return "its code is " + strings.TrimSpace(orNone(reply.Code.String())+" "+reply.Enhanced.String())
	}
	return ""
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
