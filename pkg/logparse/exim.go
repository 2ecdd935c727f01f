package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Exim's lines are described in the Exim specification, chapter "Log files".

// claimsExim says whether the line is one of Exim: by its program, by the message
// id that begins it, or, in a file that Exim writes itself, by its first words.
func claimsExim(f *Frame) bool {
	if pfStarts(f.Program, "exim") {
		return true
	}
	if f.id != nil { // found with the header
		f.rest = f.Message[min(len(f.id)+1, len(f.Message)):]
		return true
	}
	b := exDropPID(f.Message)
	if id, rest := exMessageID(b); id != nil {
		f.id, f.rest = id, rest
		return true
	}
	return f.Program == nil && f.Host == nil && exOpens(b)
}

// exOpenings begin lines of Exim that have no message id.
var exOpenings = [...]string{
	"H=", "U=", "F=", "rejected ", "refused ", "temporarily ", "unqualified ", "exim ", "Start queue run", "End queue run",
	"SMTP ", "no host name found", "no MAIL in ", "no IP address found", "cwd=", "TLS ", "ETRN ", "VRFY ", "EXPN ",
	"Connection from ", "Warning: ", "daemon ", "pid ", "SIGHUP", "SIGTERM", "unexpected disconnection", "failed to ",
	"DKIM: ", "Failed ", "Cannot ", "socket bind", "too many ", "unable to ", "ALERT: ", "spam acl", "LOG: ", "PRDR ",
	"sender verify", "Sender identification", "lookup of", "host lookup", "dropped ", "relaying ", "Exim configuration error",
}

func exOpens(b []byte) bool {
	for _, s := range exOpenings {
		if pfStarts(b, s) {
			return true
		}
	}
	_, ok := exAuthenticator(b, exFailedFor)
	return ok
}

// exDropPID takes off the "[1234] " of log_selector = +pid.
func exDropPID(b []byte) []byte {
	if len(b) < 4 || b[0] != '[' {
		return b
	}
	i := 1
	for i < len(b) && pfIsDigit(b[i]) {
		i++
	}
	if i == 1 || !frameAt(b, i, "] ") {
		return b
	}
	return b[i+2:]
}

// exMessageID cuts off a message id: 6-6-2 letters and digits, since Exim 4.97
// 6-11-4 of them.
func exMessageID(b []byte) (id, rest []byte) {
	for _, n := range [...]int{23, 16} {
		if len(b) >= n && (len(b) == n || b[n] == ' ') && exIsID(b[:n]) {
			return b[:n], b[min(n+1, len(b)):]
		}
	}
	return nil, b
}

func exIsID(b []byte) bool {
	second := 13
	if len(b) == 23 {
		second = 18
	}
	return b[6] == '-' && b[second] == '-' && exAlnum(b[:6]) && exAlnum(b[7:second]) && exAlnum(b[second+1:])
}

func exAlnum(b []byte) bool {
	for _, c := range b {
		if pfIDBytes[c] == 0 {
			return false
		}
	}
	return true
}

// parseExim reads what Exim wrote. The flag behind the message id decides; in
// front of it stands nothing that anyone else can choose.
func parseExim(f *Frame, ev *Event) Result {
	id, rest := f.id, f.rest
	if id == nil {
		if id, rest = exMessageID(exDropPID(f.Message)); id == nil {
			return exWithoutID(rest, f, ev)
		}
	}
	ev.QueueID = id
	if len(rest) < 2 {
		return ResultIgnored
	}
	switch string(rest[:2]) {
	case "=>", "->", ">>":
		return exDelivery(Sent, rest[2:], ev)
	case "**":
		return exDelivery(Bounced, rest[2:], ev)
	case "==":
		return exDelivery(Deferred, rest[2:], ev)
	case "<=", "(=", "*>": // an arrival, a fake rejection, a delivery that -N only plays
		return ResultIgnored
	case "Co":
		if string(rest) == "Completed" { // every fourth line of a main log
			return ResultIgnored
		}
	}
	return exWithoutFlag(rest, f, ev)
}

// exWithoutFlag reads what is said about a message besides deliveries: refusals
// after its data, and faults of single hosts.
func exWithoutFlag(b []byte, f *Frame, ev *Event) Result {
	if r := exRefusal(b, f, ev); r != ResultIgnored {
		return r
	}
	if r := exOwnLogin(b, ev); r != ResultIgnored {
		return r
	}
	return exHostFault(b, ev)
}

