package logparse

import "bytes"

// exDelivery reads an outcome behind its flag: "address <original> R=router
// T=transport H=host [ip] ...: reason".
func exDelivery(status Status, b []byte, ev *Event) Result {
	ev.Direction, ev.Status = Outbound, status
	b = b[frameBlanks(b, 0):]
	address, rest := exAddress(b)
	if len(address) == 0 {
		return ResultUnparsed
	}
	ev.Recipient = address
	var fields exFields
	text := fields.read(rest)
	if status == Deferred {
		var ok bool
		if text, ok = exDefer(text, &fields, ev); !ok {
			return ResultUnparsed
		}
	}
	fields.setRelay(ev)
	if fields.queueTime != nil {
		ev.Delay = exSeconds(fields.queueTime)
	}
	if status == Sent {
		if ev.Text = fields.confirmation; ev.Text != nil {
			if ev.Code, ev.Enhanced = exReplyCodes(ev.Text); ev.Code != 0 {
				ev.Stage = EOD
			}
		}
		return ResultEvent
	}
	if !exReason(exDropTimes(text), ev) && fields.hostIP != nil { // a host, and no words of Exim: its reply alone
		ev.Code, ev.Enhanced = exReplyCodes(ev.Text)
	}
	if status == Bounced && exIsExpiry(ev) {
		ev.Status = Expired
	}
	return ResultEvent
}

// exIsUnquoted says whether local is what stands in the quotes, but for its case:
// a delivery to a mailbox of this host has the local part alone.
func exIsUnquoted(local, quoted []byte) bool {
	for {
		i := bytes.IndexByte(quoted, '\\')
		if i < 0 || i+1 == len(quoted) {
			return bytes.EqualFold(local, quoted)
		}
		if len(local) <= i || !bytes.EqualFold(local[:i], quoted[:i]) || local[i] != quoted[i+1] {
			return false
		}
		local, quoted = local[i+1:], quoted[i+2:]
	}
}

// exFields are the fields of a line that matter.
type exFields struct {
	hostName, hostIP []byte
	port             uint16
	sender           []byte // of F=<...>
	confirmation     []byte // of C="..."
	queueTime        []byte // of QT=
	reason           bool   // a colon ended the fields: the reason follows
	client           bool   // H= has the name that a client calls itself: "(helo)"
}

func (f *exFields) setRelay(ev *Event) {
	ev.RelayHost, ev.RelayIP, ev.RelayPort = f.hostName, f.hostIP, f.port
	if f.sender != nil {
		ev.Sender = f.sender
	}
}

// read reads fields in any order and returns the text behind them, without the
// colon in front of it.
func (f *exFields) read(b []byte) (text []byte) {
	for {
		b = b[frameBlanks(b, 0):]
		if len(b) > 0 && b[0] == ':' {
			f.reason = true
			return b[frameBlanks(b, 1):]
		}
		n := exKeyLen(b)
		if n == 0 {
			return b
		}
		if b[n-1] != '=' { // a flag such as L, K or PRDR
			b = b[n:]
			continue
		}
		var more bool
		if b, more = f.field(b[:n-1], b[n:]); !more {
			f.reason = true
			return b[frameBlanks(b, 0):]
		}
	}
}

// exKeyLen is the length of a field's key with its "=", or of a flag; 0 for
// neither.
func exKeyLen(b []byte) int {
	i := 0
	for i < len(b) && i < 5 && (b[i] >= 'A' && b[i] <= 'Z' || i > 0 && pfIsDigit(b[i])) {
		i++
	}
	switch {
	case i == 0:
		return 0
	case i < len(b) && b[i] == '=':
		return i + 1
	case i == len(b) || b[i] == ' ' || b[i] == ':':
		switch string(b[:i]) {
		case "L", "K", "PRDR", "TFO", "LCI", "A", "B":
			return i
		}
	case b[i] == '.' || b[i] == '-' || b[i] == '*':
		if b[0] != 'L' && string(b[:i]) != "TFO" || b[0] == 'L' && i != 1 {
			return 0
		}
		for i < len(b) && b[i] != ' ' { // "L.-", "TFO*": what of pipelining or fast open was used
			i++
		}
		return i
	}
	return 0
}

// field reads one value. more is false where the reason follows it: at a colon.
func (f *exFields) field(key, b []byte) (rest []byte, more bool) {
	switch string(key) {
	case "H":
		return f.host(b)
	case "F":
		value, rest := exValue(b)
		if n := len(value); n > 1 && value[0] == '<' && value[n-1] == '>' {
			f.sender = value[1 : n-1 : n-1]
		} else if n > 0 && value[0] != '<' { // old logs have no brackets
			f.sender = value
		}
		return exColon(rest)
	case "C":
		value, rest := exValue(b)
		if n := len(value); n > 1 && value[0] == '"' {
			f.confirmation = value[1 : n-1]
		}
		return exColon(rest)
	case "QT":
		f.queueTime, rest = exValue(b)
		return exColon(rest)
	case "ST": // why the shadow transport failed, in parentheses; only times follow
		_, rest = exValue(b)
		if end := bytes.LastIndexByte(rest, ')'); end > 0 && pfStarts(rest, " (") {
			rest = rest[end+1:]
		}
		return exColon(rest)
	}
	_, rest = exValue(b)
	return exColon(rest)
}

// exColon says whether the reason follows, and takes off the colon in front.
func exColon(b []byte) (rest []byte, more bool) {
	if len(b) > 0 && b[0] == ':' {
		return b[1:], false
	}
	return b, true
}

