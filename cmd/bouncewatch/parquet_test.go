package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// An outcomeRow has some columns of docs/events.md, as a reader would name them.
type outcomeRow struct {
	Time      *time.Time `parquet:"time,timestamp(microsecond)"`
	MTA       string     `parquet:"mta"`
	Direction string     `parquet:"direction,optional"`
	Status    string     `parquet:"status,optional"`
	Code      string     `parquet:"code,optional"`
	Class     string     `parquet:"class,optional"`
	Cause     string     `parquet:"cause,optional"`
	Count     int64      `parquet:"count"`
	Delay     *float64   `parquet:"delay_seconds,optional"`
	Remark    bool       `parquet:"remark"`
}

func output(t *testing.T, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), args, nil, &stdout, &stderr); status != exitOK {
		t.Fatalf("%v: status %d: %s", args, status, stderr.String())
	}
	return stdout.Bytes()
}

func readParquet(t *testing.T, data []byte) []outcomeRow {
	t.Helper()
	rows, err := parquet.Read[outcomeRow](bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// What a query of the Parquet file sums up is what analyze reports.
func TestParquetSumsAreThoseOfAnalyze(t *testing.T) {
	logs := []string{"--timezone", "UTC", "--year", "2026"}
	for _, name := range []string{"postfix-logs", "exim-logs", "sendmail-logs"} {
		logs = append(logs, filepath.Join("..", "..", "testdata", name))
	}
	type eventKey struct{ MTA, Direction, Status string }
	type causeKey struct{ Direction, Class, Cause string }
	type codeKey struct{ MTA, Direction, Code, Class string }
	var report struct {
		Period struct{ From, To time.Time }
		Events []struct {
			eventKey
			Count int64
		}
		Causes []struct {
			causeKey
			Count int64
		}
		Codes, Remarks []struct {
			codeKey
			Count int64
		}
		Logins int64 `json:"login_failures"`
	}
	if err := json.Unmarshal(output(t, append([]string{"analyze", "--format", "json"}, logs...)...), &report); err != nil {
		t.Fatal(err)
	}
	events, causes, codes, remarks := map[eventKey]int64{}, map[causeKey]int64{}, map[codeKey]int64{}, map[codeKey]int64{}
	var first, last time.Time
	var logins int64
	for _, r := range readParquet(t, output(t, append([]string{"events", "--remarks", "--format", "parquet"}, logs...)...)) {
		code := codeKey{r.MTA, r.Direction, cmp.Or(r.Code, "none"), cmp.Or(r.Class, "none")}
		switch {
		case r.Status == "auth_failed":
			logins += r.Count
			continue
		case r.Remark:
			remarks[code] += r.Count
			continue
		}
		events[eventKey{r.MTA, r.Direction, r.Status}] += r.Count
		codes[code] += r.Count
		if r.Status != "sent" {
			causes[causeKey{r.Direction, r.Class, r.Cause}] += r.Count
		}
		if first.IsZero() || r.Time.Before(first) {
			first = *r.Time
		}
		if r.Time.After(last) {
			last = *r.Time
		}
	}
	if !first.Equal(report.Period.From.Truncate(time.Microsecond)) || !last.Equal(report.Period.To.Truncate(time.Microsecond)) {
		t.Errorf("from %v to %v, want %v to %v", first, last, report.Period.From, report.Period.To)
	}
	if logins != report.Logins || logins == 0 {
		t.Errorf("%d failed logins, want %d", logins, report.Logins)
	}
	for _, r := range report.Events {
		equal(t, events, r.eventKey, r.Count)
	}
	for _, r := range report.Causes {
		equal(t, causes, r.causeKey, r.Count)
	}
	for _, r := range report.Codes {
		equal(t, codes, r.codeKey, r.Count)
	}
	for _, r := range report.Remarks {
		equal(t, remarks, r.codeKey, r.Count)
	}
	if n := len(events) + len(causes) + len(codes) + len(remarks); n != 0 {
		t.Errorf("%d sums that analyze does not have: %v %v %v %v", n, events, causes, codes, remarks)
	}
}

// equal takes a sum out of the map.
func equal[K comparable](t *testing.T, sums map[K]int64, k K, want int64) {
	t.Helper()
	if sums[k] != want || want == 0 {
		t.Errorf("%+v: %d, want %d", k, sums[k], want)
	}
	delete(sums, k)
}

// A note about repeats counts with its line, or alone where it does not follow
// its line; what is unknown is null.
func TestParquetRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.log")
	log := "Mar  5 10:00:01 mx1 postfix/smtp[1]: 4XyZ1: to=<a@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=0.5, delays=0/0/0/0.5, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n" +
		"Mar  5 10:00:04 mx1 last message repeated 3 times\n" +
		"Mar  5 10:00:05 mx1 postfix/smtp[1]: 4XyZ2: to=<b@example.com>, relay=none, delay=2, delays=0/0/2/0, dsn=4.4.1, status=deferred (connect to mx.example.com[192.0.2.1]:25: Connection timed out)\n"
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	got := readParquet(t, output(t, "events", "--format", "parquet", "--timezone", "Asia/Shanghai", "--year", "2026", path))
	at := func(second int) *time.Time { t := time.Date(2026, 3, 5, 2, 0, second, 0, time.UTC); return &t }
	delay := func(s float64) *float64 { return &s }
	want := []outcomeRow{
		{at(1), "postfix", "outbound", "bounced", "550", "5xx", "user_unknown", 4, delay(0.5), false},
		{at(5), "postfix", "outbound", "deferred", "", "4xx", "network_error", 1, delay(2), false},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

// docs/events.md shows the schema of the file, and every column has a row there.
func TestParquetSchemaIsDocumented(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(path, []byte("no line of a mail server\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := output(t, "events", "--format", "parquet", path)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	if schema := file.Schema().String(); !strings.Contains(string(doc), "```parquet\n"+schema+"\n```") {
		t.Errorf("docs/events.md does not show\n%s", schema)
	}
	for _, column := range file.Schema().Columns() {
		if !strings.Contains(string(doc), "`"+column[0]+"`") {
			t.Errorf("docs/events.md does not explain %s", column[0])
		}
	}
}
