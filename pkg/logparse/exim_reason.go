package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// exForms are the ways in which Exim's transports word what went wrong: the
// prefix, then the point of the dialogue. With reply, a colon and the reply
// follow.
var exForms = [...]struct {
	prefix string
	reply  bool
}{
	{"SMTP error from remote mail server after ", true},
	{"LMTP error after ", true}, // what the server said about one recipient
	{"SMTP error from remote mailer after ", true},
	{"SMTP timeout after ", false},
	{"Remote host closed connection in response to ", false},
	{"Malformed SMTP reply in response to ", false},
	{"Malformed SMTP reply (an empty line) in response to ", false},
	{"Malformed LMTP response after ", false},
	{"Malformed LMTP reply in response to ", false},
	{"LMTP timeout after ", false},
	{"LMTP connection closed after ", false},
	{"PRDR error after ", true},
}

// exReason finds stage, codes and reply in the reason of a failure and sets
// ev.Text. ok says whether the words of a transport were found.
func exReason(b []byte, ev *Event) (ok bool) {
	ev.Text = nil
	if b = bytes.TrimRight(b, " "); len(b) > 0 {
		ev.Text = b
	}
	for i := range exForms {
		form := &exForms[i]
		if len(b) == 0 || b[0] != form.prefix[0] {
			continue
		}
		if rest, found := pfAfter(b, form.prefix); found {
			exAnswer(rest, form.reply, ev)
			if ev.Stage == Data && form.reply && form.prefix[0] != 'S' {
				ev.Stage = EOD // LMTP (RFC 2033) and PRDR answer the data once for each recipient
			}
			return true
		}
	}
	for i := range exHostForms {
		form := &exHostForms[i]
		rest, found := pfAfter(b, form.prefix)
		if !found {
			continue
		}
		if host, point, ok := pfCut(rest, form.infix); ok && exIsHost(host) {
			exOldHost(host, ev)
			exAnswer(point, false, ev)
			return true
		}
	}
	if ev.Stage = pfStageOf(exOwnWords[:], b); ev.Stage != NoStage {
		return true
	}
	// "Connection timed out: SMTP timeout after ...", "host [ip] : SMTP error ..."
	if i := bytes.IndexByte(b, ':'); i > 0 && frameAt(b, i+1, " ") && (b[i-1] == ' ' || exIsSystemWord(b[:i])) {
		if text := ev.Text; exReason(b[i+len(": "):], ev) {
			return true
		} else {
			ev.Text = text
		}
	}
	return false
}

// exIsSystemWord says whether b can be the system's word for an error: letters and
// blanks.
func exIsSystemWord(b []byte) bool {
	for _, c := range b {
		if c != ' ' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// exHostForms are those before Exim 4.83, with the host between the words.
var exHostForms = [...]struct {
	prefix string
	infix  []byte
}{
	{"Remote host ", []byte(" closed connection in response to ")},
	{"SMTP timeout while connected to ", []byte(" after ")},
	{"Malformed SMTP reply from ", []byte(" in response to ")},
}

// exOwnWords say what Exim missed of a host that it will have no mail for.
var exOwnWords = [...]pfStage{
	{"a TLS session is required, but an attempt to start TLS failed", StartTLS},
	{"TLS session: (", StartTLS}, // the library's function, then its words
	{"authentication required but ", Auth},
}

// exStages are the points of the dialogue. Addresses in angle brackets follow
// some of them.
var exStages = [...]pfStage{
	{"RCPT TO:", Rcpt}, {"MAIL FROM:", Mail}, {"end of data", EOD}, {"initial connection", Greeting},
	{"EHLO", Helo}, {"HELO", Helo}, {"LHLO", Helo}, {"DATA", Data}, {"STARTTLS", StartTLS},
	{"BDAT", BDAT}, {"AUTH", Auth}, {"sending data block", Data}, {"sending final BDAT", EOD}, {"initial banner", Greeting},
}

// exAnswer reads "pipelined RCPT TO:<address>: host name [ip]: reply".
func exAnswer(b []byte, reply bool, ev *Event) {
	b, _ = pfAfter(b, "pipelined ")
	ev.Stage = pfStageOf(exStages[:], b)
	if !reply {
		// A host that answers EHLO and closes the connection at HELO meant that answer.
		if _, answer, ok := pfCut(b, exEHLOResponse); ok {
			ev.Text = bytes.TrimSuffix(answer, []byte(")"))
			ev.Code, ev.Enhanced = exReplyCodes(ev.Text)
		}
		return
	}
	if b = exBehindStage(b); b == nil {
		return
	}
	// Before Exim 4.83 the host stands in front of the reply.
	if host, ok := pfAfter(b, "host "); ok {
		if end := bytes.Index(host, exHostEnd); end >= 0 && bytes.IndexByte(host[:end], ':') < 0 || end >= 0 && exIsHost(host[:end+1]) {
			exOldHost(host[:end+1], ev)
			b = host[end+len(exHostEnd):]
		}
	}
	ev.Text = b
	ev.Code, ev.Enhanced = exReplyCodes(b)
}

var exEHLOResponse = []byte(" (EHLO response was: ")

var exHostEnd = []byte("]: ")

// exBehindStage is what follows the colon behind the stage; nil without one. An
// address can hold a colon.
func exBehindStage(b []byte) []byte {
	i := 0
	if start := bytes.IndexByte(b, '<'); start >= 0 && (pfStarts(b, "RCPT TO:<") || pfStarts(b, "MAIL FROM:<")) {
		i = start + exBracketed(b[start:])
	}
	j := bytes.Index(b[i:], pfColon)
	if j < 0 {
		return nil
	}
	return bytes.TrimLeft(b[i+j+len(pfColon):], " ")
}

// exIsHost says whether b is "name [ip]".
func exIsHost(b []byte) bool {
	i, last := bytes.IndexByte(b, '['), len(b)-1
	return i > 0 && i < last && b[last] == ']' && bytes.IndexByte(b[:i], ':') < 0 && pfIP(b[i+1:last]) != nil
}

// exOldHost sets the relay from "name [ip]", if no field named it.
func exOldHost(b []byte, ev *Event) {
	var f exFields
	f.host(b)
	if ev.RelayIP == nil && ev.RelayHost == nil {
		ev.RelayHost, ev.RelayIP, ev.RelayPort = f.hostName, f.hostIP, f.port
	}
}

// exIsExpiry says whether a failure for good is the end of the retry time. A
// remote reply of 5xx that says so is a reply.
func exIsExpiry(ev *Event) bool {
	if ev.Code.Class() == replycode.PermanentFailure {
		return false
	}
	if bytes.HasSuffix(ev.Text, exRetryTimeout) {
		return true
	}
	return ev.Code == replycode.None && (pfStarts(ev.Text, "all hosts") && bytes.Contains(ev.Text, exFailingLong) ||
		pfStarts(ev.Text, exLongFailure))
}

// exLongFailure is what Exim 3 and the first 4 said.
const exLongFailure = "retry time not reached for any host after a long failure period"

var (
	exRetryTimeout = []byte("retry timeout exceeded")
	exFailingLong  = []byte("failing for a long time")
)