// exValue cuts off a value: "quoted", <bracketed>, or a word. A colon at the end
// of a word is not part of it.
func exValue(b []byte) (value, rest []byte) {
	i := 0
	switch {
	case len(b) > 0 && b[0] == '"':
		i = exQuoted(b)
	case len(b) > 0 && b[0] == '<':
		i = exBracketed(b)
	default:
		if i = bytes.IndexByte(b, ' '); i < 0 {
			i = len(b)
		}
		if i > 0 && b[i-1] == ':' {
			i--
		}
	}
	return b[:i], b[i:]
}

// exQuoted is the length of the quoted value that b starts with.
func exQuoted(b []byte) int {
	i := 1 + bytes.IndexByte(b[1:], '"')
	if i > 0 && bytes.IndexByte(b[:i], '\\') < 0 {
		return i + 1 // nearly all
	}
	for i = 1; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(b))
}

// host reads "name [ip]:port", "(helo) [ip]", "name (helo) [ip]*" and a name
// alone. The name in parentheses is what the client calls itself.
func (f *exFields) host(b []byte) (rest []byte, more bool) {
	name := b
	if len(b) > 0 && b[0] == '(' {
		name = nil
	} else if n := exHostLen(b); n > 0 {
		name, b = b[:n], b[n:]
	} else if len(b) > 0 && b[0] == '[' {
		name = nil
	}
	f.hostName = bytes.TrimSuffix(name, []byte("."))
	if len(f.hostName) == 0 {
		f.hostName = nil
	}
	if after, ok := pfAfter(b, " DS ["); ok {
		return f.address(after) // log_selector = +dnssec: the name was looked up securely
	}
	if after, ok := pfAfter(b, " ("); ok {
		b, f.client = after, true
	} else if len(b) > 0 && b[0] == '(' {
		b, f.client = b[1:], true
	} else if after, ok := pfAfter(b, " ["); ok {
		return f.address(after)
	} else if len(b) > 0 && b[0] == '[' {
		return f.address(b[1:])
	} else {
		return exColon(b)
	}
	end := bytes.Index(b, exParenBracket)
	if end < 0 {
		return b, true
	}
	return f.address(b[end+len(exParenBracket):])
}

var exParenBracket = []byte(") [")

// exHostLen is the length of a host's name.
func exHostLen(b []byte) int {
	i := 0
	for i < len(b) && b[i] != ' ' && b[i] != '[' && b[i] != '(' && (b[i] != ':' || i+1 < len(b) && b[i+1] != ' ') {
		i++
	}
	return i
}

// address reads "ip]:port* " up to the blank or the colon behind it.
func (f *exFields) address(b []byte) (rest []byte, more bool) {
	end := 0
	for end < len(b) && b[end] != ']' && b[end] != ' ' {
		end++
	}
	if end == len(b) || b[end] == ' ' {
		return b, true
	}
	f.hostIP = pfIP(b[:end])
	b = b[end+1:]
	if len(b) > 1 && b[0] == ':' && pfIsDigit(b[1]) {
		i := 1
		for i < len(b) && pfIsDigit(b[i]) {
			i++
		}
		f.port = pfPort(b[1:i])
		b = b[i:]
	}
	if len(b) > 0 && b[0] == '*' {
		b = b[1:]
	}
	return exColon(b)
}

// exDefer reads "defer (110): text", "defer (-44) H=host [ip]: text" and
// "defer (110): Connection timed out H=host [ip]: text". Where only the reason is
// there, behind a colon, the flag alone tells.
func exDefer(b []byte, f *exFields, ev *Event) (text []byte, ok bool) {
	b, ok = pfAfter(b, "defer (")
	if !ok {
		return b, f.reason
	}
	end := bytes.IndexByte(b, ')')
	if end < 0 {
		return nil, false
	}
	if ev.Errno, ok = exErrno(b[:end]); !ok {
		return nil, false
	}
	text = f.read(b[end+1:])
	// The system's word for the error holds no colon; what a remote side chose
	// comes behind one.
	if i := bytes.Index(text, exHost); i >= 0 && bytes.IndexByte(text[:i], ':') < 0 && f.hostIP == nil {
		reason := f.read(text[i+1:])
		if len(reason) == 0 {
			return text[:i], true
		}
		return reason, true
	}
	return text, true
}

var exHost = []byte(" H=")

func exErrno(b []byte) (n int, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	v, digits := stampNumber(b)
	if digits == 0 || digits != len(b) || digits > 9 {
		return 0, false
	}
	if negative {
		v = -v
	}
	return int(v), true
}

// exDropTimes takes off the times that some selectors put behind the reason.
func exDropTimes(b []byte) []byte {
	for {
		i := bytes.LastIndexByte(b, ' ')
		if i < 0 {
			return b
		}
		word := b[i+1:]
		if !pfStarts(word, "DT=") && !pfStarts(word, "QT=") && !pfStarts(word, "RT=") || exSeconds(word[3:]) < 0 {
			return bytes.TrimRight(b, " ")
		}
		b = b[:i]
	}
}

// exSeconds reads a time as Exim writes it: "0.155s", "1m5s", "2h", "3d4h5m6s";
// -1 when b is none.
func exSeconds(b []byte) float64 {
	sum := 0.0
	if len(b) == 0 {
		return -1
	}
	for len(b) > 0 {
		i := 0
		for i < len(b) && (pfIsDigit(b[i]) || b[i] == '.') {
			i++
		}
		v := pfSeconds(b[:i])
		if v < 0 || i == len(b) {
			return -1
		}
		switch b[i] {
		case 's':
		case 'm':
			v *= 60
		case 'h':
			v *= 3600
		case 'd':
			v *= 86400
		case 'w':
			v *= 7 * 86400
		default:
			return -1
		}
		sum += v
		b = b[i+1:]
	}
	return sum
}
