package pipeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// snapshotVersion changes when an older program could not read the snapshot.
const snapshotVersion = 1

// A Snapshot is everything that must outlive the process, in one file: what was
// counted, and up to where. Because both are written in one step, a restart
// neither loses a line nor counts one twice.
type Snapshot struct {
	Version int                     `json:"version"`
	Created time.Time               `json:"created"` // when counting began, over all restarts
	Files   []tailer.FileState      `json:"files"`
	Health  map[string]SourceTotals `json:"health"` // by source
	Counts  *aggregate.Counts       `json:"counts"`

	Messages json.RawMessage `json:"messages,omitempty"` // of the Companion, as Load found them
	Outbox   OutboxPosition  `json:"outbox,omitzero"`
}

// SourceTotals are what happened to a source since Snapshot.Created.
type SourceTotals struct {
	Rotations   int64 `json:"rotations"`
	LostBytes   int64 `json:"lost_bytes"`
	Truncations int64 `json:"truncations"`
	Overlong    int64 `json:"overlong"`
}

func (t SourceTotals) plus(s tailer.SourceStats) SourceTotals {
	return SourceTotals{
		Rotations: t.Rotations + s.Rotations, LostBytes: t.LostBytes + s.LostBytes,
		Truncations: t.Truncations + s.Truncations, Overlong: t.Overlong + s.Overlong,
	}
}

// A StateDir is the directory of the snapshot, locked against other processes.
type StateDir struct {
	path string
	lock *os.File
}

// OpenStateDir makes the directory if it is not there and locks it. It fails if
// another process holds the lock.
func OpenStateDir(path string) (*StateDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w (choose another with --state-dir)", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w (choose another with --state-dir)", err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("state directory %s is in use by another bouncewatch: stop it, or give this one its own --state-dir", path)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &StateDir{path, lock}, nil
}

// Close lets other processes have the directory.
func (d *StateDir) Close() error { return d.lock.Close() }

// File is the path of the snapshot.
func (d *StateDir) File() string { return filepath.Join(d.path, "state.json") }

// Load reads the snapshot; nil where there is none yet. A snapshot that cannot
// be understood is an error and stays as it is.
func (d *StateDir) Load() (*Snapshot, error) {
	data, err := os.ReadFile(d.File())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	s := Snapshot{Counts: aggregate.NewWithoutDomains()}
	if err := s.decode(data); err != nil {
		return nil, fmt.Errorf("state %s: %w; it was left as it is: start with --new-state to set it aside and count from 0", d.File(), err)
	}
	return &s, nil
}

// ReadState is what Load would read from the directory, which need not be
// locked: a snapshot is replaced in one step.
func ReadState(dir string) (*Snapshot, error) { return (&StateDir{path: dir}).Load() }

func (s *Snapshot) decode(data []byte) error {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	if head.Version != snapshotVersion {
		return fmt.Errorf("is of version %d, this program knows version %d", head.Version, snapshotVersion)
	}
	if err := json.Unmarshal(data, s); err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	if s.Counts == nil || s.Created.IsZero() {
		return errors.New("damaged: counts or time of creation are missing")
	}
	return nil
}

// write writes the snapshot as JSON, with what messages writes unless that is nil.
// Messages are never in memory as a whole: they can be megabytes.
func (s *Snapshot) write(out io.Writer, messages func(io.Writer) error) error {
	rest := *s
	rest.Messages = nil
	data, err := json.Marshal(&rest)
	if err != nil {
		return err
	}
	if messages != nil {
		if _, err := out.Write(append(data[:len(data)-1], `,"messages":`...)); err != nil {
			return err
		}
		if err := messages(out); err != nil {
			return err
		}
		data = []byte("}")
	}
	_, err = out.Write(append(data, '\n'))
	return err
}

// SetAside renames the snapshot so that the next Load finds none, and returns
// its new name; "" where there is none.
func (d *StateDir) SetAside(now time.Time) (string, error) {
	aside := d.File() + "." + now.UTC().Format("20060102T150405.000000000Z")
	err := os.Rename(d.File(), aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return aside, err
}

// Save replaces the snapshot in one step: after a crash at any moment the file
// is the old one or the new one, whole. The messages in it are what messages writes,
// none if that is nil. It returns the size of the file.
func (d *StateDir) Save(s *Snapshot, messages func(io.Writer) error) (size int64, err error) {
	temporary := d.File() + ".tmp"
	size, err = writeSynced(temporary, func(out io.Writer) error { return s.write(out, messages) })
	if err != nil {
		os.Remove(temporary)
		return 0, err
	}
	if err := os.Rename(temporary, d.File()); err != nil {
		return 0, err
	}
	return size, syncDir(d.path)
}

func writeSynced(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(f, 32<<10)
	err = errors.Join(write(out), out.Flush())
	if info, statErr := f.Stat(); err == nil && statErr == nil {
		size = info.Size()
	}
	return size, errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
