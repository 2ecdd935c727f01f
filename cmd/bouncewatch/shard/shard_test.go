package shard

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

var written = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

// sent is a value after a way to another machine and back.
func sent[T any](t *testing.T, v T) (got T) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// Shards counted anywhere and merged in any order make the report of one pass.
func TestShardsInAnyOrderMakeTheReport(t *testing.T) {
	var dirs []string
	for _, server := range []string{"postfix", "exim", "sendmail"} {
		dirs = append(dirs, filepath.Join("..", "..", "..", "testdata", server+"-logs"))
	}
	files, errs := tailer.Expand(dirs)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	once := pipeline.Batch{Files: files, Location: time.UTC, Reference: func(string) time.Time { return written }}
	counts, errs := once.Run(t.Context())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var want bytes.Buffer
	if err := Write(&want, "snapshot", counts); err != nil {
		t.Fatal(err)
	}

	var shards []Shard
	for _, file := range files {
		more, err := Cut(file, written, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, more...)
	}
	if len(shards) < 60 {
		t.Fatalf("%d shards of 6 MB of logs", len(shards))
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(shards), func(i, j int) { shards[i], shards[j] = shards[j], shards[i] })
	counter, err := NewCounter(sent(t, Options{Timezone: "UTC"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	total := aggregate.New()
	for _, s := range shards {
		counts, err := counter.Count(t.Context(), sent(t, s))
		if err != nil {
			t.Fatal(err)
		}
		total.Merge(sent(t, counts))
	}
	var got bytes.Buffer
	if err := Write(&got, "snapshot", total); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Error("other counts than in one pass")
	}
}

const line = "Jan  2 03:04:05 mx postfix/smtp[1]: 4F1: to=<u@example.com>, relay=none, delay=1, delays=0/0/1/0, dsn=5.4.4, status=bounced (no route)\n"

// A log that is whole comes from Fetch, under its own name and year.
func TestFetch(t *testing.T) {
	closed := 0
	fetch := func(_ context.Context, path string) (io.ReadCloser, error) {
		if path != "gs://logs/mail.log" {
			return nil, os.ErrNotExist
		}
		return closer{strings.NewReader(line), func() { closed++ }}, nil
	}
	counter, err := NewCounter(Options{Timezone: "Europe/Berlin", Year: 2019}, fetch)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := counter.Count(t.Context(), Shard{Path: "gs://logs/mail.log", Whole: true, Written: written})
	if err != nil {
		t.Fatal(err)
	}
	if first, _ := counts.Period(); !first.Equal(time.Date(2019, 1, 2, 2, 4, 5, 0, time.UTC)) {
		t.Errorf("the bounce was at %v", first)
	}
	if sources := counts.Sources(); len(sources) != 1 || sources[0] != "gs://logs/mail.log" || closed != 1 {
		t.Errorf("sources %v, closed %d times", sources, closed)
	}
	counts, err = counter.Count(t.Context(), Shard{Path: "gs://logs/other", Whole: true})
	if err == nil || counts == nil {
		t.Errorf("counts %v, error %v of a log that is not there", counts, err)
	}
}

type closer struct {
	io.Reader
	closed func()
}

func (c closer) Close() error {
	c.closed()
	return nil
}

func TestFaults(t *testing.T) {
	if _, err := NewCounter(Options{Timezone: "Mars"}, nil); err == nil {
		t.Error("a time zone that is not there was taken")
	}
	if err := new(Options).LoadRules(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a configuration that is not there was taken")
	}
	if err := CheckFormat("xml"); err == nil || CheckFormat("json") != nil {
		t.Error("formats are not those of analyze")
	}
}
