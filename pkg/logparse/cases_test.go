package logparse

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A hardCase is a line that trips parsers, and what is certain about it.
type hardCase struct {
	ID      string         `json:"id"`
	MTA     string         `json:"mta"`
	Line    string         `json:"line"`
	LineB64 string         `json:"line_b64"`
	Expect  map[string]any `json:"expect"`
	Why     string         `json:"why"`
}

// lines are the physical lines of the case.
func (c *hardCase) lines(t testing.TB) [][]byte {
	text := []byte(c.Line)
	if c.LineB64 != "" {
		var err error
		if text, err = base64.StdEncoding.DecodeString(c.LineB64); err != nil {
			t.Fatal(err)
		}
	}
	for {
		i := bytes.Index(text, []byte("{{PAD:"))
		if i < 0 {
			return bytes.Split(text, []byte("\n"))
		}
		j := i + bytes.Index(text[i:], []byte("}}"))
		n, err := strconv.Atoi(string(text[i+len("{{PAD:") : j]))
		if err != nil {
			t.Fatal(err)
		}
		pad := bytes.Repeat([]byte("x"), n)
		text = bytes.Join([][]byte{text[:i], pad, text[j+2:]}, nil)
	}
}

func readCases(t testing.TB, pattern string) []hardCase {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "cases", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases %s: %v", pattern, err)
	}
	var cases []hardCase
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<24)
		for s.Scan() {
			var c hardCase
			if err := json.Unmarshal(s.Bytes(), &c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			cases = append(cases, c)
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return cases
}

// TestCases puts every case through Parse.
func TestCases(t *testing.T) {
	for _, c := range readCases(t, "*.jsonl") {
		t.Run(c.ID, func(t *testing.T) { checkCase(t, &c) })
	}
}

func checkCase(t *testing.T, c *hardCase) {
	var p Parser
	var ev, last Event
	result, events := ResultForeign, 0
	for _, line := range c.lines(t) {
		r := p.Parse(line, &ev)
		if r == ResultEvent {
			events++
		}
		if r == ResultEvent || events == 0 {
			result, last = r, ev
		}
	}
	fail := func(key string, got, want any) {
		t.Errorf("%s: %s = %v, want %v\n  why: %s\n  line: %.400q", c.ID, key, got, want, c.Why, c.Line)
	}
	if want, ok := c.Expect["event"].(bool); ok && want != (events > 0) || events > 1 {
		fail("events", fmt.Sprintf("%d (%v)", events, result), c.Expect["event"])
		return
	}
	if want, ok := c.Expect["result"]; ok && want != result.String() {
		fail("result", result, want)
		return
	}
	if c.Expect["outcome"] == false && events > 0 {
		fail("outcome", true, false)
	}
	if result != ResultEvent && result != ResultRemark {
		checkFrame(t, c, &p.frame, fail)
		return
	}
	for key, want := range c.Expect {
		if key == "event" || key == "outcome" || key == "result" {
			continue
		}
		if got, known := caseValue(&last, key, want); !known || !caseEqual(key, got, want) {
			fail(key, got, want)
		}
	}
}

// checkFrame compares what holds without an event, too.
func checkFrame(t *testing.T, c *hardCase, f *Frame, fail func(string, any, any)) {
	ev := Event{Program: f.Program, Stamp: f.Stamp, Repeat: f.Repeat, Lines: f.Lines}
	for _, key := range []string{"program", "time", "repeat", "lines"} {
		want, ok := c.Expect[key]
		if !ok {
			continue
		}
		if got, _ := caseValue(&ev, key, want); !caseEqual(key, got, want) {
			fail(key, got, want)
		}
	}
}

// caseValue is what the event has for a key of a case, nil where it has nothing.
func caseValue(ev *Event, key string, want any) (got any, known bool) {
	text := func(b []byte) any {
		if b == nil {
			return nil
		}
		return string(b)
	}
	word := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	switch key {
	case "status":
		if want == "rejected" && ev.Status == TempFailed {
			return "rejected", true // the cases do not tell 4xx refusals apart
		}
		return word(ev.Status.String()), true
	case "code":
		if ev.Code == 0 {
			return nil, true
		}
		return ev.Code.String(), true
	case "enhanced":
		if ev.Enhanced == 0 {
			return nil, true
		}
		return ev.Enhanced.String(), true
	case "dsn":
		if ev.DSN == 0 {
			return nil, true
		}
		return ev.DSN.String(), true
	case "direction":
		return word(ev.Direction.String()), true
	case "stage":
		return word(ev.Stage.String()), true
	case "queue_id":
		return text(ev.QueueID), true
	case "recipient":
		return text(ev.Recipient), true
	case "recipient_domain":
		return text(ev.RecipientDomain()), true
	case "recipients":
		return float64(ev.Recipients), true
	case "relay_host":
		return text(ev.RelayHost), true
	case "relay_ip":
		return text(ev.RelayIP), true
	case "relay_port":
		if ev.RelayPort == 0 {
			return nil, true
		}
		return float64(ev.RelayPort), true
	case "client_ip":
		return text(ev.ClientIP), true
	case "errno":
		return float64(ev.Errno), true
	case "delay":
		return ev.Delay, true
	case "program":
		return text(ev.Program), true
	case "time":
		return word(string(ev.Stamp.AppendRFC3339(nil))), true
	case "repeat":
		return float64(ev.Repeat), true
	case "lines":
		return float64(ev.Lines), true
	case "temporary":
		return ev.Status == Deferred || ev.Status == TempFailed, true
	}
	return nil, false
}

var caseStatus = map[string]string{"softbounce": "deferred", "force-expired": "expired"}

func caseEqual(key string, got, want any) bool {
	if got == want {
		return true
	}
	g, ok1 := got.(string)
	w, ok2 := want.(string)
	if key == "status" {
		return w != "" && caseStatus[w] == g // Postfix's other words for what is one status here
	}
	if key == "recipient_domain" && ok1 && ok2 {
		return strings.EqualFold(g, w)
	}
	if key != "relay_ip" && key != "client_ip" {
		return false
	}
	a, err1 := netip.ParseAddr(g)
	b, err2 := netip.ParseAddr(w)
	return err1 == nil && err2 == nil && a == b
}
