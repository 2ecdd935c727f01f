package tailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

var (
	// ErrBinary is wrapped by the error for a file that is no text.
	ErrBinary = errors.New("not a text log")
	// ErrDirectory is wrapped by the error for a directory given in place of a file.
	ErrDirectory = errors.New("is a directory")
	// ErrCut is wrapped by the error for a log that became shorter while it was read.
	ErrCut = errors.New("became shorter while it was read")
	// ErrDamaged is wrapped by the error for an archive that ends early or cannot be decompressed.
	ErrDamaged = errors.New("archive is damaged or incomplete")
)

// archive reads one finished log, plain or compressed.
type archive struct {
	name    string
	src     io.Reader
	closer  io.Closer
	text    io.Reader
	packing string
	opts    Options
	lines   *lineReader
	checked bool
	err     error
}

// Open opens a log or an archive of one; its compression is recognised by content.
func Open(path string, opts Options) (Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s %w: name the files in it, or let Expand list them", path, ErrDirectory)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &archive{name: path, src: f, closer: f, opts: opts}, nil
}

// NewReader reads a log from r, such as standard input; compression is recognised by content.
func NewReader(name string, r io.Reader, opts Options) Reader {
	return &archive{name: name, src: r, opts: opts}
}

// Next returns the next lines. An archive that is damaged yields all whole lines before the damage
// and then an error that wraps ErrDamaged.
func (a *archive) Next() (Block, error) {
	if a.err == nil && a.lines == nil {
		a.err = a.start()
	}
	if a.err != nil {
		return Block{}, a.err
	}
	b, err := a.lines.next()
	if err == nil && !a.checked {
		a.checked = true
		err = a.checkText(b.Data)
	}
	if err == nil {
		return b, nil
	}
	a.err = a.explain(err)
	return Block{}, a.err
}

func (a *archive) start() error {
	text, packing, err := decompress(a.src)
	a.text, a.packing = text, packing
	if err != nil {
		return a.explain(err)
	}
	a.lines = newLineReader(a.name, text, a.opts)
	return nil
}

// binaryLook is how much of a file tells whether it is text.
const binaryLook = 64 << 10

// checkText refuses binary files by their first block.
func (a *archive) checkText(b []byte) error {
	if !isBinary(b[:min(len(b), binaryLook)]) {
		return nil
	}
	return fmt.Errorf("%s: %w: it has many NUL bytes; leave it out", a.name, ErrBinary)
}

// isBinary finds many NUL bytes that are no hole.
func isBinary(b []byte) bool {
	nul := bytes.Count(b, []byte{0})
	if run := longestNulRun(b); run >= holeSize {
		nul -= run
	}
	return nul*20 > len(b)
}

func longestNulRun(b []byte) int {
	longest := 0
	for i := 0; i < len(b); i++ {
		if n := nulRun(b[i:]); n > 0 {
			longest = max(longest, n)
			i += n
		}
	}
	return longest
}

func (a *archive) explain(err error) error {
	if err == io.EOF && (a.packing == "" || a.lines != nil) || errors.Is(err, ErrBinary) {
		return err
	}
	if errors.Is(err, ErrCut) {
		return fmt.Errorf("%s: %w: what was left was read", a.name, err)
	}
	if a.packing == "" {
		return fmt.Errorf("%s: reading at byte %d: %w", a.name, a.position(), err)
	}
	return fmt.Errorf("%s: %w after byte %d of its text (%s: %v): "+
		"what came before was read; fetch the file again or wait until it is written",
		a.name, ErrDamaged, a.position(), a.packing, err)
}

// position is the offset in the text up to which it could be read.
func (a *archive) position() int64 {
	if a.lines == nil {
		return 0
	}
	return a.lines.offset + int64(a.lines.end)
}

// Overlong counts the lines that were cut at Options.MaxLine.
func (a *archive) Overlong() int64 {
	if a.lines == nil {
		return 0
	}
	return a.lines.overlong
}

// Close closes the file; a reader given to NewReader stays open.
func (a *archive) Close() error {
	closeText(a.text)
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}
