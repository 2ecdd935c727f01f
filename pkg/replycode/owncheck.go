package replycode

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a configuration may ask for: they keep the automaton small.
const (
	maxOwnRules    = 200
	maxRulePhrases = 8
	minPhrase      = 3
	maxPhrase      = 200
	maxOwnBytes    = 20000 // all phrases together
	maxLabel       = 100
)

// A Fault is what is wrong with own rules or providers.
type Fault struct {
	Path  []any  // where: "rules", 2, "phrases", 0
	Text  string // what
	Value string // the name that stands there and is not known, "" where that is not the fault
}

// Error is the place and the fault, as in rules[2].phrases[0]: too short.
func (f Fault) Error() string {
	var b strings.Builder
	for i, at := range f.Path {
		switch at := at.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", at)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, at)
		}
	}
	return b.String() + ": " + f.Text
}

// CheckRules finds all faults of own rules and providers that show without
// running the examples.
func CheckRules(own []OwnRule, providers []OwnProvider) []Fault {
	if len(own)+len(providers) == 0 {
		return nil
	}
	c := checker{ids: map[string]bool{}, providers: map[string]bool{}, names: map[string]bool{}}
	c.checkProviders(providers)
	c.checkRules(own)
	return c.faults
}

// A checker collects faults.
type checker struct {
	faults    []Fault
	ids       map[string]bool
	providers map[string]bool // all that a rule may name
	names     map[string]bool // of exchangers and domains, seen so far
}

func (c *checker) add(path []any, format string, args ...any) {
	c.faults = append(c.faults, Fault{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) unknown(path []any, what, value string) {
	c.faults = append(c.faults, Fault{Path: path, Text: fmt.Sprintf("no %s %q", what, value), Value: value})
}

func (c *checker) checkProviders(providers []OwnProvider) {
	for i := range providerTable {
		c.providers[providerTable[i].Name] = true
	}
	fresh := 0
	for i, p := range providers {
		at := func(key string) []any { return []any{"providers", i, key} }
		switch {
		case !providerForm.MatchString(p.Name):
			c.add(at("name"), "%q is no name: lower-case letters, digits, - and _, at most 32, a letter first", p.Name)
		case p.Name == providerTable[OtherProvider].Name || p.Name == "none":
			c.add(at("name"), "%q means that no provider is known", p.Name)
		case c.ids["@"+p.Name]:
			c.add(at("name"), "%s stands here twice", p.Name)
		case !c.providers[p.Name]:
			if fresh++; fresh > MaxOwnProviders {
				c.add(at("name"), "more than %d new names", MaxOwnProviders)
			}
		}
		c.ids["@"+p.Name], c.providers[p.Name] = true, true
		if len(p.MX)+len(p.Domains) == 0 {
			c.add([]any{"providers", i}, "neither mx nor domains")
		}
		c.checkNames("mx ", p.MX, at("mx"))
		c.checkNames("domains ", p.Domains, at("domains"))
	}
}

// hostForm: RFC 1123 section 2.1, and the underscore of the wild.
var hostForm = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func (c *checker) checkNames(kind string, names []string, path []any) {
	for i, name := range names {
		at := append(slices.Clip(path), i)
		name = strings.ToLower(name)
		switch {
		case len(name) > maxDomain || !hostForm.MatchString(name):
			c.add(at, "%q is no host name", name)
		case c.names[kind+name]:
			c.add(at, "%s stands here twice", name)
		}
		c.names[kind+name] = true
	}
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)

func (c *checker) checkRules(own []OwnRule) {
	if len(own) > maxOwnRules {
		c.add([]any{"rules"}, "%d are more than %d", len(own), maxOwnRules)
		return
	}
	bytes := 0
	for i := range own {
		c.checkRule(i, &own[i])
		for _, p := range own[i].Phrases {
			bytes += len(p)
		}
	}
	if bytes > maxOwnBytes {
		c.add([]any{"rules"}, "their phrases have %d bytes, more than %d", bytes, maxOwnBytes)
	}
}

func (c *checker) checkRule(i int, o *OwnRule) {
	at := func(key ...any) []any { return append([]any{"rules", i}, key...) }
	switch {
	case !idForm.MatchString(o.ID):
		c.add(at("id"), "%q is no id: letters, digits and . _ : -, at most 64", o.ID)
	case c.ids[o.ID]:
		c.add(at("id"), "%s stands here twice", o.ID)
	case slices.ContainsFunc(loadRules().rules, func(r rule) bool { return r.id == o.ID }):
		c.add(at("id"), "%s is a built-in rule", o.ID)
	}
	c.ids[o.ID] = true
	switch cause, ok := ParseCause(o.Cause); {
	case !ok:
		c.unknown(at("cause"), "cause", o.Cause)
	case cause == UnknownCause:
		c.add(at("cause"), "a rule names a cause, not %q", o.Cause)
	}
	if o.Provider != "" && (!c.providers[o.Provider] || o.Provider == providerTable[OtherProvider].Name) {
		c.unknown(at("provider"), "provider", o.Provider)
	}
	if o.Class != "" && o.Class != "4xx" && o.Class != "5xx" {
		c.add(at("class"), "%q is neither 4xx nor 5xx", o.Class)
	}
	if len(o.Label) > maxLabel || !utf8.ValidString(o.Label) || strings.ContainsFunc(o.Label, unicode.IsControl) {
		c.add(at("label"), "not one line of at most %d bytes", maxLabel)
	}
	for j, code := range o.Codes {
		if !isCodeCondition(code) {
			c.add(at("codes", j), "%q is neither a reply code such as 550 nor an enhanced one such as 5.7.1 or X.7.1", code)
		}
	}
	for j, text := range o.Expect {
		if strings.TrimSpace(text) == "" {
			c.add(at("expect", j), "empty")
		}
	}
	c.checkPhrases(o, at)
}

func isCodeCondition(word string) bool {
	if _, ok := patternCode(word); ok {
		return true
	}
	var r rule
	return r.codeCondition(word) == nil
}

func (c *checker) checkPhrases(o *OwnRule, at func(...any) []any) {
	switch {
	case len(o.Phrases) == 0 && o.Provider == "":
		c.add(at(), "neither phrases nor provider: it would hold for every reply")
	case len(o.Phrases) > maxRulePhrases:
		c.add(at("phrases"), "%d are more than %d", len(o.Phrases), maxRulePhrases)
	}
	for j, p := range o.Phrases {
		if fault := phraseFault(p); fault != "" {
			c.add(at("phrases", j), "%q %s", p, fault)
		}
	}
}

// phraseFault says why a phrase can never stand in the normal form of a text.
func phraseFault(p string) string {
	normal := normalPhrase(p)
	switch {
	case len(strings.TrimSuffix(normal, "*")) < minPhrase:
		return fmt.Sprintf("is shorter than %d bytes", minPhrase)
	case len(normal) > maxPhrase:
		return fmt.Sprintf("is longer than %d bytes", maxPhrase)
	case strings.ContainsFunc(normal, unicode.IsControl):
		return "has an address or a serial number, which are masked before rules look"
	}
	if code, _ := Find([]byte(strings.TrimSpace(p))); code != None && len(normal) > 3 && normal[:3] == code.String() {
		return "begins with a reply code, which is no part of the text: name it under codes"
	}
	return ""
}
