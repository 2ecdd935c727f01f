package story

import (
	"bytes"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A Feed reads the lines of one source for a Tracker.
type Feed struct {
	Tracker    *Tracker
	Calendar   logparse.Calendar
	Classifier *replycode.Classifier // nil: one with the built-in rules

	parser logparse.Parser
	event  logparse.Event
	step   logparse.Step
	seen   pipeline.Seen
	stamp  logparse.Stamp // of the line before, and its time: most lines share it
	time   time.Time
}

// Block reads all lines of a block.
func (f *Feed) Block(b *tailer.Block) {
	at := Place{Source: b.Source, Line: b.Line}
	for data := b.Data; len(data) > 0; at.Line++ {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		f.line(at, line)
	}
}

func (f *Feed) line(at Place, line []byte) {
	r := f.parser.Parse(line, &f.event)
	if pipeline.MayStep(r, &f.event) && f.parser.Step(&f.step) {
		at.Time = f.timeOf(f.step.Stamp)
		f.Tracker.Step(at, &f.step)
	}
	if r < logparse.ResultRemark {
		return
	}
	if f.Classifier == nil {
		f.Classifier = new(replycode.Classifier)
	}
	at.Time = f.timeOf(f.event.Stamp)
	f.seen = pipeline.Seen{
		Source: at.Source, Line: at.Line, Event: &f.event, Result: r,
		Verdict: pipeline.Classify(f.Classifier, &f.event), Time: at.Time,
	}
	f.Tracker.Event(at, &f.seen, f.parser.Recipients(&f.event))
}

func (f *Feed) timeOf(s logparse.Stamp) time.Time {
	if s != f.stamp {
		f.stamp, f.time = s, f.Calendar.Time(s)
	}
	return f.time
}

// FirstTime is the time of the first line that has one, the zero Time without any.
func FirstTime(data []byte, calendar logparse.Calendar) (t time.Time) {
	var parser logparse.Parser
	var ev logparse.Event
	for len(data) > 0 && t.IsZero() {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		parser.Parse(line, &ev)
		t, data = calendar.Time(parser.Frame().Stamp), rest
	}
	return t
}
