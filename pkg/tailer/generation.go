package tailer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// A generation is a file that stands, or stood, under the path of a source. It is known by its first
// bytes and stays open, so that a rename or a removal takes nothing away.
type generation struct {
	s    *source
	file *os.File
	dev  uint64
	ino  uint64

	offset   int64  // behind the last line that was returned
	line     int64  // number of the line at offset
	skipping bool   // offset is inside an overlong line
	scanned  int64  // no line ends between offset and here
	hole     int64  // NUL bytes that the file begins with
	head     []byte // the first bytes behind them
	size     int64  // as of the last look

	rotated bool
	blank   bool      // was empty when it was found among the siblings: perhaps a copy that has just begun
	growth  time.Time // when it was last seen to grow

	archive *archiveTail // of a compressed file; file is nil then
	tail    *pinned      // the engine, where it reads the end of the file
	owing   time.Time    // since when the engine has returned none of the lines there are; zero if it owes none
}

// openGeneration opens a regular file. Offset and head are still to be set.
func (s *source) openGeneration(path string) (*generation, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	g := &generation{s: s, file: file, line: 1, growth: s.opts.now()}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(path + " is not a regular file")
	}
	if err == nil {
		g.dev, g.ino = identity(info)
		g.size = info.Size()
		err = g.readHead()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return g, nil
}

func identity(info os.FileInfo) (dev, ino uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino) //nolint:unconvert // the types differ between systems
	}
	return 0, 0
}

// measure takes size and growth anew. It is false when the file was cut or begun anew. What a fault of
// the disk keeps from being known is as it was.
func (g *generation) measure() bool {
	info, err := g.file.Stat()
	if err != nil {
		g.s.complain(err)
		return true
	}
	if info.Size() < g.offset {
		return false
	}
	if same, err := g.beginsAsBefore(); err != nil {
		g.s.complain(err)
	} else if !same {
		return false
	}
	if info.Size() != g.size {
		g.size, g.growth = info.Size(), g.s.opts.now()
	}
	if err := g.readHead(); err != nil {
		g.s.complain(err)
	}
	return true
}

// behind says whether there is more to return, as far as the last look saw.
func (g *generation) behind() bool {
	if g.archive != nil {
		return !g.archive.done && g.archive.err == nil
	}
	return g.size > g.offset && !g.partial()
}

// partial says whether only the beginning of a line is left. It does not touch the last batch, and
// looks at no byte twice.
func (g *generation) partial() bool {
	if g.size-g.offset > int64(g.s.opts.MaxLine) {
		return false // to be cut
	}
	buf := g.s.f.look4k[:]
	for at := max(g.offset, g.scanned); at < g.size; {
		n, _ := g.file.ReadAt(buf[:min(int64(len(buf)), g.size-at)], at)
		if n == 0 || at == g.offset && nulRun(buf[:n]) >= holeSize {
			return false
		}
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			return false
		}
		at += int64(n)
		g.scanned = at
	}
	return true
}

// read returns the next whole lines; none if there is no whole line, or if the file was changed under
// our hands, which the next look will see.
func (g *generation) read() (Batch, bool) {
	if g.archive != nil {
		return g.readArchive()
	}
	if g.tail != nil || g.size <= g.offset || g.blank {
		return Batch{}, false
	}
	if g.offset < g.hole && !g.pass(g.hole-g.offset) {
		return Batch{}, false
	}
	size := min(blockSize, g.s.opts.MaxLine+1)
	for {
		buf := g.s.f.scratch(size)
		n, err := g.file.ReadAt(buf, g.offset)
		if err != nil && err != io.EOF {
			g.s.complain(err)
			return Batch{}, false
		}
		data := buf[:n]
		if hole := nulRun(data); hole >= holeSize {
			if !g.pass(int64(hole)) {
				return Batch{}, false
			}
			continue
		}
		if g.skipping {
			if !g.skip(data) {
				return Batch{}, false
			}
			continue
		}
		if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
			return g.deliver(data[:i+1], int64(i+1))
		}
		if n < len(buf) {
			return Batch{}, false // the line is not finished
		}
		if size > g.s.opts.MaxLine {
			return g.cut(data)
		}
		size = min(2*size, g.s.opts.MaxLine+1)
	}
}

// pass goes over a hole; false if the file was changed.
func (g *generation) pass(hole int64) bool {
	if !g.intact(g.offset + hole) {
		return false
	}
	g.offset += hole
	return true
}

// deliver believes a block: it was read from the file that we think it was.
func (g *generation) deliver(data []byte, consumed int64) (Batch, bool) {
	g.extendHead(data[:consumed])
	if !g.intact(g.offset + consumed) {
		return Batch{}, false
	}
	b := Batch{Source: g.s.path, Data: data, Line: g.line, Offset: g.offset}
	g.offset += consumed
	g.line += int64(bytes.Count(data, []byte{'\n'}))
	g.s.lastLine = g.s.opts.now()
	if g.offset > g.size {
		g.size, g.growth = g.offset, g.s.lastLine
	}
	return b, true
}

