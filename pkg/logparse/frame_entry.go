package logparse

import (
	"bytes"
	"encoding/binary"
)

// An entryForm says how an entry is spread over lines.
type entryForm uint8

const (
	entryExport entryForm = iota // journalctl -o export: a field a line, an empty line at the end
	entryObject                  // a JSON object over many lines: journalctl -o json-pretty, jq
)

// A frameEntry is one log entry that is spread over lines. It is kept until its
// last line is there.
type frameEntry struct {
	form  entryForm
	lines int    // so far, 0 where no entry is open
	text  []byte // the lines, each with its newline
	lost  bool   // it was too long to be kept whole

	indent int // of an object: the blanks in front of its brackets

	binary bool   // a binary field is open
	got    int    // bytes of its length so far
	size   uint64 // its length; when that is whole, the bytes still to come
}

// sizeBytes is how long the length of a binary field is (Journal Export Formats).
const sizeBytes = 8

func (e *frameEntry) open(form entryForm, line []byte) frameKind {
	*e = frameEntry{form: form, text: e.text[:0]}
	e.add(line)
	return framePart
}

// add keeps a line; what is beyond the limit is lost, and the entry with it.
func (e *frameEntry) add(line []byte) {
	e.lines++
	if e.lost = e.lost || len(e.text)+len(line) >= maxPieces; !e.lost {
		e.text = append(append(e.text, line...), '\n')
	}
}

// openEntry begins an entry if the line is the first of one.
func (p *Parser) openEntry(line []byte, indent int) (kind frameKind, ok bool) {
	switch {
	case string(line) == "{":
		kind = p.state.entry.open(entryObject, line)
		p.state.entry.indent = indent
		return kind, true
	case frameAt(line, 0, "__CURSOR=") || frameAt(line, 0, "__REALTIME_TIMESTAMP="):
		return p.state.entry.open(entryExport, line), true
	}
	return frameNone, false
}

// continueEntry gives the line to the entry that is open. It is not ok, and the
// entry is closed, if the line cannot belong to it.
func (p *Parser) continueEntry(line []byte, f *Frame) (kind frameKind, ok bool) {
	if p.state.entry.form == entryObject {
		return p.continueObject(line, f)
	}
	return p.continueExport(line, f)
}

// continueObject ends the object at the bracket that stands as far from the margin
// as the first one.
func (p *Parser) continueObject(line []byte, f *Frame) (kind frameKind, ok bool) {
	e := &p.state.entry
	indent := frameBlanks(line, 0)
	text := frameTrim(line)
	switch {
	case !frameIsObjectLine(text):
		e.lines = 0
		return frameNone, false
	case string(text) == "{":
		return p.openEntry(text, indent)
	}
	e.add(text)
	if indent != e.indent || string(text) != "}" && string(text) != "}," {
		return framePart, true
	}
	f.Lines, e.lines = e.lines, 0
	if e.lost {
		return frameNone, true
	}
	return p.unwrap(e.text, f), true
}

// frameIsObjectLine says whether a JSON object can have the line: a member, a
// bracket, or a value of a list.
func frameIsObjectLine(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] {
	case '"', '{', '}', '[', ']':
		return true
	}
	return len(b) <= 32 && bytes.IndexByte(b, ' ') < 0
}

// continueExport takes a field, the bytes of a binary one, or the empty line that
// ends an entry.
func (p *Parser) continueExport(line []byte, f *Frame) (kind frameKind, ok bool) {
	e := &p.state.entry
	if e.binary {
		e.addBinary(line)
		return framePart, true
	}
	if len(line) == 0 || string(line) == "\r" {
		f.Lines, e.lines = e.lines+1, 0
		if e.lost || !p.exportFrame(e.text, f) {
			return frameNone, true
		}
		return frameFull, true
	}
	key, _, text := bytes.Cut(line, pfEquals)
	if !frameIsField(key) {
		e.lines = 0
		return frameNone, false
	}
	e.add(line)
	if !text {
		e.binary, e.got, e.size = true, 0, 0
	}
	return framePart, true
}

// addBinary takes a line of a binary field: its length in eight bytes, the lowest
// first, then its text and a newline. Both may hold newlines and anything else.
func (e *frameEntry) addBinary(line []byte) {
	e.add(line)
	n := 0
	for ; e.got < sizeBytes && n <= len(line); n++ {
		c := byte('\n')
		if n < len(line) {
			c = line[n]
		}
		e.size |= uint64(c) << (8 * e.got)
		if e.got++; e.got == sizeBytes {
			if e.size > maxField {
				e.size = 0 // no length: the file is damaged
			}
			e.size++ // the newline behind the text
		}
	}
	if e.got < sizeBytes {
		return
	}
	e.size -= min(e.size, uint64(len(line)+1-n))
	e.binary = e.size > 0
}

// maxField is more than the journal takes of one field (DATA_SIZE_MAX of systemd).
const maxField = 1 << 30

// frameIsField says whether b is a name of a journal's field: capitals, digits
// and _.
func frameIsField(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && !stampDigit(c) && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 64
}

// exportFrame makes a frame of a whole entry. Not ok: it has no message, or no
// program wrote it.
func (p *Parser) exportFrame(b []byte, f *Frame) bool {
	var sender []byte // the process, where the message does not name one
	for len(b) > 0 {
		var key, value []byte
		if key, value, b = exportField(b); key == nil {
			return false
		}
		switch string(key) {
		case "MESSAGE":
			f.Message = value
		case "__REALTIME_TIMESTAMP":
			f.Stamp = stampMicros(value)
		case "SYSLOG_IDENTIFIER":
			f.Program = value
		case "SYSLOG_PID":
			f.PID = value
		case "_PID":
			sender = value
		case "_HOSTNAME":
			f.Host = value
		}
	}
	if f.PID == nil {
		f.PID = sender
	}
	return len(f.Program) > 0 && f.Message != nil
}

// exportField cuts off "KEY=text" with its newline, or "KEY", a newline, the
// length and as many bytes with a newline behind them.
func exportField(b []byte) (key, value, rest []byte) {
	line, rest, _ := bytes.Cut(b, exportNewline)
	key, value, text := bytes.Cut(line, pfEquals)
	if text {
		return key, bytes.TrimSuffix(value, exportReturn), rest
	}
	if len(rest) < sizeBytes {
		return nil, nil, nil
	}
	size := binary.LittleEndian.Uint64(rest)
	if rest = rest[sizeBytes:]; size >= uint64(len(rest)) || rest[size] != '\n' {
		return nil, nil, nil
	}
	return key, rest[:size:size], rest[size+1:]
}

var exportNewline, exportReturn = []byte("\n"), []byte("\r")
