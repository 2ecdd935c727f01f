package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func failed(id string) *Seen {
	return &Seen{
		Place: Place{Source: "mail.log", Time: time.Unix(1, 0)}, Result: logparse.ResultEvent, Verdict: replycode.Verdict{Cause: replycode.UserUnknown},
		Event: &logparse.Event{Direction: logparse.Outbound, Status: logparse.Bounced, Code: 550, QueueID: []byte(id), Text: []byte("550 <user@example.com> unknown, see 192.0.2.1")},
	}
}

func TestRingKeepsTheLatestFailures(t *testing.T) {
	var r ring
	if got := r.failures(); len(got) != 0 {
		t.Errorf("failures %v of an empty ring", got)
	}
	for i := range recentFailures + 5 {
		r.visit(failed(fmt.Sprint("ID", i)))
	}
	sent, remark := failed("sent"), failed("remark")
	sent.Event.Status, remark.Result = logparse.Sent, logparse.ResultRemark
	r.visit(sent)
	r.visit(remark)
	got := r.failures()
	if len(got) != recentFailures || got[0].QueueID != "ID34" || got[recentFailures-1].QueueID != "ID5" {
		t.Fatalf("%d failures, the first %q, the last %q", len(got), got[0].QueueID, got[len(got)-1].QueueID)
	}
	if want := "# <address> unknown, see #.#.#.#"; got[0].Text != want {
		t.Errorf("text %q, want %q", got[0].Text, want)
	}
	f := got[0]
	if f.Source != "mail.log" || f.Status != logparse.Bounced || f.Code != 550 || f.Cause != replycode.UserUnknown || f.Inbound || f.Time.Unix() != 1 {
		t.Errorf("failure %+v", f)
	}
	r.visit(failed("later"))
	if got[0].QueueID != "ID34" {
		t.Error("a later failure changed a copy")
	}
}

func TestRingAllocatesNothingPerLine(t *testing.T) {
	var r ring
	s := failed("4XyZ1234567")
	for range recentFailures {
		r.visit(s)
	}
	if n := testing.AllocsPerRun(100, func() { r.visit(s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
