package replycode

// Classify says why mail failed by the built-in rules. The first evidence that tells decides: a
// provider's tag in the text, a provider's own use of a code, a phrase, an enhanced
// code that always means the same, words that belong together, a phrase that gives
// no finer reason than policy, a fact of the log (the message expired, STARTTLS
// failed), the exact enhanced code (RFC 3463 section 3), a weak phrase, and where the
// reply has no words the subject of the enhanced code and the basic code (RFC 5321
// section 4.2.3). Classify does not allocate once the rules are
// loaded, its cost does not depend on their number, and any number of goroutines
// may call it; one that classifies much should own a Classifier.
func Classify(r Reply) Verdict {
	c := takeClassifier()
	v := c.Classify(r)
	putBack(c)
	return v
}

// idle holds Classifiers between calls; a pool of package sync would lose what
// they remember at each garbage collection.
var idle = make(chan *Classifier, 4)

func takeClassifier() *Classifier {
	select {
	case c := <-idle:
		return c
	default:
		return new(Classifier)
	}
}

func putBack(c *Classifier) {
	select {
	case idle <- c:
	default:
	}
}

// An Evidence says what kind of fact decided.
type Evidence uint8

// The kinds of evidence in the order in which they decide.
const (
	NoEvidence   Evidence = iota
	Own                   // a rule of the configuration
	ProviderTag           // a provider's tag or address of help in the text
	ProviderRule          // words or a code that mean something of their own at one provider
	Phrase                // a phrase in the text
	Words                 // words of two classes near each other
	LogFact               // what the log says besides the reply: expired, STARTTLS
	EnhancedCode          // the exact enhanced code, where it says anything
	WeakPhrase            // words that open many replies
	Subject               // the subject of an enhanced code that no registry lists
	BasicCode             // the three digits alone
)

var evidenceNames = [...]string{"none", "own rule", "provider tag", "provider rule", "phrase", "wording", "log fact", "enhanced code",
	"weak phrase", "enhanced code's subject", "basic code"}

// String is the kind in words.
func (e Evidence) String() string {
	if int(e) >= len(evidenceNames) {
		e = NoEvidence
	}
	return evidenceNames[e]
}

var evidenceNamesZH = [...]string{"无", "自定义规则", "服务商标记", "服务商规则", "短语", "词语", "日志事实", "增强代码",
	"弱短语", "增强代码的主题", "基本代码"}

// NameZH is the kind in Chinese words.
func (e Evidence) NameZH() string {
	if int(e) >= len(evidenceNamesZH) {
		e = NoEvidence
	}
	return evidenceNamesZH[e]
}

// ofRule says whether the evidence is that of a rule, not of a table or a fact.
func (e Evidence) ofRule() bool {
	return e == Own || e == ProviderTag || e == ProviderRule || e == Phrase || e == Words || e == WeakPhrase
}

// A query is one reply with what was found in its text.
type query struct {
	set      *ruleSet
	reply    Reply
	provider Provider
	search
}

// A step looks at one kind of evidence.
type step func(*query) (Candidate, bool)

// steps are the kinds of evidence in the order in which they decide. The tiers of
// rules in front of the words are one step: they share one order.
var steps = [...]step{byStrongRule, byTrustedCode, byWords, byFact, byStrongCode, byWeakRule, byEnhanced, bySubject, byCode}

// decide is the first evidence that tells.
func (q *query) decide() Candidate {
	for _, step := range steps {
		if c, ok := step(q); ok {
			return c
		}
	}
	return Candidate{}
}

func byStrongRule(q *query) (Candidate, bool) { return q.rule(0, q.set.firstWords) }

// byWords has the phrases of policy behind the words.
func byWords(q *query) (Candidate, bool) { return q.rule(q.set.firstWords, q.set.firstWeak) }

func byWeakRule(q *query) (Candidate, bool) { return q.rule(q.set.firstWeak, len(q.set.rules)) }

// rule is the first rule of [from, to) that holds.
func (q *query) rule(from, to int) (Candidate, bool) {
	best := to
	q.eachRule(from, to, func(number int) {
		if from <= number && number < best && q.set.rules[number].holds(q) {
			best = number
		}
	})
	if best == to {
		return Candidate{}, false
	}
	return q.set.rules[best].candidate(), true
}

// eachRule calls f with each rule of [from, to) that the text may meet, and maybe
// others.
func (q *query) eachRule(from, to int, f func(number int)) {
	q.eachPhraseRule(f)
	if to > q.set.firstWords {
		q.eachWordRule(f)
	}
}

// eachPhraseRule calls f with each rule of which one phrase stands in the text and
// each rule that asks for none.
func (q *query) eachPhraseRule(f func(number int)) {
	for _, number := range q.set.byProvider[q.provider] {
		f(int(number))
	}
	for _, id := range q.list[:q.n] {
		for _, number := range q.set.byPhrase[id] {
			f(int(number))
		}
	}
}

