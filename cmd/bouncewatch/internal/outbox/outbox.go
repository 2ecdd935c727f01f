// Package outbox keeps events on disk until a database has them.
package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

const (
	// batchBytes is when a batch is full: some thousand rows, one block of a
	// database, and no burden to keep in memory.
	batchBytes = 4 << 20
	// bufferBytes is how much waits in memory for the next Seal.
	bufferBytes = 1 << 20
)

// Options are what an Outbox needs.
type Options struct {
	Dir      string        // is made if it is not there
	Limit    int64         // bytes on disk, over which new rows are dropped
	Interval time.Duration // how old a batch becomes before it goes out
	Mask     bool          // of addresses, no local parts
	Insert   Insert
	Logger   *slog.Logger
}

// An Outbox writes rows to batches, which are files, and sends them in order. A
// batch does not change once it is full or old; sent again after a crash, it is
// the same, and so is its name for the database. What a crash leaves behind the
// position in the snapshot is cut off: its lines are read again.
//
// The methods of pipeline.Outbox are for the goroutine that counts and never wait
// for the database; Run is for another one.
type Outbox struct {
	opts   Options
	epoch  int64  // names the counts that batches belong to
	buffer []byte // rows that are not in a file yet

	current batch
	file    *os.File // of current, nil before its first row
	begun   time.Time
	full    []batch // since the last Commit

	failing, dropping bool // so that the log says it once

	mu      sync.Mutex
	ready   []batch // to be sent
	bytes   int64   // of all files
	totals  totals
	arrived chan struct{}
}

// A batch is a file of rows.
type batch struct {
	epoch  int64
	number uint64
	size   int64
}

type totals struct{ sent, dropped, errors uint64 }

// New returns an Outbox that is to be loaded.
func New(opts Options) *Outbox { return &Outbox{opts: opts, arrived: make(chan struct{}, 1)} }

// nameForm is the name of a batch: when its counts began, and its number.
const nameForm = "%019d-%010d.jsonl"

func (o *Outbox) path(b batch) string {
	return filepath.Join(o.opts.Dir, fmt.Sprintf(nameForm, b.epoch, b.number))
}

// Load implements pipeline.Outbox.
func (o *Outbox) Load(created time.Time, at pipeline.OutboxPosition) error {
	if err := os.MkdirAll(o.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	entries, err := os.ReadDir(o.opts.Dir) // in order of names
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	o.epoch = created.UnixNano()
	o.current = batch{epoch: o.epoch, number: at.Batch}
	for _, e := range entries {
		b, ok := parseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		if err := o.loadBatch(b, at); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
	}
	o.begun = time.Now()
	o.announce()
	return nil
}

func parseName(name string) (b batch, ok bool) {
	_, err := fmt.Sscanf(name, nameForm, &b.epoch, &b.number)
	return b, err == nil && name == fmt.Sprintf(nameForm, b.epoch, b.number)
}

func (o *Outbox) loadBatch(b batch, at pipeline.OutboxPosition) (err error) {
	path := o.path(b)
	end := at.Bytes
	switch {
	case b.epoch == o.epoch && (b.number > at.Batch || b.number == at.Batch && end == 0):
		return os.Remove(path)
	case b.epoch == o.epoch && b.number == at.Batch:
		o.file, err = os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		if b.size, err = o.cut(o.file, end); err != nil {
			return err
		}
		o.current = b
	default:
		if b.size, err = o.wholeRows(path, b.epoch != o.epoch); err != nil {
			return err
		}
		o.ready = append(o.ready, b)
	}
	o.bytes += b.size
	return nil
}

// cut takes off what is behind the snapshot.
func (o *Outbox) cut(f *os.File, end int64) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() < end {
		o.opts.Logger.Error("a batch of the outbox lost its end; its rows will be missing in the database", "file", f.Name(), "bytes", end-info.Size())
		end = info.Size()
	}
	return end, f.Truncate(end)
}

