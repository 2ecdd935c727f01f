package story

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

const corpus = "../../../../testdata"

// read feeds a log to a tracker and returns its stories.
func read(t testing.TB, tr *Tracker, r tailer.Reader) (stories []*Story) {
	t.Helper()
	tr.Done = func(s *Story) { stories = append(stories, s) }
	calendar := logparse.Calendar{Location: time.UTC, Reference: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}
	pipe := pipeline.Pipeline{Calendar: &calendar, Listener: tr}
	for {
		b, err := r.Next()
		pipe.Block(&b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tr.Close()
	if tr.Open() != 0 {
		t.Errorf("%d messages are open after the end", tr.Open())
	}
	return stories
}

func readFile(t testing.TB, tr *Tracker, name string) []*Story {
	r, err := tailer.Open(filepath.Join(corpus, name), tailer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return read(t, tr, r)
}

func readText(t testing.TB, tr *Tracker, text string) []*Story {
	return read(t, tr, tailer.NewReader("-", strings.NewReader(text), tailer.Options{}))
}

// The truth of the corpus says what the other side of each connection answered:
// the last answer for a recipient is its outcome.
func TestOutcomesOfRealLogs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*-logs", "*.log"))
	if err != nil || len(files) != 10 {
		t.Fatalf("%d logs, %v", len(files), err)
	}
	for _, file := range files {
		name, _ := filepath.Rel(corpus, file)
		t.Run(name, func(t *testing.T) { testOutcomes(t, name) })
	}
}

type fate struct{ id, recipient string }

// commonFate names what Exim logs of deliveries within the host: the local part of a
// user, the command of a pipe. Each such message of the corpus has one recipient.
func commonFate(id, recipient string) fate {
	recipient = strings.ToLower(recipient)
	if host := strings.Index(recipient, "@mx1.example.net"); host >= 0 && strings.Contains(id, "-") {
		recipient = "local"
	} else if strings.Contains(id, "-") && (!strings.Contains(recipient, "@") || strings.HasPrefix(recipient, "|")) {
		recipient = "local"
	}
	return fate{id, recipient}
}

func testOutcomes(t *testing.T, name string) {
	want := truth(t, strings.TrimSuffix(name, ".log")+".truth.jsonl", commonFate)
	got, refused, anonymous := map[fate]end{}, map[string]bool{}, map[string]bool{}
	for _, s := range readFile(t, &Tracker{}, name) {
		for _, m := range s.Messages {
			for _, r := range m.Recipients {
				if r.Outcome != Refused {
					got[commonFate(m.QueueID, r.Address)] = end{r.Outcome, m.FateOf(&r), r.Deferred}
					anonymous[m.QueueID] = anonymous[m.QueueID] || r.Address == "" && r.Outcome == Expired
				}
			}
			if m.turned {
				refused[m.QueueID] = true
			}
		}
	}
	maps.Copy(want, corrections)
	for f, h := range want {
		if refused[f.id] && h.last == "bounced" || h.last == "queued" {
			continue // the client was refused; "queued" is no attempt, and no Event
		}
		if e, ok := got[f]; !ok || !e.fits(h) {
			if _, elsewhere := corrections[f]; elsewhere && !ok || anonymous[f.id] && h.last == "expired" {
				continue
			}
			t.Errorf("%s %s: got %+v (%v), want %+v", f.id, f.recipient, e, ok, h)
		}
	}
	for f, e := range got {
		if _, ok := want[f]; !ok && f.recipient != "" {
			t.Errorf("%s %s: got %+v, the truth has no such delivery", f.id, f.recipient, e)
		}
	}
}

// An end is what became of a recipient, a history is what the truth says of it.
type end struct {
	outcome  Outcome
	fate     Fate
	deferred int
}

type history struct {
	last     string // status
	deferred int    // attempts
}

// corrections are what the logs say where the truth ends early: a reply with
// control characters that was logged as a line of blanks, and a line that syslog
// got in two pieces.
var corrections = map[fate]history{
	{"1xW4Z9-0000000061x-2GMd", "ben.olsen+list449@smallbiz.example.org"}: {"removed", 1},
	{"1xW4fg-0005wF-3C", "kim.weber188@smallbiz.example.org"}:             {"bounced", 1},
}

// fits says whether the end is that of the history: the outcome, at the first try
// or after so many deferrals.
func (e end) fits(h history) bool {
	if e.deferred != h.deferred {
		return false
	}
	switch e.outcome {
	case Delivered:
		return h.last == "sent" && e.fate == map[bool]Fate{true: DeliveredFirst, false: DeliveredLater}[h.deferred == 0]
	case Requeued:
		return h.last == "sent"
	case Failed:
		return h.last == "bounced"
	case Expired:
		return h.last == "expired"
	case Queued:
		return h.last == "deferred"
	case Gone:
		return h.last == "removed"
	}
	return false
}

// truth is what happened to each recipient of each message.
func truth(t *testing.T, name string, fateOf func(id, recipient string) fate) map[fate]history {
	file, err := os.Open(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out := map[fate]history{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o struct {
			Event, Direction, Recipient, Status string

			QueueID string `json:"queue_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		switch {
		case o.Event == "expire":
			for f, h := range out {
				if f.id == o.QueueID && (h.last == "deferred" || h.last == "queued") {
					out[f] = history{"expired", h.deferred}
				}
			}
		case o.Event == "delivery" && o.Direction == "outbound":
			f := fateOf(o.QueueID, o.Recipient)
			h := history{o.Status, out[f].deferred}
			if h.last == "deferred" {
				h.deferred++
			}
			out[f] = h
		}
	}
	return out
}
