package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// exRefusal reads a refusal of a client: fields, then "rejected RCPT <address>:
// reason" with or without "temporarily". Anything else is ignored.
func exRefusal(b []byte, f *Frame, ev *Event) Result {
	if f.Lines > 1 && bytes.Contains(b, exEnvelopeFrom) {
		return ResultIgnored // the reject log's copy with the header, sent to syslog too
	}
	if rest, ok := pfAfter(b, "SMTP protocol synchronization error "); ok {
		return exSynchronization(rest, ev)
	}
	if rest, ok := pfAfter(b, "SMTP protocol violation: synchronization error "); ok {
		return exSynchronization(rest, ev)
	}
	if rest, ok := pfAfter(b, "SMTP syntax error in \""); ok {
		return exSyntaxError(rest, ev)
	}
	if rest, ok := pfAfter(b, "SMTP protocol error in \""); ok {
		return exSyntaxError(rest, ev)
	}
	var fields exFields
	rest := b
	if exKeyLen(b) > 0 {
		rest = fields.read(b)
	}
	if fields.hostIP != nil && !fields.reason && exCutthrough(rest, &fields, ev) {
		return ResultEvent
	}
	ev.Direction, ev.Status = Inbound, Rejected
	if after, ok := pfAfter(rest, "temporarily "); ok {
		ev.Status, rest = TempFailed, after
	}
	switch {
	case pfStarts(rest, "rejected "):
		exRejected(rest[len("rejected "):], &fields, ev)
	case pfStarts(rest, "refused connection"), pfStarts(rest, "Connection from ") && bytes.Contains(rest, exRefused):
		ev.Stage, ev.Text = Connect, rest
		ev.ClientIP = exAddressIn(rest)
		if ev.ClientIP == nil {
			ev.ClientIP = fields.hostIP
		}
		if pfStarts(rest, "Connection from ") {
			ev.Status = TempFailed // too many connections: 421
		}
		return ResultEvent
	case pfStarts(rest, "too many recipients: "):
		return exTooManyRecipients(rest[len("too many recipients: "):], ev)
	case pfStarts(rest, "unqualified "):
		return exUnqualified(rest[len("unqualified "):], ev)
	default:
		return ResultIgnored
	}
	if fields.sender != nil && ev.Sender == nil {
		ev.Sender = fields.sender
	}
	if ev.ClientIP == nil {
		ev.ClientIP = fields.hostIP
	}
	return ResultEvent
}

// exCutthrough reads what a client was told of mail that went through to the next
// host while it came in: "address F=<sender> rejected after DATA: R=router
// T=transport H=host [ip] C="550 reply"", or tmp-reject.
func exCutthrough(b []byte, client *exFields, ev *Event) bool {
	address, b := exAddress(b)
	if client.sender != nil || bytes.IndexByte(address, '@') < 0 {
		return false
	}
	var envelope, delivery exFields
	text := envelope.read(b)
	status := Rejected
	rest, ok := pfAfter(text, "rejected after DATA: ")
	if !ok {
		status = TempFailed
		if rest, ok = pfAfter(text, "tmp-reject from cutthrough after DATA: "); !ok {
			return false
		}
	}
	delivery.read(rest)
	ev.Direction, ev.Status, ev.Stage = Inbound, status, EOD
	ev.ClientIP, ev.Sender, ev.Recipient = client.hostIP, envelope.sender, address
	ev.Text = delivery.confirmation
	ev.Code, ev.Enhanced = exReplyCodes(ev.Text)
	return true
}

// exTooManyRecipients reads "excess temporarily rejected: sender=<sender> H=host
// [ip]" and, with recipients_max_reject, "message rejected: ...".
func exTooManyRecipients(b []byte, ev *Event) Result {
	ev.Status, ev.Stage, ev.Text = Rejected, Rcpt, b
	rest, ok := pfAfter(b, "message rejected: sender=")
	if !ok {
		ev.Status = TempFailed
		if rest, ok = pfAfter(b, "excess temporarily rejected: sender="); !ok {
			return ResultIgnored
		}
	}
	ev.ClientIP = exClientIP(exRefusedAddress(Mail, rest, ev))
	return ResultEvent
}

