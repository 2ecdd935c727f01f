package logparse

import "bytes"

// A frameKind says what the header of a line makes of the line.
type frameKind uint8

const (
	frameNone frameKind = iota // no log line
	framePart                  // a piece of a message; the Parser waits for the others
	frameNote                  // "last message repeated N times"
	frameFull                  // a whole message
)

// parserState is what spans lines, and the buffers of messages that do not lie
// in the line as they are.
type parserState struct {
	texts [2][]byte      // unescaped JSON or logfmt, and JSON within it
	ids   []byte         // unescaped JSON header fields
	key   []byte         // of the message in pieces that is looked for
	parts [16]framePiece // Exim messages that syslog got in pieces
	turn  int            // the piece that was begun last
	flows [2]framePiece  // container records in pieces: stdout, stderr
	entry frameEntry     // the entry that is spread over lines
	last  frameMemory

	ownFile bool // the last line with a header at its beginning was of a server that writes its own file

	header headerMemory
	own    headerMemory // of lines that a server writes to its own file
	copies copyMemory
	tags   tagMemory
	tag    *tagEntry // of the last line, nil where it was not looked up yet
}

// cut splits a line into header and message.
func (p *Parser) cut(line []byte, f *Frame) frameKind {
	*f = Frame{Lines: 1}
	if p.state.entry.lines > 0 {
		if kind, ok := p.continueEntry(line, f); ok {
			if kind == frameFull {
				kind = p.finish(f)
			}
			return kind
		}
	}
	if rest := p.state.header.recall(line, f); rest != nil && p.readTag(rest, f) && bytes.IndexByte(line, 0) < 0 {
		p.state.ownFile = false
		return p.finish(f)
	}
	*f = Frame{Lines: 1}
	p.state.tag = nil
	kind := p.cutHeader(line, f)
	if kind == frameNone || kind == frameFull && bytes.IndexByte(line, 0) >= 0 {
		*f = Frame{Lines: 1}
		if p.state.ownFile && frameContinues(line) {
			return frameNone
		}
		kind = p.unwrap(line, f)
	}
	if kind != frameFull {
		return kind
	}
	return p.finish(f)
}

// readTag is that of the Frame with a memory.
func (p *Parser) readTag(b []byte, f *Frame) bool {
	p.state.tag = p.state.tags.recall(b, f)
	return p.state.tag != nil || f.readTag(b)
}

// cutHeader is frameHeader with a memory.
func (p *Parser) cutHeader(line []byte, f *Frame) frameKind {
	rest := p.state.own.recall(line, f)
	if rest != nil && isAlnum(rest[0]) { // a zone may follow a stamp
		frameOwnFile(rest, f)
		p.state.ownFile = f.Program == nil
		return frameFull
	}
	kind := frameHeader(line, f)
	if kind == frameFull {
		p.state.header.keep(line, f)
		if p.state.ownFile = f.Program == nil; p.state.ownFile {
			p.state.own.keepOwn(line, f)
		}
	}
	return kind
}

// frameContinues says whether the line can be a continued header line of a mail.
// Exim's reject log has them behind a refusal, and the mail's sender chooses their
// words: they must not pass for lines of a log.
func frameContinues(line []byte) bool {
	return len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
}

// frameHeader cuts the headers that nearly all lines have: classic syslog, RFC
// 3339, and the stamp of a server that writes its own file (Exim).
func frameHeader(line []byte, f *Frame) frameKind {
	stamp, n := stampBSD(line)
	if n == 0 {
		stamp, n = stampISO(line)
	}
	if n == 0 || n >= len(line) || line[n] != ' ' && line[n] != '\t' {
		return frameNone
	}
	f.Stamp = stamp
	rest := line[frameBlanks(line, n):]
	if line[10] == ' ' && line[4] == '-' {
		if line[n] == '\t' {
			return frameNone // Exim writes a blank
		}
		return frameOwnFile(rest, f)
	}
	return frameOrigin(rest, f)
}

