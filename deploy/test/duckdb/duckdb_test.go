// Package duckdb tests docs/events.md as its readers use it: DuckDB queries the
// Parquet files, and its sums are those of "bouncewatch analyze". It is a module
// of its own because the engine is large and needs cgo.
package duckdb

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

const root = "../../.."

// program builds bouncewatch.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bouncewatch")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "./cmd/bouncewatch")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func output(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, stderr.String())
	}
	return out
}

// query is a query of the documentation, by how it begins.
func query(t *testing.T, begin string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs/events.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```sql\n(.*?);\n```").FindAllStringSubmatch(string(data), -1) {
		if strings.HasPrefix(m[1], begin) {
			return m[1]
		}
	}
	t.Fatalf("docs/events.md has no query %q", begin)
	return ""
}

// rows are the results of a query, each as text.
func rows(t *testing.T, db *sql.DB, query string) map[string]int64 {
	t.Helper()
	r, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for r.Next() {
		keys, n := make([]any, len(columns)), int64(0)
		for i := range keys {
			keys[i] = new(string)
		}
		keys[len(keys)-1] = &n
		if err := r.Scan(keys...); err != nil {
			t.Fatal(err)
		}
		var key []string
		for _, k := range keys[:len(keys)-1] {
			key = append(key, *k.(*string))
		}
		all[strings.Join(key, " ")] += n
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSumsAreThoseOfAnalyze(t *testing.T) {
	bouncewatch := program(t)
	causesQuery, deferredQuery := query(t, "SELECT direction, class, cause"), query(t, "SELECT date_trunc('hour', time)")
	t.Chdir(root)
	clock := []string{"--timezone", "UTC", "--year", "2026"}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "events"), 0o700); err != nil {
		t.Fatal(err)
	}
	var logs []string
	for _, host := range []string{"postfix", "exim", "sendmail"} {
		log := filepath.Join("testdata", host+"-logs")
		logs = append(logs, log)
		data := output(t, bouncewatch, append([]string{"events", "--remarks", "--format", "parquet", log}, clock...)...)
		if err := os.WriteFile(filepath.Join(dir, "events", host+".parquet"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var report struct {
		Events []struct {
			MTA, Direction, Status string
			Count                  int64
		}
		Causes []struct {
			Direction, Class, Cause, Actor string
			Count                          int64
		}
		Hours []struct {
			Start                                                  string
			Sent, Deferred, Bounced, Expired, Rejected, TempFailed int64
		}
	}
	if err := json.Unmarshal(output(t, bouncewatch, append(append([]string{"analyze", "--format", "json"}, clock...), logs...)...), &report); err != nil {
		t.Fatal(err)
	}
	causes, events, deferred := map[string]int64{}, map[string]int64{}, int64(0)
	for _, c := range report.Causes {
		causes[strings.Join([]string{c.Direction, c.Class, c.Cause, c.Actor}, " ")] += c.Count
	}
	for _, e := range report.Events {
		events[strings.Join([]string{e.MTA, e.Direction, e.Status}, " ")] += e.Count
	}
	for _, h := range report.Hours {
		deferred += h.Deferred
	}
	if len(causes) < 30 || len(events) < 10 || deferred == 0 {
		t.Fatalf("%d causes, %d kinds of events, %d deferred", len(causes), len(events), deferred)
	}

	t.Chdir(dir)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	compare(t, "causes", rows(t, db, causesQuery), causes)
	compare(t, "events", rows(t, db, "SELECT mta, direction, status, sum(count)::BIGINT FROM 'events/*.parquet' WHERE NOT remark GROUP BY ALL"), events)
	var sum int64
	for _, n := range rows(t, db, "SELECT hour::VARCHAR, provider, n::BIGINT FROM ("+deferredQuery+")") {
		sum += n
	}
	if sum != deferred {
		t.Errorf("%d deferred in all hours, want %d", sum, deferred)
	}
}

func compare(t *testing.T, what string, got, want map[string]int64) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: DuckDB has %v\nwant %v", what, got, want)
	}
}
