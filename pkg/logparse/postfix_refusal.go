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
// an outcome. All but the last refuse; reject_warning, warn, hold, discard,
// filter, redirect and the rest let the mail pass or have no client that was
// told.
var pfVerbs = [...]string{"reject: ", "milter-reject: ", "milter-header-reject: ", "proxy-reject: ", pfAborts, "warning: "}

// pfAborts begins the line about a session that ends behind its STARTTLS.
const pfAborts = "abort: TLS"

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
	case pfAborts:
		return pfAbort(b[len(a):], ev)
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

// pfAbort reads " from host[ip]: No client certificate presented". The client is told
// 421, which the log leaves out.
func pfAbort(b []byte, ev *Event) Result {
	reason, ok := pfClient(b, ev)
	if !ok {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Stage, ev.Text = Inbound, TempFailed, StartTLS, reason
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
	fields := b
	if i := bytes.LastIndex(b, pfAngleColon); i >= 0 {
		fields = b[:i+1]
	}
	trailer := pfTrailer(fields, ev)
	if trailer < 0 {
		trailer = pfTrailerForward(b, ev)
	}
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

// pfServerWarning reads the three warnings that tell of an outcome: a failed
// login, "host[ip]: SASL LOGIN authentication failed: reason", a refused
// ETRN, "reject: ETRN name... from host[ip]", and a command that the filter in
// front of the queue refused.
func pfServerWarning(b []byte, ev *Event) Result {
	if rest, ok := pfAfter(b, "proxy "); ok {
		return pfProxied(rest, ev)
	}
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

// pfProxied reads "127.0.0.1:10025 rejected "RCPT TO:<address>": "550 5.1.1 reply"". The
// client is told the reply. Mail that the filter refuses at its end has a
// proxy-reject line.
func pfProxied(b []byte, ev *Event) Result {
	blank := bytes.IndexByte(b, ' ')
	if blank < 0 {
		return ResultIgnored
	}
	command, ok := pfAfter(b[blank:], " rejected \"")
	if !ok {
		return ResultIgnored
	}
	reply := command
	for i := range pfProxyAddresses {
		after, ok := pfAfter(command, pfProxyAddresses[i].words)
		if !ok {
			continue
		}
		address, rest, ok := pfAddress(after, " \"")
		if !ok {
			return ResultUnparsed
		}
		reply = rest
		if ev.Stage = pfProxyAddresses[i].stage; ev.Stage == Rcpt {
			ev.Recipient = address
		} else {
			ev.Sender = address
		}
	}
	if _, reply, ok = pfCut(reply, pfQuotedReply); !ok || len(reply) == 0 {
		return ResultUnparsed
	}
	ev.Direction, ev.Status = Inbound, Rejected
	pfRefuse(bytes.TrimSuffix(reply, pfQuote), ev)
	return ResultEvent
}

var pfProxyAddresses = [...]pfStage{{"MAIL FROM:", Mail}, {"RCPT TO:", Rcpt}}

var (
	pfQuotedReply = []byte("\": \"")
	pfQuote       = []byte("\"")
)
