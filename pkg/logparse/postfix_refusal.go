package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// pfRefusalStages are the words that smtpd, postscreen and cleanup use for the
// point at which they refuse. Other commands can be refused too, without a
// Stage for them.
var pfRefusalStages = map[string]Stage{
	"CONNECT": Connect, "connect": Connect, "HELO": Helo, "EHLO": Helo, "STARTTLS": StartTLS, "AUTH": Auth,
	"MAIL": Mail, "RCPT": Rcpt, "DATA": Data, "BDAT": BDAT, "VRFY": VRFY, "ETRN": ETRN,
	"END-OF-MESSAGE": EOD, "END-OF-HEADER": EOD,
}

// pfVerbs begin the lines in which the daemons that take mail in may tell of
// an outcome. Only the first three refuse; reject_warning, warn, hold, discard,
// filter, redirect and the rest let the mail pass or have no client that was
// told.
var pfVerbs = [...]string{"reject: ", "milter-reject: ", "proxy-reject: ", "warning: "}

// pfVerb is the one of pfVerbs that b begins with, "" for none.
func pfVerb(b []byte) string {
	for _, a := range pfVerbs {
		if pfStarts(b, a) {
			return a
		}
	}
	return ""
}

// pfServer reads the lines of the daemons that take mail in.
func pfServer(b []byte, ev *Event) Result {
	switch a := pfVerb(b); a {
	case "":
		return ResultIgnored
	case "warning: ":
		return pfServerWarning(b[len(a):], ev)
	default:
		return pfRefusal(b[len(a):], ev)
	}
}

// pfRefusal reads "RCPT from host[ip]: reply; from=<> to=<> proto= helo=<>".
func pfRefusal(b []byte, ev *Event) Result {
	ev.Direction, ev.Status = Inbound, Rejected
	n := pfWordLen(b)
	word, rest := b[:n], b[n:]
	switch string(word) {
	case "header", "body", "content", "milter-header", "mime-error":
		return pfContentRefusal(rest, ev)
	}
	if len(word) == 0 || (word[0] < 'A' || word[0] > 'Z') && string(word) != "connect" {
		return ResultUnparsed
	}
	ev.Stage = pfRefusalStages[string(word)]
	if after, ok := pfAfter(rest, " content"); ok { // "DATA content from": in the middle of the mail
		rest = after
		if ev.Stage == Data {
			ev.Stage = EOD
		}
	}
	reply, ok := pfClient(rest, ev)
	if !ok {
		return ResultUnparsed
	}
	if i := pfTrailer(reply, ev); i >= 0 {
		reply = reply[:i]
	}
	pfRefuse(reply, ev)
	if ev.Stage == Connect && ev.Code == replycode.None && ev.Enhanced == replycode.NoEnhanced {
		ev.Status = TempFailed // postscreen is busy: it says 421 and leaves the code out of its log
	}
	return ResultEvent
}

// pfClient reads " from host[ip]:port: " and returns what follows. A refusal of
// a before-queue filter has only the colon.
func pfClient(b []byte, ev *Event) (reply []byte, ok bool) {
	if reply, ok = pfAfter(b, ": "); ok {
		return reply, true
	}
	if b, ok = pfAfter(b, " from "); !ok {
		return nil, false
	}
	client, reply, ok := pfCut(b, pfColon)
	if !ok || bytes.IndexByte(client, ' ') >= 0 {
		return nil, false
	}
	ev.ClientIP = pfBracketed(client)
	return reply, true
}

// pfContentRefusal reads a header_checks or body_checks refusal:
// " line of the mail from host[ip]; from=<> to=<> proto= helo=<>: reason". The
// line is the sender's, so everything is found from the end.
func pfContentRefusal(b []byte, ev *Event) Result {
	ev.Stage = EOD
	trailer := pfTrailer(b, ev)
	if trailer >= 0 {
		head := b[:trailer]
		if i := bytes.LastIndex(head, pfFrom); i >= 0 {
			ev.ClientIP = pfBracketed(head[i:])
		}
	}
	var reason []byte
	if i := bytes.LastIndex(b, pfAngleColon); i >= 0 && i > trailer {
		reason = b[i+len(pfAngleColon):]
	}
	pfRefuse(reason, ev)
	return ResultEvent
}

// pfRefuse takes the codes from the reply. Milters' and cleanup's refusals have
// only the enhanced code; some have none.
func pfRefuse(reply []byte, ev *Event) {
	ev.Text = reply
	ev.Code, ev.Enhanced = pfReplyCodes(reply)
	if ev.Code == replycode.None {
		ev.Enhanced = pfEnhanced(reply)
	}
	if ev.Class() == replycode.TransientFailure {
		ev.Status = TempFailed
	}
}

// pfMaxTrailers bounds the work that a line full of look-alikes makes.
const pfMaxTrailers = 8

const pfSemicolon = "; "

// pfTrailer finds the session's fields at the end, "; from=<> to=<> proto=
// helo=<>", and sets sender and recipient. It returns the position or -1.
func pfTrailer(b []byte, ev *Event) int {
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

// pfServerWarning reads the two warnings that tell of an outcome: a failed
// login, "host[ip]: SASL LOGIN authentication failed: reason", and a refused
// ETRN, "reject: ETRN name... from host[ip]".
func pfServerWarning(b []byte, ev *Event) Result {
	client, rest, ok := pfCut(b, pfColon)
	if !ok {
		return ResultIgnored
	}
	if string(client) == "reject" && pfStarts(rest, "ETRN ") {
		ev.Direction, ev.Status, ev.Stage, ev.Text = Inbound, Rejected, ETRN, rest
		ev.ClientIP = pfBracketed(rest[bytes.LastIndexByte(rest, ' '):])
		return ResultEvent
	}
	rest, ok = pfAfter(rest, "SASL ")
	if !ok || bytes.IndexByte(client, ' ') >= 0 {
		return ResultIgnored
	}
	rest, ok = pfAfter(rest[pfWordLen(rest):], " authentication failed")
	if !ok {
		return ResultIgnored
	}
	ev.Direction, ev.Status, ev.Stage = Inbound, AuthFailed, Auth
	ev.ClientIP = pfBracketed(client)
	ev.Text, _ = pfAfter(rest, ": ")
	return ResultRemark
}