// wholeRows is the size of a batch. The last row of counts that were set aside
// may be torn and is taken off.
func (o *Outbox) wholeRows(path string, others bool) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !others {
		return info.Size(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	end := int64(lastNewline(data) + 1)
	return end, os.Truncate(path, end)
}

func lastNewline(data []byte) int {
	for i := len(data) - 1; i >= 0; i-- {
		if data[i] == '\n' {
			return i
		}
	}
	return -1
}

// Add implements pipeline.Outbox. Remarks are no outcomes and stay here.
func (o *Outbox) Add(s *pipeline.Seen) {
	if s.Result != logparse.ResultEvent {
		return
	}
	o.buffer = report.AppendRow(o.buffer, s, o.opts.Mask)
	if len(o.buffer) >= bufferBytes {
		o.write()
	}
}

// Due implements pipeline.Outbox.
func (o *Outbox) Due() bool { return o.current.size > 0 && time.Since(o.begun) >= o.opts.Interval }

// Seal implements pipeline.Outbox.
func (o *Outbox) Seal() pipeline.OutboxPosition {
	o.write()
	if o.file != nil {
		o.check(o.file.Sync())
	}
	if o.Due() {
		o.next()
	}
	return pipeline.OutboxPosition{Batch: o.current.number, Bytes: o.current.size}
}

// Commit implements pipeline.Outbox.
func (o *Outbox) Commit() {
	if len(o.full) == 0 {
		return
	}
	o.mu.Lock()
	o.ready = append(o.ready, o.full...)
	o.mu.Unlock()
	o.full = nil
	o.announce()
}

func (o *Outbox) announce() {
	select {
	case o.arrived <- struct{}{}:
	default:
	}
}

// write moves the buffer to the current batch, and begins the next when that is
// full. Rows that find no room are dropped; on a disk that cannot be written they
// wait in memory, as long as there is room there.
func (o *Outbox) write() {
	if len(o.buffer) == 0 {
		return
	}
	if !o.room(int64(len(o.buffer))) {
		o.drop("the outbox is full")
		return
	}
	err := o.append()
	o.check(err)
	switch {
	case err == nil:
		o.buffer = o.buffer[:0]
		if o.dropping {
			o.opts.Logger.Info("the outbox has room again")
		}
		o.dropping = false
	case len(o.buffer) > batchBytes:
		o.drop("the outbox cannot be written")
	}
	if o.current.size >= batchBytes {
		o.next()
	}
}

func (o *Outbox) room(n int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes+n <= o.opts.Limit
}

// append writes all of the buffer, or leaves the batch as it was. Should even that
// fail, what is behind its size is written over, and never sent.
func (o *Outbox) append() error {
	if o.file == nil {
		f, err := os.OpenFile(o.path(o.current), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		o.file, o.begun = f, time.Now()
		if err := o.syncDir(); err != nil {
			return err
		}
	}
	if _, err := o.file.WriteAt(o.buffer, o.current.size); err != nil {
		return errors.Join(err, o.file.Truncate(o.current.size))
	}
	o.current.size += int64(len(o.buffer))
	o.mu.Lock()
	o.bytes += int64(len(o.buffer))
	o.mu.Unlock()
	return nil
}

// syncDir makes the name of a new batch last.
func (o *Outbox) syncDir() error {
	dir, err := os.Open(o.opts.Dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// next ends the current batch.
func (o *Outbox) next() {
	o.check(errors.Join(o.file.Sync(), o.file.Close()))
	o.full = append(o.full, o.current)
	o.current = batch{epoch: o.epoch, number: o.current.number + 1}
	o.file = nil
}

func (o *Outbox) drop(why string) {
	rows := countRows(o.buffer)
	o.buffer = o.buffer[:0]
	o.mu.Lock()
	o.totals.dropped += rows
	o.mu.Unlock()
	if !o.dropping {
		o.opts.Logger.Error(why+": rows are dropped (docs/clickhouse.md says how to load them later)", "dir", o.opts.Dir)
	}
	o.dropping = true
}

// check reports the first of several faults of the disk.
func (o *Outbox) check(err error) {
	switch {
	case err == nil && o.failing:
		o.opts.Logger.Info("the outbox is written again")
		o.failing = false
	case err != nil && !o.failing:
		o.opts.Logger.Error("the outbox cannot be written", "err", err)
		o.failing = true
	}
}
