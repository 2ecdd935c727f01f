package replycode

import (
	"slices"
	"strings"
	"testing"
)

// searchFor scans a text with one rule of these terms, and says whether it holds.
func searchFor(t *testing.T, terms, text string) (*query, *rule, bool) {
	t.Helper()
	r := rule{id: "test", tier: tierPhrase}
	for _, term := range splitPhrases(terms) {
		if err := r.term(term); err != nil {
			t.Fatal(err)
		}
	}
	q := &query{set: newRuleSet([]rule{r}), reply: replyOf(text)}
	q.scan(q.set, normalise(nil, &q.reply))
	return q, &q.set.rules[0], q.set.rules[0].holds(q)
}

// Words of two classes belong together when they stand near each other in one
// sentence, in either order.
func TestWordsNearEachOther(t *testing.T) {
	f := func(terms, text string, want bool) {
		t.Helper()
		if _, _, got := searchFor(t, terms, text); got != want {
			t.Errorf("%s in %q: %v, want %v", terms, text, got, want)
		}
	}
	f("{recipient}~{unknown}", "550 user unknown", true)
	f("{recipient}~{unknown}", "550 unknown user", true)
	f("{recipient}~{unknown}", "550 User <a@example.com> is not found in Server", true)
	f("{recipient}~{unknown}", "550 收件人不存在", true)
	f("{recipient}~{unknown}", "550 Получатель не найден", true)
	f("{recipient}~{unknown}", "550 users of this fine and ever so busy old host: unknown", false)
	f("{recipient}~{unknown}", "550 bad day. User", false)
	f("{recipient}~{unknown}", "550 bad day; user", false)
	f("{recipient}~{unknown}", "550 superuser unknown", false)
	f("{recipient}~{unknown}", "550 user", false)
	f("{recipient} & !{unknown}", "550 user", true)
	f("{recipient} & !{unknown}", "550 user unknown", false)
	f("here & {recipient}", "550 that user is here", true)
	f("here & {recipient}", "550 that user is there", false)
}

// A word inside a longer one, a name or a URL is no word.
func TestWordsInsideOthers(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		q, _, _ := searchFor(t, "{recipient}", text)
		var got []string
		for _, s := range q.spots[:q.spotted] {
			got = append(got, string(q.normal[s.start:s.end]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	f("550 email address not found", "email address", "not found")
	f("550 host user.example.com unknown", "host", "unknown")
	f("550 see https://example.com/unknown/user then user", "user")
	f("550 unknown. user", "unknown", "user")
}

// Explain shows the words that stand in the text.
func TestExplainShowsWords(t *testing.T) {
	list := Explain(replyOf("550 That person <a@example.com> cannot be found"))
	if len(list) == 0 || list[0].Evidence != Words || !slices.Equal(list[0].Phrases, []string{"person", "cannot be found"}) {
		t.Errorf("%+v", list)
	}
}

func TestWordTermsAreChecked(t *testing.T) {
	f := func(term, want string) {
		t.Helper()
		if err := new(rule).term(term); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", term, err, want)
		}
	}
	f("{nothing}", `no class "{nothing}"`)
	f("{recipient}~{nothing}", `no class "{nothing}"`)
	f("{recipient}~{unknown}~{off}", `too many classes in "{recipient}~{unknown}~{off}"`)
}

// Every class is asked for by a rule or keeps a longer word from being another's.
func TestClassesAreUsed(t *testing.T) {
	var used classSet
	for i := range loadRules().rules {
		r := &loadRules().rules[i]
		used |= r.wordClass | r.without
	}
	for i, name := range loadWords().names {
		if used&(1<<i) == 0 && name != "filler" {
			t.Errorf("no rule asks for {%s}", name)
		}
		for _, word := range loadWords().words[i] {
			if word != strings.ToLower(word) || word != strings.TrimSpace(word) || word == "" {
				t.Errorf("{%s}: bad word %q", name, word)
			}
		}
	}
}

// Text made of nothing but words of classes costs no more than its length asks for.
func BenchmarkHostileWords(b *testing.B) {
	r := replyOf("550 " + strings.Repeat("user host sender spam blocked unknown full domain ", 41))
	var c Classifier
	c.prepare()
	for b.Loop() {
		c.normal = normalise(c.normal[:0], &r)
		c.look(&r, OtherProvider)
		c.query.decide()
	}
}
