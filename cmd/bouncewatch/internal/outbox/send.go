package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Insert gives rows to a database, all or none. A database that knows the
// identity of a batch takes it once.
type Insert func(ctx context.Context, identity string, rows []byte) error

// Waits between attempts to send.
const (
	firstWait = time.Second
	lastWait  = time.Minute
)

// Run sends batches until ctx ends. A batch that the database does not take is
// tried for ever, and those behind it wait.
func (o *Outbox) Run(ctx context.Context) {
	wait, failed := firstWait, ""
	for ctx.Err() == nil {
		b, ok := o.first()
		if !ok {
			pause(ctx, o.arrived, -1)
			continue
		}
		err := o.send(ctx, b)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if failed != "" {
				o.opts.Logger.Info("the database takes rows again")
			}
			wait, failed = firstWait, ""
			continue
		}
		o.count(func(t *totals) { t.errors++ })
		if failed != err.Error() {
			o.opts.Logger.Error("the database does not take rows; they wait in the outbox", "err", err)
		}
		failed = err.Error()
		pause(ctx, nil, wait)
		wait = min(2*wait, lastWait)
	}
}

// pause waits for what comes first; a negative time is for ever.
func pause(ctx context.Context, arrived <-chan struct{}, wait time.Duration) {
	var over <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-arrived:
	case <-over:
	}
}

func (o *Outbox) first() (batch, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ready) == 0 {
		return batch{}, false
	}
	return o.ready[0], true
}

// send sends a batch and removes it.
func (o *Outbox) send(ctx context.Context, b batch) error {
	rows, err := os.ReadFile(o.path(b))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rows = rows[:min(int64(len(rows)), b.size)]
	if len(rows) > 0 {
		if err := o.opts.Insert(ctx, identity(rows), rows); err != nil {
			return err
		}
	}
	// A batch that stays is sent again after a restart, under the same identity.
	if err := os.Remove(o.path(b)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.opts.Logger.Warn("a batch that was sent cannot be removed", "err", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ready = o.ready[1:]
	o.bytes -= b.size
	o.totals.sent += countRows(rows)
	return nil
}

// identity names a batch by what is in it: sources, lines and times, so that no
// two batches have the same, and a batch has it for ever.
func identity(rows []byte) string {
	sum := sha256.Sum256(rows)
	return hex.EncodeToString(sum[:16])
}

func countRows(rows []byte) uint64 { return uint64(bytes.Count(rows, []byte{'\n'})) }

func (o *Outbox) count(change func(*totals)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.totals)
}

func desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("bouncewatch_outbox_"+name, help, nil, nil)
}

var (
	descRows    = desc("rows_total", "Rows that the database took since the start.")
	descDropped = desc("dropped_rows_total", "Rows for which the outbox had no room, since the start.")
	descErrors  = desc("errors_total", "Failed attempts to give a batch to the database, since the start.")
	descBytes   = desc("bytes", "Rows on disk that the database does not have yet.")
)

// Describe implements prometheus.Collector.
func (o *Outbox) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRows, descDropped, descErrors, descBytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (o *Outbox) Collect(ch chan<- prometheus.Metric) {
	o.mu.Lock()
	t, waiting := o.totals, o.bytes
	o.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(descRows, prometheus.CounterValue, float64(t.sent))
	ch <- prometheus.MustNewConstMetric(descDropped, prometheus.CounterValue, float64(t.dropped))
	ch <- prometheus.MustNewConstMetric(descErrors, prometheus.CounterValue, float64(t.errors))
	ch <- prometheus.MustNewConstMetric(descBytes, prometheus.GaugeValue, float64(waiting))
}
