package replycode

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func newRules(t *testing.T, own []OwnRule, providers ...OwnProvider) *Rules {
	t.Helper()
	rules, err := NewRules(own, providers)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// Own rules go before all others and, among them, in their order.
func TestOwnRulesDecideFirst(t *testing.T) {
	c := NewClassifier(newRules(t, []OwnRule{
		{ID: "one", Cause: "greylisted", Phrases: []string{"User  Unknown", "for now"}, Label: "wait"},
		{ID: "two", Cause: "mailbox_full", Phrases: []string{"user unknown in the long list of users"}},
		{ID: "three", Cause: "rate_limited", Phrases: []string{"user unk*"}, Class: "4xx"},
		{ID: "four", Cause: "system_full", Provider: "google", Codes: []string{"5.1.1"}},
	}))
	f := func(text, host string, want Verdict) {
		t.Helper()
		r := replyOf(text)
		r.RelayHost = []byte(host)
		for range 2 { // the second time from memory
			if v := c.Classify(r); v != want {
				t.Errorf("%q: %+v, want %+v", text, v, want)
			}
		}
	}
	google, _ := parseProvider("google")
	f("550 5.1.1 user unknown for now", "", Verdict{Cause: Greylisted, Rule: "one", Label: "wait", Evidence: Own})
	f("550 5.1.1 USER UNKNOWN in the long list of users", "", Verdict{Cause: MailboxFull, Rule: "two", Evidence: Own})
	f("450 4.1.1 user unknowns", "", Verdict{Cause: RateLimited, Rule: "three", Evidence: Own})
	f("550 5.1.1 user unknown", "", Verdict{Cause: UserUnknown, Rule: "unknown:user-unknown", Evidence: Phrase})
	f("550 5.1.1 https://support.google.com/mail/?p=NoSuchUser", "mx.google.com", Verdict{Cause: SystemFull, Provider: google, Rule: "four", Evidence: Own})
	f("550 5.2.1 https://support.google.com/mail/?p=NoSuchUser", "mx.google.com", Verdict{Cause: UserUnknown, Provider: google, Rule: "google:p-nosuchuser", Evidence: ProviderTag})

	list := c.Explain(replyOf("450 4.1.1 user unknown for now"))
	var got []string
	for _, l := range list[:3] {
		got = append(got, l.Rule+": "+l.Lost+": "+l.LostZH)
	}
	want := []string{"one: : ", "three: stands later in the configuration: 在配置中位置靠后",
		"unknown:user-unknown: own rule decides before phrase: 自定义规则先于短语"}
	if !slices.Equal(got, want) {
		t.Errorf("explained by %q, want %q", got, want)
	}
}

// Own rules change nothing about replies that they do not hold for.
func TestOwnRulesLeaveOthersAlone(t *testing.T) {
	c := NewClassifier(newRules(t, []OwnRule{{ID: "a", Cause: "greylisted", Phrases: []string{"no text has these words"}}},
		OwnProvider{Name: "acme", MX: []string{"acme.example"}}))
	for _, l := range readLabelled(t) {
		if got, want := c.Classify(l.reply), Classify(l.reply); got != want {
			t.Errorf("%q: %+v, want %+v", l.reply.Text, got, want)
		}
	}
}

func TestOwnProviders(t *testing.T) {
	c := NewClassifier(newRules(t, []OwnRule{{ID: "a", Cause: "greylisted", Provider: "acme"}},
		OwnProvider{Name: "acme", MX: []string{"MX.acme.example", "eu.google.com"}, Domains: []string{"acme.example", "gmail.com"}},
		OwnProvider{Name: "google", MX: []string{"relay.example"}}))
	f := func(host, domain, want string) {
		t.Helper()
		if got := c.ProviderOf([]byte(host), []byte(domain)).String(); got != want {
			t.Errorf("%s for %s: %s, want %s", host, domain, got, want)
		}
	}
	f("a.mx.acme.example", "", "acme")
	f("acme.example", "", "other")
	f("mx.eu.google.com.", "", "acme")
	f("mx.google.com", "acme.example", "google") // the exchanger is known
	f("mx.example.net", "acme.example", "acme")
	f("mx.example.net", "GMAIL.com", "acme")
	f("1.relay.example", "", "google")
	f("mx.example.net", "example.com", "other")
	f(strings.Repeat("a.", 200)+"mx.acme.example", "acme.example", "acme")
	v := c.Classify(Reply{RelayHost: []byte("mx.acme.example")})
	if v.Rule != "a" || v.Provider.String() != "acme" || v.Cause != Greylisted {
		t.Errorf("a rule of a provider alone: %+v", v)
	}
	if again := newRules(t, nil, OwnProvider{Name: "acme", MX: []string{"x.example"}}); NewClassifier(again).ProviderOf([]byte("x.example"), nil) != v.Provider {
		t.Error("the same name got two numbers")
	}
}

func TestNameProvider(t *testing.T) {
	f := func(name string, wantOK bool) Provider {
		t.Helper()
		p, ok := NameProvider(name)
		if ok != wantOK || wantOK && p != OtherProvider && p.String() != name {
			t.Errorf("%q: %v, %v, want %v", name, p, ok, wantOK)
		}
		return p
	}
	google, _ := parseProvider("google")
	if f("google", true) != google || f("other", true) != OtherProvider {
		t.Error("names of the table have other numbers")
	}
	for _, name := range []string{"", "Acme", "a b", "1a", "a.b", "a\n", strings.Repeat("a", 33), "é"} {
		f(name, false)
	}
	if p := f(strings.Repeat("a", 32), true); int(p) < NumProviders || int(p) >= MaxProviders {
		t.Errorf("number %d", p)
	}
}

// Every fault is found, with its place.
func TestCheckRules(t *testing.T) {
	good := OwnRule{ID: "good", Cause: "greylisted", Phrases: []string{"come back*"}, Codes: []string{"450", "4.7.1", "X.7.1"},
		Class: "4xx", Provider: "acme", Label: "稍后再试", Expect: []string{"450 come back"}}
	acme := OwnProvider{Name: "acme", MX: []string{"mx_1.acme.example"}}
	f := func(change func(r *OwnRule, p *OwnProvider), want ...string) {
		t.Helper()
		r, p := good, acme
		change(&r, &p)
		var got []string
		for _, fault := range CheckRules([]OwnRule{r}, []OwnProvider{p}) {
			got = append(got, fault.Error())
		}
		if !slices.Equal(got, want) {
			t.Errorf("faults %q, want %q", got, want)
		}
	}
	f(func(*OwnRule, *OwnProvider) {})
	f(func(r *OwnRule, _ *OwnProvider) { r.ID = "a b" }, `rules[0].id: "a b" is no id: letters, digits and . _ : -, at most 64`)
	f(func(r *OwnRule, _ *OwnProvider) { r.ID = "google:p-nosuchuser" }, "rules[0].id: google:p-nosuchuser is a built-in rule")
	f(func(r *OwnRule, _ *OwnProvider) { r.Cause = "grey" }, `rules[0].cause: no cause "grey"`)
	f(func(r *OwnRule, _ *OwnProvider) { r.Cause = "unknown" }, `rules[0].cause: a rule names a cause, not "unknown"`)
	f(func(r *OwnRule, _ *OwnProvider) { r.Provider = "other" }, `rules[0].provider: no provider "other"`)
	f(func(r *OwnRule, _ *OwnProvider) { r.Codes = []string{"450", "", "4xx"} },
		`rules[0].codes[1]: "" is neither a reply code such as 550 nor an enhanced one such as 5.7.1 or X.7.1`,
		`rules[0].codes[2]: "4xx" is neither a reply code such as 550 nor an enhanced one such as 5.7.1 or X.7.1`)
	f(func(r *OwnRule, _ *OwnProvider) { r.Label = "a\nb" }, "rules[0].label: not one line of at most 100 bytes")
	f(func(r *OwnRule, _ *OwnProvider) { r.Expect = []string{" "} }, "rules[0].expect[0]: empty")
	f(func(r *OwnRule, _ *OwnProvider) { r.Phrases = slices.Repeat([]string{"abc"}, 9) }, "rules[0].phrases: 9 are more than 8")
	f(func(r *OwnRule, _ *OwnProvider) {
		r.Phrases = []string{" ab* ", "mail a@example.com", "from 192.0.2.1", "id 0SHXB7KG5F8", "450 4.7.1 come back", strings.Repeat("a", 201)}
	},
		`rules[0].phrases[0]: " ab* " is shorter than 3 bytes`,
		`rules[0].phrases[1]: "mail a@example.com" has an address or a serial number, which are masked before rules look`,
		`rules[0].phrases[2]: "from 192.0.2.1" has an address or a serial number, which are masked before rules look`,
		`rules[0].phrases[3]: "id 0SHXB7KG5F8" has an address or a serial number, which are masked before rules look`,
		`rules[0].phrases[4]: "450 4.7.1 come back" begins with a reply code, which is no part of the text: name it under codes`,
		fmt.Sprintf("rules[0].phrases[5]: %q is longer than 200 bytes", strings.Repeat("a", 201)))
	f(func(_ *OwnRule, p *OwnProvider) { p.Name = "Acme" },
		`providers[0].name: "Acme" is no name: lower-case letters, digits, - and _, at most 32, a letter first`,
		`rules[0].provider: no provider "acme"`)
	f(func(_ *OwnRule, p *OwnProvider) { p.MX = nil }, "providers[0]: neither mx nor domains")
	f(func(_ *OwnRule, p *OwnProvider) { p.MX = []string{"a.example", "*.b.example", "A.example", ".c"} },
		`providers[0].mx[1]: "*.b.example" is no host name`, "providers[0].mx[2]: a.example stands here twice",
		`providers[0].mx[3]: ".c" is no host name`)
}

// The numbers of rules, phrases and names are bounded.
func TestOwnRulesAreBounded(t *testing.T) {
	first := func(own []OwnRule, providers []OwnProvider) string {
		t.Helper()
		faults := CheckRules(own, providers)
		if len(faults) != 1 {
			t.Fatalf("%d faults, want 1: %v", len(faults), faults)
		}
		return faults[0].Error()
	}
	var rules, wordy []OwnRule
	for i := range maxOwnRules + 1 {
		rules = append(rules, OwnRule{ID: fmt.Sprint(i), Cause: "greylisted", Phrases: []string{"abc"}})
	}
	for i := range 101 {
		wordy = append(wordy, OwnRule{ID: fmt.Sprint(i), Cause: "greylisted", Phrases: []string{strings.Repeat("a", 200)}})
	}
	var providers []OwnProvider
	for i := range MaxOwnProviders + 1 {
		providers = append(providers, OwnProvider{Name: fmt.Sprint("p", i), MX: []string{fmt.Sprintf("p%d.example", i)}})
	}
	for got, want := range map[string]string{
		first(rules, nil):     "rules: 201 are more than 200",
		first(wordy, nil):     "rules: their phrases have 20200 bytes, more than 20000",
		first(nil, providers): "providers[32].name: more than 32 new names",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	// The most that is allowed still fits the automaton.
	var most []OwnRule
	for i := range maxOwnRules {
		r := OwnRule{ID: fmt.Sprint(i), Cause: "greylisted"}
		for j := range maxRulePhrases {
			r.Phrases = append(r.Phrases, fmt.Sprintf("%03dx%d", i, j))
		}
		most = append(most, r)
	}
	c := NewClassifier(newRules(t, most))
	last := most[len(most)-1]
	if v := c.Classify(Reply{Text: []byte(strings.Join(last.Phrases, " "))}); v.Rule != last.ID {
		t.Errorf("%+v, want rule %s", v, last.ID)
	}
}

func TestOwnRulesDoNotAllocate(t *testing.T) {
	c := NewClassifier(newRules(t, []OwnRule{{ID: "a", Cause: "greylisted", Phrases: []string{"come back"}}},
		OwnProvider{Name: "acme", MX: []string{"acme.example"}}))
	r := replyOf("450 come back")
	r.RelayHost = []byte("mx.acme.example")
	c.Classify(r)
	if n := testing.AllocsPerRun(100, func() {
		c.Classify(r)
		c.look(&r, OtherProvider)
		c.ProviderOf(r.RelayHost, r.RecipientDomain)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
