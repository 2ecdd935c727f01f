package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// maxSize is what a log grows to before it is rotated; one older one is kept.
const maxSize = 8 << 20

// A log is what one server writes, and the truth about it.
type log struct {
	path   string
	header func(at time.Time, program string) string
	file   *os.File
	size   int64
	buffer bytes.Buffer
	tally  *Tally
	at     time.Time // of the next lines
}

func newLog(dir string, s server, tally *Tally) (*log, error) {
	l := &log{path: filepath.Join(dir, s.file), header: s.header, tally: tally}
	tally.Lines[l.path] = map[string]uint64{}
	return l, l.open()
}

func (l *log) open() (err error) {
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	l.size = 0
	return err
}

// flush writes the lines that were said. A reader never sees half of one.
func (l *log) flush() error {
	n, err := l.file.Write(l.buffer.Bytes())
	l.buffer.Reset()
	if l.size += int64(n); err != nil || l.size < maxSize {
		return err
	}
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return err
	}
	if err := l.file.Close(); err != nil {
		return err
	}
	return l.open()
}

func (l *log) line(result, program, format string, args ...any) {
	l.tally.Lines[l.path][result]++
	l.buffer.WriteString(l.header(l.at, program))
	fmt.Fprintf(&l.buffer, format, args...)
	l.buffer.WriteByte('\n')
}

// say writes a line that is not about an outcome.
func (l *log) say(program, format string, args ...any) { l.line("ignored", program, format, args...) }

// outcome writes a line that is one.
func (l *log) outcome(o Outcome, program, format string, args ...any) {
	result := "event"
	if o.Remark {
		result = "remark"
	}
	l.tally.Outcomes[o]++
	l.line(result, program, format, args...)
}

// delayed notes that the outcome's line says how long the mail took.
func (l *log) delayed(o Outcome) { l.tally.Delays[[2]string{o.MTA, o.Status}]++ }
