package logparse

import "bytes"

// The separators, as slices so that no line needs a conversion.
var (
	pfColon      = []byte(": ")
	pfColonOnly  = []byte(":")
	pfComma      = []byte(", ")
	pfBlank      = []byte(" ")
	pfEquals     = []byte("=")
	pfFrom       = []byte(" from ")
	pfAngle      = []byte(">")
	pfAngleColon = []byte(">: ")
)

// pfAddress reads "<address>" where the closing bracket stands before one of
// the bytes of stop or at the end. Brackets inside a quoted local part are part
// of it; without quotes (before Postfix 3.5) any other bracket is.
func pfAddress(b []byte, stop string) (address, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '<' {
		return nil, nil, false
	}
	for i := 1 + pfQuotedLen(b[1:]); i < len(b); i++ {
		if b[i] == '>' && (i+1 == len(b) || pfIsOneOf(b[i+1], stop)) {
			return b[1:i:i], b[i+1:], true
		}
	}
	return nil, nil, false
}

// pfQuotedLen is the length of the quoted local part that b starts with, 0
// without one. Postfix quotes all of a local part or nothing.
func pfQuotedLen(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			if i+1 < len(b) && (b[i+1] == '@' || b[i+1] == '>') {
				return i + 1
			}
			return 0
		}
	}
	return 0
}

// pfBracketed is the address in the last brackets of "host[ip]:port".
func pfBracketed(b []byte) []byte {
	end := bytes.LastIndexByte(b, ']')
	if end < 0 {
		return nil
	}
	return pfIP(b[bytes.LastIndexByte(b[:end], '[')+1 : end])
}

// pfCut splits b at the first separator. Without one, before is all of b.
func pfCut(b, separator []byte) (before, after []byte, ok bool) {
	if i := bytes.Index(b, separator); i >= 0 {
		return b[:i], b[i+len(separator):], true
	}
	return b, nil, false
}

// pfAfter takes the prefix off b; without it, rest is b.
func pfAfter(b []byte, prefix string) (rest []byte, ok bool) {
	if pfStarts(b, prefix) {
		return b[len(prefix):], true
	}
	return b, false
}

func pfStarts(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// pfLastIndex is bytes.LastIndex for words that begin with a rare byte.
func pfLastIndex(b []byte, s string) int {
	for i := len(b) - len(s); i >= 0; i-- {
		if b[i] == s[0] && string(b[i:i+len(s)]) == s {
			return i
		}
	}
	return -1
}

// pfWordLen is the length of b up to a blank, comma or colon.
func pfWordLen(b []byte) int {
	for i, c := range b {
		if c == ' ' || c == ',' || c == ':' {
			return i
		}
	}
	return len(b)
}

// pfKey cuts the name of a field and its = off b: small letters and _.
func pfKey(b []byte) (key, rest []byte, ok bool) {
	for i, c := range b {
		if c == '=' && i > 0 {
			return b[:i], b[i+1:], true
		}
		if (c < 'a' || c > 'z') && c != '_' {
			break
		}
	}
	return nil, nil, false
}

func pfIsOneOf(c byte, set string) bool {
	for i := 0; i < len(set); i++ {
		if set[i] == c {
			return true
		}
	}
	return false
}

func pfIsAlnum(c byte) bool { return pfIsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

func pfIsDigit(c byte) bool { return '0' <= c && c <= '9' }
