package logparse

import "bytes"

// pfTrailer finds the session's fields at the end, "; from=<> to=<> proto=
// helo=<>", and sets sender and recipient. It returns the position or -1.
//
// The fields are read from the last one on: what stands in front of them, and in
// quoted local parts, is chosen by others and may look like fields.
func pfTrailer(b []byte, ev *Event) int {
	var sender, recipient []byte
	rest := b
	for {
		key, value, before, ok := pfFieldBefore(rest)
		if !ok {
			return pfTrailerForward(b, ev)
		}
		switch string(key) {
		case "from":
			sender = value
		case "to":
			recipient = value
		}
		if bytes.HasSuffix(before, pfSemicolonBytes) {
			ev.Sender, ev.Recipient = sender, recipient
			return len(before) - len(pfSemicolon)
		}
		if rest = bytes.TrimRight(before, ", "); len(rest) == len(before) {
			return pfTrailerForward(b, ev)
		}
	}
}

var pfSemicolonBytes = []byte(pfSemicolon)

// pfFieldBefore cuts the field "key=<value>" or "key=value" off the end of b.
func pfFieldBefore(b []byte) (key, value, before []byte, ok bool) {
	n := len(b)
	start := bytes.LastIndexByte(b, ' ') + 1
	start += bytes.IndexByte(b[start:], '=') + 1
	value = b[start:]
	if n > 0 && b[n-1] == '>' {
		open := pfAngleBefore(b[:n-1])
		if open < 0 || n > 1 && b[n-2] == '>' {
			return nil, nil, nil, false
		}
		start, value = open, b[open+1:n-1:n-1]
	}
	if start == 0 || b[start-1] != '=' {
		return nil, nil, nil, false
	}
	first := start - 1
	for first > 0 && (b[first-1] >= 'a' && b[first-1] <= 'z' || b[first-1] == '_') {
		first--
	}
	return b[first : start-1], value, b[:first], first < start-1
}

// pfAngleBefore finds the bracket that opens "<address" at the end of b. In a
// quoted local part every quote has a backslash in front, so that the first one
// without it, seen from the end, is where it begins.
func pfAngleBefore(b []byte) int {
	at := bytes.LastIndexByte(b, '@')
	if at < 0 {
		at = len(b)
	}
	if at == 0 || b[at-1] != '"' || bytes.IndexByte(b[at:], '<') >= 0 {
		return bytes.LastIndexByte(b, '<')
	}
	for i := at - 2; i > 0; i-- {
		if b[i] != '"' || pfIsEscaped(b, i) {
			continue
		}
		if b[i-1] == '<' {
			return i - 1
		}
		break
	}
	return -1
}

// pfIsEscaped says whether an odd number of backslashes stands in front of b[i].
func pfIsEscaped(b []byte, i int) bool {
	n := 0
	for i > n && b[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// pfMaxTrailers bounds the work that a line full of look-alikes makes.
const pfMaxTrailers = 8

const pfSemicolon = "; "

// pfTrailerForward is for addresses that are not quoted as they should be (before
// Postfix 3.5), and for fields behind which a reason stands.
func pfTrailerForward(b []byte, ev *Event) int {
	end := len(b)
	for tries := 0; tries < pfMaxTrailers; {
		i := pfLastIndex(b[:end], pfSemicolon)
		if i < 0 {
			return -1
		}
		fields := b[i+len(pfSemicolon):]
		if pfStarts(fields, "from=") || pfStarts(fields, "to=") || pfStarts(fields, "proto=") {
			if pfTrailerFields(fields, ev) {
				return i
			}
			tries++
		}
		end = i
	}
	return -1
}

// pfTrailerFields sets sender and recipient if all of b is fields, each once.
// Otherwise b is inside somebody's text, and nothing is set. (smtpd replaces
// brackets and blanks in a HELO name by question marks.)
func pfTrailerFields(b []byte, ev *Event) bool {
	var sender, recipient []byte
	for len(b) > 0 && !pfStarts(b, ": ") {
		key, rest, ok := pfKey(b)
		if !ok {
			return false
		}
		value, rest, ok := pfTrailerValue(rest)
		if !ok || bytes.HasSuffix(value, pfAngle) {
			return false
		}
		switch string(key) {
		case "from":
			if sender != nil {
				return false
			}
			sender = value
		case "to":
			if recipient != nil {
				return false
			}
			recipient = value
		case "helo":
			if bytes.IndexByte(value, '<') >= 0 {
				return false
			}
		}
		b = bytes.TrimLeft(rest, ", ")
	}
	ev.Sender, ev.Recipient = sender, recipient
	return true
}

func pfTrailerValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '<' {
		return pfAddress(b, " ,:")
	}
	n := pfWordLen(b)
	return b[:n], b[n:], true
}