// frameOwnFile handles "2024-06-03 10:00:00 ...", which is Exim's, unless a
// syslog tag with a pid follows: then a template of a syslog daemon wrote it. If a
// whole line of syslog follows, s6-log stamped it.
func frameOwnFile(rest []byte, f *Frame) frameKind {
	if f.id, _ = exMessageID(rest); f.id != nil {
		f.Message = rest
		return frameFull
	}
	g := *f
	if frameOrigin(rest, &g) == frameFull && g.PID != nil && !bytes.ContainsAny(g.Host, "=(<") && !bytes.ContainsRune(g.Program, '=') {
		*f = g
		return frameFull
	}
	if frameStamped(rest) != nil {
		g = Frame{Lines: f.Lines}
		if frameHeader(rest, &g) == frameFull && g.Program != nil {
			*f, g = g, *f
			f.settle(g.Stamp, frameFull)
			return frameFull
		}
	}
	f.Message = rest
	return frameFull
}

// frameOrigin cuts what follows the stamp: host and tag. Some daemons write a
// level before or behind the host, or instead of it.
func frameOrigin(rest []byte, f *Frame) frameKind {
	start := rest
	for range 4 {
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			end = len(rest)
		}
		if end == 0 || rest[0] == '{' { // a record or labels, no host
			break
		}
		word := rest[:end]
		if c := word[end-1]; f.Host != nil || c == ':' || c == ']' {
			if f.readTag(rest) {
				return frameFull
			}
		}
		if f.Host == nil && word[0] == '[' && f.readBracketedTag(word, rest[end:]) {
			return frameFull
		}
		switch {
		case frameIsLevel(word):
		case f.Host != nil:
			return frameRepeatNote(start, f)
		case string(word) == "Message" && bytes.HasPrefix(rest, []byte("Message forwarded from ")):
			return frameForwarded(rest[len("Message forwarded from "):], f)
		default:
			f.Host = frameHost(word)
		}
		rest = rest[frameBlanks(rest, end):]
	}
	return frameRepeatNote(start, f)
}

// readTag cuts "postfix/smtp[1234]: message"; the colon may be missing behind a pid.
func (f *Frame) readTag(b []byte) bool {
	i := tagLen(b)
	if i == 0 || i == len(b) {
		return false
	}
	if b[i] == ':' {
		if i+1 < len(b) && b[i+1] > ' ' {
			return false // an IPv6 address, a clock
		}
		f.Program, f.Message = b[:i], b[i+1:]
		return true
	}
	return b[i] == '[' && f.readPID(b, i)
}

// readBracketedTag cuts "[postfix/smtp] message", metalog's form. An address in
// brackets is a host.
func (f *Frame) readBracketedTag(word, message []byte) bool {
	if len(word) < len("[x]") || word[len(word)-1] != ']' {
		return false
	}
	tag := word[1 : len(word)-1]
	if !isLetter(tag[0]) || pfIP(tag) != nil || pfStarts(tag, "pod/") {
		return false
	}
	f.Program, f.Message = tag, message
	return true
}

// tagLen is the length of the tag that b begins with.
func tagLen(b []byte) int {
	i := 0
	for i < len(b) && b[i] != ':' && b[i] != '[' && b[i] > ' ' {
		i++
	}
	return i
}

func (f *Frame) readPID(b []byte, i int) bool {
	j := i + 1
	for j < len(b) && b[j] > ' ' && b[j] != ']' {
		j++
	}
	if j == i+1 || j >= len(b) || b[j] != ']' {
		return false
	}
	f.Program, f.PID = b[:i], b[i+1:j]
	j++
	if j < len(b) && b[j] == ':' {
		f.Message = b[j+1:]
		return true
	}
	f.Message = b[j:]
	return j < len(b) && b[j] <= ' '
}

// frameForwarded reads what AIX puts before the line of another host.
func frameForwarded(rest []byte, f *Frame) frameKind {
	i := bytes.Index(rest, []byte(": "))
	if i <= 0 {
		return frameNone
	}
	f.Host = rest[:i]
	if f.readTag(rest[frameBlanks(rest, i+1):]) {
		return frameFull
	}
	return frameNone
}

// frameHost takes syslog-ng's source off "source@host", its relays off
// "host/relay/relay".
func frameHost(word []byte) []byte {
	for i, c := range word {
		if c == '@' && i+1 < len(word) {
			return frameHost(word[i+1:])
		}
		if c == '/' && i > 0 {
			return word[:i]
		}
	}
	return word
}

