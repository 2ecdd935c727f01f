package logparse

import "bytes"

// pfRole says what lines a Postfix daemon can write.
type pfRole uint8

const (
	pfServes pfRole = 1 << iota // refuses clients
	pfTalks                     // repeats what a remote server said
	pfQueues                    // gives up on old mail
	pfOther  pfRole = 0         // nothing of the kind
)

// pfDaemons are the programs of Postfix that log, by the last part of their
// syslog name. Every one of them may log a delivery.
var pfDaemons = map[string]pfRole{
	"smtp": pfTalks, "lmtp": pfTalks, "error": pfTalks, "retry": pfTalks,
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
	if string(program) == "postfix" {
		return pfServes | pfTalks | pfQueues, true
	}
	slash := bytes.LastIndexByte(program, '/')
	if slash <= 0 {
		return pfOther, false
	}
	role, ok = pfDaemons[string(program[slash+1:])]
	return role, ok
}

// parsePostfix reads what a Postfix daemon wrote. All decisions hang on words
// at fixed places at the start of the message, in front of everything that a
// remote side can choose.
func parsePostfix(f *Frame, ev *Event) Result {
	role, _ := pfRoleOf(f.Program)
	id, rest := pfQueueID(f.Message)
	ev.QueueID = id
	if id != nil && pfStarts(rest, "to=") {
		return pfDelivery(role, rest, ev)
	}
	if role&pfQueues != 0 && pfStarts(rest, "from=") {
		return pfExpiry(rest, ev)
	}
	if role&pfServes != 0 {
		if r := pfServer(rest, ev); r != ResultIgnored {
			return r
		}
	}
	if role&pfTalks != 0 {
		return pfRemark(rest, ev)
	}
	return ResultIgnored
}

// pfQueueID cuts the queue id and its colon off a message. The id is nil where
// there is none and for NOQUEUE.
func pfQueueID(message []byte) (id, rest []byte) {
	word, rest, ok := pfCut(message, pfColon)
	switch {
	case !ok:
		return nil, message
	case string(word) == "NOQUEUE":
		return nil, rest
	case pfIsQueueID(word):
		return word, rest
	}
	return nil, message
}

// pfIsQueueID accepts short (hexadecimal) and long (base 52) queue ids. A word
// in small letters is one of Postfix's own, such as "warning".
func pfIsQueueID(word []byte) bool {
	other := false
	for _, c := range word {
		if !pfIsAlnum(c) {
			return false
		}
		other = other || c < 'a'
	}
	return other && len(word) <= 40
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
	if pfStatuses[string(word)] != Expired {
		return ResultUnparsed
	}
	ev.Direction, ev.Status, ev.Sender, ev.Text = Outbound, Expired, sender, text
	return ResultEvent
}
