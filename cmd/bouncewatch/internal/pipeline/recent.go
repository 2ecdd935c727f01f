package pipeline

import (
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// recentFailures is how many failures a Live remembers. They are not written to
// disk.
const recentFailures = 30

// A Failure is mail that failed a moment ago. It names no address: in Text,
// addresses and numbers are masked.
type Failure struct {
	Time             time.Time // zero where the line has none
	Source           string
	QueueID          string
	Status           logparse.Status
	Code             replycode.Code
	Enhanced         replycode.Enhanced
	Cause            replycode.Cause
	Provider         replycode.Provider
	Inbound          bool // refused by this host
	Text             string
	textBuf, queueID []byte // of a ring: Text and QueueID, in memory that is used again
}

// A ring holds the latest failures. Once it is full it allocates nothing.
type ring struct {
	slots [recentFailures]Failure
	seen  int
}

// visit keeps a failure and nothing else.
func (r *ring) visit(s *Seen) {
	ev := s.Event
	if s.Result != logparse.ResultEvent || ev.Status == logparse.Sent {
		return
	}
	f := &r.slots[r.seen%recentFailures]
	r.seen++
	*f = Failure{
		Time: s.Time, Source: s.Source, Status: ev.Status, Code: ev.Code, Enhanced: ev.Enhanced,
		Cause: s.Verdict.Cause, Provider: s.Verdict.Provider, Inbound: ev.Direction == logparse.Inbound,
		textBuf: f.textBuf, queueID: f.queueID,
	}
	if f.textBuf == nil {
		f.textBuf, f.queueID = make([]byte, 0, 200), make([]byte, 0, 32)
	}
	f.textBuf = aggregate.AppendTemplate(f.textBuf[:0], ev.Text)
	f.queueID = append(f.queueID[:0], ev.QueueID[:min(len(ev.QueueID), cap(f.queueID))]...)
}

// failures are copies, the latest first.
func (r *ring) failures() []Failure {
	n := min(r.seen, recentFailures)
	all := make([]Failure, n)
	for i := range all {
		f := r.slots[(r.seen-1-i)%recentFailures]
		f.Text, f.QueueID = string(f.textBuf), string(f.queueID)
		f.textBuf, f.queueID = nil, nil
		all[i] = f
	}
	return all
}
