package story

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

var _ pipeline.Companion = (*Watch)(nil)

func newWatch(limit int) *Watch {
	return NewWatch(WatchOptions{
		Limit: limit, MaxAge: 144 * time.Hour, Suspicion: Suspicion{Unknown: 20, Recipients: 500}, Logger: slog.New(slog.DiscardHandler),
	})
}

// watchPipe is a pipeline as a daemon has it.
func watchPipe(w *Watch) *pipeline.Pipeline {
	return &pipeline.Pipeline{
		Counts: aggregate.NewWithoutDomains(), Listener: w,
		Calendar: &logparse.Calendar{Location: time.UTC, Reference: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)},
	}
}

func watchText(w *Watch, text string) {
	watchPipe(w).Block(&tailer.Block{Source: "mail.log", Data: []byte(text), Line: 1})
}

func logs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "*-logs", "*.log"))
	if err != nil || len(files) != 10 {
		t.Fatalf("%d logs, %v", len(files), err)
	}
	return files
}

func contents(t *testing.T, file string) string {
	t.Helper()
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// What a daemon counts line by line is what the batch counts of whole stories,
// which the truth was compared with.
func TestWatchCountsWhatFiguresCount(t *testing.T) {
	for _, file := range logs(t) {
		figures := NewFigures(1000)
		figures.All = true
		name, _ := filepath.Rel(corpus, file)
		readFile(t, &Tracker{Figures: figures}, name)
		w := newWatch(10_000)
		watchText(w, contents(t, file))
		queued := figures.Fates[StillQueued]
		for _, n := range w.look().Open {
			queued -= min(queued, uint64(n)) // each of the corpus that waits has one recipient
		}
		var outcomes [NumFates]uint64
		var late, bounced uint64
		for mta := range w.totals.Outcomes {
			for fate, n := range w.totals.Outcomes[mta] {
				outcomes[fate] += n
			}
			late += w.totals.Late[mta].Count
			for _, n := range w.totals.Failures[mta] {
				bounced += n
			}
		}
		for _, fate := range CountedFates() {
			if outcomes[fate] != figures.Fates[fate] {
				t.Errorf("%s: %d %v, batch has %d", name, outcomes[fate], fate, figures.Fates[fate])
			}
		}
		if late != figures.Fates[DeliveredLater] || bounced != figures.Fates[FailedForGood]+figures.Fates[GivenUp] {
			t.Errorf("%s: %d late of %d, %d bounced", name, late, figures.Fates[DeliveredLater], bounced)
		}
		for c, n := range w.totals.LateCause {
			want := uint64(0)
			if l := figures.Late[replycode.Cause(c)]; l != nil {
				want = l.Count
			}
			if n != want {
				t.Errorf("%s: %d delivered after %v, batch has %d", name, n, replycode.Cause(c), want)
			}
		}
		for _, row := range figures.Providers().Rows() {
			p, _ := replycode.NameProvider(row.Name)
			got := w.totals.Providers[p]
			if got == nil {
				got = new([NumFates]uint64)
			}
			if got[FailedForGood] != row.Failed || got[GivenUp] != row.Expired {
				t.Errorf("%s: %s: %v, batch has %+v", name, row.Name, got, row)
			}
		}
	}
}

// A process that ends behind any line leaves a state that the next one goes on
// with as if nothing had been.
func TestWatchSurvivesRestartsAnywhere(t *testing.T) {
	for _, name := range []string{"postfix-logs/pf310-longids.log", "exim-logs/exim498-debian.log", "sendmail-logs/sm817-ll9.log"} {
		file := filepath.Join(corpus, name)
		lines := strings.SplitAfter(contents(t, file), "\n")
		empty := save(t, newWatch(150))
		whole := loaded(t, empty)
		watchText(whole, strings.Join(lines, ""))
		want := save(t, whole)
		for _, step := range []int{1999, 211} {
			w := loaded(t, empty)
			parser := watchPipe(nil)
			for part := range slices.Chunk(lines, step) {
				w = loaded(t, save(t, w))
				parser.Listener = w
				parser.Block(&tailer.Block{Source: "mail.log", Data: []byte(strings.Join(part, "")), Line: 1})
			}
			if got := save(t, w); !bytes.Equal(got, want) {
				t.Errorf("%s in pieces of %d lines: the state is another", file, step)
			}
		}
	}
}

func save(t *testing.T, w *Watch) json.RawMessage {
	t.Helper()
	var data bytes.Buffer
	if err := w.Save(&data); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func loaded(t *testing.T, data json.RawMessage) *Watch {
	t.Helper()
	w := newWatch(150)
	if err := w.Load(data); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestReadersOfAWatchSeeOnlyWhatIsOnDisk(t *testing.T) {
	w := newWatch(100)
	lines := strings.SplitAfter(filtered, "\n")
	watchText(w, strings.Join(lines[:9], ""))
	if n := w.View().Open[logparse.Postfix]; n != 0 {
		t.Errorf("%d messages are open before they are on disk", n)
	}
	save(t, w)
	w.Saved()
	if n := w.View().Open[logparse.Postfix]; n != 1 {
		t.Errorf("%d messages are open, want 1", n)
	}
	watchText(w, strings.Join(lines[9:], ""))
	save(t, w) // the disk is full: Saved is not called
	if n := w.View().Totals.Outcomes[logparse.Postfix][DeliveredLater]; n != 0 {
		t.Errorf("%d were delivered before that is on disk", n)
	}
	save(t, w)
	w.Saved()
	v := w.View()
	h := v.Totals.Late[logparse.Postfix]
	if n := v.Totals.Outcomes[logparse.Postfix][DeliveredLater]; n != 1 || h.Count != 1 || h.Sum() != 600 || v.Open[logparse.Postfix] != 0 {
		t.Errorf("%d were delivered late, %d in %v s, %d are open", n, h.Count, h.Sum(), v.Open[logparse.Postfix])
	}
}

// No address, user or Message-ID is in the state, nor in what readers see.
func TestNoAddressLeavesAWatch(t *testing.T) {
	for _, file := range logs(t) {
		w := newWatch(10_000)
		watchText(w, contents(t, file))
		state := string(save(t, w))
		for _, personal := range []string{"anna", "postmaster", "smallbiz", "ops+", "127.0."} {
			if strings.Contains(state, personal) {
				t.Errorf("%s: %q is in the state", file, personal)
			}
		}
	}
	w := newWatch(100)
	watchText(w, strings.Join(strings.SplitAfter(filtered, "\n")[:9], ""))
	state := string(save(t, w))
	for _, personal := range []string{"ann@", "bob", "x@example.com", "192.0.2.9"} {
		if strings.Contains(state, personal) {
			t.Errorf("%q is in the state %s", personal, state)
		}
	}
	if !strings.Contains(state, `"*@example.com #`) || !strings.Contains(state, `"a* #`) {
		t.Errorf("no masked sender in %s", state)
	}
}

func TestPseudonyms(t *testing.T) {
	p := NewPseudonyms()
	one := func(s string) string { return string(p.of([]byte(s))) }
	if one("Ann@Example.com") != one("ann@example.COM") || one("ann") != strings.Split(one("ann@example.com"), "@")[0] {
		t.Error("the same address has two pseudonyms")
	}
	if one("ann") == one("bob") || one("ann") == string(NewPseudonyms().of([]byte("ann"))) || len(one("a@b")) != 33 {
		t.Errorf("pseudonym %s", one("a@b"))
	}
	for _, c := range []struct{ name, want string }{
		{"ann@example.com", "*@example.com"}, {"ann", "a*"}, {"émile", "é*"}, {"\x1b[31m@example.com", "*@example.com"},
		{"ann@ex\x1bample.com", "*@ex?ample.com"}, {"@", "*@"},
		{"ann@" + strings.Repeat("x", 100), "*@" + strings.Repeat("x", maxShown-1) + "..."},
	} {
		if got := shown(string(p.account([]byte(c.name)))); got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.name, got, c.want)
		}
	}
}

// However much mail is open, memory and state are bounded, and what is given up is
// counted.
func TestWatchIsBounded(t *testing.T) {
	const limit, n = 100, 1000
	w := newWatch(limit)
	var log strings.Builder
	for i := range n {
		log.WriteString(fmt.Sprintf("2026-11-25T10:00:00Z mx1 postfix/qmgr[3]: A%d: from=<ann@example.com>, size=400, nrcpt=1 (queue active)\n", i) +
			deferredLine(i, 0))
	}
	watchText(w, log.String())
	if w.tracker.open != limit || w.tracker.held != limit || w.totals.Outcomes[logparse.Postfix][LostSight] != n-limit || w.tracker.Ended[Crowded] != n-limit {
		t.Errorf("%d open with %d recipients, %d lost sight of", w.tracker.open, w.tracker.held, w.totals.Outcomes[logparse.Postfix][LostSight])
	}
	w = newWatch(limit)
	log.Reset()
	for i := range 500 {
		log.WriteString(deferredLine(0, i))
	}
	log.WriteString(deferredLine(1, 0))
	watchText(w, log.String())
	if w.tracker.held != 1 || w.totals.Outcomes[logparse.Postfix][LostSight] != perMessage*limit {
		t.Errorf("%d recipients are known, %d lost sight of", w.tracker.held, w.totals.Outcomes[logparse.Postfix][LostSight])
	}
	w = newWatch(10 * limit)
	log.Reset()
	for i := range 2 * maxKnown {
		log.WriteString(deferredLine(0, i))
	}
	watchText(w, log.String())
	if w.tracker.held != maxKnown {
		t.Errorf("%d recipients of a message are known", w.tracker.held)
	}
}

// Of a message with more recipients than are told apart each counts once, also where
// the daemon is begun anew between two lines.
func TestMailingIsCountedOnce(t *testing.T) {
	const n = maxKnown + 500
	begun := strings.SplitAfter(filtered, "\n")[3:6]
	begun[2] = strings.Replace(begun[2], "nrcpt=1 ", fmt.Sprintf("nrcpt=%d ", n), 1)
	w := newWatch(n)
	watchText(w, strings.Join(begun, ""))
	var log strings.Builder
	for i := range n {
		fmt.Fprintf(&log, "2026-11-25T10:00:02Z mx1 postfix/smtp[6]: B2: to=<bob%d@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)\n", i)
	}
	watchText(w, log.String())
	again := newWatch(n)
	if err := again.Load(save(t, w)); err != nil {
		t.Fatal(err)
	}
	var want [NumFates]uint64
	want[DeliveredFirst] = n
	for _, w := range []*Watch{w, again} {
		watchText(w, "2026-11-25T10:00:03Z mx1 postfix/qmgr[3]: B2: removed\n")
		w.tracker.Close()
		if got := w.totals.Outcomes[logparse.Postfix]; got != want {
			t.Errorf("outcomes %v, want %v", got, want)
		}
	}
}

func deferredLine(id, to int) string {
	return fmt.Sprintf("2026-11-25T10:00:00Z mx1 postfix/smtp[5]: A%d: to=<bob%d@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (connect to mx.example.org[192.0.2.25]:25: Connection timed out)\n", id, to)
}

// A daemon that catches up reads a log of today and one of last week in turns: the
// messages of last week are not given up, nor taken for ones without a beginning,
// because it is later elsewhere.
func TestLogsOfDifferentTimes(t *testing.T) {
	const week = `2026-11-10T10:00:00Z mx1 postfix/smtpd[1]: B2: client=localhost[127.0.0.1]
2026-11-10T10:00:00Z mx1 postfix/cleanup[2]: B2: message-id=<x@example.com>
2026-11-10T10:00:00Z mx1 postfix/qmgr[3]: B2: from=<ann@example.com>, size=500, nrcpt=1 (queue active)
2026-11-10T10:00:02Z mx1 postfix/smtp[6]: B2: to=<bob@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host mx.example.org[192.0.2.25] said: 451 4.7.1 Greylisted, try again later (in reply to RCPT TO command))
2026-11-10T10:10:01Z mx1 postfix/smtp[6]: B2: to=<bob@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=600, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as C3)
2026-11-10T10:10:01Z mx1 postfix/qmgr[3]: B2: removed
`
	const today = "2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: D4: client=localhost[127.0.0.1]\n"
	lines := strings.SplitAfter(week, "\n")
	for cut := range lines {
		w := newWatch(100)
		old, current := watchPipe(w), watchPipe(w)
		old.Block(&tailer.Block{Source: "mail.log.1", Data: []byte(strings.Join(lines[:cut], "")), Line: 1})
		current.Block(&tailer.Block{Source: "mail.log", Data: []byte(today + strings.ReplaceAll(today, "D4", "E5")), Line: 1})
		w = loaded(t, save(t, w))
		old.Listener = w
		old.Block(&tailer.Block{Source: "mail.log.1", Data: []byte(strings.Join(lines[cut:], "")), Line: 1})
		var want [NumFates]uint64
		want[DeliveredLater] = 1
		if got := w.totals.Outcomes[logparse.Postfix]; got != want {
			t.Errorf("today's after %d lines: outcomes %v, want %v", cut, got, want)
		}
	}
}

// A log that nothing is written to any more holds up the others for a minute only.
func TestSilentLogHoldsUpNobody(t *testing.T) {
	var c clocks
	at := func(source string, day int) pipeline.Place {
		return pipeline.Place{Source: source, Time: time.Date(2026, 11, day, 10, 0, 0, 0, time.UTC)}
	}
	c.read(at("mail.log.1", 10))
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		after time.Duration
		want  int // day
	}{{0, 10}, {time.Minute, 10}, {2 * time.Minute, 25}} {
		c.rest(now.Add(step.after))
		if got := c.read(at("mail.log", 25)); got.Day() != step.want {
			t.Errorf("after %v of silence it is the %dth, want the %dth", step.after, got.Day(), step.want)
		}
	}
}

