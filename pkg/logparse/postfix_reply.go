package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A pfForm is one way in which Postfix's clients word what went wrong: the
// prefix, the other side as one word, then the link.
type pfForm struct {
	prefix, link string
	stage        Stage
	tail         pfTail
}

// pfTail is what follows a pfForm's link.
type pfTail uint8

const (
	pfTailNone    pfTail = iota // the client's own words
	pfTailReply                 // the remote reply
	pfTailCommand               // the remote reply and "(in reply to RCPT TO command)"
	pfTailAction                // "sending RCPT TO"
)

// pfForms are tried in this order.
var pfForms = [...]pfForm{
	{"host ", " said: ", NoStage, pfTailCommand},
	{"host ", " refused to talk to me: ", Greeting, pfTailReply},
	{"SASL authentication failed; server ", " said: ", Auth, pfTailReply},
	{"SASL [CACHED] authentication failed; server ", " said: ", Auth, pfTailReply}, // smtp_sasl_auth_cache_name
	{"SASL authentication failed: server ", " offered no ", Auth, pfTailNone},
	{"SASL authentication failed; cannot authenticate to server ", " ", Auth, pfTailNone},
	{"TLS is required, but host ", " refused to start TLS: ", StartTLS, pfTailReply},
	{"lost connection with ", " while ", NoStage, pfTailAction},
	{"conversation with ", " timed out while ", NoStage, pfTailAction},
	{"connect to ", " server refused to talk to me: ", Greeting, pfTailReply},
	{"connect to ", " server dropped connection without ", Greeting, pfTailNone},
	{"connect to ", " ", Connect, pfTailNone},
}

// pfOwnWords begin what a client says in words of its own, without the other side's
// name in front, of a session that did not come about.
var pfOwnWords = [...]pfStage{
	{"Cannot start TLS: ", StartTLS},
	{"Server certificate not ", StartTLS}, // "trusted" or "verified"
	{"SASL authentication failed; ", Auth},
}

// pfRemark reads a reply or a fault that is not the final word of an attempt:
// the client goes on to the next host.
func pfRemark(b []byte, ev *Event) Result {
	ev.Text = b
	peer, ok := pfExplain(ev)
	if !ok {
		ev.Stage = pfStageOf(pfOwnWords[:], b)
		if ev.Stage == NoStage || ev.QueueID == nil {
			return ResultIgnored
		}
	}
	ev.Direction = Outbound
	pfRelay(peer, ev)
	return ResultRemark
}

// pfDecide finds the deciding reply and the stage in the text of a delivery.
func pfDecide(ev *Event) {
	if ev.Status == Sent {
		if ev.Code, ev.Enhanced = pfReplyCodes(ev.Text); ev.Code != replycode.None {
			ev.Stage = EOD
		}
		return
	}
	// error(8) and retry(8) repeat what an earlier attempt met.
	ev.Text, _ = pfAfter(ev.Text, "delivery temporarily suspended: ")
	if _, ok := pfExplain(ev); !ok {
		ev.Stage = pfStageOf(pfOwnWords[:], ev.Text)
	}
}

// pfBareReply takes a reply that stands alone, "550 5.1.1 text (in reply to RCPT TO
// command)", as logs have it that somebody shortened: the SMTP client's own words
// do not begin with digits.
func pfBareReply(ev *Event) {
	if code, _ := pfReplyCodes(ev.Text); code != replycode.None {
		pfBare.read(ev.Text, ev)
	}
}

var pfBare = pfForm{tail: pfTailCommand}

// pfExplain finds the form of ev.Text, takes stage and codes from it and makes
// ev.Text the reply alone. The form's words stand in front of the reply, and
// the other side's name holds no blank, so that a reply cannot imitate them.
func pfExplain(ev *Event) (peer []byte, ok bool) {
	for i := range pfForms {
		form := &pfForms[i]
		rest, ok := pfAfter(ev.Text, form.prefix)
		if !ok {
			continue
		}
		blank := bytes.IndexByte(rest, ' ')
		if blank < 0 {
			continue
		}
		if tail, ok := pfAfter(rest[blank:], form.link); ok {
			form.read(tail, ev)
			return bytes.TrimSuffix(rest[:blank], pfColonOnly), true
		}
	}
	return nil, false
}

func (form *pfForm) read(tail []byte, ev *Event) {
	ev.Stage = form.stage
	switch form.tail {
	case pfTailAction:
		ev.Stage = pfStageOf(pfActions[:], tail)
		return
	case pfTailNone:
		return
	case pfTailCommand:
		if i := pfLastIndex(tail, pfInReplyTo); i >= 0 {
			ev.Stage = pfStageOf(pfCommands[:], tail[i+len(pfInReplyTo):])
			tail = bytes.TrimRight(tail[:i], " ")
		}
	}
	ev.Text = tail
	ev.Code, ev.Enhanced = pfReplyCodes(tail)
}

type pfStage struct {
	words string
	stage Stage
}

const pfInReplyTo = "(in reply to "

// pfCommands are the words behind "in reply to".
var pfCommands = [...]pfStage{
	{"RCPT TO ", Rcpt}, {"end of DATA ", EOD}, {"MAIL FROM ", Mail}, {"DATA ", Data}, {"BDAT ", BDAT},
	{"STARTTLS ", StartTLS}, {"AUTH ", Auth}, {"EHLO ", Helo}, {"HELO ", Helo}, {"LHLO ", Helo},
}

// pfActions are the words behind "while".
var pfActions = [...]pfStage{
	{"sending RCPT TO", Rcpt}, {"sending end of data", EOD}, {"sending MAIL FROM", Mail},
	{"sending DATA command", Data}, {"sending BDAT", BDAT}, {"sending message body", EOD},
	{"receiving the initial server greeting", Greeting}, {"receiving the initial SMTP greeting", Greeting},
	{"performing the EHLO handshake", Helo}, {"performing the HELO handshake", Helo},
	{"performing the LHLO handshake", Helo}, {"performing the initial protocol handshake", Helo},
	{"performing the STARTTLS", StartTLS}, {"sending STARTTLS", StartTLS},
}

func pfStageOf(table []pfStage, b []byte) Stage {
	for i := range table {
		if pfStarts(b, table[i].words) {
			return table[i].stage
		}
	}
	return NoStage
}

// pfReplyCodes reads the codes that a reply starts with: "550 5.1.1 text",
// "550-5.1.1 text", "550 text". Digits anywhere else in a reply are text.
func pfReplyCodes(text []byte) (replycode.Code, replycode.Enhanced) {
	if len(text) < 3 || len(text) > 3 && text[3] != ' ' && text[3] != '-' {
		return replycode.None, replycode.NoEnhanced
	}
	code, ok := replycode.ParseCode(text[:3])
	if !ok || len(text) == 3 {
		return code, replycode.NoEnhanced
	}
	return code, pfEnhanced(text[4:])
}

// pfEnhanced reads the enhanced code that b starts with. A blank or the end
// must follow: "5.1.1-x" is a word of the text (RFC 2034 section 4).
func pfEnhanced(b []byte) replycode.Enhanced {
	e, n := replycode.ParseEnhanced(b)
	if n == 0 || n < len(b) && b[n] != ' ' {
		return replycode.NoEnhanced
	}
	return e
}