// eachWordRule calls f with each rule that asks for a class of which one word
// stands in the text.
func (q *query) eachWordRule(f func(number int)) {
	q.classes.each(func(class int) {
		for _, number := range q.set.byClass[class] {
			f(int(number))
		}
	})
}

func byFact(q *query) (Candidate, bool) {
	switch {
	case q.reply.Expired && q.reply.Code == None:
		return Candidate{Cause: DeliveryExpired, Rule: "fact:expired", Evidence: LogFact}, true
	case q.reply.TLS:
		return Candidate{Cause: TLSFailed, Rule: "fact:starttls", Evidence: LogFact}, true
	}
	return Candidate{}, false
}

// byTrustedCode takes the codes that receivers use for one thing only.
func byTrustedCode(q *query) (Candidate, bool) {
	if !trustedEnhanced[q.reply.Enhanced&subjectDetailMask] {
		return Candidate{}, false
	}
	return byEnhanced(q)
}

// byStrongCode leaves out the codes that receivers use for everything.
func byStrongCode(q *query) (Candidate, bool) {
	if weakEnhanced[q.reply.Enhanced&subjectDetailMask] {
		return Candidate{}, false
	}
	return byEnhanced(q)
}

func byEnhanced(q *query) (Candidate, bool) {
	if onlyAlone[q.reply.Enhanced&subjectDetailMask] && q.hasWords() {
		return Candidate{}, false
	}
	info, ok := LookupEnhanced(q.reply.Enhanced)
	if !ok || !info.HasCause || info.Cause == UnknownCause {
		return Candidate{}, false
	}
	return Candidate{Cause: info.Cause, Rule: info.Pattern, Evidence: EnhancedCode, Source: info.Reference}, true
}

func bySubject(q *query) (Candidate, bool) {
	info, ok := LookupSubject(q.reply.Enhanced)
	if !ok || !info.HasCause || info.Cause == UnknownCause || Registered(q.reply.Enhanced) || q.hasWords() {
		return Candidate{}, false
	}
	return Candidate{Cause: info.Cause, Rule: info.Pattern, Evidence: Subject, Source: info.Reference}, true
}

func byCode(q *query) (Candidate, bool) {
	info, ok := LookupCode(q.reply.Code)
	if !ok || neverAlone[info.Code] || q.reply.saysNothing() || !info.HasCause || info.Cause == UnknownCause {
		return Candidate{}, false
	}
	if codeOnlyAlone[info.Code] && q.hasWords() {
		return Candidate{}, false
	}
	return Candidate{Cause: info.Cause, Rule: codeNames[info.Code], Evidence: BasicCode, Source: info.Reference}, true
}

// neverAlone are used about senders, recipients and relays alike, whatever RFC 5321
// section 4.2.3 says of them: they do not tell, even alone.
var neverAlone = map[Code]bool{551: true, 553: true}

// codeOnlyAlone stand before words about anything. Where no rule knows the words, a
// person must read them; the code is evidence only where it is all there is.
var codeOnlyAlone = map[Code]bool{421: true, 432: true, 450: true, 451: true, 452: true, 501: true, 521: true, 552: true}

// saysNothing: the peer chose the enhanced code for "undefined" (RFC 3463 section
// 3.1) beside the code for "not now".
func (r *Reply) saysNothing() bool {
	return r.Enhanced == MakeEnhanced(TransientFailure, 0, 0) && (r.Code == 421 || r.Code == 450 || r.Code == 451)
}

var codeNames = nameCodes(codeTable)

func nameCodes(table []CodeInfo) map[Code]string {
	names := make(map[Code]string, len(table))
	for i := range table {
		names[table[i].Code] = table[i].Code.String()
	}
	return names
}

// weakEnhanced are the codes that say next to nothing: a weak phrase beats them.
var weakEnhanced = map[Enhanced]bool{
	detail(0, 0): true, detail(1, 0): true, detail(2, 0): true, detail(2, 1): true, detail(3, 0): true,
	detail(3, 2): true, detail(5, 0): true, detail(7, 0): true, detail(7, 1): true,
}

// onlyAlone are, of these, the codes that are evidence only where the reply has no
// words: in labelled replies whose words no rule knew, they were right once in five.
var onlyAlone = map[Enhanced]bool{
	detail(1, 0): true, detail(2, 0): true, detail(2, 1): true, detail(5, 0): true, detail(7, 0): true, detail(7, 1): true,
}

// trustedEnhanced are the codes that words in any order do not beat: in labelled
// replies of many receivers they always mean the same.
var trustedEnhanced = map[Enhanced]bool{
	detail(1, 7): true, detail(1, 8): true, detail(2, 2): true, detail(2, 3): true, detail(3, 4): true, detail(4, 6): true,
	detail(4, 7): true, detail(7, 20): true, detail(7, 21): true, detail(7, 22): true, detail(7, 23): true,
	detail(7, 24): true, detail(7, 25): true, detail(7, 26): true,
}

func detail(subject, detail uint16) Enhanced {
	return MakeEnhanced(PermanentFailure, subject, detail) & subjectDetailMask
}
