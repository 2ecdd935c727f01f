package tailer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// errUnfinished says that a compressed file cannot be read yet.
var errUnfinished = errors.New("not written to its end yet")

// An archiveTail reads a compressed file from some offset of its text to its end.
type archiveTail struct {
	file        *os.File // stays the same when it is renamed
	fingerprint Fingerprint
	head        []byte
	reader      Reader
	skip        int64 // bytes of text that were returned before
	done        bool
	err         error // why it ended before its end
	size        int64 // of the compressed file
}

// headOfArchive remembers heads: to read one, some decompressors need megabytes.
func (s *source) headOfArchive(g *generation, a *archiveTail) ([]byte, error) {
	info, err := g.file.Stat()
	if err != nil {
		return nil, err
	}
	id := idOf(info)
	if head, ok := s.heads[id]; ok {
		return head, nil
	}
	head, err := a.readHead()
	if s.heads == nil || len(s.heads) > 200 {
		s.heads = map[fileID][]byte{}
	}
	s.heads[id] = head
	return head, err
}

// readHead is the first part of the text.
func (a *archiveTail) readHead() ([]byte, error) {
	text, _, err := decompress(io.NewSectionReader(a.file, 0, 1<<62))
	if err != nil {
		return nil, err
	}
	defer closeText(text)
	behind := bufio.NewReaderSize(text, 64<<10)
	skipHole(behind)
	buf := make([]byte, headSize)
	n, err := io.ReadFull(behind, buf)
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = nil // shorter than that, or not written to its end: what is there tells
	}
	return buf[:n], err
}

// skipHole goes to the first byte behind the hole that a text may begin with. Who reads on sees what
// is wrong with the text.
func skipHole(r *bufio.Reader) {
	for least := holeSize; ; least = 1 {
		if b, _ := r.Peek(least); nulRun(b) < least {
			return
		}
		b, _ := r.Peek(r.Buffered())
		if n, _ := r.Discard(nulRun(b)); n == 0 {
			return
		}
	}
}

// beginning is the first bytes of the file's text.
func (g *generation) beginning() []byte {
	if g.archive != nil {
		return g.archive.head
	}
	return g.head
}

// advance sets where to begin.
func (g *generation) advance(offset int64) {
	g.offset = offset
	if g.archive != nil {
		g.archive.skip = offset
		return
	}
	g.offset = min(offset, g.size)
}

// readArchive returns the next lines of a compressed file. One that ends too early, because it is
// still being written, is opened again when it has grown.
func (g *generation) readArchive() (Batch, bool) {
	a := g.archive
	if a.err != nil && !g.reopenArchive() {
		return Batch{}, false
	}
	for !a.done && a.err == nil {
		b, err := g.nextOfArchive()
		switch {
		case err == io.EOF:
			a.done = true
			a.endReading()
		case err != nil:
			a.err = err
			a.endReading()
		case len(b.Data) > 0:
			return b, true
		}
	}
	return Batch{}, false
}

func (g *generation) nextOfArchive() (Batch, error) {
	a := g.archive
	if a.reader == nil {
		a.reader = NewReader(g.s.path, io.NewSectionReader(a.file, 0, 1<<62), Options{MaxLine: g.s.opts.MaxLine})
	}
	block, err := a.reader.Next()
	if err != nil {
		return Batch{}, err
	}
	end := block.Offset + int64(len(block.Data))
	if end <= a.skip {
		return Batch{}, nil
	}
	data := block.Data[max(0, a.skip-block.Offset):]
	if g.skipping { // the saved place was inside an overlong line
		i := bytes.IndexByte(data, '\n')
		g.skipping = false
		data = data[i+1:]
	}
	b := Batch{Source: g.s.path, Data: data, Line: g.line, Offset: end - int64(len(data))}
	g.offset, a.skip = end, end
	g.line += int64(bytes.Count(data, []byte{'\n'}))
	g.s.lastLine = g.s.opts.now()
	return b, nil
}

func (g *generation) reopenArchive() bool {
	a := g.archive
	info, err := a.file.Stat()
	if err != nil || info.Size() == a.size {
		return false
	}
	a.size, a.err, g.growth = info.Size(), nil, g.s.opts.now()
	return true
}

func (a *archiveTail) close() {
	a.endReading()
	a.file.Close()
}

func (a *archiveTail) endReading() {
	if a.reader != nil {
		a.reader.Close()
		a.reader = nil
	}
}
