package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var created = time.Date(2026, 11, 27, 10, 0, 0, 123, time.UTC)

func seen(line int64) *pipeline.Seen {
	return &pipeline.Seen{
		Place:   pipeline.Place{Source: "/var/log/mail.log", Line: line, Time: created},
		Result:  logparse.ResultEvent,
		Event:   &logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Sent, Recipients: 1, Recipient: []byte("bob@example.com")},
		Verdict: replycode.Verdict{},
	}
}

// A table is a database that knows identities.
type table struct {
	lines  []int64
	known  map[string]bool
	failed error
	after  error // the batch is taken, but nobody learns that
}

func (d *table) insert(_ context.Context, identity string, rows []byte) error {
	if d.failed != nil {
		return d.failed
	}
	if d.known[identity] {
		return nil
	}
	if d.known == nil {
		d.known = map[string]bool{}
	}
	d.known[identity] = true
	for row := range bytes.Lines(rows) {
		var r struct{ Line int64 }
		if err := json.Unmarshal(row, &r); err != nil {
			return err
		}
		d.lines = append(d.lines, r.Line)
	}
	return d.after
}

func open(t *testing.T, dir string, at pipeline.OutboxPosition, o Options) *Outbox {
	t.Helper()
	if o.Limit == 0 {
		o.Limit = 1 << 30
	}
	o.Dir, o.Logger = dir, slog.New(slog.DiscardHandler)
	box := New(o)
	if err := box.Load(created, at); err != nil {
		t.Fatal(err)
	}
	return box
}

