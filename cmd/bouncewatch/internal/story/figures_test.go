package story

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// The figures of the real logs are those of their truth.
func TestFiguresOfRealLogs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*-logs", "*.log"))
	if err != nil || len(files) != 10 {
		t.Fatalf("%d logs, %v", len(files), err)
	}
	for _, file := range files {
		name, _ := filepath.Rel(corpus, file)
		figures, refused := NewFigures(1000), map[string]bool{}
		figures.All = true
		for _, s := range readFile(t, &Tracker{Figures: figures}, name) {
			for _, m := range s.Messages {
				refused[m.QueueID] = m.turned
			}
		}
		want := map[string]uint64{}
		for f, h := range truth(t, strings.TrimSuffix(name, ".log")+".truth.jsonl", plainFate) {
			if correction, ok := corrections[f]; ok {
				h = correction
			}
			if !refused[f.id] {
				want[h.last]++
			}
		}
		fates := &figures.Fates
		got := map[string]uint64{
			"sent":     fates[DeliveredFirst] + fates[DeliveredLater] + fates[BackInQueue] + figures.Notices.Delivered,
			"bounced":  fates[FailedForGood] + figures.Notices.Failed - loops(t, file),
			"expired":  fates[GivenUp] + figures.Notices.Expired,
			"deferred": fates[StillQueued] - want["queued"],
			"removed":  fates[LeftQueue],
		}
		for status, n := range got {
			if n != want[status] {
				t.Errorf("%s: %d %s, want %d", name, n, status, want[status])
			}
		}
		if n := fates[DeliveredSome] + fates[LostSight] + figures.Began; n != 0 {
			t.Errorf("%s: %d are of messages from before the log: it has none", name, n)
		}
	}
}

// loops are Sendmail's messages with too many hops: only a notice is logged, and the
// truth, which is about attempts, has none.
func loops(t *testing.T, file string) uint64 {
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(bytes.Count(log, []byte(": DSN: Too many hops")))
}

func plainFate(id, recipient string) fate { return fate{id, strings.ToLower(recipient)} }

func TestFigures(t *testing.T) {
	f := NewFigures(10)
	f.All = true
	readText(t, &Tracker{Figures: f}, filtered)
	if f.Messages != 2 || f.Fates != [NumFates]uint64{DeliveredLater: 1, BackInQueue: 1} {
		t.Errorf("%d messages, %v", f.Messages, f.Fates)
	}
	want := TopRow{Name: "ann", Tally: Tally{Recipients: 1, Delivered: 1, Deferred: 1}}
	if rows := f.Users.Rows(); len(rows) != 1 || rows[0] != want {
		t.Errorf("users %v", rows)
	}
	if rows := f.Clients.Rows(); len(rows) != 1 || rows[0].Name != "192.0.2.9" || rows[0].Recipients != 1 {
		t.Errorf("clients %v", rows)
	}
	for c, l := range f.Late {
		if c.String() != "greylisted" || l.Count != 1 || l.Sum != 600 || l.Ranges[2] != 1 {
			t.Errorf("%v %+v", c, l)
		}
	}
}

func TestLateRanges(t *testing.T) {
	var l Late
	for _, s := range []float64{0, 60, 60.1, 3600, 86400, 86401, 1e9, -1} {
		l.add(s)
	}
	if want := [len(lateNames)]uint64{2, 1, 0, 1, 0, 1, 2}; l.Ranges != want || l.Untimed != 1 || l.Count != 8 {
		t.Errorf("%+v", l)
	}
}

// Within its size a Top is exact; beyond, it keeps its promise.
func TestTopKeepsItsPromise(t *testing.T) {
	const total = 50_000
	for _, size := range []int{1, 10, 100, 5000} {
		random := rand.New(rand.NewPCG(1, 2))
		zipf := rand.NewZipf(random, 1.2, 1, 2000)
		top, truth := NewTop(size), map[string]uint64{}
		for range total {
			name := fmt.Sprint(zipf.Uint64())
			truth[name]++
			top.Add([]byte(name), &Tally{Recipients: 1, Failed: 1})
		}
		rows := top.Rows()
		seen := map[string]bool{}
		for _, r := range rows {
			seen[r.Name] = true
			if r.Recipients > truth[r.Name] || r.Recipients+r.Missed < truth[r.Name] || r.Missed > uint64(total/size) || r.Failed != r.Recipients {
				t.Errorf("size %d: %+v, truly %d", size, r, truth[r.Name])
			}
		}
		for name, n := range truth {
			if n > uint64(total/size) && !seen[name] {
				t.Errorf("size %d: %s with %d recipients is missing", size, name, n)
			}
		}
		if len(rows) != min(size, len(truth)) {
			t.Errorf("size %d: %d rows", size, len(rows))
		}
		if size > len(truth) {
			for _, r := range rows {
				if r.Recipients != truth[r.Name] || r.Missed != 0 {
					t.Errorf("%+v, truly %d", r, truth[r.Name])
				}
			}
		}
	}
}

