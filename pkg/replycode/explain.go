package replycode

import "slices"

// A Candidate is one piece of evidence about a reply.
type Candidate struct {
	Cause    Cause
	Rule     string   // id of the rule or the table row
	Label    string   // what the configuration calls it
	Evidence Evidence // its kind
	Phrases  []string // what the rule found in the text
	Source   string   // where the rule or row can be checked
	Lost     string   // why it did not decide, "" for the one that did
	LostZH   string
	rule     *rule
}

// Explain lists the evidence about a reply, the one that decides first, each of
// the others with why it lost. It is empty where Classify says UnknownCause.
func Explain(r Reply) []Candidate { return NewClassifier(nil).Explain(r) }

// Explain lists the evidence about a reply, as the function of the same name.
func (c *Classifier) Explain(r Reply) []Candidate {
	c.prepare()
	c.normal = normalise(c.normal[:0], &r)
	c.look(&r, c.provider(&r))
	q := &c.query
	var list []Candidate
	for _, step := range steps {
		first, ok := step(q)
		if !ok || slices.ContainsFunc(list, func(l Candidate) bool { return l.Rule == first.Rule }) {
			continue
		}
		list = append(list, first)
		if first.Evidence.ofRule() {
			list = append(list, q.runnersUp(first)...)
		}
	}
	for i := range list {
		if r := list[i].rule; r != nil && r.classed() {
			list[i].Phrases = append(slices.Clone(r.words), q.foundWords(r)...)
		}
	}
	for i := 1; i < len(list); i++ {
		list[i].Lost, list[i].LostZH = whyLost(&list[0], &list[i])
	}
	q.reply = Reply{}
	return list
}

// runnersUp are the rules of the same step that hold too, in order.
func (q *query) runnersUp(first Candidate) []Candidate {
	var numbers []int
	q.eachRule(0, len(q.set.rules), func(number int) {
		r := &q.set.rules[number]
		weak := number >= q.set.firstWeak
		if r.id != first.Rule && r.tier != tierMark && weak == (first.Evidence == WeakPhrase) && r.holds(q) {
			numbers = append(numbers, number)
		}
	})
	slices.Sort(numbers)
	var list []Candidate
	for _, number := range slices.Compact(numbers) {
		list = append(list, q.set.rules[number].candidate())
	}
	return list
}

func whyLost(winner, loser *Candidate) (en, zh string) {
	switch {
	case winner.Evidence != loser.Evidence:
		return winner.Evidence.String() + " decides before " + loser.Evidence.String(),
			winner.Evidence.NameZH() + "先于" + loser.Evidence.NameZH()
	case winner.Evidence == Own:
		return "stands later in the configuration", "在配置中位置靠后"
	case loser.rule.vague():
		return "gives no finer reason", "没有给出更具体的原因"
	case winner.rule.classed():
		return "stands later among the rules", "在规则中位置靠后"
	case winner.rule.weight > loser.rule.weight:
		return "less specific", "不够具体"
	}
	return "no more specific", "并不更具体"
}
