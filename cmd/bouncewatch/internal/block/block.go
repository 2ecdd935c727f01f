// Package block finds receivers that refuse the mail of a host for its address,
// its reputation or its rate: since when, and whether it is over.
package block

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// DefaultCauses are those that a receiver blocks a host for.
func DefaultCauses() []replycode.Cause {
	return []replycode.Cause{replycode.IPBlocked, replycode.PoorReputation, replycode.RateLimited}
}

const (
	// chance is how likely the deliveries since the last refusal may be while the
	// block goes on: if they are less likely, it is over.
	chance = 0.05
	// apart is how long a block must have been over for the next to be another.
	apart = time.Hour
	// maxReceivers bounds the receivers of all hosts, maxBlocks the blocks of each.
	maxReceivers = 100_000
	maxBlocks    = 1000
	maxReply     = 300
)

// A State says whether a block is over.
type State uint8

// The states.
const (
	GoesOn  State = iota // nothing was delivered since the last refusal
	Unclear              // so few deliveries that they can be chance
	Over
)

// String is the state as JSON has it.
func (s State) String() string { return [...]string{"goes_on", "unclear", "over"}[s%3] }

// A Block is a time in which a receiver refused mail of a host for one cause.
type Block struct {
	Host     string // that sends
	Receiver string // a provider, or the domain of recipients elsewhere
	Cause    replycode.Cause
	First    time.Time // refusal
	Last     time.Time
	Refused  uint64    // attempts
	Between  uint64    // deliveries from First to Last
	After    uint64    // deliveries since Last
	Again    time.Time // the first of these
	Reply    string    // the last one
}

// State says whether the block is over. Where it refused a share of the mail, a few
// deliveries in a row say nothing: they must be unlikely.
func (b *Block) State() State {
	if b.After == 0 {
		return GoesOn
	}
	passes := float64(b.Between) / float64(b.Between+b.Refused)
	likely := 1.0
	for range b.After {
		if likely *= passes; likely < chance {
			return Over
		}
	}
	return Unclear
}

// Blocks finds blocks in events, which must come in the order of time.
type Blocks struct {
	Causes []replycode.Cause

	From, To  time.Time // of all events
	Forgotten uint64    // refusals by receivers beyond the limit, and by blocks beyond it
	receivers map[receiver]*history
	blocks    map[blockKey][]*Block
}

type receiver struct{ host, name string }

type blockKey struct {
	receiver
	cause replycode.Cause
}

// A history is what a receiver did in all.
type history struct {
	causes []replycode.Cause // that it refused for
}

// Add looks at an event.
func (b *Blocks) Add(s *pipeline.Seen) {
	ev := s.Event
	if s.Time.IsZero() || ev.Direction != logparse.Outbound || s.Result != logparse.ResultEvent {
		return
	}
	b.span(s.Time)
	refused := ev.Status != logparse.Sent && slices.Contains(b.Causes, s.Verdict.Cause)
	if !refused && ev.Status != logparse.Sent {
		return
	}
	to := receiverOf(s)
	h := b.receivers[to]
	if h == nil && !refused {
		return // it never refused: most
	}
	n := uint64(max(0, ev.Count()))
	if !refused {
		for _, cause := range h.causes {
			all := b.blocks[blockKey{to, cause}]
			all[len(all)-1].deliver(s.Time, n)
		}
		return
	}
	b.refuse(to, h, s, n)
}

func (b *Blocks) span(t time.Time) {
	if b.From.IsZero() || t.Before(b.From) {
		b.From = t
	}
	if t.After(b.To) {
		b.To = t
	}
}

// receiverOf is the provider; what is none is told apart by domain.
func receiverOf(s *pipeline.Seen) receiver {
	name := s.Verdict.Provider.String()
	if s.Verdict.Provider == replycode.OtherProvider {
		name = strings.ToLower(string(s.Event.RecipientDomain()))
	}
	return receiver{strings.ToLower(string(s.Event.Host)), name}
}

func (b *Blocks) refuse(to receiver, h *history, s *pipeline.Seen, n uint64) {
	if h == nil {
		if len(b.receivers) >= maxReceivers {
			b.Forgotten += n
			return
		}
		if b.receivers == nil {
			b.receivers, b.blocks = map[receiver]*history{}, map[blockKey][]*Block{}
		}
		h = &history{}
		b.receivers[to] = h
	}
	k := blockKey{to, s.Verdict.Cause}
	if !slices.Contains(h.causes, k.cause) {
		h.causes = append(h.causes, k.cause)
	}
	all := b.blocks[k]
	if len(all) == 0 || all[len(all)-1].ended(s.Time) {
		if len(all) >= maxBlocks {
			b.Forgotten += n
			return
		}
		all = append(all, &Block{Host: to.host, Receiver: to.name, Cause: k.cause, First: s.Time, Last: s.Time})
		b.blocks[k] = all
	}
	all[len(all)-1].refuse(s, n)
}

// ended says whether a refusal now is of another block.
func (b *Block) ended(now time.Time) bool { return b.State() == Over && now.Sub(b.Last) > apart }

func (b *Block) refuse(s *pipeline.Seen, n uint64) {
	b.Refused += n
	b.Between += b.After
	b.After, b.Again = 0, time.Time{}
	if s.Time.After(b.Last) {
		b.Last = s.Time
	}
	b.Reply = string(s.Event.Text[:min(len(s.Event.Text), maxReply)])
}

func (b *Block) deliver(now time.Time, n uint64) {
	if b.After == 0 {
		b.Again = now
	}
	b.After += n
}

// All are the blocks: those that may go on first, and of these the largest.
func (b *Blocks) All() (all []*Block) {
	for _, list := range b.blocks {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(x, y *Block) int {
		return cmp.Or(cmp.Compare(x.State(), y.State()), cmp.Compare(y.Refused, x.Refused), x.First.Compare(y.First),
			strings.Compare(x.Receiver, y.Receiver), cmp.Compare(x.Cause, y.Cause), strings.Compare(x.Host, y.Host))
	})
	return all
}
