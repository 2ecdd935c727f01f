package tailer

import (
	"bytes"
	"io"
)

// lineReader cuts a stream into blocks of whole lines, in one buffer that never exceeds one line of
// the greatest length and its newline.
type lineReader struct {
	name     string
	r        io.Reader
	buf      []byte
	done     int // bytes of buf that were delivered
	end      int // bytes of buf that are filled
	offset   int64
	line     int64
	max      int
	skipping bool // inside the rest of an overlong line
	inHole   bool // there may be more of a hole
	overlong int64
	err      error
}

func newLineReader(name string, r io.Reader, opts Options) *lineReader {
	max := opts.maxLine()
	return &lineReader{name: name, r: r, line: 1, max: max, buf: make([]byte, min(blockSize, max+1))}
}

// next returns the next whole lines. The last line of a stream may lack its newline; a line torn by a
// read error is not delivered.
func (l *lineReader) next() (Block, error) {
	l.consume(l.done)
	for {
		l.drop()
		if i := bytes.LastIndexByte(l.buf[:l.end], '\n'); i >= 0 && !l.skipping {
			return l.deliver(i + 1), nil
		}
		if l.err != nil {
			return l.last()
		}
		if l.end == len(l.buf) && !l.grow() {
			return l.cut(), nil
		}
		l.fill()
	}
}

// fill reads until the buffer is full or a newline can be delivered.
func (l *lineReader) fill() {
	for l.end < len(l.buf) && l.err == nil {
		n, err := l.r.Read(l.buf[l.end:])
		fresh := l.buf[l.end : l.end+n]
		l.end += n
		l.err = err
		if bytes.IndexByte(fresh, '\n') >= 0 {
			return // a slow source must not make its lines wait
		}
	}
}

// drop removes what no one wants from the front: the rest of an overlong line, and the hole that a
// truncation leaves under a writer without O_APPEND.
func (l *lineReader) drop() {
	if l.skipping {
		i := bytes.IndexByte(l.buf[:l.end], '\n')
		if i < 0 {
			l.consume(l.end)
			return
		}
		l.consume(i + 1)
		l.skipping = false
	}
	least := holeSize
	if l.inHole {
		least = 1
	}
	n := nulRun(l.buf[:l.end])
	if n >= least {
		l.consume(n)
		l.inHole = l.end == 0
	} else if l.end > 0 {
		l.inHole = false
	}
}

// consume forgets the first n bytes.
func (l *lineReader) consume(n int) {
	copy(l.buf, l.buf[n:l.end])
	l.end -= n
	l.offset += int64(n)
	l.done = 0
}

func (l *lineReader) deliver(n int) Block {
	b := Block{Source: l.name, Data: l.buf[:n], Line: l.line, Offset: l.offset}
	l.line += int64(bytes.Count(b.Data, []byte{'\n'}))
	l.done = n
	return b
}

// last delivers the line without newline that ends a stream.
func (l *lineReader) last() (Block, error) {
	if l.err != io.EOF || l.end == 0 || l.skipping {
		return Block{}, l.err
	}
	return l.deliver(l.end), nil
}

// cut delivers the first part of an overlong line. The byte that gives way to the newline belongs to
// the part that is skipped.
func (l *lineReader) cut() Block {
	l.overlong++
	l.skipping = true
	l.buf[l.max] = '\n'
	return l.deliver(l.end)
}

// grow makes room for a longer line; false if the line is too long already.
func (l *lineReader) grow() bool {
	if len(l.buf) > l.max {
		return false
	}
	bigger := make([]byte, min(2*len(l.buf), l.max+1))
	copy(bigger, l.buf[:l.end])
	l.buf = bigger
	return true
}
