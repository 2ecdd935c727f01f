package logparse

import "bytes"

// pfStatus is the meaning of a delivery's status word, NoStatus for none. A
// bounce that soft_bounce turned into a deferral has a word of its own in
// capitals.
func pfStatus(word []byte) Status {
	switch string(word) {
	case "sent":
		return Sent
	case "deferred", "SOFTBOUNCE", "softbounce":
		return Deferred
	case "bounced":
		return Bounced
	case "expired", "force-expired":
		return Expired
	}
	return NoStatus
}

// pfDelivery reads the outcome for one recipient:
// "to=<rcpt>, relay=host[ip]:port, delay=1, dsn=5.1.1, status=word (text)".
func pfDelivery(role pfRole, b []byte, ev *Event) Result {
	ev.Direction = Outbound
	b, ok := pfFields(b, ev)
	if !ok {
		return ResultUnparsed
	}
	word, text, _ := pfCut(b, pfBlank)
	if pfStarts(word, "deliverable") || pfStarts(word, "undeliverable") {
		return ResultIgnored // the answer to an address probe: no mail was at stake
	}
	if ev.Status = pfStatus(word); ev.Status == NoStatus {
		return ResultUnparsed
	}
	ev.Text = pfUnwrap(text)
	if role&pfTalks != 0 {
		pfDecide(ev)
	}
	if role&pfSpeaks != 0 && ev.Status != Sent && ev.Code == 0 && ev.Stage == NoStage {
		pfBareReply(ev)
	}
	if ev.Enhanced == 0 {
		ev.Enhanced = ev.DSN
	}
	return ResultEvent
}

// pfFields reads the "key=value, " pairs up to the status and returns what
// follows "status=". Everything after that may be a remote side's words.
func pfFields(b []byte, ev *Event) (status []byte, ok bool) {
	for {
		key, rest, ok := pfKey(b)
		if !ok {
			return nil, false
		}
		if string(key) == "status" {
			return rest, true
		}
		value, rest, ok := pfValue(rest)
		if !ok || len(rest) == 0 {
			return nil, false // the line ends before its status
		}
		pfField(key, value, ev)
		b = bytes.TrimLeft(rest[1:], " ")
	}
}

// pfValue reads a value up to the comma behind it. A value with a blank is two
// lines that a logger ran together.
func pfValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '<' {
		return pfAddress(b, ",")
	}
	for i, c := range b {
		switch c {
		case ',':
			return b[:i], b[i:], true
		case ' ':
			return nil, nil, false
		}
	}
	return nil, nil, false
}

func pfField(key, value []byte, ev *Event) {
	switch string(key) {
	case "to":
		ev.Recipient = value
	case "relay":
		pfRelay(value, ev)
	case "delay":
		ev.Delay = pfSeconds(value)
	case "dsn":
		ev.DSN = pfEnhanced(value)
	}
}

// pfRelay reads "host[ip]:port". Without brackets it is "none" or the name of a
// transport; a socket path in the brackets is no address.
func pfRelay(b []byte, ev *Event) {
	end := bytes.LastIndexByte(b, ']')
	if end < 0 {
		return
	}
	start := bytes.LastIndexByte(b[:end], '[')
	if start < 0 {
		return
	}
	ip := pfIP(b[start+1 : end])
	ev.RelayIP = ip
	if port, ok := pfAfter(bytes.TrimLeft(b[end:], "]"), ":"); ok {
		ev.RelayPort = pfPort(port)
	}
	host := bytes.TrimRight(pfTrimBrackets(b[:start]), ".")
	if len(host) > 0 {
		ev.RelayHost = host
	}
}

// pfIP is the address in b, without its IPv6 tag, nil when b is something else.
func pfIP(b []byte) []byte {
	b = pfTrimBrackets(b)
	if tagged, ok := pfAfter(b, "IPv6:"); ok {
		b = tagged
	}
	separators := 0
	for _, c := range b {
		switch {
		case c == '.' || c == ':':
			separators++
		case !pfIsDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f'):
			return nil
		}
	}
	if separators < 2 {
		return nil
	}
	return b
}

func pfTrimBrackets(b []byte) []byte {
	for len(b) > 0 && (b[0] == '[' || b[0] == ']') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == '[' || b[len(b)-1] == ']') {
		b = b[:len(b)-1]
	}
	return b
}

func pfPort(b []byte) uint16 {
	port := 0
	for _, c := range b {
		if !pfIsDigit(c) || port > 65535 {
			return 0
		}
		port = port*10 + int(c-'0')
	}
	if port > 65535 {
		return 0
	}
	return uint16(port)
}

// pfSeconds reads a decimal number, -1 when b is none.
func pfSeconds(b []byte) float64 {
	const maxDigits = 15 // more would not fit a float64
	if len(b) == 0 || len(b) > maxDigits || !pfIsDigit(b[0]) {
		return -1
	}
	digits, unit, dot := int64(0), int64(1), false
	for _, c := range b {
		switch {
		case c == '.' && !dot:
			dot = true
		case !pfIsDigit(c):
			return -1
		default:
			digits = digits*10 + int64(c-'0')
			if dot {
				unit *= 10
			}
		}
	}
	return float64(digits) / float64(unit)
}

// pfUnwrap takes off the parentheses around the reason. The closing one is
// missing where syslog cut the line.
func pfUnwrap(text []byte) []byte {
	text, _ = pfAfter(bytes.TrimRight(text, " \t\r"), "(")
	if n := len(text); n > 0 && text[n-1] == ')' {
		text = text[:n-1]
	}
	if len(text) == 0 {
		return nil
	}
	return text
}
