package replycode

import (
	"slices"
	"strings"
	"testing"
)

// replyOf is a reply from the text of a log, sent for b@example.org to example.com.
func replyOf(text string) Reply {
	code, e := Find([]byte(text))
	return Reply{Code: code, Enhanced: e, Text: []byte(text),
		SenderDomain: []byte("example.org"), RecipientDomain: []byte("example.com")}
}

// Each rule's example is decided by that rule.
func TestRuleExamples(t *testing.T) {
	set := loadRules()
	if len(set.rules) < 400 {
		t.Errorf("only %d rules", len(set.rules))
	}
	for i := range set.rules {
		r := &set.rules[i]
		if r.tier == tierMark {
			continue
		}
		if v := Classify(replyOf(r.example)); v.Rule != r.id || v.Cause != r.cause {
			t.Errorf("%s: example %q gives %v by %s, want %v", r.id, r.example, v.Cause, v.Rule, r.cause)
		}
	}
}

// Every cause is found by some rule, so none is only a word.
func TestEveryCauseHasRules(t *testing.T) {
	n := make([]int, NumCauses)
	for i := range loadRules().rules {
		if r := &loadRules().rules[i]; r.tier != tierMark {
			n[r.cause]++
		}
	}
	for i := 1; i < NumCauses; i++ {
		if n[i] < 5 {
			t.Errorf("%v has %d rules", Cause(i), n[i])
		}
	}
}

func TestMarksNameProviders(t *testing.T) {
	set := loadRules()
	for i := range set.rules {
		r := &set.rules[i]
		if r.tier != tierMark {
			continue
		}
		var c Classifier
		c.prepare()
		reply := Reply{Text: []byte(strings.ToUpper(r.words[0]))}
		c.normal = normalise(c.normal, &reply)
		c.look(&reply, OtherProvider)
		if c.query.provider != r.provider {
			t.Errorf("%s: %q names %v, want %v", r.id, r.words[0], c.query.provider, r.provider)
		}
	}
}

func TestEvidence(t *testing.T) {
	f := func(r Reply, cause Cause, evidence Evidence) {
		t.Helper()
		if v := Classify(r); v.Cause != cause || v.Evidence != evidence {
			t.Errorf("%q: %v by %v (%s), want %v by %v", r.Text, v.Cause, v.Evidence, v.Rule, cause, evidence)
		}
	}
	reply := func(text, host string) Reply {
		r := replyOf(text)
		r.RelayHost = []byte(host)
		return r
	}
	f(reply("421 4.7.0 [TSS04] go away", ""), PoorReputation, ProviderTag)
	f(reply("550 5.4.1 Recipient address rejected: Access denied", "x.mail.protection.outlook.com"), UserUnknown, ProviderRule)
	f(reply("550 5.7.1 Recipient address rejected: Access denied", "mx.example.net"), PolicyRejected, Phrase)
	f(reply("550 local policy: the netblock is in prison", ""), IPBlocked, Words)
	f(reply("550 5.1.1 local policy", ""), PolicyRejected, Phrase)
	f(reply("550 5.2.2 no", ""), MailboxFull, EnhancedCode)
	f(reply("550 5.7.1", ""), PolicyRejected, EnhancedCode)
	f(reply("550 5.7.1 mx7.example.net <a@example.com> (#5.7.1) 0SHXB7KG5F8", ""), PolicyRejected, EnhancedCode)
	f(reply("550 5.7.1 no", ""), UnknownCause, NoEvidence)
	f(reply("550 5.7.1 不", ""), UnknownCause, NoEvidence)
	f(reply("550 5.7.1 spam", ""), SpamContent, WeakPhrase)
	f(reply("550 5.2.2 spam", ""), MailboxFull, EnhancedCode)
	f(reply("550 5.7.999", ""), PolicyRejected, Subject)
	f(reply("550 5.7.999 no", ""), UnknownCause, NoEvidence)
	f(reply("535 no", ""), LoginFailed, BasicCode)
	f(reply("452", ""), SystemFull, BasicCode)
	f(reply("452 no", ""), UnknownCause, NoEvidence)
	f(reply("550 no", ""), UnknownCause, NoEvidence)
	f(reply("553 no", ""), UnknownCause, NoEvidence)
	f(Reply{Expired: true}, DeliveryExpired, LogFact)
	f(Reply{TLS: true, Code: 454}, TLSFailed, LogFact)
	f(Reply{Expired: true, Text: []byte("connect to mx.example.com[192.0.2.1]:25: Connection refused")}, NetworkError, Phrase)
}

// The same words are about the recipient or about us.
func TestAboutUs(t *testing.T) {
	r := replyOf("550 5.1.1 <b@example.org>: user unknown")
	if v := Classify(r); v.Cause != SenderRejected {
		t.Errorf("our address: %v by %s", v.Cause, v.Rule)
	}
	r = replyOf("550 5.1.1 <b@example.com>: user unknown")
	if v := Classify(r); v.Cause != UserUnknown {
		t.Errorf("their address: %v by %s", v.Cause, v.Rule)
	}
	r = replyOf("550 5.1.1 <b@example.org>: user unknown")
	r.RecipientDomain = []byte("EXAMPLE.ORG")
	if v := Classify(r); v.Cause != UserUnknown {
		t.Errorf("both in one domain: %v by %s", v.Cause, v.Rule)
	}
}

