package replycode

import "hash/maphash"

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
	relays   []rememberedHost
	domains  []rememberedHost
}

// The tables are of fixed size and all their memory is taken at once. A reply may
// stand in any of a few slots in a row and a new one takes the place of an old one.
const (
	rememberedReplies = 4096
	rememberedHosts   = 2048
	slotsInRow        = 4
)

// remembered is a verdict with all that it depends on. Of the normal form of the
// text the hash is enough: with a secret seed no one can write two texts of the
// same 64 bits, and chance would need billions of replies.
type remembered struct {
	hash  uint64
	facts facts
	v     Verdict
}

// facts is what a verdict depends on besides the normal form of the text.
type facts struct {
	code     Code
	enhanced Enhanced
	provider Provider
	flags    uint8
}

// rememberedHost is what a table says about a name, which stands as its hash.
type rememberedHost struct {
	hash     uint64
	provider Provider
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
		if s := &slots[i]; s.hash == hash && s.facts == f {
			return s.v
		}
	}
	c.look(&r, p)
	best := c.query.decide()
	c.query.reply = Reply{}
	v := Verdict{Cause: best.Cause, Provider: p, Rule: best.Rule, Label: best.Label, Evidence: best.Evidence}
	copy(slots[1:], slots)
	slots[0] = remembered{hash, f, v}
	return v
}

func (c *Classifier) prepare() {
	if c.set != nil {
		return
	}
	c.set = c.rules.compiled()
	c.seed = maphash.MakeSeed()
	c.normal = make([]byte, 0, maxText)
	c.verdicts = make([]remembered, rememberedReplies)
	c.relays = make([]rememberedHost, rememberedHosts)
	c.domains = make([]rememberedHost, rememberedHosts)
}

// exchangeOnline has enhanced codes with details of three digits. No other receiver
// does; the registry of RFC 5248 ends at X.7.30.
var exchangeOnline, _ = parseProvider("microsoft")

const firstOfExchangeOnline = 100

// look searches the normal form. A mark in the text, or a code that only one
// receiver has, stands in for a relay host that the table does not know.
func (c *Classifier) look(r *Reply, p Provider) {
	q := &c.query
	q.set, q.provider, q.reply = c.set, p, *r
	q.scan(c.set, c.normal)
	if q.provider == OtherProvider {
		q.provider = c.set.marked(&q.search)
	}
	if q.provider == OtherProvider && r.Enhanced != NoEnhanced && r.Enhanced.Detail() >= firstOfExchangeOnline {
		q.provider = exchangeOnline
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
	relay, known := c.recall(c.relays, r.RelayHost)
	if !known {
		relay.provider = c.set.ofRelay(r.RelayHost)
	}
	if relay.provider != OtherProvider {
		return relay.provider
	}
	domain, known := c.recall(c.domains, r.RecipientDomain)
	if !known {
		domain.provider = c.set.ofDomain(r.RecipientDomain)
	}
	return domain.provider
}

// recall is the slot for a name; if it does not know the name, it now belongs to it.
func (c *Classifier) recall(table []rememberedHost, name []byte) (slot *rememberedHost, known bool) {
	hash := maphash.Bytes(c.seed, name) | 1 // 0 is a slot of no name
	slot = &table[hash>>1%rememberedHosts]
	known = slot.hash == hash
	slot.hash = hash
	return slot, known
}
