package logparse

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A shapeRow is a row of docs/log-shapes.md.
type shapeRow struct {
	at      int    // the line of the document
	section string // the heading above it
	lines   []string
	gives   string
}

// shapeMessage is what "…" stands for in the examples of the framing.
const shapeMessage = "4F2A1C0: to=<ann@example.com>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to mx.example.com[192.0.2.5]:25: Connection refused)"

var (
	shapeBegin = regexp.MustCompile(`^<!-- lines begin: "(.*)" -->$`)
	shapeCell  = regexp.MustCompile(`^\| [^|]+ \| ` + "`(.+)` \\| `([^`|]+)`" + ` \| .+ \|$`)
	shapeSigns = strings.NewReplacer(`\|`, "|", "␀", "\x00", "␍", "\r", "␛", "\x1b", "␉", "\t", "␑", "\x11", "␢", "\ufeff", "…", shapeMessage)
)

// readShapes reads the rows, and fails at one that it cannot read.
func readShapes(t *testing.T) (rows []shapeRow) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "log-shapes.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("`"+shapeMessage+"`")) {
		t.Error("the document does not say what … stands for")
	}
	section, begin, marked := "", "", false
	for i, text := range strings.Split(string(b), "\n") {
		switch {
		case strings.HasPrefix(text, "## "):
			section, marked = text[len("## "):], false
		case strings.HasPrefix(text, "### "):
			marked = false
		case strings.HasPrefix(text, "| Shape ") || strings.HasPrefix(text, "|---"):
		case strings.HasPrefix(text, "|"):
			cell := shapeCell.FindStringSubmatch(text)
			if cell == nil || !marked {
				t.Errorf("line %d is no row, or nothing says how its example begins: %s", i+1, text)
				continue
			}
			lines := strings.Split(begin+shapeSigns.Replace(cell[1]), "␊")
			rows = append(rows, shapeRow{i + 1, section, lines, cell[2]})
		default:
			if m := shapeBegin.FindStringSubmatch(text); m != nil {
				begin, marked = m[1], true
			}
		}
	}
	return rows
}

// TestShapes holds the document on log shapes to what Parse does.
func TestShapes(t *testing.T) {
	count := map[string]int{}
	for _, row := range readShapes(t) {
		count[row.section]++
		row.check(t)
	}
	for _, section := range []string{"Postfix", "Exim", "Sendmail", "Framing"} {
		if count[section] < 40 {
			t.Errorf("%d rows in %s: are there tables that the test does not see?", count[section], section)
		}
	}
}

func (row *shapeRow) check(t *testing.T) {
	var p Parser
	var ev Event
	var got Result
	for _, line := range row.lines {
		got = p.Parse([]byte(line), &ev)
	}
	words := strings.Fields(row.gives)
	if got.String() != words[0] {
		t.Errorf("line %d: %v, want %s: %q", row.at, got, words[0], row.lines)
		return
	}
	if got != ResultEvent && got != ResultRemark {
		if len(words) > 1 {
			t.Errorf("line %d: %s is more than a line that is %v can give", row.at, row.gives, got)
		}
		return
	}
	want := row.fields(t, words[1:])
	for key, value := range want {
		if text, known := shapeField(&ev, key); !known || text != value {
			t.Errorf("line %d: %s is %q, want %q: %q", row.at, key, text, value, row.lines)
		}
	}
	if strings.HasSuffix(row.lines[0], shapeMessage) && string(p.Frame().Message) != shapeMessage {
		t.Errorf("line %d: message %q", row.at, p.Frame().Message)
	}
}

// fields are what the row says behind the result. What a row must say to be
// complete is empty where it says nothing.
func (row *shapeRow) fields(t *testing.T, words []string) map[string]string {
	fields := map[string]string{"direction": "", "status": "", "code": "", "enhanced": "", "stage": ""}
	for i, word := range words {
		key, value, ok := strings.Cut(word, "=")
		switch {
		case ok && value != "":
			fields[key] = value
		case i == 0:
			fields["direction"] = word
		case i == 1:
			fields["status"] = word
		default:
			t.Errorf("line %d: what is %s?", row.at, word)
		}
	}
	return fields
}

// shapeField is a field of the event as text, "" where the event has none.
func shapeField(ev *Event, key string) (text string, known bool) {
	switch key {
	case "sender":
		return string(ev.Sender), true
	case "recipient":
		return string(ev.Recipient), true
	case "host":
		return string(ev.Host), true
	case "delay_seconds":
		return strconv.FormatFloat(ev.Delay, 'f', -1, 64), true
	}
	switch v, known := caseValue(ev, key, nil); v := v.(type) {
	case nil:
		return "", known
	case string:
		return v, known
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), known
	}
	return "", false
}