func TestNormalForm(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		r := replyOf(text)
		if got := string(normalise(nil, &r)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	f("550-5.1.1 No  such\tuser\r\n550 5.1.1 here", "no such user here")
	f("550 5.1.1 No such 550-5.1.1 user", "no such user")
	f("554 mail from 192.0.2.1 of <b@example.org> to <A.B@example.com> refused", "mail from \x03 of <\x02> to <\x01> refused")
	f("554 192.0.2.1. listed, 4.16.51. not", "\x03. listed, 4.16.51. not")
	f("421 queue id 0SHXB7KG5F8 at 4.7.650", "queue id \x04 at 4.7.650")
	f("554 Ящик ÉÀ × 554", "ящик ea × 554")
	f("550 La boîte está CHEIA, größe ÷ Skrzynka zapełniona, schránka ŽÝ", "la boite esta cheia, grose ÷ skrzynka zapelniona, schranka zy")
	f("550-5.1.1 No such\n 550 \n 5.1.1 user", "no such user")
	f("550 550 is said twice", "550 is said twice")
	f("550 one \t\n550 two \n 550 550 three", "one two 550 three")
	f("550 \t two blanks before \tthree  550- ", "two blanks before three ")
	f("550 word-0SHXB7KG5F8 (0shxb7kg5f8) id0SHXB7KG5F8", "word-0shxb7kg5f8 (\x04) \x04")
	f("550 A@ @B a@b.", "a@ @b \x01")
	f(`550 \346\224\266 \303\211 \303 \103 \39 \`, `收 e `+"\xc3"+` \103 \39 \`)
	f("550", "550")
	f("", "")
}

func TestExplain(t *testing.T) {
	r := replyOf("550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in local recipient table, access denied")
	list := Explain(r)
	if len(list) < 3 || list[0].Lost != "" {
		t.Fatalf("candidates %+v", list)
	}
	v := Classify(r)
	if list[0].Rule != v.Rule || list[0].Cause != v.Cause || list[0].Evidence != v.Evidence || list[0].Source == "" {
		t.Errorf("first candidate %+v, verdict %+v", list[0], v)
	}
	lost := make(map[Evidence]string)
	for _, c := range list[1:] {
		lost[c.Evidence] = c.Lost
	}
	if got, want := lost[EnhancedCode], "phrase decides before enhanced code"; got != want {
		t.Errorf("enhanced code lost because %q, want %q", got, want)
	}
	if got, want := lost[WeakPhrase], "phrase decides before weak phrase"; got != want {
		t.Errorf("weak phrase lost because %q, want %q", got, want)
	}
	list = Explain(replyOf("550 Administrative prohibition: reverse DNS lookup failed"))
	if vague := slices.IndexFunc(list, func(c Candidate) bool { return c.Rule == "policy:administrative-prohibition" }); vague < 1 ||
		list[vague].Lost != "gives no finer reason" {
		t.Errorf("candidates %+v", list)
	}
	if list := Explain(Reply{Code: 550}); len(list) != 0 {
		t.Errorf("a bare 550: %+v", list)
	}
}

// Remembered providers are those of the table.
func TestClassifierRemembersHosts(t *testing.T) {
	var c Classifier
	for range 2 {
		for _, host := range []string{"mx1.qq.com", "mx.example.net", "", "mx1.comcast.net"} {
			r := Reply{RelayHost: []byte(host), RecipientDomain: []byte("gmail.com")}
			if got, want := c.Classify(r).Provider, ProviderOf(r.RelayHost, r.RecipientDomain); got != want {
				t.Errorf("%q: %v, want %v", host, got, want)
			}
		}
	}
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	var c Classifier
	known := replyOf("550 5.1.1 <a@example.com>: Recipient address rejected: User unknown")
	known.RelayHost = []byte("mx.example.com")
	texts := make([]Reply, 2*rememberedReplies)
	for i := range texts {
		texts[i] = replyOf("550 5.1.1 user unknown " + strings.Repeat("x", i%300) + " at host" + strings.Repeat("y", i/300))
	}
	for i := range texts {
		c.Classify(texts[i])
	}
	i := 0
	if n := testing.AllocsPerRun(200, func() {
		c.Classify(known)
		c.look(&texts[i%len(texts)], OtherProvider)
		i++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzClassify(f *testing.F) {
	for _, l := range readLabelled(f) {
		f.Add(string(l.reply.Text), uint16(l.reply.Code), uint32(l.reply.Enhanced))
	}
	var shared Classifier
	f.Fuzz(func(t *testing.T, text string, code uint16, e uint32) {
		r := Reply{Code: Code(code), Enhanced: Enhanced(e), Text: []byte(text)}
		v := Classify(r)
		if int(v.Cause) >= NumCauses || (v.Cause == UnknownCause) != (v.Evidence == NoEvidence) {
			t.Fatalf("verdict %+v", v)
		}
		if again := shared.Classify(r); again != v {
			t.Fatalf("%+v, then %+v", v, again)
		}
		list := Explain(r)
		if len(list) > 0 && list[0].Cause != v.Cause || len(list) == 0 && v.Cause != UnknownCause {
			t.Fatalf("verdict %+v, explained by %+v", v, list)
		}
		r.Text = upperASCII(strings.ReplaceAll(text, " ", "\n "))
		if folded := shared.Classify(r); len(text) < maxText/2 && folded != v {
			t.Fatalf("%+v, folded and in capitals %+v", v, folded)
		}
	})
}

func upperASCII(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return b
}

func BenchmarkClassify(b *testing.B) {
	replies := readLabelled(b)
	var c Classifier
	b.Run("repeated", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			c.Classify(replies[i%100*11].reply)
		}
	})
	b.Run("new", func(b *testing.B) {
		c.prepare()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r := &replies[i%len(replies)].reply
			c.normal = normalise(c.normal[:0], r)
			c.look(r, OtherProvider)
			c.query.decide()
		}
	})
}
