package replycode

// Find returns the deciding code of a reply and the enhanced code beside it.
// Text that begins with a reply gives the code of its first line (RFC 5321
// section 4.2.1, RFC 2034 section 4). In other text the first number that
// stands as a reply does counts: an enhanced code follows it, or it begins a
// line, a quotation or what follows a colon and the table of codes knows it.
// Numbers in brackets, ports, addresses, versions and parts of URLs are no
// replies. An enhanced code without a reply is returned with None. Find does not
// allocate.
func Find(text []byte) (Code, Enhanced) {
	own := NoEnhanced // an enhanced code that stands before any reply
	start := true     // a reply may begin here
	for i, c := range text {
		if start && '2' <= c && c <= '5' {
			if code, e, ok := replyAt(text, i); ok {
				if e == NoEnhanced && own.Class() == code.Class() {
					e = own
				}
				return code, e
			}
			if own == NoEnhanced {
				if e, n := ParseEnhanced(text[i:]); i+n == len(text) || isBlank(text[i+n]) {
					own = e
				}
			}
		}
		start = isBlank(c) || c == '"' && (i == 0 || isBlank(text[i-1])) || c == '(' && i == 0
	}
	return None, own
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// replyAt reads a reply that begins at text[i].
func replyAt(text []byte, i int) (Code, Enhanced, bool) {
	if i+3 > len(text) {
		return None, NoEnhanced, false
	}
	code, ok := ParseCode(text[i : i+3])
	if !ok {
		return None, NoEnhanced, false
	}
	rest := text[i+3:]
	if len(rest) == 0 {
		return code, NoEnhanced, i == 0 || precededByReply(text, i) && codeIndex[code] != 0
	}
	switch rest[0] {
	case '-':
		rest = rest[1:]
	case ' ', '\t', '\n', '\r':
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			rest = rest[1:]
		}
	default:
		return None, NoEnhanced, false
	}
	e, n := ParseEnhanced(rest)
	if n == 0 || n < len(rest) && !isBlank(rest[n]) {
		e = NoEnhanced
	}
	if i == 0 || e != NoEnhanced {
		return code, e, true
	}
	return code, e, precededByReply(text, i) && codeIndex[code] != 0
}

// precededByReply says whether the words before text[i] announce a reply: a
// colon, a line break or an opening quote.
func precededByReply(text []byte, i int) bool {
	if text[i-1] == '\n' || text[i-1] == '"' || text[i-1] == '(' {
		return true
	}
	j := i
	for j > 0 && isBlank(text[j-1]) {
		j--
	}
	return j == 0 || text[j-1] == ':'
}