// exUnqualified reads "verify rejected: <root> H=host [ip]", and the same about
// sender and recipient.
func exUnqualified(b []byte, ev *Event) Result {
	for i := range exUnqualifieds {
		u := &exUnqualifieds[i]
		rest, ok := pfAfter(b, u.words)
		if !ok {
			continue
		}
		ev.Stage, ev.Text = u.stage, b
		ev.ClientIP = exClientIP(exRefusedAddress(u.stage, rest, ev))
		return ResultEvent
	}
	return ResultIgnored
}

var exUnqualifieds = [...]pfStage{{"verify rejected: ", VRFY}, {"sender rejected: ", Mail}, {"recipient rejected: ", Rcpt}}

// exClientIP is the address of the last H= in b.
func exClientIP(b []byte) []byte {
	i := bytes.LastIndex(b, exHost)
	if i < 0 {
		return nil
	}
	var fields exFields
	fields.host(b[i+len(exHost):])
	return fields.hostIP
}

// exSyntaxError reads "RCPT TO:<x@@>" H=host [ip] domain missing or malformed", and
// of a protocol error "RCPT TO:<x@y>" H=host [ip] valid MAIL command must precede". The
// command is the client's, so the host is looked for from the end.
func exSyntaxError(b []byte, ev *Event) Result {
	ev.Direction, ev.Status, ev.Text = Inbound, Rejected, b
	ev.Stage = pfStageOf(exSyntaxStages[:], b)
	ev.ClientIP = exClientIP(b)
	return ResultEvent
}

var exSyntaxStages = [...]pfStage{
	{"RCPT", Rcpt}, {"MAIL", Mail}, {"EHLO", Helo}, {"HELO", Helo}, {"AUTH", Auth}, {"DATA", Data}, {"BDAT", BDAT},
}

var (
	exSpacedColon  = []byte(" : ")
	exEnvelopeFrom = []byte("\nEnvelope-from: ")
	exRefused      = []byte(" refused: ")
)

// exCommands are what can be refused. With address, "<address>" follows.
var exCommands = [...]struct {
	words   string
	stage   Stage
	address bool
}{
	{"RCPT ", Rcpt, true},
	{"MAIL FROM:", Mail, true},
	{exMailCommand, Mail, false},
	{"MAIL ", Mail, true},
	{"from ", EOD, true}, // "rejected from <sender> H=...: message too big"
	{"after DATA", EOD, false},
	{"DATA", Data, false},
	{"DKIM", EOD, false}, // checked when the data is there
	{"EHLO", Helo, false},
	{"HELO", Helo, false},
	{"\"EHLO ", Helo, false}, // "rejected "EHLO name" from host [ip]": helo_verify_hosts
	{"\"HELO ", Helo, false},
	{"AUTH", Auth, false},
	{"VRFY", VRFY, false},
	{"EXPN", VRFY, false},
	{"ETRN", ETRN, false},
	{"STARTTLS", StartTLS, false},
	{"connection", Connect, false},
	{"by non-SMTP ACL", NoStage, false},
	{"by local_scan()", EOD, false},
	{"during MIME ACL checks", EOD, false},
	{"after PRDR", EOD, false},
	{"after QUIT", NoStage, false},
}

// exMailCommand begins "MAIL command H=host [ip]: too many messages in one
// connection" (smtp_accept_max_per_connection). The client is told 421.
const exMailCommand = "MAIL command "

// exRejected reads what follows "rejected ".
func exRejected(b []byte, fields *exFields, ev *Event) {
	for i := range exCommands {
		c := &exCommands[i]
		rest, ok := pfAfter(b, c.words)
		if !ok {
			continue
		}
		ev.Stage = c.stage
		if c.words == exMailCommand {
			ev.Status = TempFailed
		}
		if c.words[0] == '"' {
			_, rest, _ = pfCut(rest, pfQuote)
		}
		if c.address && (pfStarts(rest, "<") || exIsBare(rest)) {
			rest = exRefusedAddress(c.stage, rest, ev)
		} else if client, ok := pfAfter(bytes.TrimLeft(rest, " "), "from "); ok && fields.hostIP == nil {
			rest = exNamedClient(client, fields, ev) // "HELO from host [ip]: syntactically invalid argument(s): ..."
		}
		exRefusalText(rest, fields, ev)
		return
	}
	exRefusalText(b, fields, ev)
}

// exNamedClient reads "host (helo) [ip]:port I=[ip]:25: reason".
func exNamedClient(b []byte, fields *exFields, ev *Event) (rest []byte) {
	rest, more := fields.host(b)
	ev.ClientIP = fields.hostIP
	if more {
		rest = fields.read(rest)
	}
	if rest = bytes.Trim(rest, " "); len(rest) > 0 {
		ev.Text = rest
	}
	return nil
}

