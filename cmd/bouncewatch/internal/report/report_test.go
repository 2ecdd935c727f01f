package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var start = time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)

// hostileDomain tries to be a formula, markup, a terminal escape and a table.
const hostileDomain = "=cmd|'<b>\x1b[31m\u202ex\r\n@evil"

// sample are counts with something in every table.
func sample() *aggregate.Counts {
	c := aggregate.New()
	add := func(n int, ev logparse.Event, cause replycode.Cause, remark bool) {
		ev.Recipients, ev.Lines = n, 1
		c.Add(&ev, replycode.Verdict{Cause: cause}, remark)
		if !remark {
			c.At(start.Add(time.Duration(n%24)*time.Hour), ev.Status, uint64(n))
		}
	}
	e511 := replycode.MakeEnhanced(replycode.PermanentFailure, 1, 1)
	add(1234567, logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Sent, Code: 250, Recipient: []byte("a@example.com"), Delay: 0.5}, 0, false)
	add(3, logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Bounced, Code: 550, Enhanced: e511, Recipient: []byte("a@example.org"), Delay: 100}, replycode.UserUnknown, false)
	add(2, logparse.Event{MTA: logparse.Exim, Direction: logparse.Outbound, Status: logparse.Deferred, Recipient: []byte("a@" + hostileDomain), Delay: -1}, replycode.NetworkError, false)
	add(4, logparse.Event{MTA: logparse.Exim, Direction: logparse.Outbound, Status: logparse.Bounced, Code: 550, Delay: -1}, replycode.IPBlocked, false)
	add(5, logparse.Event{MTA: logparse.Sendmail, Direction: logparse.Inbound, Status: logparse.Rejected, Code: 554, Delay: -1}, replycode.RelayDenied, false)
	add(1, logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Deferred, Code: 421, Delay: -1}, 0, true)
	add(1, logparse.Event{MTA: logparse.Postfix, Direction: logparse.Inbound, Status: logparse.AuthFailed, Delay: -1}, 0, true)
	c.Unmatched([]byte("we | do *not* <i>know</i> \x1b[2J"), 7)
	c.Line("mail.log", logparse.ResultEvent)
	c.Line("mail.log", logparse.ResultUnparsed)
	return c
}

func render(t *testing.T, name string, o Options, c *aggregate.Counts) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, name, o, c); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := Write(&again, name, o, c.Clone()); err != nil {
		t.Fatal(err)
	}
	if b.String() != again.String() {
		t.Errorf("%s: the same counts give different bytes", name)
	}
	return b.String()
}

func TestJSONFollowsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "..", "..", "docs", "report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*aggregate.Counts{"empty": aggregate.New(), "sample": sample()} {
		for _, partial := range []bool{false, true} {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(render(t, "json", Options{Partial: partial}, c)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Nothing that a log says acts on a terminal, whatever the width.
func TestTextIsPrintableAndFits(t *testing.T) {
	for _, width := range []int{20, 80, 120} {
		for _, line := range strings.Split(render(t, "text", Options{Text: Text{Width: width}}, sample()), "\n") {
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
			if line != terminal.Clean(line) || strings.HasSuffix(line, " ") {
				t.Errorf("%q", line)
			}
		}
	}
}

func TestTextLeadsWithWhatToDo(t *testing.T) {
	text := render(t, "text", Options{Text: Text{Width: 80}}, sample())
	want := "" +
		"Mail  2026-03-05 12:00 to 2026-03-05 17:00\n" +
		"                         sent  deferred   bounced   expired  bounce rate\n" +
		"  postfix  outbound 1,234,567         0         3         0        0.0 %\n" +
		"  exim     outbound         0         2         4         0      100.0 %\n" +
		"                     rejected  tempfailed\n" +
		"  sendmail inbound          5           0\n" +
		"  failed logins             1\n" +
		"\n" +
		"What to do, by who must act\n"
	if !strings.HasPrefix(text, want) {
		t.Errorf("the report begins\n%.600s\nwant\n%s", text, want)
	}
	for _, want := range []string{
		"\nsender host admin\n                   5  relay_denied\n", "         4            ip_blocked\n",
		"\nsender\n         3            user_unknown\n", "         2            network_error\n",
		"         7  550      outbound Mailbox not available", "         2  4xx      outbound no reply code in the log\n",
		"         1  unparsed: of a mail server, not understood (--unparsed shows them)\n",
		"         7  we | do *not* <i>know</i> ?[#J\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestColourOnlyWhereAsked(t *testing.T) {
	if strings.Contains(render(t, "text", Options{}, sample()), "\x1b") {
		t.Error("escapes without Color")
	}
	if !strings.Contains(render(t, "text", Options{Text: Text{Color: true}}, sample()), "\x1b[1mMail") {
		t.Error("no escapes with Color")
	}
}

func TestCSVIsFormulaSafe(t *testing.T) {
	for _, table := range tables {
		text := render(t, "csv", Options{Table: table.name}, sample())
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", table.name, err)
		}
		if strings.Join(rows[0], ",") != strings.Join(table.columns, ",") || len(rows) < 2 {
			t.Errorf("%s: %d rows, header %v", table.name, len(rows), rows[0])
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
					t.Errorf("%s: a spreadsheet would run %q", table.name, cell)
				}
			}
		}
		if strings.Count(text, "\r\n") != len(rows) {
			t.Errorf("%s: lines do not end as RFC 4180 says", table.name)
		}
	}
}

func TestMarkupIsEscaped(t *testing.T) {
	for name, bad := range map[string][]string{
		"html":     {"<b>", "<i>", "\x1b", "<script"},
		"markdown": {"<b>", "<i>", "\x1b", "*not*", "we |"},
	} {
		text := render(t, name, Options{Page: Page{Title: "<b>", Note: "<i>"}}, sample())
		for _, s := range bad {
			if strings.Contains(strings.ReplaceAll(text, `\|`, ""), s) {
				t.Errorf("%s contains %q", name, s)
			}
		}
	}
}

// Backfilled counters end at the totals and never fall.
func TestOpenMetricsEndsAtTheTotals(t *testing.T) {
	c := aggregate.New()
	c.At(start, logparse.Sent, 6)
	c.At(start.Add(3*time.Hour), logparse.Sent, 12)
	c.At(start.Add(3*time.Hour), logparse.Rejected, 1)
	last := map[string]float64{}
	samples := 0
	for _, line := range strings.Split(render(t, "openmetrics", Options{}, c), "\n") {
		if !strings.HasPrefix(line, "bouncewatch_") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		var v float64
		var at int64
		if _, err := fmt.Sscan(rest, &v, &at); err != nil {
			t.Fatal(line, err)
		}
		if v < last[name] {
			t.Errorf("%s falls to %v", name, v)
		}
		last[name] = v
		samples++
	}
	want := map[string]float64{"sent": 18, "deferred": 0, "bounced": 0, "expired": 0, "rejected": 1, "tempfailed": 0}
	for name, v := range last {
		for status, n := range want {
			if strings.Contains(name, status) && v != n {
				t.Errorf("%s ends at %v, want %v", name, v, n)
			}
		}
	}
	if len(last) != len(want) || samples != 6*(4*12+1) {
		t.Errorf("%d series of %d samples, want 6 of 49 each", len(last), samples)
	}
}
