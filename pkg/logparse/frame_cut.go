package logparse

import "bytes"

// parserState is what spans lines.
type parserState struct{}

// cut splits a line into header and message; false for a line without one.
func (p *Parser) cut(line []byte, f *Frame) bool {
	*f = Frame{}
	// Classic syslog: "Mmm dd hh:mm:ss host tag[pid]: message".
	if len(line) > 16 && line[3] == ' ' && line[6] == ' ' && line[15] == ' ' {
		rest := line[16:]
		i := bytes.IndexByte(rest, ' ')
		if i < 0 {
			return false
		}
		f.Host, rest = rest[:i], rest[i+1:]
		j := bytes.Index(rest, []byte(": "))
		if j < 0 {
			return false
		}
		tag := rest[:j]
		f.Message = rest[j+2:]
		if k := bytes.IndexByte(tag, '['); k >= 0 {
			tag = tag[:k]
		}
		f.Program = tag
		return true
	}
	f.Message = line
	return len(line) > 20 && line[4] == '-'
}
