package demo

import (
	"bytes"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

var start = time.Date(2026, 11, 25, 13, 20, 0, 0, time.UTC)

func play(t *testing.T, seed uint64, history, length time.Duration) *Player {
	t.Helper()
	p, err := New(Options{Dir: t.TempDir(), Seed: seed, Speed: 1, Start: start})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.History(history, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := p.Play(length); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// counted is what the program makes of the logs, in the words of the demo.
func counted(t *testing.T, logs []string) *Tally {
	t.Helper()
	c, tally := aggregate.New(), newTally()
	for _, path := range logs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p := pipeline.Pipeline{Counts: c, Calendar: &logparse.Calendar{}}
		p.Block(&tailer.Block{Source: path, Data: data, Line: 1})
		tally.Lines[path] = map[string]uint64{}
		for r, n := range c.Lines(path) {
			if n > 0 {
				tally.Lines[path][logparse.Result(r).String()] = n
			}
		}
	}
	for _, r := range c.Rows() {
		o := Outcome{
			MTA: r.MTA.String(), Direction: r.Direction.String(), Status: r.Status.String(), Code: r.Code.String(), Enhanced: r.Enhanced.String(),
			Class: r.Class.String(), Cause: r.Cause.String(), Provider: r.Provider.String(), Remark: r.Remark,
		}
		if o.Code == "" {
			o.Code = "none"
		}
		if o.Status == "sent" {
			o.Cause = ""
		}
		tally.Outcomes[o] += r.N
	}
	return tally
}

func diff(t *testing.T, got, want *Tally) {
	t.Helper()
	for o, n := range want.Outcomes {
		if got.Outcomes[o] != n {
			t.Errorf("%d, want %d: %+v", got.Outcomes[o], n, o)
		}
	}
	for o, n := range got.Outcomes {
		if want.Outcomes[o] == 0 {
			t.Errorf("%d that were not played: %+v", n, o)
		}
	}
	if !reflect.DeepEqual(got.Lines, want.Lines) {
		t.Errorf("lines %v, want %v", got.Lines, want.Lines)
	}
}

// What is played is what the program counts, to the last label: the demo's truth
// and the program's reading were written apart.
func TestTruthEqualsWhatIsCounted(t *testing.T) {
	p := play(t, 1, 24*time.Hour, 10*time.Minute)
	if n := p.Played().Total(); n < 10*60*Rate {
		t.Errorf("only %d outcomes", n)
	}
	diff(t, counted(t, p.Logs()), p.Played())
}

func TestSameSeedSameLogs(t *testing.T) {
	read := func(p *Player) (all []byte) {
		for _, path := range p.Logs() {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
		}
		return all
	}
	a, b, c := read(play(t, 7, time.Hour, time.Minute)), read(play(t, 7, time.Hour, time.Minute)), read(play(t, 8, time.Hour, time.Minute))
	if !bytes.Equal(a, b) {
		t.Error("the same seed gave other logs")
	}
	if bytes.Equal(a, c) {
		t.Error("another seed gave the same logs")
	}
}