// exRefusedAddress reads the address that was refused, in brackets or as the client
// sent it, without.
func exRefusedAddress(stage Stage, b []byte, ev *Event) (rest []byte) {
	var address []byte
	switch {
	case len(b) > 0 && b[0] == '<':
		n := exBracketed(b)
		end := n
		if n > 1 && b[n-1] == '>' {
			end--
		}
		address, rest = b[1:end:end], b[n:]
	case exIsBare(b):
		n := exBareLen(b)
		address, rest = b[:n:n], b[n:]
	default:
		return b
	}
	if stage == Rcpt {
		ev.Recipient = address
	} else {
		ev.Sender = address
	}
	return rest
}

// exIsBare says whether b begins with an address without brackets.
func exIsBare(b []byte) bool {
	return bytes.IndexByte(b[:exBareLen(b)], '@') >= 0
}

// exBareLen is the length of such an address, up to a blank or the colon behind it.
func exBareLen(b []byte) int {
	i := pfQuotedLen(b)
	for i < len(b) && b[i] != ' ' && (b[i] != ':' || i+1 < len(b) && b[i+1] != ' ') {
		i++
	}
	return i
}

// exRefusalText finds the reason behind a colon. In front of it, some lines have
// the client's fields.
func exRefusalText(b []byte, fields *exFields, ev *Event) {
	if b = b[frameBlanks(b, 0):]; exKeyLen(b) > 0 {
		b = fields.read(b)
	} else if i := bytes.Index(b, pfColon); i >= 0 {
		b = b[i+len(pfColon):]
	} else {
		return
	}
	if b = bytes.TrimRight(b, " "); len(b) == 0 {
		return
	}
	ev.Text = b
	// A recipient callout quotes what the host behind answered.
	stage := ev.Stage
	if i := bytes.Index(b, exSpacedColon); i >= 0 && exIsHost(b[:i]) && exReason(b[i+len(exSpacedColon):], ev) {
		ev.Stage, ev.Enhanced = stage, 0 // the client hears this host's own enhanced code, if any
		ev.RelayHost, ev.RelayIP, ev.RelayPort = nil, nil, 0
	} else if reply := exCalloutReply(b); reply != nil {
		ev.Code, _ = exReplyCodes(reply)
	} else {
		ev.Code, ev.Enhanced = exReplyCodes(b)
		if ev.Code == replycode.None {
			ev.Enhanced = pfEnhanced(b)
		}
	}
	switch {
	case ev.Code.Class() == replycode.TransientFailure:
		ev.Status = TempFailed
	case ev.Code.Class() == replycode.PermanentFailure && ev.Status == TempFailed:
		// Exim corrects a code of the wrong class, so this is the text of a log_message.
		ev.Code, ev.Enhanced = replycode.None, replycode.NoEnhanced
	}
}

// exCalloutReply is what the host behind answered to a recipient callout, in the
// words before Exim 4.83: "response to "RCPT TO:<address>" from host [ip] was: 550
// reply". nil where b does not say so.
func exCalloutReply(b []byte) []byte {
	rest, ok := pfAfter(b, "response to \"RCPT TO:")
	if !ok || len(rest) == 0 || rest[0] != '<' {
		return nil
	}
	rest, ok = pfAfter(rest[exBracketed(rest):], "\" from ")
	if !ok {
		return nil
	}
	host, reply, ok := pfCut(rest, exWas)
	if !ok || !exIsHost(host) {
		return nil
	}
	return reply
}

var exWas = []byte(" was: ")

// exSynchronization reads "(input sent without waiting for greeting): rejected
// connection from H=host [ip] input=...". The client is told 554.
func exSynchronization(b []byte, ev *Event) Result {
	i := bytes.Index(b, exRejectedWord)
	if i < 0 {
		return ResultIgnored
	}
	ev.Direction, ev.Status, ev.Text = Inbound, Rejected, b
	b = b[i+len(exRejectedWord):]
	if pfStarts(b, "connection ") {
		ev.Stage = Greeting
	}
	if i = bytes.Index(b, exHost); i >= 0 { // the client's input stands behind its address
		var fields exFields
		fields.host(b[i+len(exHost):])
		ev.ClientIP = fields.hostIP
	}
	return ResultEvent
}

var exRejectedWord = []byte(": rejected ")
