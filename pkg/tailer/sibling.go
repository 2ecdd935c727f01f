package tailer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// isRotatedName says whether name is a rotated form of the log base: base.1, base-20261125,
// base.2.gz, and with the extension kept at the end (logrotate: extension) stem-20261125.log.
func isRotatedName(base, name string) bool {
	if rest, ok := strings.CutPrefix(name, base); ok {
		return isRotationSuffix(rest)
	}
	ext := filepath.Ext(base)
	if ext == "" {
		return false
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(base, ext))
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(withoutPacking(rest), ext)
	return ok && isRotationSuffix(rest)
}

func isRotated(base, path string) bool {
	return base != path && filepath.Dir(base) == filepath.Dir(path) && isRotatedName(filepath.Base(base), filepath.Base(path))
}

// isRotationSuffix accepts a number or a date behind a dot or a dash, and an end that tells the
// compression. A name that a program uses while it compresses is none.
func isRotationSuffix(s string) bool {
	s = withoutPacking(s)
	if s == ".old" || s == ".bak" {
		return true
	}
	if len(s) < 2 || s[0] != '.' && s[0] != '-' && s[0] != '_' || s[1] < '0' || s[1] > '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' && c != ':' && c != 'T' && c != 'Z' {
			return false
		}
	}
	return true
}

func withoutPacking(name string) string {
	for _, ext := range []string{".gz", ".bz2", ".xz", ".zst"} {
		if s, ok := strings.CutSuffix(name, ext); ok {
			return s
		}
	}
	return name
}

func isGlob(path string) bool { return strings.ContainsAny(path, "*?[") }

func globMatches(pattern, path string) bool {
	ok, err := filepath.Match(pattern, path)
	return ok && err == nil
}

// glob lists the regular files that a pattern matches and that are logs.
func glob(pattern string) (files []string) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	for _, m := range matches {
		info, err := os.Stat(m)
		if err == nil && info.Mode().IsRegular() && !SkipName(filepath.Base(m)) && withoutPacking(m) == m {
			files = append(files, m)
		}
	}
	return files
}

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

// openSibling opens a rotated file. Of a compressed one, enough must be there to tell it.
func (s *source) openSibling(path string) (*generation, error) {
	g, err := s.openGeneration(path)
	if err != nil {
		return nil, err
	}
	if formatOf(g.head) == nil {
		return g, nil
	}
	a := &archiveTail{file: g.file, size: g.size}
	if a.head, err = s.headOfArchive(g, a); len(a.head) == 0 {
		g.close()
		return nil, errors.Join(errUnfinished, err)
	}
	a.fingerprint = fingerprint(a.head)
	return &generation{s: s, line: 1, growth: s.opts.now(), archive: a}, nil
}

// An archiveID tells that an archive did not change since its head was read.
type archiveID struct {
	dev, ino       uint64
	size, modified int64
}

// headOfArchive remembers heads: to read one, some decompressors need megabytes.
func (s *source) headOfArchive(g *generation, a *archiveTail) ([]byte, error) {
	info, err := g.file.Stat()
	if err != nil {
		return nil, err
	}
	id := archiveID{g.dev, g.ino, info.Size(), info.ModTime().UnixNano()}
	if head, ok := s.heads[id]; ok {
		return head, nil
	}
	head, err := a.readHead()
	if s.heads == nil || len(s.heads) > 200 {
		s.heads = map[archiveID][]byte{}
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