// frameIsLevel recognises info, INFO, mail.info, mail:info, <mail.info> and <2.6>.
func frameIsLevel(word []byte) bool {
	if len(word) < 3 || len(word) > 20 {
		return false
	}
	if word[0] == '<' && word[len(word)-1] == '>' {
		word = word[1 : len(word)-1]
		if stampDigit(word[0]) {
			_, n := stampNumber(word)
			_, m := stampNumber(word[min(n+1, len(word)):])
			return m > 0 && n+1+m == len(word) && word[n] == '.'
		}
	}
	if i := bytes.IndexAny(word, ".:"); i > 0 && frameFacilities[string(word[:i])] {
		word = word[i+1:]
	}
	switch string(word) {
	case "debug", "info", "notice", "warn", "warning", "err", "error", "crit", "alert", "emerg",
		"DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERR", "ERROR", "CRIT", "ALERT", "EMERG":
		return true
	}
	return false
}

// frameFacilities are those of RFC 5424 section 6.2.1 that a mail server can be
// told to log to.
var frameFacilities = map[string]bool{
	"mail": true, "user": true, "daemon": true, "auth": true, "syslog": true, "local0": true, "local1": true,
	"local2": true, "local3": true, "local4": true, "local5": true, "local6": true, "local7": true,
}

// frameRepeatNote reads "host last message repeated 3 times", with or without
// the host.
func frameRepeatNote(b []byte, f *Frame) frameKind {
	const words = "last message repeated "
	i := bytes.Index(b, []byte(words))
	if i < 0 || i > 256 {
		return frameNone
	}
	before := bytes.TrimSuffix(bytes.TrimRight(b[:i], " -"), []byte(":"))
	if bytes.IndexByte(before, ' ') >= 0 {
		return frameNone
	}
	n, digits := frameTimes(b[i+len(words):])
	if digits == 0 {
		return frameNone
	}
	f.Host = nil
	if len(before) > 0 {
		f.Host = frameHost(before)
	}
	f.Message, f.Repeat, f.Folded = frameTrim(b[i:]), n, true
	return frameNote
}

// frameTimes reads "3 times" and gives the end of the word; 0 for anything
// else. A number beyond any sense is none.
func frameTimes(b []byte) (n, end int) {
	v, digits := stampNumber(b)
	if digits == 0 || digits > 9 || !frameAt(b, digits, " time") {
		return 0, 0
	}
	end = digits + len(" time")
	if end < len(b) && b[end] == 's' {
		end++
	}
	return int(v), end
}

// finish takes off what stands between tag and message.
func (p *Parser) finish(f *Frame) frameKind {
	raw := frameDropSolarisID(f.Message[frameBlanks(f.Message, 0):])
	f.Message = frameTrim(raw) // not raw itself: Exim cuts in mid-word, blanks at the end of a piece count
	if len(f.Message) > 0 && f.Message[0] == frameRepeated[0] {
		f.unfold()
	}
	if f.Program == nil {
		return frameFull
	}
	if len(f.Message) > 0 && f.Message[0] == frameSuppressed[0] && f.isSyslogNGNote() ||
		string(f.Program) == "syslogd" && frameRepeatNote(f.Message, f) == frameNote {
		return frameNote
	}
	if f.Program[0] == 'e' && bytes.HasPrefix(f.Program, []byte("exim")) {
		if kind := p.joinExim(f, raw); kind != frameFull {
			return kind
		}
		f.dropEximStamp()
	}
	return frameFull
}

// The first words of what syslog's daemons make of a message that came again.
const (
	frameRepeated   = "message repeated "
	frameSuppressed = "Last message '"
)

// frameDropSolarisID takes off "[ID 801593 mail.info] ".
func frameDropSolarisID(b []byte) []byte {
	if !frameAt(b, 0, "[ID ") {
		return b
	}
	if i := bytes.IndexByte(b, ']'); i > 0 && i < 40 {
		return b[frameBlanks(b, i+1):]
	}
	return b
}

