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
