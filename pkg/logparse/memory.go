package logparse

import "bytes"

// A headerMemory spares most of the work on a header that begins like the one
// before: the same second, the same host.
type headerMemory struct {
	stamp  [40]byte // as it stands in the line
	n      int      // its length; 0: nothing is remembered
	parsed Stamp
	host   [64]byte
	hostN  int

	own       [exStampLen]byte // of a server that writes its own file
	ownParsed Stamp            // zero: nothing is remembered
}

// exStampLen is the length of "2024-06-03 10:00:00".
const exStampLen = 19

// keep remembers the header of a line that begins "stamp host tag".
func (m *headerMemory) keep(line []byte, f *Frame) {
	m.n = 0
	if f.Host == nil {
		return
	}
	stamp, n := stampBSD(line)
	if n == 0 {
		stamp, n = stampISO(line)
	}
	host := len(f.Host)
	if n == 0 || n > len(m.stamp) || stamp != f.Stamp || host == 0 || host > len(m.host) || f.Program == nil {
		return
	}
	if tag := n + 1 + host + 1; !frameAt(line, n, " ") || !sameBytes(line, n+1, f.Host) || tag >= len(line) || line[tag-1] != ' ' || !sameBytes(line, tag, f.Program) {
		return // a level, a relay or another blank stands between
	}
	m.n, m.parsed, m.hostN = n, stamp, host
	copy(m.stamp[:], line[:n])
	copy(m.host[:], f.Host)
}

// keepOwn remembers a stamp to the second without fraction and zone.
func (m *headerMemory) keepOwn(line []byte, f *Frame) {
	m.ownParsed = Stamp{}
	if stamp, n := stampISO(line); n == exStampLen && stamp == f.Stamp {
		m.ownParsed = stamp
		copy(m.own[:], line)
	}
}

// recallOwn cuts the stamp off a line that begins with the same one; nil if it
// does not. A zone may follow a stamp.
func (m *headerMemory) recallOwn(line []byte, f *Frame) (rest []byte) {
	if m.ownParsed.IsZero() || len(line) < exStampLen+2 || line[exStampLen] != ' ' || !isAlnum(line[exStampLen+1]) ||
		!bytes.Equal(line[:exStampLen], m.own[:]) {
		return nil
	}
	f.Stamp = m.ownParsed
	return line[exStampLen+1:]
}

func isAlnum(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }

func sameBytes(b []byte, i int, s []byte) bool {
	return i <= len(b) && len(b)-i >= len(s) && bytes.Equal(b[i:i+len(s)], s)
}

// recall cuts a line that begins with the same stamp and host, if a tag follows.
// What it does not cut is left to frameHeader.
func (m *headerMemory) recall(line []byte, f *Frame) bool {
	host := m.n + 1
	tag := host + m.hostN + 1
	if m.n == 0 || len(line) <= tag || line[tag-1] != ' ' || line[m.n] != ' ' ||
		!isLetter(line[host]) || // a year or a zone may follow a stamp
		!bytes.Equal(line[:m.n], m.stamp[:m.n]) || !bytes.Equal(line[host:tag-1], m.host[:m.hostN]) {
		return false
	}
	f.Stamp, f.Host = m.parsed, line[host:tag-1]
	return f.readTag(line[tag:])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// A tagMemory remembers what Postfix's table says about the tags seen last: a
// log has a dozen of them.
type tagMemory struct {
	entries [16]tagEntry
}

type tagEntry struct {
	tag  [48]byte
	n    uint8
	role pfRole
	ours bool // a Postfix daemon
}

// postfix is pfRoleOf with a memory.
func (m *tagMemory) postfix(program []byte) (role pfRole, ok bool) {
	n := len(program)
	if n == 0 || n > len(m.entries[0].tag) {
		return pfRoleOf(program)
	}
	e := &m.entries[(n^int(program[n-1])^int(program[n/2])<<1)%len(m.entries)]
	if int(e.n) != n || !bytes.Equal(e.tag[:n], program) {
		e.n = uint8(n)
		copy(e.tag[:], program)
		e.role, e.ours = pfRoleOf(program)
	}
	return e.role, e.ours
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
