package replycode

// What the reply is about stays and what differs from one message to the next
// goes: these bytes stand in the normal form for what was masked.
const (
	markAddress = 1 // a mail address
	markOurs    = 2 // a mail address in the sender's domain
	markIP      = 3 // an IPv4 address
	markID      = 4 // a queue id or other serial
)

// maxText bounds the work on one reply; the reason stands at its beginning.
const maxText = 2048

// What normalise must know of a byte.
const (
	isBlankByte = 1 << iota
	isWordByte  // may stand inside an address, a host name or an id
	isTelling   // a digit or @: the word may be one of those
)

var byteKind = kindsOfBytes()

func kindsOfBytes() (kind [256]uint8) {
	for _, c := range " \t\r\n" {
		kind[c] = isBlankByte
	}
	for c := 0; c < 128; c++ {
		if isAlnum(byte(c)) {
			kind[c] = isWordByte
		}
	}
	for _, c := range ".-_+%" {
		kind[c] = isWordByte
	}
	for _, c := range "0123456789@" {
		kind[c] = isWordByte | isTelling
	}
	return kind
}

// normalise appends the normal form of the reply's text to dst: one line, lower
// case, the code left out at the start of each line of a reply, addresses and
// serial numbers masked. The result is never longer than the text.
func normalise(dst []byte, r *Reply) []byte {
	text := r.Text
	if len(text) > maxText {
		text = text[:maxText]
	}
	i := repeatedCode(text, r)
	for i < len(text) {
		switch c := text[i]; {
		case byteKind[c]&isWordByte != 0:
			start, kinds := len(dst), uint8(0)
			for ; i < len(text); i++ {
				kind := byteKind[text[i]]
				if kind&isWordByte == 0 {
					break
				}
				kinds |= kind
				dst = append(dst, lower[text[i]])
			}
			if kinds&isTelling != 0 {
				dst = maskWord(dst, start, r)
			}
		case byteKind[c] == isBlankByte:
			i = skipBlanks(text, i)
			if len(dst) > 0 {
				dst = append(dst, ' ')
			}
			i = skipBlanks(text, i+repeatedCode(text[i:], r))
		default:
			dst = append(dst, c)
			i++
			if (c == 0xC3 || c == 0xD0) && i < len(text) && text[i] >= 0x80 {
				dst = foldLetter(dst, c, text[i])
				i++
			}
		}
	}
	return dst
}

func skipBlanks(text []byte, i int) int {
	for i < len(text) && byteKind[text[i]] == isBlankByte {
		i++
	}
	return i
}

var lower = lowerBytes()

func lowerBytes() (table [256]byte) {
	for c := range table {
		table[c] = lowerByte(byte(c))
	}
	return table
}

// foldLetter appends the second byte of a two-byte letter of UTF-8, its first
// byte first standing in dst already: capitals of Latin-1 and of the Russian
// alphabet become small.
func foldLetter(dst []byte, first, second byte) []byte {
	switch {
	case first == 0xC3 && 0x80 <= second && second <= 0x9E && second != 0x97,
		first == 0xD0 && 0x90 <= second && second <= 0x9F:
		second += 0x20
	case first == 0xD0 && 0xA0 <= second && second <= 0xAF:
		dst[len(dst)-1] = 0xD1
		second -= 0x20
	}
	return append(dst, second)
}

// repeatedCode is the length of "550-5.1.1 " at the start of b, where b opens or
// goes on a reply 550 5.1.1 (RFC 5321 section 4.2.1).
func repeatedCode(b []byte, r *Reply) int {
	if len(b) < 4 || b[0] < '2' || b[0] > '5' || b[3] != '-' && byteKind[b[3]] != isBlankByte {
		return 0
	}
	if c, ok := ParseCode(b[:3]); !ok || c != r.Code {
		return 0
	}
	n := 4
	if e, l := ParseEnhanced(b[n:]); l > 0 && e == r.Enhanced {
		n += l
		if n < len(b) && byteKind[b[n]] == isBlankByte {
			n++
		}
	}
	return n
}

// A shape counts what a word is made of.
type shape struct {
	letters, digits, dots, others int
	at                            int // index of the last @, -1 for none
}

func shapeOf(word []byte) shape {
	s := shape{at: -1}
	for i, c := range word {
		switch {
		case '0' <= c && c <= '9':
			s.digits++
		case c == '.':
			s.dots++
		case c == '@':
			s.at = i
			s.others++
		case isAlnum(c):
			s.letters++
		default:
			s.others++
		}
	}
	return s
}

// maskWord puts a mark in place of the word dst[start:] where it is an address or
// a serial number.
func maskWord(dst []byte, start int, r *Reply) []byte {
	word := dst[start:]
	s := shapeOf(word)
	switch {
	case s.at > 0 && s.at < len(word)-1:
		if isOurs(word[s.at+1:], r) {
			return append(dst[:start], markOurs)
		}
		return append(dst[:start], markAddress)
	case s.dots == 3 && s.digits >= 4 && s.digits+s.dots == len(word):
		return append(dst[:start], markIP)
	case s.isSerial():
		return append(dst[:start], markID)
	}
	return dst
}

// isSerial: the tags of providers are shorter or hold other bytes.
func (s shape) isSerial() bool {
	if s.dots+s.others > 0 {
		return false
	}
	return s.digits >= 2 && s.letters >= 1 && s.digits+s.letters >= 9 || s.digits >= 10
}

// isOurs says whether an address is the sender's and cannot be the recipient's.
func isOurs(domain []byte, r *Reply) bool {
	for len(domain) > 0 && !isAlnum(domain[len(domain)-1]) {
		domain = domain[:len(domain)-1]
	}
	return len(domain) > 0 && equalFold(domain, r.SenderDomain) && !equalFold(domain, r.RecipientDomain)
}

func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
