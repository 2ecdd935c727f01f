package logparse

import "bytes"

// unwrapPrefix takes off one prefix; nil if there is none.
func (p *Parser) unwrapPrefix(b []byte) []byte {
	switch {
	case b[0] == '<':
		return framePriority(b)
	case b[0] == '[':
		if rest := framePod(b); rest != nil {
			return rest
		}
		return frameMonotonic(b)
	case b[0] == '@':
		return frameTAI(b)
	case frameAt(b, 0, "data: {"): // journalctl -o json-sse
		return b[len("data: "):]
	}
	if rest := frameCounted(b); rest != nil {
		return rest
	}
	if rest := frameCompose(b); rest != nil {
		return rest
	}
	if rest := frameGrep(b); rest != nil {
		return rest
	}
	return p.unwrapLogfmt(b)
}

// framePriority takes off "<22>" and, as FreeBSD writes it, "<mail.info>".
func framePriority(b []byte) []byte {
	i := bytes.IndexByte(b, '>')
	if i < 2 || i > 20 {
		return nil
	}
	if _, digits := stampNumber(b[1:i]); digits != i-1 && !frameIsLevel(b[:i+1]) {
		return nil
	}
	return b[i+1:]
}

// framePod takes off kubectl's "[pod/name/container] ".
func framePod(b []byte) []byte {
	if i := frameIndex(b, "] "); i > 0 && frameAt(b, 1, "pod/") {
		return b[i+2:]
	}
	return nil
}

// frameMonotonic takes off the seconds since the boot, "[ 4711.123456] " and
// "[ 4711.123456 <    0.000123 >] " (journalctl -o short-monotonic, short-delta).
func frameMonotonic(b []byte) []byte {
	end := frameIndex(b, "] ")
	if end < 0 || end > 48 {
		return nil
	}
	digits := 0
	for _, c := range b[1:end] {
		switch {
		case stampDigit(c):
			digits++
		case c != ' ' && c != '.' && c != '<' && c != '>':
			return nil
		}
	}
	if digits == 0 {
		return nil
	}
	return b[end+2:]
}

// frameTAI takes off the label of multilog, "@" and 24 hexadecimal digits. The
// time of the line itself is as good.
func frameTAI(b []byte) []byte {
	const digits = 24
	if !frameAt(b, 1+digits, " ") {
		return nil
	}
	for i := 1; i <= digits; i += 4 {
		if _, ok := frameHex(b[i : i+4]); !ok {
			return nil
		}
	}
	return b[1+digits+1:]
}

// frameCounted takes off the number in front of a line: its length (RFC 6587
// section 3.4.1) or its place (cat -n).
func frameCounted(b []byte) []byte {
	_, n := stampNumber(b)
	if n == 0 || n > 9 || !frameAt(b, n, " <") && !frameAt(b, n, "\t") {
		return nil
	}
	return b[n+1:]
}

// frameCompose takes off docker compose's "name  | ".
func frameCompose(b []byte) []byte {
	i := bytes.IndexByte(b, '|')
	if i < 2 || i > 128 || b[i-1] != ' ' || i+1 >= len(b) || b[i+1] != ' ' && b[i+1] != '\x1b' {
		return nil
	}
	if bytes.IndexByte(frameTrim(b[:i]), ' ') >= 0 {
		return nil
	}
	return bytes.TrimPrefix(b[i+1:], pfBlank)
}

// frameGrep takes off "mail.log.1:", "17:" and both, where a time or a record
// follows.
func frameGrep(b []byte) []byte {
	for i := 0; i < len(b) && i < 512 && b[i] > ' ' && b[i] != '"'; i++ {
		if b[i] != ':' || i == 0 {
			continue
		}
		if rest := bytes.TrimPrefix(b[i+1:], byteOrderMark); frameStamped(rest) != nil || frameBegins(rest) {
			return rest
		}
	}
	return nil
}

var byteOrderMark = []byte("\ufeff")

// frameBegins says whether b begins as other records than lines with a time do.
func frameBegins(b []byte) bool {
	switch {
	case len(b) < 5:
		return false
	case b[0] == '{':
		return b[1] == '"'
	case b[0] == '<':
		return framePriority(b) != nil
	case b[0] == '[':
		return framePod(b) != nil
	}
	return b[3] == ' ' && b[0] >= 'A' && b[0] <= 'Z' && frameStamped(b[4:]) != nil // a weekday
}
