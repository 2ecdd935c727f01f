package replycode

// Classify says why mail failed. The first evidence that tells decides: a
// provider's tag in the text, a provider's own use of a code, a phrase, the exact
// enhanced code (RFC 3463 section 3), a weak phrase, the subject of the enhanced
// code, the basic code (RFC 5321 section 4.2.3). An expired message and a failed
// STARTTLS are their own cause unless a phrase knows better. Classify does not
// allocate once the rules are loaded, and its cost does not depend on how many
// there are.
func Classify(r Reply) Verdict {
	set := loadRules()
	v := Verdict{Provider: ProviderOf(r.RelayHost, r.RecipientDomain)}
	var found search
	set.scan(&found, &r)
	best := set.best(&found, &r, v.Provider)
	if best >= 0 && set.rules[best].tier < tierWeak {
		return set.verdict(v, best)
	}
	if r.Expired && r.Code == None {
		v.Cause, v.Rule = DeliveryExpired, "fact:expired"
		return v
	}
	if r.TLS {
		v.Cause, v.Rule = TLSFailed, "fact:starttls"
		return v
	}
	strong := !weakEnhanced[r.Enhanced&subjectDetailMask]
	if info, ok := LookupEnhanced(r.Enhanced); ok && strong && info.HasCause {
		v.Cause, v.Rule = info.Cause, info.Pattern
		return v
	}
	if best >= 0 {
		return set.verdict(v, best)
	}
	return r.byTables(v)
}

// byTables is the default of the tables where no text tells.
func (r *Reply) byTables(v Verdict) Verdict {
	if info, ok := LookupEnhanced(r.Enhanced); ok && info.HasCause && info.Cause != UnknownCause {
		v.Cause, v.Rule = info.Cause, info.Pattern
		return v
	}
	if info, ok := LookupSubject(r.Enhanced); ok && info.HasCause && info.Cause != UnknownCause && !Registered(r.Enhanced) {
		v.Cause, v.Rule = info.Cause, info.Pattern
		return v
	}
	if i := codeIndex[r.Code%uint16Codes]; i != 0 && codeTable[i-1].HasCause && codeTable[i-1].Cause != UnknownCause {
		v.Cause, v.Rule = codeTable[i-1].Cause, codeNames[i-1]
	}
	return v
}

const uint16Codes = 600

var codeNames = nameCodes(codeTable)

func nameCodes(table []CodeInfo) []string {
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].Code.String()
	}
	return names
}

// weakEnhanced are the codes that receivers use for everything: a weak phrase
// beats them.
var weakEnhanced = map[Enhanced]bool{
	detail(0, 0): true, detail(1, 0): true, detail(2, 0): true, detail(2, 1): true, detail(3, 0): true,
	detail(3, 2): true, detail(5, 0): true, detail(7, 0): true, detail(7, 1): true,
}

func detail(subject, detail uint16) Enhanced {
	return MakeEnhanced(PermanentFailure, subject, detail) & subjectDetailMask
}

func (set *ruleSet) verdict(v Verdict, rule int) Verdict {
	v.Cause, v.Rule = set.rules[rule].cause, set.rules[rule].id
	return v
}

// best is the first rule that holds, -1 for none. A mark in the text stands in
// for a relay host that the table does not know.
func (set *ruleSet) best(found *search, r *Reply, p Provider) int {
	if p == OtherProvider {
		p = set.marked(found)
	}
	best := -1
	try := func(list []uint16) {
		for _, number := range list {
			if best >= 0 && int(number) >= best {
				return
			}
			if rule := &set.rules[number]; rule.tier != tierMark && rule.holds(found, r, p) {
				best = int(number)
			}
		}
	}
	try(set.byProvider[p])
	for _, id := range found.list[:found.n] {
		try(set.byPhrase[id])
	}
	return best
}

func (set *ruleSet) marked(found *search) Provider {
	for _, id := range found.list[:found.n] {
		for _, number := range set.byPhrase[id] {
			if set.rules[number].tier == tierMark {
				return set.rules[number].provider
			}
		}
	}
	return OtherProvider
}
