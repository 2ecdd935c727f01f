package replycode

import "bytes"

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

// A shape counts what a word is made of, each kind of byte in bits of its own:
// no word is longer than maxText.
type shape uint64

const (
	shapeBits  = 12 // of a count; maxText needs so many
	oneLetter  = shape(1)
	oneDigit   = oneLetter << shapeBits
	oneDot     = oneDigit << shapeBits
	oneOther   = oneDot << shapeBits
	oneAt      = oneOther << shapeBits // besides oneOther
	countMask  = 1<<shapeBits - 1
	isTelling  = countMask*oneDigit | countMask*oneAt // the word may be an address or a serial number
	notOfWords = shape(0)
)

// shapes are what each byte adds to the shape of a word; notOfWords cannot stand
// inside an address, a host name or an id.
var shapes = shapesOfBytes()

func shapesOfBytes() (of [256]shape) {
	for c := 0; c < 128; c++ {
		if isAlnum(byte(c)) {
			of[c] = oneLetter
		}
	}
	for _, c := range "0123456789" {
		of[c] = oneDigit
	}
	for _, c := range "-_+%" {
		of[c] = oneOther
	}
	of['.'], of['@'] = oneDot, oneOther+oneAt
	return of
}

func (s shape) letters() int { return int(s & countMask) }
func (s shape) digits() int  { return int(s / oneDigit & countMask) }
func (s shape) dots() int    { return int(s / oneDot & countMask) }

// What normalise must know of a byte.
const (
	isBlankByte   = 1 << iota // a blank: it stands, if none stands before
	isSpecialByte             // another kind of blank, the begin of a longer letter or of an escape, what may be part of an address or a serial
)

// The first bytes of letters of UTF-8 that are folded.
const firstLatin, lastLatin, firstCyrillic = 0xC3, 0xC5, 0xD0

// byteKind is 0 for the other bytes: each stands for itself, capitals for their
// small letters.
var byteKind = kindsOfBytes()