// cut returns the beginning of an overlong line. The rest is skipped.
func (g *generation) cut(data []byte) (Batch, bool) {
	limit := g.s.opts.MaxLine
	data[limit] = '\n'
	b, ok := g.deliver(data[:limit+1], int64(limit))
	if ok {
		g.skipping = true
		g.s.stats.Overlong++
	}
	return b, ok
}

// skip leaves the rest of an overlong line out; false when its end is not there yet.
func (g *generation) skip(data []byte) bool {
	i := bytes.IndexByte(data, '\n')
	if len(data) == 0 || !g.intact(g.offset+int64(len(data))) {
		return false
	}
	if i < 0 {
		g.offset += int64(len(data))
		return true
	}
	g.offset += int64(i + 1)
	g.skipping = false
	return true
}

// last returns the line without a newline that ends a file to which nothing more is written.
func (g *generation) last() (Batch, bool) {
	left := g.size - g.offset
	if g.archive != nil || g.skipping || left <= 0 || left > int64(g.s.opts.MaxLine) {
		return Batch{}, false
	}
	buf := g.s.f.scratch(int(left) + 1)
	n, _ := g.file.ReadAt(buf[:left], g.offset)
	if int64(n) != left {
		return Batch{}, false
	}
	buf[left] = '\n'
	return g.deliver(buf, left)
}

// accept takes lines that the engine read, as many as are ready, and believes them only if the file
// is still the same.
func (g *generation) accept(l engineLine) (Batch, bool) {
	const most = 256
	buf, end := g.s.f.buf[:0], g.offset
	for n := 1; ; n++ {
		if l.closed || len(l.text) > g.s.opts.MaxLine {
			g.unpin() // our own reader knows what to do
			g.s.f.woken = true
			break
		}
		buf = append(append(buf, l.text...), '\n')
		end += int64(len(l.text)) + 1
		if n == most || len(buf) > blockSize {
			break
		}
		next, ok := g.s.f.engine.more(g.tail)
		if !ok {
			break
		}
		l = next
	}
	g.s.f.buf = buf[:0]
	g.owing = time.Time{}
	if end == g.offset {
		return Batch{}, false
	}
	if nulRun(buf) >= holeSize {
		g.unpin()
		g.s.f.woken = true
		return Batch{}, false
	}
	b, ok := g.deliver(buf, end-g.offset)
	if !ok {
		g.unpin()
		g.s.f.woken = true
	}
	return b, ok
}

// pin hands the end of the file to the engine.
func (g *generation) pin() {
	if g.s.f.engine == nil || g.tail != nil || g.rotated || g.skipping || g.archive != nil || g.size != g.offset {
		return
	}
	tail, err := g.s.f.engine.pin(g.file, g.offset)
	if err != nil {
		g.s.opts.Logger.Debug("the file is read without the engine", "file", g.s.path, "err", err)
		return
	}
	g.tail, g.owing = tail, time.Time{}
}

// unpin takes the file back. Lines that the engine read and no one accepted are read again.
func (g *generation) unpin() {
	if g.tail != nil {
		g.tail.stop()
		g.tail = nil
	}
}

// The engine is relieved of bursts, of lines that it would read over and over, and when it is silent
// though there are lines.
const (
	engineBurst   = 256 << 10
	engineSilence = 1500 * time.Millisecond
)

func (g *generation) watchEngine() {
	if g.tail == nil {
		return
	}
	switch left, now := g.size-g.offset, g.s.opts.now(); {
	case g.rotated || left >= engineBurst:
		g.unpin()
	case left == 0 || g.partial():
		g.owing = time.Time{}
	case g.owing.IsZero():
		g.owing = now
	case now.Sub(g.owing) >= engineSilence:
		g.unpin()
	}
}

func (g *generation) fingerprint() Fingerprint {
	if g.archive != nil {
		return g.archive.fingerprint
	}
	return fingerprint(g.head)
}

func (g *generation) close() {
	g.unpin()
	if g.archive != nil {
		g.archive.close()
	}
	if g.file != nil {
		g.file.Close()
	}
}

func (g *generation) state() GenerationState {
	return GenerationState{
		Dev: g.dev, Inode: g.ino, Offset: g.offset, Size: g.size, Line: g.line,
		Fingerprint: g.fingerprint(), Rotated: g.rotated, Skipping: g.skipping,
	}
}

// scratch is a buffer for one read; what Next returned lies in it.
func (f *Follower) scratch(n int) []byte {
	if cap(f.buf) < n {
		f.buf = make([]byte, 0, n)
	}
	return f.buf[:n]
}
