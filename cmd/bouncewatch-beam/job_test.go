package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/shard"
)

// bouncewatch is the program that results are compared with.
var bouncewatch string

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	os.Exit(withProgram(m))
}

func withProgram(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bouncewatch-beam-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bouncewatch = filepath.Join(dir, "bouncewatch")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", bouncewatch, "./cmd/bouncewatch")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		return 1
	}
	return m.Run()
}

// analyze is the output of "bouncewatch analyze".
func analyze(t *testing.T, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(bouncewatch, append([]string{"analyze", "--timezone", "UTC"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

// beamed is the report of a job, and how many inputs failed.
func beamed(t *testing.T, j job) ([]byte, int64) {
	t.Helper()
	j.Output = filepath.Join(t.TempDir(), "report")
	faults, err := (&options{job: j}).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(j.Output)
	if err != nil {
		t.Fatal(err)
	}
	return report, faults
}

// logs is a directory with the bundled logs, one that is full of lines which
// refer to the line before, and one that is compressed.
func logs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, server := range []string{"postfix", "exim", "sendmail"} {
		if err := os.CopyFS(filepath.Join(dir, server), os.DirFS(filepath.Join("..", "..", "testdata", server+"-logs"))); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		// Years of stamps without one come from here.
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	write("repeats.log", []byte(strings.Repeat(bounce+"Jan  2 03:04:06 mx last message repeated 3 times\n", 500)))
	write("packed.log", packed(t, strings.Repeat(bounce, 100)))
	return dir
}

const bounce = "Jan  2 03:04:05 mx postfix/smtp[123]: 4F1: to=<u@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, " +
	"delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 <u@example.com>: user unknown (in reply to RCPT TO command))\n"

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Cut anywhere, the logs give the bytes of analyze.
func TestEqualsAnalyze(t *testing.T) {
	dir := logs(t)
	for _, format := range []string{"json", "snapshot", "openmetrics"} {
		want := analyze(t, "--format", format, dir)
		for _, size := range []int64{10_000, 64 << 20} {
			got, faults := beamed(t, job{Patterns: []string{dir, filepath.Join(dir, "*", "*.log")}, ShardSize: size, Format: format})
			if !bytes.Equal(got, want) || faults > 0 {
				t.Errorf("%s, shards of %d bytes, %d faults: other bytes than those of analyze (%d and %d)", format, size, faults, len(got), len(want))
			}
		}
	}
}

func TestOwnRulesAndYear(t *testing.T) {
	dir := logs(t)
	config := filepath.Join(t.TempDir(), "site.yaml")
	rule := "rules:\n  - {id: left, cause: mailbox_disabled, phrases: [user unknown], provider: acme}\nproviders:\n  - {name: acme, mx: [mx.example.com]}\n"
	if err := os.WriteFile(config, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	o := shard.Options{Year: 2019}
	if err := o.LoadRules(config); err != nil {
		t.Fatal(err)
	}
	want := analyze(t, "--format", "json", "--year", "2019", "--config", config, dir)
	got, _ := beamed(t, job{Patterns: []string{dir}, Options: o, ShardSize: 50_000, Format: "json"})
	if !bytes.Equal(got, want) {
		t.Error("other bytes than those of analyze")
	}
	if !bytes.Contains(got, []byte(`"provider": "acme"`)) || !bytes.Contains(got, []byte(`"start": "2019-01-02T03:00:00Z"`)) {
		t.Error("rules or year were not used")
	}
}

// What cannot be read is left out, counted, and does not stop the rest.
func TestFaultsOfInputs(t *testing.T) {
	dir := logs(t)
	whole := packed(t, strings.Repeat(bounce, 20_000))
	if err := os.WriteFile(filepath.Join(dir, "damaged.log"), whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "binary.log"), make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	want := analyze(t, "--format", "json", dir, missing)
	got, faults := beamed(t, job{Patterns: []string{dir, missing}, ShardSize: 1 << 20, Format: "json"})
	if faults != 3 {
		t.Errorf("%d faults, want 3", faults)
	}
	if !bytes.Equal(got, want) {
		t.Error("other bytes than those of analyze")
	}
}

func TestNothingToReadGivesAnEmptyReport(t *testing.T) {
	got, faults := beamed(t, job{Patterns: []string{filepath.Join(t.TempDir(), "*.log")}, ShardSize: 1 << 20, Format: "json"})
	if want := analyze(t, "--format", "json", os.DevNull); !bytes.Equal(got, want) || faults != 1 {
		t.Errorf("%d faults and %s, want 1 and %s", faults, got, want)
	}
}

// A file system that is not this host's is read whole and through Beam.
func TestRemoteFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mail.log"), []byte(strings.Repeat(bounce, 50)), 0o600); err != nil {
		t.Fatal(err)
	}
	memfs.Write("memfs://logs/mail.log", []byte(strings.Repeat(bounce, 20)))
	memfs.Write("memfs://logs/mail.log.1", packed(t, strings.Repeat(bounce, 30)))
	memfs.Write("memfs://logs/rejectlog", []byte(strings.Repeat(bounce, 30)))
	want := analyze(t, "--format", "json", "--year", "2026", dir)
	got, faults := beamed(t, job{Patterns: []string{"memfs://logs/*"}, Options: shard.Options{Year: 2026}, ShardSize: 1 << 20, Format: "json"})
	if !bytes.Equal(got, want) || faults > 0 {
		t.Errorf("%d faults, and other bytes than those of analyze:\n%s\n%s", faults, got, want)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		o    options
		want string
	}{
		{options{shard: 1}, "no pattern"},
		{options{job: job{Patterns: []string{"x"}}}, "--shard-mib 0"},
		{options{job: job{Patterns: []string{"-"}, Format: "json", Output: "-"}, shard: 1}, "standard input"},
		{options{job: job{Patterns: []string{"x"}, Format: "xml", Output: "-"}, shard: 1}, "unknown format"},
		{options{job: job{Patterns: []string{"x"}, Format: "json", Output: "-", Options: shard.Options{Timezone: "Mars"}}, shard: 1}, "no such time zone"},
	} {
		if err := c.o.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
}