func TestLoadRefusesWhatItDoesNotUnderstand(t *testing.T) {
	good := string(save(t, newWatch(100)))
	for _, c := range []struct{ old, new, want string }{
		{`"version":1`, `"version":2`, "messages of version 2, this program knows version 1"},
		{`"salt":"`, `"salt":"zz`, "messages: the salt is damaged"},
		{`"live":[]`, `"live":[{"a":"qmail","q":"A"}]`, `unknown name "qmail"`},
		{`"live":[]`, `"live":[{"a":"exim","q":"A","r":[{"o":"lost"}]}]`, `unknown name "lost"`},
		{`"outcomes":{`, `"outcomes":{"exim2":{},`, `unknown name "exim2"`},
	} {
		err := newWatch(100).Load(json.RawMessage(strings.Replace(good, c.old, c.new, 1)))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
	if err := newWatch(100).Load(json.RawMessage("{")); err == nil || errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestTotalsNameEverything(t *testing.T) {
	totals := newTotals()
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		for f := range totals.Outcomes[mta] {
			totals.Outcomes[mta][f] = uint64(f + 1)
		}
		for c := range totals.Failures[mta] {
			totals.Failures[mta][c] = uint64(c + 1)
		}
		totals.Late[mta].Add(61, 2)
	}
	for c := range totals.LateCause {
		totals.LateCause[c] = uint64(c + 1)
	}
	for e := range totals.Ended {
		totals.Ended[e] = uint64(e + 1)
	}
	totals.Providers[0] = &[NumFates]uint64{1, 2, 3}
	data, err := json.Marshal(&totals)
	if err != nil {
		t.Fatal(err)
	}
	back := newTotals()
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if back.Outcomes != totals.Outcomes || back.Failures != totals.Failures || back.LateCause != totals.LateCause || back.Ended != totals.Ended ||
		back.Late[logparse.Exim].Count != 2 || !maps.EqualFunc(back.Providers, totals.Providers, func(a, b *[NumFates]uint64) bool { return *a == *b }) {
		t.Errorf("%+v", back)
	}
	copied := totals.clone()
	totals.Providers[0][0]++
	totals.Late[logparse.Exim].Add(61, 1)
	if copied.Providers[0][0] != 1 || copied.Late[logparse.Exim].Native[len(copied.Late[logparse.Exim].Native)-1] != 0 || copied.Late[logparse.Exim].Count != 2 {
		t.Error("a copy changed with the original")
	}
}
