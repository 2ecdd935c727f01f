package logparse

import "bytes"

// unwrap takes off what other tools put around a line, layer by layer.
func (p *Parser) unwrap(line []byte, f *Frame) frameKind {
	var outer Stamp // of the wrapper; a stamp without a year inside is less
	records := 0
	indent := frameBlanks(line, 0)
	for layer := range 8 {
		if layer > 0 && p.state.ownFile && frameContinues(line) {
			return frameNone
		}
		line = frameClean(line)
		if len(line) == 0 {
			return frameNone
		}
		if kind := frameHeader(line, f); kind != frameNone {
			p.state.ownFile = kind == frameFull && f.Program == nil
			return f.settle(outer, kind)
		}
		*f = Frame{Lines: f.Lines}
		if kind, ok := p.openEntry(line, indent); ok {
			return kind
		}
		if line[0] == '{' {
			if rest := frameLabels(line); rest != nil {
				line = rest
				continue
			}
			if records == len(p.state.texts) {
				return frameNone
			}
			whole, kind := p.unwrapJSON(&line, f, &outer, records)
			if whole || kind != frameFull {
				return f.settle(outer, kind)
			}
			records++
			continue
		}
		if frameProtocol(line, f) || frameWeekday(line, f) {
			return f.settle(outer, frameFull)
		}
		if s, n := frameWrapperStamp(line); n > 0 {
			outer = s
			rest, kind := p.unwrapStamped(line, n, f)
			if rest == nil {
				return f.settle(outer, kind)
			}
			line = rest
			continue
		}
		rest := p.unwrapPrefix(line)
		if rest == nil {
			break
		}
		line = rest
	}
	if frameBare(line, f) {
		return f.settle(outer, frameFull)
	}
	return frameNone
}

// unwrapStamped reads what stands behind a wrapper's stamp of n bytes. Without a
// rest to go on with, kind says what the line is.
func (p *Parser) unwrapStamped(line []byte, n int, f *Frame) (rest []byte, kind frameKind) {
	tab := line[n] == '\t'
	if p.state.ownFile && frameContinues(line[n+1:]) {
		return nil, frameNone
	}
	line = line[frameBlanks(line, n):]
	if stream := frameStream(line); stream >= 0 {
		if line = p.joinFlow(stream, line[7] == 'P', line[8:], f); line == nil {
			return nil, framePart
		}
		return line, frameNone
	}
	if tab {
		line = frameBehindTabs(line)
	}
	if len(line) > 0 && line[0] == '{' {
		return line, frameNone
	}
	if kind := frameOrigin(line, f); kind != frameNone {
		return nil, kind
	}
	*f = Frame{Lines: f.Lines}
	if frameProtocolOrigin(line, f) {
		return nil, frameFull
	}
	*f = Frame{Lines: f.Lines}
	if _, behind := frameWord(line); frameStamped(behind) != nil { // aws logs tail: the stream's name; a relay's name
		return behind, frameNone
	}
	return line, frameNone
}

// frameBehindTabs skips the fields that Fluentd and Kiwi Syslog put between the
// time and the line or record.
func frameBehindTabs(b []byte) []byte {
	rest := b
	for range 3 {
		if len(rest) > 0 && rest[0] == '{' || frameStamped(rest) != nil {
			return rest
		}
		i := bytes.IndexByte(rest, '\t')
		if i < 0 {
			return b
		}
		rest = rest[i+1:]
	}
	return rest
}

// frameLabels takes off the labels that logcli writes in front of a line,
// {job="mail", host="mx1"}; nil where there are none.
func frameLabels(b []byte) []byte {
	if len(b) < 2 || b[1] != '}' && !isLetter(b[1]) && b[1] != '_' {
		return nil
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := frameString(b[i:])
			if n == 0 {
				return nil
			}
			i += n - 1
		case '}':
			return bytes.TrimPrefix(b[i+1:], pfBlank)
		}
	}
	return nil
}

func (f *Frame) settle(outer Stamp, kind frameKind) frameKind {
	if f.Stamp.IsZero() || f.Stamp.Year == 0 && outer.Year != 0 {
		f.Stamp = outer
	}
	return kind
}

// frameClean drops what a line may begin with by accident: byte order mark,
// terminal colours, blanks, and the NUL bytes of a file with a hole. What stands
// before a hole is a line that the hole cut off.
func frameClean(b []byte) []byte {
	if b = frameTrim(b); bytes.IndexByte(b, 0) >= 0 {
		b = b[bytes.LastIndexByte(b, 0)+1:]
	}
	for {
		n := len(b)
		b = frameTrim(bytes.TrimPrefix(b, byteOrderMark))
		b = bytes.TrimPrefix(b, recordSeparator)
		if frameAt(b, 0, "\x1b[") {
			if i := bytes.IndexByte(b, 'm'); i > 0 && i < 16 {
				b = b[i+1:]
			}
		}
		if len(b) == n {
			return b
		}
	}
}

// recordSeparator begins the records of a JSON text sequence (RFC 7464).
var recordSeparator = []byte("\x1e")

// frameWrapperStamp reads a time that is the wrapper's, or of a rare form.
func frameWrapperStamp(b []byte) (s Stamp, n int) {
	if s, n = stampISO(b); n == 0 {
		if s, n = stampEpoch(b); n == 0 {
			if s, n = stampLocal(b); n == 0 {
				s, n = stampYearFirst(b)
			}
		}
	}
	if n == 0 { // ts(1), or a relay with its name: syslog's own stamp follows
		if s, n = stampBSD(b); n > 0 {
			rest := b[frameBlanks(b, n):]
			if _, behind := frameWord(rest); frameStamped(rest) == nil && frameStamped(behind) == nil {
				n = 0
			}
		}
	}
	if n == 0 || n >= len(b) || b[n] != ' ' && b[n] != '\t' {
		return Stamp{}, 0
	}
	return s, n
}

