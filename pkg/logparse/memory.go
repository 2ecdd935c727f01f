package logparse

import "bytes"

// A headerMemory spares most of the work on a header that is like the one before:
// the same day and the same host, mostly the same second. It is about headers of
// the form "stamp host ", or "stamp " in the file of a server that writes its own.
type headerMemory struct {
	text  [128]byte // as it stood in the line
	n     int       // its length; 0: nothing is remembered
	clock int       // where hh:mm:ss begins
	tail  int       // where clock and fraction end
	host  int       // where the host begins; n without one
	stamp Stamp
}

// keep remembers the header of a line that begins "stamp host tag".
func (m *headerMemory) keep(line []byte, f *Frame) {
	m.n = 0
	stamp, n := stampBSD(line)
	if n == 0 {
		stamp, n = stampISO(line)
	}
	host, tag := n+1, n+1+len(f.Host)+1
	if n == 0 || stamp != f.Stamp || len(f.Host) == 0 || f.Program == nil || !isLetter(f.Host[0]) {
		return // a year or a zone may follow a stamp
	}
	if !frameAt(line, n, " ") || !sameBytes(line, host, f.Host) || !frameAt(line, tag-1, " ") || !sameBytes(line, tag, f.Program) {
		return // a level, a relay or another blank stands between
	}
	m.set(line, stamp, host, tag)
}

// keepOwn remembers a stamp to the second without fraction and zone.
func (m *headerMemory) keepOwn(line []byte, f *Frame) {
	m.n = 0
	if stamp, n := stampISO(line); n == exStampLen && stamp == f.Stamp && frameAt(line, n, " ") {
		m.set(line, stamp, n+1, n+1)
	}
}

// exStampLen is the length of "2024-06-03 10:00:00".
const exStampLen = 19

func (m *headerMemory) set(line []byte, stamp Stamp, host, n int) {
	clock := bytes.IndexByte(line, ':') - len("hh")
	if n > len(m.text) || clock < 0 {
		return
	}
	m.n, m.clock, m.host, m.stamp = n, clock, host, stamp
	m.tail = new(Stamp).readClock(line, clock)
	copy(m.text[:], line[:n])
}

// recall cuts the header off a line that begins with the same one, but for the
// clock; nil if it does not. What follows is not looked at.
func (m *headerMemory) recall(line []byte, f *Frame) (rest []byte) {
	if m.n == 0 || len(line) <= m.n || string(line[:m.n]) != string(m.text[:m.n]) && !m.tick(line) {
		return nil
	}
	f.Stamp = m.stamp
	if m.host < m.n {
		f.Host = line[m.host : m.n-1]
	}
	return line[m.n:]
}

// tick sets the clock to that of a line whose header is otherwise the same.
func (m *headerMemory) tick(line []byte) bool {
	if string(line[:m.clock]) != string(m.text[:m.clock]) || string(line[m.tail:m.n]) != string(m.text[m.tail:m.n]) {
		return false
	}
	s := m.stamp
	s.FracDigits, s.Nanosecond = 0, 0
	if s.readClock(line, m.clock) != m.tail {
		return false
	}
	m.stamp = s
	copy(m.text[m.clock:m.tail], line[m.clock:m.tail])
	return true
}

func sameBytes(b []byte, i int, s []byte) bool {
	return i <= len(b) && len(b)-i >= len(s) && bytes.Equal(b[i:i+len(s)], s)
}

