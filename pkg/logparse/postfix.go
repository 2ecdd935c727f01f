package logparse

import "bytes"

// pfRole says what lines a Postfix daemon can write.
type pfRole uint8

const (
	pfServes   pfRole = 1 << iota // refuses clients
	pfTalks                       // repeats what a remote server said
	pfSpeaks                      // is the one that it said it to
	pfQueues                      // gives up on old mail
	pfDelivers                    // what all do
	pfOther    pfRole = 0         // nothing else
)

// pfDaemons are the programs of Postfix that log, by the last part of their
// syslog name. Every one of them may log a delivery.
var pfDaemons = map[string]pfRole{
	"smtp": pfTalks | pfSpeaks, "lmtp": pfTalks | pfSpeaks, "error": pfTalks, "retry": pfTalks,
	"qmgr": pfQueues | pfTalks, "nqmgr": pfQueues | pfTalks, "oqmgr": pfQueues | pfTalks,
	"smtpd": pfServes, "postscreen": pfServes, "cleanup": pfServes, "qmqpd": pfServes,

	"local": pfOther, "virtual": pfOther, "pipe": pfOther, "discard": pfOther,
	"bounce": pfOther, "defer": pfOther, "trace": pfOther, "verify": pfOther, "pickup": pfOther,
	"anvil": pfOther, "dnsblog": pfOther, "flush": pfOther, "master": pfOther, "scache": pfOther,
	"postlogd": pfOther, "proxymap": pfOther, "proxywrite": pfOther, "showq": pfOther, "spawn": pfOther,
	"tlsmgr": pfOther, "tlsproxy": pfOther, "trivial-rewrite": pfOther, "fsstone": pfOther,
	"postfix-script": pfOther, "postfix-tls-script": pfOther, "post-install": pfOther, "postlog": pfOther,
	"postalias": pfOther, "postcat": pfOther, "postconf": pfOther, "postdrop": pfOther, "postkick": pfOther,
	"postlock": pfOther, "postmap": pfOther, "postmulti": pfOther, "postqueue": pfOther, "postsuper": pfOther,
	"sendmail": pfOther,
}

// claimsPostfix says whether the line's program is one of Postfix.
func claimsPostfix(f *Frame) bool {
	_, ok := pfRoleOf(f.Program)
	return ok
}

// pfRoleOf finds the daemon in a syslog name such as postfix/smtp,
// postfix-out/relay/smtp or mail/submission/smtpd: an administrator may choose
// everything but the last part.
func pfRoleOf(program []byte) (role pfRole, ok bool) {
	if string(program) == "postfix" || pfStarts(program, "postfix@") || pfStarts(program, "postfix.") { // a unit: journalctl -o with-unit
		return pfServes | pfTalks | pfQueues, true
	}
	slash := bytes.LastIndexByte(program, '/')
	if slash <= 0 {
		return pfOther, false
	}
	role, ok = pfDaemons[string(program[slash+1:])]
	return role, ok
}

// pfIdle says that a line is certainly about no outcome, which most are: no Event
// is made of it.
func pfIdle(f *Frame) bool {
	id, rest := pfQueueID(f.Message)
	f.id, f.rest = id, rest
	if len(rest) == 0 || pfOpeners[rest[0]]&(f.role|pfDelivers) == 0 {
		return true
	}
	switch {
	case f.role&pfTalks != 0 && (f.role&pfQueues == 0 || !bytes.HasSuffix(rest, pfQueueActive)):
		return false
	case f.role&pfServes != 0 && pfVerb(rest) != "":
		return false
	}
	return id == nil || !pfStarts(rest, "to=")
}

// pfOpeners are the bytes that lines about outcomes can begin with behind the queue
// id, with the roles of the daemons that write such. Most lines end here.
var pfOpeners = pfOpenersOf()

func pfOpenersOf() (openers [256]pfRole) {
	openers['t'] |= pfDelivers // to=
	openers['f'] |= pfQueues   // from=
	for i := range pfOwnWords {
		openers[pfOwnWords[i].words[0]] |= pfTalks
	}
	for i := range pfForms {
		openers[pfForms[i].prefix[0]] |= pfTalks
	}
	for _, verb := range pfVerbs {
		openers[verb[0]] |= pfServes
	}
	return openers
}

// pfQueueActive ends the lines of the queue manager that tell of mail it begins
// to deliver. The sender's text stands in front.
var pfQueueActive = []byte(" (queue active)")

// parsePostfix reads what a Postfix daemon wrote. All decisions hang on words
// at fixed places at the start of the message, in front of everything that a
// remote side can choose.
func parsePostfix(f *Frame, ev *Event) Result {
	id, rest := f.id, f.rest
	if rest == nil {
		id, rest = pfQueueID(f.Message)
	}
	ev.QueueID = id
	if id != nil && pfStarts(rest, "to=") {
		return pfDelivery(f.role, rest, ev)
	}
	if f.role&pfQueues != 0 && pfStarts(rest, "from=") {
		return pfExpiry(rest, ev)
	}
	if f.role&pfServes != 0 {
		if r := pfServer(rest, ev); r != ResultIgnored {
			return r
		}
	}
	if f.role&pfTalks != 0 {
		return pfRemark(rest, ev)
	}
	return ResultIgnored
}

// pfQueueID cuts the queue id and its colon off a message. The id is nil where
// there is none and for NOQUEUE. Queue ids are short (hexadecimal) or long (base
// 52); a word in small letters is one of Postfix's own, such as "warning".
func pfQueueID(message []byte) (id, rest []byte) {
	n, kinds := 0, pfIDByte(0)
	for n < len(message) && pfIDBytes[message[n]] != 0 {
		kinds |= pfIDBytes[message[n]]
		n++
	}
	if n == 0 || n > pfMaxQueueID || kinds&pfIDOther == 0 || n+1 >= len(message) || message[n] != ':' || message[n+1] != ' ' {
		return nil, message
	}
	if string(message[:n]) == "NOQUEUE" {
		return nil, message[n+2:]
	}
	return message[:n], message[n+2:]
}

const pfMaxQueueID = 40

// pfIDByte says whether a byte can stand in a queue id.
type pfIDByte uint8

const (
	pfIDSmall pfIDByte = 1 << iota // a small letter
	pfIDOther                      // a capital or a digit
)

var pfIDBytes = pfIDBytesOf()

func pfIDBytesOf() (kinds [256]pfIDByte) {
	for c := range kinds {
		switch {
		case 'a' <= c && c <= 'z':
			kinds[c] = pfIDSmall
		case pfIsAlnum(byte(c)):
			kinds[c] = pfIDOther
		}
	}
	return kinds
}

// pfExpiry reads the queue manager's last word about a message:
// "from=<sender>, status=expired, returned to sender".
func pfExpiry(b []byte, ev *Event) Result {
	sender, rest, ok := pfAddress(b[len("from="):], ",")
	if !ok {
		return ResultIgnored
	}
	rest, ok = pfAfter(rest, ", status=")
	if !ok {
		return ResultIgnored // "size=..., nrcpt=... (queue active)"
	}
	word, text, _ := pfCut(rest, pfComma)
	if pfStatus(word) != Expired {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Sender, ev.Text = Outbound, Expired, sender, text
	return ResultEvent
}