// A Top is the sketch of the paper, done the slow way: the least frequent name makes
// room, and of these the one that came in first, also where the Top was written down
// and read again.
func TestTopIsSpaceSaving(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := 1; size <= 40; size += 3 {
		top, model := NewTop(size), []TopRow(nil)
		for step := range 5000 {
			name := fmt.Sprint(random.IntN(1 + random.IntN(4*size)))
			tally := Tally{Recipients: uint64(random.IntN(3)), Failed: 1}
			top.Add([]byte(name), &tally)
			i := slices.IndexFunc(model, func(r TopRow) bool { return r.Name == name })
			if i < 0 {
				missed := uint64(0)
				if len(model) == size {
					least := slices.MinFunc(model, func(a, b TopRow) int { return cmp.Compare(a.Recipients+a.Missed, b.Recipients+b.Missed) })
					missed = least.Recipients + least.Missed
					model = slices.DeleteFunc(model, func(r TopRow) bool { return r.Name == least.Name })
				}
				i = len(model)
				model = append(model, TopRow{Name: name, Missed: missed})
			}
			model[i].Tally.add(&tally)
			model[i].BounceRate = model[i].Tally.BounceRate()
			if random.IntN(20) > 0 {
				continue
			}
			rows := top.rowsInOrder()
			if !slices.Equal(rows, model) {
				t.Fatalf("size %d, step %d: got %+v, want %+v", size, step, rows, model)
			}
			top = NewTop(size)
			for i := range rows {
				top.put(&rows[i])
			}
		}
	}
}

// Domains are in small letters, whichever letters an address has. One without a
// domain gives none: its local part is no domain.
func TestDomainsInSmallLetters(t *testing.T) {
	top := NewTop(10)
	for _, address := range []string{"a@Example.COM", "b@example.com", "c@EXAMPLE.com", "d@B\u00dcCHER.example", "e@b\u00fccher.example", "local", "\"@\"@example.com", "", "f@"} {
		top.addDomain([]byte(address), &Tally{Recipients: 1})
	}
	got := ""
	for _, r := range top.Rows() {
		got += fmt.Sprintf("%s %d, ", r.Name, r.Recipients)
	}
	if want := "example.com 4, b\u00fccher.example 2, "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBounceRate(t *testing.T) {
	for _, c := range []struct {
		tally Tally
		want  float64
	}{
		{Tally{}, 0},
		{Tally{Recipients: 5}, 0},
		{Tally{Recipients: 5, Delivered: 3, Failed: 1}, 0.25},
		{Tally{Recipients: 4, Delivered: 1, Failed: 1, Expired: 2}, 0.75},
	} {
		if got := c.tally.BounceRate(); got != c.want {
			t.Errorf("%+v: %v", c.tally, got)
		}
	}
}

// BenchmarkCorrelation compares counting alone with counting by a daemon that
// follows messages, and with what messages does, on logs that are grown so that
// making and dropping a Tracker costs nothing.
func BenchmarkCorrelation(b *testing.B) {
	for _, name := range []string{"postfix-logs/pf37.log", "exim-logs/exim496-default.log", "sendmail-logs/sm817-ll9.log"} {
		data, err := os.ReadFile(filepath.Join(corpus, name))
		if err != nil {
			b.Fatal(err)
		}
		const times = 20
		block := tailer.Block{Source: "-", Data: data, Line: 1}
		lines := times * bytes.Count(data, []byte("\n"))
		each := func(what string, start func() *pipeline.Pipeline, end func()) {
			b.Run(what+"/"+filepath.Base(name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p := start()
					for range times {
						p.Block(&block)
					}
					end()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*lines), "ns/line")
			})
		}
		counting := watchPipe(nil)
		counting.Listener = nil
		each("counting", func() *pipeline.Pipeline { return counting }, func() {})
		watching := watchPipe(nil)
		each("watching", func() *pipeline.Pipeline {
			watching.Listener = newWatch(10_000)
			return watching
		}, func() {})
		following, tracker := watchPipe(nil), (*Tracker)(nil)
		following.Counts = nil
		each("messages", func() *pipeline.Pipeline {
			figures := NewFigures(10_000)
			figures.All, figures.Suspects = true, NewSuspects(Suspicion{Unknown: 20, Recipients: 200})
			figures.Suspects.All = true
			tracker = &Tracker{Limit: 1_000_000, MaxAge: 6 * 24 * time.Hour, Figures: figures}
			following.Listener = tracker
			return following
		}, func() { tracker.Close() })
	}
}
