package logparse

import "bytes"

// maxPieces bounds what the Parser keeps of one message in pieces.
const maxPieces = 64 << 10

// A framePiece is the beginning of a message whose end is still to come.
type framePiece struct {
	key   []byte // the writer
	text  []byte
	lines int // pieces so far, 0 where the place is free
	total int // pieces that the writer announced
}

func (c *framePiece) begin(key []byte) {
	c.key, c.text, c.lines = append(c.key[:0], key...), c.text[:0], 0
}

// add appends a piece; what is beyond the limit is lost.
func (c *framePiece) add(b []byte) {
	c.lines++
	c.text = append(c.text, b[:min(len(b), max(0, maxPieces-len(c.text)))]...)
}

// joinExim joins what Exim had to cut for syslog: "[1/2] ", "[2/2] " where the
// line was too long, "[1\2] " where the message has a newline there.
func (p *Parser) joinExim(f *Frame, raw []byte) frameKind {
	if f.Folded || len(f.Message) == 0 || f.Message[0] != '[' {
		return frameFull
	}
	raw = bytes.TrimRight(raw[frameBlanks(raw, 0):], "\r\n\x00")
	number, total, newline, n := framePieceMark(raw)
	if n == 0 {
		return frameFull
	}
	c := p.pieceOf(f, number == 1)
	if c == nil {
		return framePart // its beginning is missing
	}
	if number == 1 {
		c.total = total
	}
	if number != c.lines+1 || total != c.total {
		c.lines = 0 // a piece is missing: nothing may be guessed from the rest
		return framePart
	}
	c.add(raw[n:])
	if newline {
		c.text = append(c.text, '\n')
	}
	if number < total {
		return framePart
	}
	f.Message, f.Lines = frameTrim(c.text), c.lines
	c.lines = 0
	return frameFull
}

// framePieceMark reads "[1/2] "; n is its length, 0 for none.
func framePieceMark(b []byte) (number, total int, newline bool, n int) {
	v, digits := stampNumber(b[1:])
	i := 1 + digits
	if digits == 0 || digits > 4 || i >= len(b) || b[i] != '/' && b[i] != '\\' {
		return 0, 0, false, 0
	}
	w, more := stampNumber(b[i+1:])
	if more == 0 || more > 4 || !frameAt(b, i+1+more, "]") || v < 1 || v > w {
		return 0, 0, false, 0
	}
	n = i + 1 + more + 1
	if n < len(b) && b[n] == ' ' {
		n++
	}
	return int(v), int(w), b[i] == '\\', n
}

// pieceOf finds the pieces of the frame's process, or a place for a first one:
// its own, a free one, else the one begun longest ago.
func (p *Parser) pieceOf(f *Frame, first bool) *framePiece {
	key := append(append(p.state.key[:0], f.Program...), 0)
	key = append(append(append(key, f.PID...), 0), f.Host...)
	p.state.key = key
	for i := range p.state.parts {
		c := &p.state.parts[i]
		if c.lines > 0 && bytes.Equal(c.key, key) {
			if first {
				c.begin(key)
			}
			return c
		}
	}
	if !first {
		return nil
	}
	p.state.turn = (p.state.turn + 1) % len(p.state.parts)
	for i := range p.state.parts {
		if p.state.parts[i].lines == 0 {
			p.state.turn = i
			break
		}
	}
	c := &p.state.parts[p.state.turn]
	c.begin(key)
	return c
}