// frameStream recognises the CRI record "stdout F "; -1 for anything else.
func frameStream(b []byte) int {
	if len(b) < 8 || b[6] != ' ' || b[7] != 'F' && b[7] != 'P' || len(b) > 8 && b[8] != ' ' && b[8] != ':' {
		return -1
	}
	switch string(b[:6]) {
	case "stdout":
		return 0
	case "stderr":
		return 1
	}
	return -1
}

// joinFlow joins the records of a container's stream; nil while one is to come.
func (p *Parser) joinFlow(stream int, partial bool, b []byte, f *Frame) []byte {
	if i := bytes.IndexByte(b, ' '); i >= 0 { // behind the tag there may be more, as in "F:x"
		b = b[i+1:]
	}
	c := &p.state.flows[stream]
	if !partial && c.lines == 0 {
		return b
	}
	if c.lines == 0 {
		c.begin(nil)
	}
	c.add(b)
	if partial {
		return nil
	}
	f.Lines, c.lines = c.lines, 0
	return c.text
}

// frameProtocol cuts RFC 5424: "1 stamp host program pid id data message".
func frameProtocol(b []byte, f *Frame) bool {
	if !frameAt(b, 0, "1 ") {
		return false
	}
	stamp, b := frameWord(b[2:])
	s, n := stampISO(stamp)
	if n != len(stamp) && string(stamp) != "-" || !frameProtocolOrigin(b, f) {
		return false
	}
	f.Stamp = s
	return true
}

// frameProtocolOrigin cuts what follows the stamp of RFC 5424. Some daemons write
// files in this form, without the priority and the version in front.
func frameProtocolOrigin(b []byte, f *Frame) bool {
	host, b := frameWord(b)
	program, b := frameWord(b)
	pid, b := frameWord(b)
	_, b = frameWord(b)
	b, ok := frameData(b)
	if !ok || len(program) == 0 || string(program) == "-" {
		return false
	}
	f.Program, f.Message = program, bytes.TrimPrefix(frameTrim(b), byteOrderMark)
	if string(host) != "-" {
		f.Host = host
	}
	if string(pid) != "-" {
		f.PID = pid
	}
	return true
}

// frameData skips structured data: "-" or [...][...] with quoted values.
func frameData(b []byte) (rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '-' {
		return b[1:], true
	}
	quoted, open := false, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			open = true
		case c == ']':
			open = false
		case !open:
			return b[i:], i > 0
		}
	}
	return nil, false
}

// frameWeekday cuts journalctl -o short-full: "Mon 2024-06-03 10:00:00 CEST host".
// A zone's name does not say its offset, except for UTC.
func frameWeekday(b []byte, f *Frame) bool {
	if len(b) < 5 || b[3] != ' ' || b[0] < 'A' || b[0] > 'Z' {
		return false
	}
	b = b[4:]
	s, n := stampISO(b)
	if n == 0 {
		if s, n = stampBSD(b); n == 0 {
			return false
		}
	}
	rest := b[frameBlanks(b, n):]
	if zone, after := frameWord(rest); frameIsZone(zone) && !s.HasZone && s.Year != 0 {
		s.HasZone = string(zone) == "UTC" || string(zone) == "GMT"
		rest = after
	}
	f.Stamp = s
	if frameOrigin(rest, f) == frameFull {
		return true
	}
	*f = Frame{Lines: f.Lines}
	return false
}

func frameIsZone(word []byte) bool {
	if len(word) < 1 || len(word) > 5 {
		return false
	}
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// frameWord cuts the first word off b.
func frameWord(b []byte) (word, rest []byte) {
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		return b, nil
	}
	return b[:i], b[frameBlanks(b, i):]
}

// frameBare cuts a line that begins without any time. A pid is asked for: a
// word and a colon alone are too little to go by.
func frameBare(b []byte, f *Frame) bool {
	word, _ := frameWord(b)
	if !bytes.ContainsAny(word, "=\"'<({") && frameOrigin(b, f) == frameFull && f.PID != nil {
		return true
	}
	*f = Frame{Lines: f.Lines}
	return false
}

// unwrapLogfmt takes a line out of msg="..." of a logfmt record. Other keys may
// quote lines, too, but then the record is about them and no copy of one.
func (p *Parser) unwrapLogfmt(b []byte) []byte {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '=')
		if i <= 0 || bytes.IndexByte(b[:i], ' ') >= 0 || i+1 >= len(b) {
			return nil
		}
		key, value := b[:i], b[i+1:]
		if value[0] != '"' {
			_, b = frameWord(value)
			continue
		}
		n := frameString(value)
		if n == 0 {
			return nil
		}
		if string(key) == "msg" {
			p.state.texts[0] = frameUnescape(p.state.texts[0][:0], value[1:n-1])
			return frameStamped(p.state.texts[0])
		}
		b = value[frameBlanks(value, n):]
	}
	return nil
}

// frameStamped is b if it begins with a time, else nil.
func frameStamped(b []byte) []byte {
	if _, n := stampBSD(b); n > 0 {
		return b
	}
	if _, n := stampISO(b); n > 0 {
		return b
	}
	return nil
}