// unfold takes the message out of "message repeated 3 times: [ ... ]".
func (f *Frame) unfold() {
	if !frameAt(f.Message, 0, frameRepeated) {
		return
	}
	rest := f.Message[len(frameRepeated):]
	n, end := frameTimes(rest)
	if end == 0 || !frameAt(rest, end, ": [") {
		return
	}
	f.Repeat, f.Folded = n, true
	f.Message = frameDropSolarisID(frameTrim(bytes.TrimSuffix(rest[end+len(": ["):], []byte("]"))))
}

// isSyslogNGNote reads "Last message '...' repeated 3 times, suppressed by
// syslog-ng on host". The quote holds only the start of the message.
func (f *Frame) isSyslogNGNote() bool {
	const words = "' repeated "
	if !frameAt(f.Message, 0, frameSuppressed) || !bytes.HasPrefix(f.Program, []byte("syslog-ng")) {
		return false
	}
	i := bytes.LastIndex(f.Message, []byte(words))
	if i < 0 {
		return false
	}
	n, digits := frameTimes(f.Message[i+len(words):])
	f.Repeat, f.Folded = n, digits > 0
	return digits > 0
}

// dropEximStamp takes off the time that Exim writes into syslog, too.
func (f *Frame) dropEximStamp() {
	s, n := stampISO(f.Message)
	if n == 0 || n < len(f.Message) && f.Message[n] != ' ' {
		return
	}
	if f.Stamp.Year == 0 {
		f.Stamp = s
	}
	f.Message = f.Message[frameBlanks(f.Message, n):]
}

// dropSecondLine ends the message where another header of the same program
// begins: two writers' lines without a newline between them. Fields of both must
// not be mixed, and the second is not believed either: a remote server's reply can
// quote such a line. Postfix says behind the reply which command it answers, so
// its parser tells the two apart itself.
func (f *Frame) dropSecondLine() {
	if bytes.HasPrefix(f.Program, []byte("postfix")) {
		return
	}
	for end := 0; ; end++ {
		bracket := bytes.IndexByte(f.Message[end:], '[')
		if bracket < 0 {
			return
		}
		end += bracket
		blank := end - len(f.Program) - 1
		if blank < 0 || f.Message[blank] != ' ' || string(f.Message[blank+1:end]) != string(f.Program) {
			continue
		}
		if start := frameHeaderBefore(f.Message[:blank]); start >= 0 {
			if !frameInQuotes(f.Message[:start]) && !smQuotesClient(f.Message) {
				f.Message = frameTrim(f.Message[:start])
				f.id, f.rest = nil, nil // of the whole message
			}
			return
		}
	}
}

// frameInQuotes says whether a quote is open at the end of b: what follows is part
// of an address that somebody chose.
func frameInQuotes(b []byte) bool {
	open := false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			open = !open
		}
	}
	return open
}

// frameHeaderBefore finds the stamp that, with a host, ends b; -1 for none.
func frameHeaderBefore(b []byte) int {
	host := bytes.LastIndexByte(b, ' ')
	for start := max(0, host-40); start < host; start++ {
		if c := b[start]; c < '0' || c > 'S' {
			continue // neither a year nor a month begins here
		}
		s, n := stampBSD(b[start:])
		if n == 0 {
			s, n = stampISO(b[start:])
		}
		if n > 0 && !s.IsZero() && start+n == host {
			return start
		}
	}
	return -1
}

func frameIndex(b []byte, s string) int { return bytes.Index(b, []byte(s)) }

// frameAt says that s stands at i.
func frameAt(b []byte, i int, s string) bool {
	return i <= len(b) && len(b)-i >= len(s) && string(b[i:i+len(s)]) == s
}

// frameBlanks is the first place from i on that holds no blank or tab.
func frameBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// frameTrim drops blanks on both sides, and the CR, LF and NUL bytes at the end.
func frameTrim(b []byte) []byte {
	b = b[frameBlanks(b, 0):]
	n := len(b)
	for n > 0 && b[n-1] <= ' ' && (b[n-1] == ' ' || b[n-1] == '\t' || b[n-1] == '\r' || b[n-1] == '\n' || b[n-1] == 0) {
		n--
	}
	return b[:n]
}
