// Package replycode knows what an SMTP reply means: the basic reply codes of
// RFC 5321, the enhanced status codes of RFC 3463 and its registry, and the
// cause of a failure together with who must act on it.
package replycode

// A Code is the three-digit reply code of an SMTP reply (RFC 5321 section 4.2).
// The zero Code means that there was no reply.
type Code uint16

// None is the absence of a reply code: no SMTP reply exists (a DNS fault, a
// time-out, a local delivery).
const None Code = 0

// ParseCode reads a Code from exactly three digits. Only codes whose first
// digit is 2 to 5 are replies (RFC 5321 section 4.2.1); for everything else ok
// is false.
func ParseCode(b []byte) (c Code, ok bool) {
	if len(b) != 3 || b[0] < '2' || b[0] > '5' || !isDigit(b[1]) || !isDigit(b[2]) {
		return None, false
	}
	return Code(b[0]-'0')*100 + Code(b[1]-'0')*10 + Code(b[2]-'0'), true
}

// Class is the class given by the first digit, or NoClass for None.
func (c Code) Class() Class {
	if c < 200 || c > 599 {
		return NoClass
	}
	return Class(c / 100)
}

// String is the code as three digits, or "" for None.
func (c Code) String() string {
	if c == None {
		return ""
	}
	return string(c.AppendTo(make([]byte, 0, 3)))
}

// AppendTo appends the three digits to b; None appends nothing.
func (c Code) AppendTo(b []byte) []byte {
	if c == None {
		return b
	}
	return append(b, byte('0'+c/100%10), byte('0'+c/10%10), byte('0'+c%10))
}

// A Class is the first digit of a reply code or of an enhanced status code: it
// says whether a retry may help (RFC 5321 section 4.2.1, RFC 3463 section 3.1).
type Class uint8

// The classes of replies.
const (
	NoClass           Class = 0 // no reply, no status code
	Success           Class = 2 // 2xx positive completion
	Intermediate      Class = 3 // 3xx positive intermediate
	TransientFailure  Class = 4 // 4xx transient negative completion
	PermanentFailure  Class = 5 // 5xx permanent negative completion
	numClasses              = 6
	classNameIfAbsent       = "none"
)

var classNames = [numClasses]string{classNameIfAbsent, classNameIfAbsent, "2xx", "3xx", "4xx", "5xx"}

// String is "2xx", "3xx", "4xx" or "5xx"; "none" for NoClass.
func (c Class) String() string {
	if c >= numClasses {
		return classNameIfAbsent
	}
	return classNames[c]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