// sendAll sends what is ready.
func sendAll(t *testing.T, o *Outbox) {
	t.Helper()
	for {
		b, ok := o.first()
		if !ok {
			return
		}
		if err := o.send(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func numbers(from, to int64) (all []int64) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// The process ends at any moment, and what it did after the last snapshot is done
// again: the database has each row once.
func TestEachRowOnceHoweverOftenTheProcessEnds(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		db := &table{}
		options := Options{Insert: db.insert, Interval: time.Duration(r.IntN(2)) * time.Hour}
		const last = 120
		var at pipeline.OutboxPosition // in the snapshot
		counted := int64(0)            // in the snapshot
		box, line := open(t, dir, at, options), int64(0)
		for counted < last {
			switch r.IntN(10) {
			case 0: // killed
				box, line = open(t, dir, at, options), counted
			case 1: // the snapshot is written, or the process ends before or after that
				sealed := box.Seal()
				if r.IntN(3) == 0 {
					box, line = open(t, dir, at, options), counted
					continue
				}
				at, counted = sealed, line
				if r.IntN(3) == 0 {
					box = open(t, dir, at, options)
					continue
				}
				box.Commit()
			case 2: // sent, but killed before that is known here
				if b, ok := box.first(); ok {
					db.after = errors.New("killed")
					_ = box.send(t.Context(), b)
					db.after = nil
					box, line = open(t, dir, at, options), counted
				}
			case 3:
				sendAll(t, box)
			case 4:
				box.write() // the buffer is full
			default:
				if line < last {
					line++
					box.Add(seen(line))
				}
			}
		}
		options.Interval = 0
		box = open(t, dir, at, options)
		box.Seal()
		box.Commit()
		sendAll(t, box)
		if !slices.Equal(db.lines, numbers(1, last)) {
			t.Fatalf("seed %d: the database has rows %v", seed, db.lines)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 || box.bytes != 0 {
			t.Fatalf("seed %d: %v are left, %d bytes, %v", seed, left, box.bytes, err)
		}
	}
}

func TestFullBatchesGoOutBeforeTheirTime(t *testing.T) {
	db := &table{}
	box := open(t, t.TempDir(), pipeline.OutboxPosition{}, Options{Insert: db.insert, Interval: time.Hour})
	for n := range int64(40_000) {
		box.Add(seen(n + 1))
	}
	box.Seal()
	if _, ok := box.first(); ok {
		t.Error("a batch goes out before its rows are in a snapshot")
	}
	box.Commit()
	n := len(box.ready)
	sendAll(t, box)
	if n == 0 || !slices.Equal(db.lines, numbers(1, int64(len(db.lines)))) {
		t.Errorf("%d batches with %d rows, not the first ones", n, len(db.lines))
	}
	if box.bytes >= batchBytes+bufferBytes {
		t.Errorf("%d bytes wait for their time", box.bytes)
	}
}

// Over its limit the outbox drops rows, says how many, and takes new ones when
// there is room.
func TestLimit(t *testing.T) {
	db := &table{failed: errors.New("down")}
	box := open(t, t.TempDir(), pipeline.OutboxPosition{}, Options{Insert: db.insert, Limit: 1000})
	lines := int64(0)
	for range 20 {
		lines++
		box.Add(seen(lines))
		box.Seal()
		box.Commit()
	}
	dropped := box.totals.dropped
	if dropped == 0 || dropped == 20 || box.bytes > 1000 {
		t.Fatalf("%d of 20 rows dropped, %d bytes", dropped, box.bytes)
	}
	db.failed = nil
	sendAll(t, box)
	box.Add(seen(21))
	box.Seal()
	box.Commit()
	sendAll(t, box)
	if want := append(numbers(1, 20-int64(dropped)), 21); !slices.Equal(db.lines, want) {
		t.Errorf("the database has rows %v, want %v", db.lines, want)
	}
	metrics := gather(t, box)
	if want := fmt.Sprintf("bytes=0 dropped_rows_total=%d errors_total=0 rows_total=%d", dropped, 21-dropped); metrics != want {
		t.Errorf("metrics %s, want %s", metrics, want)
	}
}

func gather(t *testing.T, o *Outbox) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(o)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		m := f.GetMetric()[0]
		all = append(all, fmt.Sprintf("%s=%v", strings.TrimPrefix(f.GetName(), "bouncewatch_outbox_"), m.GetCounter().GetValue()+m.GetGauge().GetValue()))
	}
	return strings.Join(all, " ")
}

// A disk that cannot be written costs no row as long as memory has room.
func TestDiskThatCannotBeWritten(t *testing.T) {
	db := &table{}
	dir := filepath.Join(t.TempDir(), "outbox")
	box := open(t, dir, pipeline.OutboxPosition{}, Options{Insert: db.insert})
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	box.Add(seen(1))
	if at := box.Seal(); at != (pipeline.OutboxPosition{}) {
		t.Errorf("%+v is sealed on a disk that is not there", at)
	}
	box.Commit()
	for n := range int64(100_000) {
		box.Add(seen(n + 2))
	}
	if len(box.buffer) > batchBytes+bufferBytes || box.totals.dropped == 0 {
		t.Errorf("%d bytes in memory, %d rows dropped", len(box.buffer), box.totals.dropped)
	}
	kept := 100_001 - int64(box.totals.dropped)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	box.Seal()
	box.Commit()
	sendAll(t, box)
	if int64(len(db.lines)) != kept {
		t.Errorf("%d rows, want %d", len(db.lines), kept)
	}
}

// What a write left behind that failed half-way, and could not be taken back, is not sent.
func TestTornWrite(t *testing.T) {
	db := &table{}
	box := open(t, t.TempDir(), pipeline.OutboxPosition{}, Options{Insert: db.insert, Interval: time.Hour})
	box.Add(seen(1))
	box.Seal()
	path := box.path(box.current)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, bytes.Repeat([]byte("torn"), 1000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	box.Add(seen(2))
	box.opts.Interval = 0 // it is old
	box.Seal()
	box.Commit()
	sendAll(t, box)
	if !slices.Equal(db.lines, []int64{1, 2}) {
		t.Errorf("rows %v", db.lines)
	}
}

// A link in the place of a batch is neither followed nor a reason not to start.
func TestLinksInTheOutbox(t *testing.T) {
	dir := t.TempDir()
	aim := filepath.Join(t.TempDir(), "aim")
	if err := os.WriteFile(aim, []byte("of someone else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := &table{}
	former := New(Options{Dir: dir})
	former.epoch = created.UnixNano()
	for number, to := range map[uint64]string{0: "nowhere", 1: aim} {
		if err := os.Symlink(to, former.path(batch{former.epoch, number, 0})); err != nil {
			t.Fatal(err)
		}
	}
	box := open(t, dir, pipeline.OutboxPosition{Batch: 1}, Options{Insert: db.insert, Interval: time.Hour})
	sendAll(t, box)
	box.Add(seen(1))
	box.Seal()
	if data, err := os.ReadFile(aim); err != nil || string(data) != "of someone else\n" || len(db.lines) > 0 {
		t.Errorf("%q, %v, rows %v", data, err, db.lines)
	}
}

// What was counted before the state was set aside is sent too, but for a torn row.
func TestBatchesOfCountsThatWereSetAside(t *testing.T) {
	db := &table{}
	dir := t.TempDir()
	former := New(Options{Dir: dir, Limit: 1 << 20, Interval: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	if err := former.Load(created.Add(-time.Hour), pipeline.OutboxPosition{}); err != nil {
		t.Fatal(err)
	}
	former.Add(seen(1))
	former.Seal()
	torn := former.path(former.current)
	data, err := os.ReadFile(torn)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, append(data, `{"line":2,`...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	box := open(t, dir, pipeline.OutboxPosition{}, Options{Insert: db.insert})
	sendAll(t, box)
	if !slices.Equal(db.lines, []int64{1}) {
		t.Errorf("rows %v", db.lines)
	}
	if _, err := os.Stat(torn); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the batch is still there: %v", err)
	}
}

// While the database is down, attempts are a second apart, then up to a minute.
func TestRunTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var tries []time.Duration
		insert := func(context.Context, string, []byte) error {
			tries = append(tries, time.Since(start))
			if time.Since(start) < 150*time.Second {
				return errors.New("down")
			}
			return nil
		}
		box := open(t, t.TempDir(), pipeline.OutboxPosition{}, Options{Insert: insert})
		box.Add(seen(1))
		box.Seal()
		box.Commit()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { box.Run(ctx); close(ended) }()
		<-time.After(4 * time.Minute)
		cancel()
		<-ended
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(tries, want) {
			t.Errorf("tries after %v, want %v", tries, want)
		}
		if box.totals != (totals{sent: 1, errors: 8}) || box.bytes != 0 {
			t.Errorf("%+v, %d bytes left", box.totals, box.bytes)
		}
	})
}