func isAlnum(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// A tagMemory remembers what Postfix's table says about the tags seen last: a
// log has a dozen of them.
type tagMemory struct {
	entries [16]tagEntry
	odd     tagEntry // of a tag that is not remembered
}

type tagEntry struct {
	tag   [48]byte
	n     uint8
	plain bool // it has no byte at which readTag would end it
	role  pfRole
	ours  bool // a Postfix daemon
}

// of is the entry of a tag.
func (m *tagMemory) of(tag []byte) *tagEntry {
	if len(tag) == 0 || len(tag) > len(m.odd.tag) {
		m.odd.role, m.odd.ours = pfRoleOf(tag)
		return &m.odd
	}
	e := m.slot(tag)
	if !e.is(tag) {
		e.n, e.plain = uint8(copy(e.tag[:], tag)), tagLen(tag) == len(tag)
		e.role, e.ours = pfRoleOf(tag)
	}
	return e
}

// slot is where the entry of a tag stands if there is one.
func (m *tagMemory) slot(tag []byte) *tagEntry {
	n := len(tag)
	return &m.entries[(n^int(tag[n-1])^int(tag[n/2])<<1)%len(m.entries)]
}

func (e *tagEntry) is(tag []byte) bool { return string(e.tag[:e.n]) == string(tag) }

// recall is readTag for a known tag with a pid and a colon behind it; nil for
// everything else.
func (m *tagMemory) recall(b []byte, f *Frame) *tagEntry {
	blank := bytes.IndexByte(b, ' ')
	if blank < len("x[1]:") || b[blank-1] != ':' || b[blank-2] != ']' {
		return nil
	}
	pid := blank - 2
	for pid > 1 && stampDigit(b[pid-1]) {
		pid--
	}
	if b[pid-1] != '[' || pid == 1 || pid == blank-2 {
		return nil
	}
	e := m.slot(b[:pid-1])
	if !e.plain || !e.is(b[:pid-1]) {
		return nil
	}
	f.Program, f.PID, f.Message = b[:pid-1], b[pid:blank-2], b[blank:]
	return e
}

// A copyMemory finds the reject log's copies. Exim sends a refusal to syslog for
// its main log and at once again for its reject log (syslog_duplication), word
// for word. Lines of other processes may come between the two.
type copyMemory struct {
	sums [16]uint64 // of refusals whose copy is still to come; 0 is free
	next int
}

// isCopy says whether the frame repeats a refusal of the same process; then that
// refusal has had its copy.
func (m *copyMemory) isCopy(f *Frame) bool {
	h := uint64(14695981039346656037) // FNV-1a
	for _, part := range [...][]byte{f.PID, f.Host, f.Message} {
		for _, c := range part {
			h = (h ^ uint64(c)) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h |= 1
	for i, sum := range m.sums {
		if sum == h {
			m.sums[i] = 0
			return true
		}
	}
	m.sums[m.next] = h
	m.next = (m.next + 1) % len(m.sums)
	return false
}

// frameMemory is a copy of the last line's frame, if that line gave an event or
// a remark: syslog may say next that it occurred again.
type frameMemory struct {
	server *server
	buffer []byte
	host   int // lengths within buffer
	prog   int
	pid    int
	noProg bool
	role   pfRole
}

func (m *frameMemory) keep(s *server, f *Frame) {
	b := append(m.buffer[:0], f.Host...)
	b = append(b, f.Program...)
	b = append(b, f.PID...)
	m.buffer = append(b, f.Message...)
	m.host, m.prog, m.pid, m.noProg = len(f.Host), len(f.Program), len(f.PID), f.Program == nil
	m.server, m.role = s, f.role
}

func (m *frameMemory) forget() { m.server = nil }

// recall puts the remembered line into f, which holds syslog's note about it.
// The note must be of the same host, where both name one.
func (m *frameMemory) recall(f *Frame) bool {
	b := m.buffer
	if m.server == nil || f.Host != nil && m.host > 0 && !bytes.Equal(f.Host, b[:m.host]) {
		return false
	}
	f.Host, b = b[:m.host:m.host], b[m.host:]
	f.Program, b = b[:m.prog:m.prog], b[m.prog:]
	f.PID, f.Message = b[:m.pid:m.pid], b[m.pid:]
	f.role = m.role
	if m.noProg {
		f.Program = nil
	}
	return true
}
