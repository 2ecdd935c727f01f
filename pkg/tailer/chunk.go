package tailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Chunk is a run of whole lines in a plain log, or a whole input that cannot be cut: an archive,
// a pipe, standard input. The chunks of a log together are the log.
type Chunk struct {
	Path       string
	Start, End int64 // bytes of a plain log
	Whole      bool  // an input that cannot be cut; Start is 0 and End its size, if known
}

// Chunks cuts a log into pieces of about size bytes that end behind a newline. What is written to
// the file after the call is in none of them.
func Chunks(path string, size int64) ([]Chunk, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	whole := []Chunk{{Path: path, End: info.Size(), Whole: true}}
	if !info.Mode().IsRegular() {
		return whole, nil // Open says what is wrong with a directory
	}
	head := make([]byte, binaryLook)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if formatOf(head[:n]) != nil || isBinary(head[:n]) || info.Size() == 0 {
		return whole, nil // Open says what is wrong with a binary file
	}
	var chunks []Chunk
	for start := int64(0); start < info.Size(); {
		end := info.Size()
		if start+size < end {
			if end, err = behindNewline(f, start+size, end); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		chunks = append(chunks, Chunk{Path: path, Start: start, End: end})
		start = end
	}
	return chunks, nil
}

// behindNewline is the first offset from at on that follows a newline, or limit.
func behindNewline(r io.ReaderAt, at, limit int64) (int64, error) {
	buf := make([]byte, 16<<10)
	for at < limit {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), limit-at)], at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		if err != nil && err != io.EOF || n == 0 {
			return limit, err
		}
		at += int64(n)
	}
	return limit, nil
}

// Open reads the chunk. Line numbers of its blocks begin at 1 with the chunk.
func (c Chunk) Open(opts Options) (Reader, error) {
	if c.Whole {
		return Open(c.Path, opts)
	}
	f, err := os.Open(c.Path)
	if err != nil {
		return nil, err
	}
	a := &archive{name: c.Path, closer: f, opts: opts}
	a.lines = newLineReader(c.Path, &section{f, c}, opts)
	a.lines.offset = c.Start
	a.checked = c.Start > 0 // a file is judged by its beginning
	return a, nil
}

// A section reads the bytes of a chunk, which must all be there.
type section struct {
	file io.ReaderAt
	rest Chunk
}

func (s *section) Read(p []byte) (int, error) {
	left := s.rest.End - s.rest.Start
	if left == 0 {
		return 0, io.EOF
	}
	n, err := s.file.ReadAt(p[:min(int64(len(p)), left)], s.rest.Start)
	s.rest.Start += int64(n)
	switch {
	case int64(n) == left:
		err = nil // the end is told by the next call
	case err == io.EOF:
		err = ErrCut
	}
	return n, err
}

// Before returns whole lines that stand before the chunk, the last n bytes of them at most: for a
// parser that must know what came before. There are none before the first chunk.
func (c Chunk) Before(n int64) ([]byte, error) {
	if c.Whole || c.Start == 0 {
		return nil, nil
	}
	f, err := os.Open(c.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return linesBefore(f, c.Start, n)
}

func linesBefore(f io.ReaderAt, end, n int64) ([]byte, error) {
	start := max(0, end-n)
	buf := make([]byte, end-start)
	read, err := f.ReadAt(buf, start)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	buf = buf[:read] // less, if the file was cut meanwhile
	if start == 0 {
		return buf, nil
	}
	return buf[bytes.IndexByte(buf, '\n')+1:], nil // of a single longer line, its end
}

// Ends returns the first and the last few lines of the chunk. For an input that cannot be cut, last
// is nil, and first too where reading it would use it up.
func (c Chunk) Ends() (first, last []byte, err error) {
	const look = 32 << 10
	if !c.Whole {
		r, err := c.Open(Options{})
		if err != nil {
			return nil, nil, err
		}
		defer r.Close()
		b, err := r.Next()
		if err != nil {
			return nil, nil, err
		}
		first = bytes.Clone(b.Data[:min(len(b.Data), look)])
		last, err = Chunk{Path: c.Path, Start: c.End}.Before(look)
		return first, last, err
	}
	if info, err := os.Stat(c.Path); err != nil || !info.Mode().IsRegular() {
		return nil, nil, err
	}
	r, err := Open(c.Path, Options{})
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	b, err := r.Next()
	return bytes.Clone(b.Data[:min(len(b.Data), look)]), nil, err
}
