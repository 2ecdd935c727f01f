package replycode

import "strconv"

// An Enhanced is an enhanced status code class.subject.detail (RFC 3463
// section 2). The zero value means that there was none.
type Enhanced uint32

// NoEnhanced is the absence of an enhanced status code.
const NoEnhanced Enhanced = 0

const (
	enhancedClassShift   = 20
	enhancedSubjectShift = 10
	enhancedPartMask     = 1<<10 - 1
	maxEnhancedPart      = 999 // RFC 3463 section 2: one to three digits
)

// MakeEnhanced builds a code from its parts. It returns NoEnhanced unless class
// is 2, 4 or 5 and subject and detail are at most 999.
func MakeEnhanced(class Class, subject, detail uint16) Enhanced {
	if class != Success && class != TransientFailure && class != PermanentFailure ||
		subject > maxEnhancedPart || detail > maxEnhancedPart {
		return NoEnhanced
	}
	return Enhanced(class)<<enhancedClassShift | Enhanced(subject)<<enhancedSubjectShift | Enhanced(detail)
}

// ParseEnhanced reads the enhanced code that b starts with and says how many
// bytes it takes; n is 0 when b does not start with one. The code must end
// there: a further digit, or a dot before a digit, means that the digits are
// something else (an address, a version). It does not judge what comes before b.
func ParseEnhanced(b []byte) (e Enhanced, n int) {
	if len(b) < 5 || b[0] != '2' && b[0] != '4' && b[0] != '5' || b[1] != '.' {
		return NoEnhanced, 0
	}
	subject, n1 := enhancedPart(b[2:])
	at := 2 + n1
	if n1 == 0 || at >= len(b) || b[at] != '.' {
		return NoEnhanced, 0
	}
	detail, n2 := enhancedPart(b[at+1:])
	end := at + 1 + n2
	if n2 == 0 || end+1 < len(b) && b[end] == '.' && isDigit(b[end+1]) {
		return NoEnhanced, 0
	}
	return MakeEnhanced(Class(b[0]-'0'), subject, detail), end
}

// enhancedPart reads one to three digits that no further digit follows.
func enhancedPart(b []byte) (v uint16, n int) {
	for n < len(b) && isDigit(b[n]) {
		if n == 3 {
			return 0, 0
		}
		v = v*10 + uint16(b[n]-'0')
		n++
	}
	return v, n
}

// Class is the first part of the code, or NoClass for NoEnhanced.
func (e Enhanced) Class() Class { return Class(e >> enhancedClassShift) }

// Subject is the second part: 0 undefined, 1 addressing, 2 mailbox, 3 mail
// system, 4 network and routing, 5 protocol, 6 content, 7 security or policy
// (RFC 3463 section 3).
func (e Enhanced) Subject() uint16 { return uint16(e >> enhancedSubjectShift & enhancedPartMask) }

// Detail is the third part; its meaning depends on the subject.
func (e Enhanced) Detail() uint16 { return uint16(e & enhancedPartMask) }

// String is the code as class.subject.detail, or "" for NoEnhanced.
func (e Enhanced) String() string {
	if e == NoEnhanced {
		return ""
	}
	return string(e.AppendTo(make([]byte, 0, 9)))
}

// AppendTo appends the code to b; NoEnhanced appends nothing.
func (e Enhanced) AppendTo(b []byte) []byte {
	if e == NoEnhanced {
		return b
	}
	b = append(b, byte('0'+e.Class()), '.')
	b = strconv.AppendUint(b, uint64(e.Subject()), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, uint64(e.Detail()), 10)
}
