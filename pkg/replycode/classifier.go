package replycode

import (
	"bytes"
	"hash/maphash"
)

// A Classifier classifies replies and remembers the last ones: most failures
// repeat a reply that differs in addresses and serial numbers only. The zero
// Classifier is ready and knows the built-in rules; it is for one goroutine.
type Classifier struct {
	rules    *Rules
	set      *ruleSet
	seed     maphash.Seed
	normal   []byte
	query    query
	verdicts []remembered
	hosts    []rememberedHost
}

// Both tables are of fixed size and all their memory is taken at once. A reply
// may stand in any of a few slots in a row and a new one takes the place of an
// old one; longer replies are not remembered.
const (
	rememberedReplies = 1024
	rememberedHosts   = 512
	rememberedText    = 320
	slotsInRow        = 4
)

// remembered is a verdict with all that it depends on.
type remembered struct {
	normal []byte
	hash   uint64
	facts  facts
	v      Verdict
}

// facts is what a verdict depends on besides the normal form of the text.
type facts struct {
	code     Code
	enhanced Enhanced
	provider Provider
	flags    uint8
}

type rememberedHost struct {
	relay, domain []byte
	provider      Provider
}

// flagUsed marks a slot that holds a verdict.
const flagUsed = 1 << 7

func factsOf(r *Reply, p Provider) facts {
	f := facts{code: r.Code, enhanced: r.Enhanced, provider: p, flags: flagUsed}
	if r.Expired {
		f.flags |= 1
	}
	if r.Inbound {
		f.flags |= 2
	}
	if r.TLS {
		f.flags |= 4
	}
	return f
}

// NewClassifier is a Classifier with these rules; nil are the built-in ones.
func NewClassifier(rules *Rules) *Classifier { return &Classifier{rules: rules} }

// Classify says why mail failed, as the function of the same name, with the rules
// of the Classifier.
func (c *Classifier) Classify(r Reply) Verdict {
	c.prepare()
	p := c.provider(&r)
	c.normal = normalise(c.normal[:0], &r)
	f := factsOf(&r, p)
	hash := maphash.Bytes(c.seed, c.normal)
	row := hash % (rememberedReplies / slotsInRow) * slotsInRow
	slots := c.verdicts[row : row+slotsInRow]
	for i := range slots {
		if s := &slots[i]; s.hash == hash && s.facts == f && bytes.Equal(s.normal, c.normal) {
			return s.v
		}
	}
	c.look(&r, p)
	best := c.query.decide()
	c.query.reply = Reply{}
	v := Verdict{Cause: best.Cause, Provider: p, Rule: best.Rule, Label: best.Label, Evidence: best.Evidence}
	if len(c.normal) <= rememberedText {
		remember(slots, remembered{c.normal, hash, f, v})
	}
	return v
}

// remember moves the slots of a row up by one and fills the first.
func remember(slots []remembered, m remembered) {
	last := slots[len(slots)-1].normal
	copy(slots[1:], slots)
	m.normal = append(last[:0], m.normal...)
	slots[0] = m
}

func (c *Classifier) prepare() {
	if c.set != nil {
		return
	}
	c.set = c.rules.compiled()
	c.seed = maphash.MakeSeed()
	c.normal = make([]byte, 0, maxText)
	c.verdicts = make([]remembered, rememberedReplies)
	texts := make([]byte, rememberedReplies*rememberedText)
	for i := range c.verdicts {
		c.verdicts[i].normal, texts = cut(texts, rememberedText)
	}
	c.hosts = make([]rememberedHost, rememberedHosts)
	names := make([]byte, 2*rememberedHosts*maxDomain)
	for i := range c.hosts {
		c.hosts[i].relay, names = cut(names, maxDomain)
		c.hosts[i].domain, names = cut(names, maxDomain)
	}
}

// cut takes an empty slice with room for n bytes off the front of b.
func cut(b []byte, n int) (room, rest []byte) { return b[:0:n], b[n:] }

// look searches the normal form. A mark in the text stands in for a relay host
// that the table does not know.
func (c *Classifier) look(r *Reply, p Provider) {
	q := &c.query
	q.set, q.provider, q.reply = c.set, p, *r
	q.scan(c.set, c.normal)
	if q.provider == OtherProvider {
		q.provider = c.set.marked(&q.search)
	}
}

// ProviderOf names the organisation behind a host or a domain, as the function of
// the same name, own providers first.
func (c *Classifier) ProviderOf(relayHost, recipientDomain []byte) Provider {
	c.prepare()
	return c.provider(&Reply{RelayHost: relayHost, RecipientDomain: recipientDomain})
}

// provider is the rules' providerOf with a memory.
func (c *Classifier) provider(r *Reply) Provider {
	if len(r.RelayHost) > maxDomain || len(r.RecipientDomain) > maxDomain {
		return c.set.providerOf(r.RelayHost, r.RecipientDomain)
	}
	sum := maphash.Bytes(c.seed, r.RelayHost) + 3*maphash.Bytes(c.seed, r.RecipientDomain)
	slot := &c.hosts[sum%rememberedHosts]
	if !bytes.Equal(slot.relay, r.RelayHost) || !bytes.Equal(slot.domain, r.RecipientDomain) {
		slot.relay = append(slot.relay[:0], r.RelayHost...)
		slot.domain = append(slot.domain[:0], r.RecipientDomain...)
		slot.provider = c.set.providerOf(r.RelayHost, r.RecipientDomain)
	}
	return slot.provider
}
