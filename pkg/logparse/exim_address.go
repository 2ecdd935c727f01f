package logparse

import "bytes"

// exAddress cuts off the final address and what Exim puts behind it: the parents
// in parentheses and the original address in angle brackets. A delivery to a
// pipe, a file, an autoreply or :fail: has the original address as its recipient.
func exAddress(b []byte) (address, rest []byte) {
	if n := exUnquoted(b); n > 0 {
		return b[:n], b[n+exBracketed(b[n+1:])+1:]
	}
	special := len(b) > 0 && (b[0] == '|' || b[0] == '/' || b[0] == '>' || b[0] == ':') || pfStarts(b, "save ")
	end := exAddressEnd(b, special)
	whole := bytes.TrimRight(b[:end], " ")
	rest = b[end:]
	address = whole
	if i := exWordEnd(whole); i < len(whole) && !special {
		address = whole[:i]
	}
	if special {
		if n := len(whole); n > 0 && whole[n-1] == '>' {
			if i := bytes.LastIndex(whole, exOriginal); i >= 0 {
				address = whole[i+len(exOriginal) : n-1]
			}
		}
	}
	if n := len(address); n > 1 && address[0] == '<' && address[n-1] == '>' {
		address = address[1 : n-1]
	}
	return address, rest
}

// exUnquoted is the length of a final address whose local part must be in quotes
// and is not, 0 for others. Exim logs it bare and in small letters, and the
// original address, which tells, behind it: "a: b@example.com <"A: b"@example.com>",
// without the domain where a mailbox of this host took it.
func exUnquoted(b []byte) int {
	i := bytes.IndexByte(b, '<') - 1
	if i <= 0 || pfQuotedLen(b) > 0 {
		return 0
	}
	if !frameAt(b, i, " <\"") {
		if bytes.Contains(b[:i], exRouter) {
			return 0 // behind the address: most lines
		}
		if i = bytes.Index(b, exOriginalQuoted); i <= 0 {
			return 0
		}
	}
	original := b[i+len(exOriginal):]
	n := pfQuotedLen(original)
	end := exAngleEnd(original, n)
	if n == 0 || end < 0 {
		return 0
	}
	quoted := original[1 : n-1]
	if exIsUnquoted(b[:i], quoted) {
		return i
	}
	if i < end-n || !bytes.EqualFold(b[i-(end-n):i], original[n:end]) {
		return 0
	}
	if bytes.IndexByte(quoted, '\\') < 0 && !bytes.EqualFold(b[:i-(end-n)], quoted) {
		return 0
	}
	return i
}

// exAngleEnd is where the bracket that closes b stands, from i on; -1 without one.
func exAngleEnd(b []byte, i int) int {
	if end := bytes.IndexByte(b[i:], '>'); end >= 0 {
		return i + end
	}
	return -1
}

var (
	exOriginal       = []byte(" <")
	exOriginalQuoted = []byte(" <\"")
	exRouter         = []byte(" R=")
)

// exWordEnd is the length of b up to a blank outside of quotes.
func exWordEnd(b []byte) int {
	quoted := pfQuotedLen(b)
	if i := bytes.IndexByte(b[quoted:], ' '); i >= 0 {
		return quoted + i
	}
	return len(b)
}

// exAddressEnd finds where the address part ends: at a field, at "defer (", or at
// the colon in front of the reason. Quoted local parts and what stands in angle
// brackets can hold anything.
func exAddressEnd(b []byte, special bool) int {
	for i := pfQuotedLen(b); i < len(b); i++ {
		switch {
		case b[i] > '"' && b[i] < ':' || b[i] > '<': // nearly all
		case b[i] == '<':
			n := exBracketed(b[i:])
			if special && frameAt(b, i+n, ": ") && exWordEnd(b[i+1:i+n]) == n-1 { // the time is over, and no router was asked
				return i + n
			}
			i += n - 1
		case b[i] == '"' && special: // an argument of a pipe's command, in front of the original address
			if n := bytes.IndexByte(b[i+1:], '"'); n >= 0 && bytes.Contains(b[i+1+n:], exOriginal) {
				i += n + 1
			}
		case b[i] == ':' && !special && (i+1 == len(b) || b[i+1] == ' '):
			return i
		case b[i] == ' ' && exIsField(b[i+1:]):
			return i
		case b[i] == ' ' && special && pfStarts(b[i+1:], ": "):
			return i
		}
	}
	return len(b)
}

// exBracketed is the length of "<address>" that b starts with, at least 1.
func exBracketed(b []byte) int {
	quoted := 1 + pfQuotedLen(b[1:])
	if i := bytes.IndexByte(b[quoted:], '>'); i >= 0 {
		return quoted + i + 1
	}
	return len(b)
}

// exIsField says whether one of the fields that follow an address begins here.
func exIsField(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	switch b[0] {
	case 'R', 'T', 'S', 'H', 'X', 'Q':
		return b[1] == '='
	case 'F', 'P':
		return b[1] == '=' && len(b) > 2 && b[2] == '<'
	case 'S' - 'A' + 'a':
		return false
	case 'd':
		return pfStarts(b, "defer (")
	}
	return false
}
