package logparse

import "unicode/utf8"

// frameUnescape appends the text of a JSON or logfmt string to dst. An escape
// that is none is left as it is.
func frameUnescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 >= len(b) {
			dst = append(dst, b[i])
			continue
		}
		i++
		switch c := b[i]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			r, n := frameRune(b[i+1:])
			if n == 0 {
				dst = append(dst, '\\', 'u')
				continue
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		default:
			dst = append(dst, '\\', c)
		}
	}
	return dst
}

// frameRune reads the digits behind \u, and the second half of a surrogate pair.
func frameRune(b []byte) (r rune, n int) {
	r, ok := frameHex(b)
	if !ok {
		return 0, 0
	}
	if r >= 0xd800 && r < 0xdc00 && frameAt(b, 4, `\u`) {
		if low, ok := frameHex(b[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), 10
		}
	}
	return r, 4
}

func frameHex(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case stampDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// frameValue is the end of the JSON value at i.
func frameValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			n := frameString(b[i:])
			if n == 0 {
				return 0
			}
			i += n
			if depth == 0 {
				return i
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return 0
}

// frameString is the length of the quoted string that b begins with, 0 if it does not end.
func frameString(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// frameUnquote is the inside of a JSON string; a number stays as it is.
func frameUnquote(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

func frameSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	return i
}

// frameByteArray appends the bytes of [52,70,...]: so the journal writes what is
// not UTF-8. What is no byte is left out.
func frameByteArray(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		v, n := stampNumber(b[i:])
		if n == 0 {
			continue
		}
		if v < 256 {
			dst = append(dst, byte(v))
		}
		i += n - 1
	}
	return dst
}