// exOwnLogin reads that a host refused this host's login, "login authenticator
// failed H=host [ip] 535 reply", or that this host gave it up. The delivery's own
// line, which has no reply, follows.
func exOwnLogin(b []byte, ev *Event) Result {
	host, ok := exAuthenticator(b, "failed H=")
	if !ok {
		if host, ok = exAuthenticator(b, "cancelled authentication H="); !ok {
			return ResultIgnored
		}
	}
	var fields exFields
	rest, _ := fields.host(host)
	fields.setRelay(ev)
	ev.Direction, ev.Status, ev.Stage = Outbound, NoStatus, Auth
	ev.Text = bytes.TrimLeft(rest, " ")
	ev.Code, ev.Enhanced = exReplyCodes(ev.Text)
	return ResultRemark
}

// exHostFault reads what one host answered while others are still to be tried:
// "H=host [ip]: SMTP error from ..." and, before Exim 4.83, "SMTP error from
// remote mail server after RCPT TO:<...>: host name [ip]: reply". The host can
// also be a client: of a warning or of mail that an ACL threw away.
func exHostFault(b []byte, ev *Event) Result {
	var fields exFields
	text := fields.read(b)
	if fields.hostName == nil && fields.hostIP == nil {
		text = b
		if fault := exOldFault(b); fault != nil {
			fields.host(b)
			ev.Text = fault
		} else if !exReason(b, ev) {
			return ResultIgnored
		}
	} else if fields.client || fields.sender != nil || !exReason(text, ev) && (len(text) == 0 || exSaysClient(text)) {
		return ResultIgnored
	}
	ev.Direction, ev.Status = Outbound, NoStatus
	if ev.RelayHost == nil && ev.RelayIP == nil {
		fields.setRelay(ev)
	}
	return ResultRemark
}

// exOldFault is what the system said of a connection, as older versions write it:
// "host [ip] Connection refused". nil for anything else: the words can be an
// administrator's.
func exOldFault(b []byte) []byte {
	end := bytes.IndexByte(b, ']')
	if end < 0 || !exIsHost(b[:end+1]) {
		return nil
	}
	fault := bytes.TrimLeft(b[end+1:], ": ")
	switch string(fault) {
	case "Connection refused", "Connection timed out", "Operation timed out", "Connection reset by peer",
		"No route to host", "Host is down", "Network is unreachable", "Network is down":
		return fault
	}
	return nil
}

// exSaysClient says whether the words behind H= are about a client.
func exSaysClient(b []byte) bool {
	return pfStarts(b, "Warning: ") || pfStarts(b, "sender verify ") || pfStarts(b, "accept") || pfStarts(b, "discarded")
}

// exWithoutID reads lines about clients.
func exWithoutID(b []byte, f *Frame, ev *Event) Result {
	if client, ok := exAuthenticator(b, exFailedFor); ok {
		var fields exFields
		rest, more := fields.host(client)
		if more {
			rest = fields.read(rest)
		}
		ev.Direction, ev.Status, ev.Stage = Inbound, AuthFailed, Auth
		ev.ClientIP, ev.Text = fields.hostIP, bytes.TrimLeft(rest, " ")
		ev.Code, ev.Enhanced = exReplyCodes(ev.Text)
		return ResultRemark
	}
	return exRefusal(b, f, ev)
}

const exFailedFor = "failed for "

// exAuthenticator reads "login authenticator failed for host [ip]: 535 reply", where
// the words say what became of the login. The first word is the authenticator's name.
func exAuthenticator(b []byte, words string) (host []byte, ok bool) {
	i := bytes.IndexByte(b, ' ')
	if i <= 0 {
		return nil, false
	}
	if b, ok = pfAfter(b[i:], " authenticator "); !ok {
		return nil, false
	}
	return pfAfter(b, words)
}

// exAddressIn is the address in the last brackets of b.
func exAddressIn(b []byte) []byte {
	end := bytes.LastIndexByte(b, ']')
	if end < 0 {
		return nil
	}
	start := bytes.LastIndexByte(b[:end], '[')
	if start < 0 {
		return nil
	}
	return pfIP(b[start+1 : end])
}

// exReplyCodes reads the codes that a reply starts with. Lines of a reply are
// joined by a literal \n, which may follow the code at once.
func exReplyCodes(text []byte) (replycode.Code, replycode.Enhanced) {
	if i := bytes.IndexByte(text, '\\'); i >= 0 && i+1 < len(text) && text[i+1] == 'n' {
		text = text[:i]
	}
	return pfReplyCodes(bytes.TrimRight(text, " "))
}