func kindsOfBytes() (kind [256]uint8) {
	for c := range kind {
		if shapes[c]&isTelling != 0 {
			kind[c] = isSpecialByte
		}
	}
	kind[' '] = isBlankByte
	for _, c := range []byte{'\t', '\r', '\n', '\\', firstLatin, firstLatin + 1, lastLatin, firstCyrillic} {
		kind[c] = isSpecialByte
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
	begin := repeatedCode(text, r) // of the text behind a code; no second one is left out
	for i := begin; i < len(text); {
		switch c := text[i]; {
		case byteKind[c] == 0 || byteKind[c] == isBlankByte && len(dst) > 0 && dst[len(dst)-1] != ' ':
			dst, i = plain(dst, text, i)
		case isBlank(c):
			if i = skipBlanks(text, i); len(dst) > 0 && dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
		case firstLatin <= c && c <= lastLatin || c == firstCyrillic:
			dst = append(dst, c)
			if i++; i < len(text) && text[i] >= 0x80 {
				dst = foldLetter(dst, c, text[i])
				i++
			}
		case c == '\\':
			dst, i = backslash(dst, text, i)
		default:
			if i > begin && isBlank(text[i-1]) {
				if n := repeatedCode(text[i:], r); n > 0 {
					i = skipBlanks(text, i+n)
					begin = i
					continue
				}
			}
			dst, i = telling(dst, text, i, r)
		}
	}
	return dst
}

// plain appends bytes up to one that is more than itself. It goes over the ends
// of words, which no processor foresees.
func plain(dst, text []byte, i int) (longer []byte, end int) {
	last := uint8(0)
	for ; i < len(text); i++ {
		kind := byteKind[text[i]]
		if kind&(last|isSpecialByte) != 0 {
			break
		}
		dst = append(dst, lower[text[i]])
		last = kind
	}
	return dst, i
}

// telling appends the rest of a word of which the first part stands in dst.
func telling(dst, text []byte, i int, r *Reply) (longer []byte, end int) {
	start, word := len(dst), shape(0)
	for ; start > 0 && shapes[dst[start-1]] != notOfWords; start-- {
		word += shapes[dst[start-1]]
	}
	for ; i < len(text) && shapes[text[i]] != notOfWords; i++ {
		word += shapes[text[i]]
		dst = append(dst, lower[text[i]])
	}
	return maskWord(dst, start, word, r), i
}

// backslash appends the byte that \303 stands for, as Sendmail and Exim log those
// that are not ASCII, else the backslash.
func backslash(dst, text []byte, i int) (longer []byte, end int) {
	b := text[i:]
	if len(b) < 4 || b[1] != '2' && b[1] != '3' || b[2]&^7 != '0' || b[3]&^7 != '0' {
		return append(dst, '\\'), i + 1
	}
	value := b[1]<<6 | b[2]&7<<3 | b[3]&7
	if len(dst) == 0 {
		return append(dst, value), i + 4
	}
	return foldLetter(dst, dst[len(dst)-1], value), i + 4
}

func skipBlanks(text []byte, i int) int {
	for i < len(text) && isBlank(text[i]) {
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

// latin are the letters from U+00C0 on without their accents: receivers leave them
// out as often as not.
const latin = "aaaaaaaceeeeiiiidnooooo\x00ouuuuytsaaaaaaaceeeeiiiidnooooo\x00ouuuuyty" +
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll" +
	"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"

// foldLetter appends the second byte of a two-byte letter of UTF-8, its first
// byte first standing in dst already: Latin letters lose their accents, capitals
// of the Russian alphabet become small.
func foldLetter(dst []byte, first, second byte) []byte {
	switch {
	case firstLatin <= first && first <= lastLatin && second&0xC0 == 0x80:
		if letter := latin[int(first-firstLatin)<<6|int(second&0x3F)]; letter != 0 {
			dst[len(dst)-1] = letter
			return dst
		}
	case first == 0xD0 && 0x90 <= second && second <= 0x9F:
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
	if len(b) < 4 || b[0] < '2' || b[0] > '5' || b[3] != '-' && !isBlank(b[3]) {
		return 0
	}
	if c, ok := ParseCode(b[:3]); !ok || c != r.Code {
		return 0
	}
	n := 4
	if b[3] != '-' {
		n = skipBlanks(b, n)
	}
	if e, l := ParseEnhanced(b[n:]); l > 0 && e == r.Enhanced {
		n += l
		if n < len(b) && isBlank(b[n]) {
			n++
		}
	}
	return n
}

// maskWord puts a mark in place of the word dst[start:] where it is an address or
// a serial number.
func maskWord(dst []byte, start int, s shape, r *Reply) []byte {
	word := dst[start:]
	if s >= oneAt {
		if at := bytes.LastIndexByte(word, '@'); at > 0 && at < len(word)-1 {
			if isOurs(word[at+1:], r) {
				return append(dst[:start], markOurs)
			}
			return append(dst[:start], markAddress)
		}
	}
	switch {
	case s.isIPv4(len(word)) && word[len(word)-1] != '.':
		return append(dst[:start], markIP)
	case (s - oneDot).isIPv4(len(word)-1) && word[len(word)-1] == '.': // at the end of a sentence
		return append(dst[:start], markIP, '.')
	case s.isSerial():
		return append(dst[:start], markID)
	}
	return dst
}

// isIPv4: an enhanced code has two dots.
func (s shape) isIPv4(length int) bool {
	return s.dots() == 3 && s.digits() >= 4 && s.digits()+3 == length
}

// isSerial: the tags of providers are shorter or hold other bytes.
func (s shape) isSerial() bool {
	letters, digits := s.letters(), s.digits()
	if s >= oneDot {
		return false
	}
	return digits >= 2 && letters >= 1 && digits+letters >= 9 || digits >= 10
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
