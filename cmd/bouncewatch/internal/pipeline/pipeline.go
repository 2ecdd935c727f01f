// Package pipeline is the one loop that watch and analyze share: lines in,
// events classified, counts out.
package pipeline

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A Place is where a line stands, and when it was written.
type Place struct {
	Source string
	Line   int64     // 1-based
	Time   time.Time // zero where the line has none, or the Pipeline no Calendar
}

// A Seen is one line that said something about mail, and what was made of it.
// It and its Event are valid only during the visit.
type Seen struct {
	Place
	Event   *logparse.Event
	Result  logparse.Result
	Verdict replycode.Verdict

	parser *logparse.Parser
}

// Recipients are all recipients of the Event.
func (s *Seen) Recipients() iter.Seq[[]byte] { return s.parser.Recipients(s.Event) }

// A Pipeline counts the lines of one source. The parser keeps what spans lines,
// so a Pipeline must see the lines of one source only, in order.
type Pipeline struct {
	Parser     logparse.Parser
	Counts     *aggregate.Counts     // nil: nothing is counted
	Classifier *replycode.Classifier // shared by the pipelines of one goroutine; nil: one with the built-in rules
	Calendar   *logparse.Calendar    // if set, events get a time and are counted by hour
	Clock      func() time.Time      // if set, events a day after it and more are counted in no hour
	Keep       func(*Seen) bool      // if set, only events that it likes are counted
	Visit      func(*Seen)           // if set, is called for each event and remark that is counted
	Unparsed   func(*logparse.Frame) // if set, is called for each line that no rule understands
	Listener   Listener              // if set, is told of what is no event, too; needs a Calendar

	event  logparse.Event
	step   logparse.Step
	seen   Seen
	latest time.Time // an hour of that time is believed
}

// A Listener learns all that lines say about messages.
type Listener interface {
	Step(at Place, st *logparse.Step)
	Event(s *Seen)
}

// A Companion listens to a Live, and has a part of its snapshot.
type Companion interface {
	Listener
	Save(io.Writer) error       // writes what must outlive the process, as a JSON value
	Saved()                     // what Save wrote last is on disk
	Load(json.RawMessage) error // what an earlier process saved
}

// Block counts all lines of a block. The block at the end of a log has none, and
// no source.
func (p *Pipeline) Block(b *tailer.Block) {
	if len(b.Data) == 0 {
		return
	}
	var uncounted [logparse.NumResults]uint64
	lines := &uncounted
	if p.Counts != nil {
		lines = p.Counts.Lines(b.Source)
	}
	if p.Clock != nil {
		p.latest = p.Clock().Add(24 * time.Hour)
	}
	at := Place{Source: b.Source, Line: b.Line}
	for data := b.Data; len(data) > 0; at.Line++ {
		var line []byte
		line, data = cutLine(data)
		r := p.Parser.Parse(line, &p.event)
		lines[r]++
		if p.Listener != nil && mayStep(r, &p.event) && p.Parser.Step(&p.step) {
			at.Time = p.Calendar.Time(p.step.Stamp)
			p.Listener.Step(at, &p.step)
		}
		switch {
		case r >= logparse.ResultRemark:
			p.count(at, r)
		case r == logparse.ResultUnparsed && p.Unparsed != nil:
			p.Unparsed(p.Parser.Frame())
		}
	}
}

// mayStep says whether the line just parsed can hold a Step: outcomes of Postfix and
// Exim hold none, and looking costs time.
func mayStep(r logparse.Result, ev *logparse.Event) bool {
	return r != logparse.ResultForeign && (r != logparse.ResultEvent || ev.MTA == logparse.Sendmail)
}

// Prime shows the parser lines that were counted before: those that come next
// may refer to them.
func (p *Pipeline) Prime(data []byte) {
	for len(data) > 0 {
		var line []byte
		line, data = cutLine(data)
		p.Parser.Parse(line, &p.event)
	}
}

func cutLine(data []byte) (line, rest []byte) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return data[:i], data[i+1:]
	}
	return data, nil
}

func (p *Pipeline) count(at Place, r logparse.Result) {
	if p.Classifier == nil {
		p.Classifier = new(replycode.Classifier)
	}
	ev := &p.event
	at.Time = time.Time{}
	if p.Calendar != nil {
		at.Time = p.Calendar.Time(ev.Stamp)
	}
	p.seen = Seen{Place: at, Event: ev, Result: r, Verdict: Classify(p.Classifier, ev), parser: &p.Parser}
	if p.Keep != nil && !p.Keep(&p.seen) {
		return
	}
	if p.Counts != nil {
		p.Counts.Add(ev, p.seen.Verdict, r == logparse.ResultRemark)
	}
	if p.Counts != nil && r == logparse.ResultEvent {
		p.countEvent(uint64(max(ev.Count(), 0)))
	}
	if p.Visit != nil {
		p.Visit(&p.seen)
	}
	if p.Listener != nil {
		p.Listener.Event(&p.seen)
	}
}

func (p *Pipeline) countEvent(n uint64) {
	ev := &p.event
	if p.Clock == nil || p.seen.Time.Before(p.latest) {
		p.Counts.At(p.seen.Time, ev.Status, n)
	}
	if p.seen.Verdict.Cause == replycode.UnknownCause && ev.Status != logparse.Sent {
		p.Counts.Unmatched(ev.Text, n)
	}
}

// Classify asks why the mail of an event failed. Sent mail has a provider and
// no cause.
func Classify(c *replycode.Classifier, ev *logparse.Event) replycode.Verdict {
	if ev.Status == logparse.Sent {
		return replycode.Verdict{Provider: c.ProviderOf(ev.RelayHost, ev.RecipientDomain())}
	}
	return c.Classify(ReplyOf(ev))
}

// ReplyOf is what an event says to a Classifier. It borrows from the event.
func ReplyOf(ev *logparse.Event) replycode.Reply {
	return replycode.Reply{
		Code: ev.Code, Enhanced: ev.Enhanced, Text: ev.Text,
		RelayHost: ev.RelayHost, RecipientDomain: ev.RecipientDomain(), SenderDomain: ev.SenderDomain(),
		Expired: ev.Status == logparse.Expired, Inbound: ev.Direction == logparse.Inbound, TLS: ev.Stage == logparse.StartTLS,
	}
}
