// Package pipeline is the one loop that watch and analyze share: lines in,
// events classified, counts out.
package pipeline

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A Seen is one line that said something about mail, and what was made of it.
// Its Event is valid only during the visit.
type Seen struct {
	Source  string
	Line    int64 // 1-based
	Event   *logparse.Event
	Result  logparse.Result
	Verdict replycode.Verdict
}

// A Pipeline counts the lines of one source. The parser keeps what spans lines,
// so a Pipeline must see the lines of one source only, in order.
type Pipeline struct {
	Parser logparse.Parser
	Counts *aggregate.Counts
	Visit  func(*Seen) // called for each event and remark, if set

	event logparse.Event
}

// Block counts all lines of a block.
func (p *Pipeline) Block(b *tailer.Block) {
	lines := p.Counts.Lines(b.Source)
	number := b.Line
	for data := b.Data; len(data) > 0; number++ {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		r := p.Parser.Parse(line, &p.event)
		lines[r]++
		if r >= logparse.ResultRemark {
			p.count(b.Source, number, r)
		}
	}
}

func (p *Pipeline) count(source string, line int64, r logparse.Result) {
	ev := &p.event
	v := Classify(ev)
	p.Counts.Add(ev, v, r == logparse.ResultRemark)
	if v.Cause == replycode.UnknownCause && r == logparse.ResultEvent && ev.Status != logparse.Sent {
		p.Counts.Unmatched(ev.Text, uint64(max(ev.Count(), 0)))
	}
	if p.Visit != nil {
		p.Visit(&Seen{source, line, ev, r, v})
	}
}

// Classify asks why the mail of an event failed. Sent mail has a provider and
// no cause.
func Classify(ev *logparse.Event) replycode.Verdict {
	if ev.Status == logparse.Sent {
		return replycode.Verdict{Provider: replycode.ProviderOf(ev.RelayHost, ev.RecipientDomain())}
	}
	return replycode.Classify(replycode.Reply{
		Code: ev.Code, Enhanced: ev.Enhanced, Text: ev.Text,
		RelayHost: ev.RelayHost, RecipientDomain: ev.RecipientDomain(), SenderDomain: ev.SenderDomain(),
		Expired: ev.Status == logparse.Expired, Inbound: ev.Direction == logparse.Inbound, TLS: ev.Stage == logparse.StartTLS,
	})
}
