package logparse

import (
	"bytes"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// The separators that only Sendmail has.
var (
	smStat   = []byte(", stat=")
	smNRcpts = []byte(", nrcpts=")
	smClose  = []byte(")")
)

// smDelivery reads the outcome for the recipients that shared an attempt:
// "a,b, delay=1+02:03:04, mailer=esmtp, relay=host. [ip], dsn=5.1.1, reply=550
// 5.1.1 text, stat=User unknown" (Operations Guide, The System Log). Older
// versions have no reply=.
func smDelivery(b []byte, ev *Event) Result {
	ev.Direction = Outbound
	b, ok := smRecipients(b, ev)
	if !ok {
		return ResultUnparsed
	}
	attempted := false // recipients of a refused message have neither mailer nor relay
	for len(b) > 0 {
		key, rest := smKey(b)
		switch string(key) {
		case "stat":
			return smOutcome(rest, attempted, ev)
		case "reply":
			return smReplied(rest, ev)
		}
		value, rest := smValue(rest)
		switch string(key) {
		case "delay":
			ev.Delay = smSeconds(value)
		case "mailer":
			attempted = true
		case "relay":
			smRelay(value, ev)
		case "dsn":
			ev.DSN = pfEnhanced(value)
		}
		b = smNext(rest)
	}
	return ResultUnparsed // cut in front of the outcome
}

// smNext skips the comma and the blanks in front of a field.
func smNext(b []byte) []byte {
	for len(b) > 0 && (b[0] == ',' || b[0] == ' ') {
		b = b[1:]
	}
	return b
}

// smKey cuts the name off a field. A field can lack it.
func smKey(b []byte) (key, rest []byte) {
	for i, c := range b {
		if c == '=' {
			return b[:i], b[i+1:]
		}
		if c < 'a' || c > 'z' {
			break
		}
	}
	return nil, b
}

// smValue cuts a field at the comma behind it. Commas in quotes are part of it.
func smValue(b []byte) (value, rest []byte) {
	end := bytes.IndexByte(b, ',')
	if end < 0 {
		end = len(b)
	}
	if bytes.IndexByte(b[:end], '"') < 0 {
		return b[:end], b[end:] // nearly all
	}
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case ',':
			return b[:i], b[i:]
		case '"':
			i += smQuoted(b[i:])
		}
	}
	return b, nil
}

// smQuoted is how far the closing quote is from the opening one that b starts
// with, 0 when it is missing.
func smQuoted(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return 0
}

// smRecipients counts the recipients, keeps the first and returns the fields
// behind them. It fails where the list has no end: the line was cut.
func smRecipients(b []byte, ev *Event) (fields []byte, ok bool) {
	for n := 1; ; n++ {
		recipient, rest, ok := smRecipient(b)
		if !ok {
			return nil, false
		}
		if n == 1 {
			ev.Recipient = smBare(recipient)
		}
		if smEndsList(rest) {
			ev.Recipients = n
			return smNext(rest), true
		}
		b = rest
	}
}

// smRecipient cuts at a comma that is in neither quotes nor brackets.
func smRecipient(b []byte) (recipient, rest []byte, ok bool) {
	inside := false
	for i := 0; i < len(b); i++ {
		if !smDivides[b[i]] {
			continue // nearly all
		}
		switch b[i] {
		case '"':
			skip := smQuoted(b[i:])
			if skip == 0 {
				return nil, nil, false
			}
			i += skip
		case '\\':
			i++
		case '<', '>':
			inside = b[i] == '<'
		case ',':
			if !inside {
				return b[:i:i], b[i+1:], true
			}
		}
	}
	return nil, nil, false
}

var smDivides = [256]bool{'"': true, '\\': true, '<': true, '>': true, ',': true}

// smBare takes the address out of "<address>" and "[label]<address>".
func smBare(recipient []byte) []byte {
	address, ok := bytes.CutSuffix(recipient, pfAngle)
	if open := bytes.IndexByte(address, '<'); ok && open >= 0 {
		return address[open+1:]
	}
	return recipient
}

// smEndsList says whether the fields begin at b, behind a comma. Most have a
// blank in front.
func smEndsList(b []byte) bool {
	return len(b) == 0 || b[0] == ' ' || pfStarts(b, "delay=") || pfStarts(b, "ctladdr=")
}

// smSeconds reads "hh:mm:ss" or "days+hh:mm:ss", -1 when b is neither.
func smSeconds(b []byte) float64 {
	days, clock := 0, b
	if i := bytes.IndexByte(b, '+'); i >= 0 {
		days, clock = smNumber(b[:i]), b[i+1:]
	}
	if len(clock) != len("hh:mm:ss") || clock[2] != ':' || clock[5] != ':' {
		return -1
	}
	h, m, s := smNumber(clock[:2]), smNumber(clock[3:5]), smNumber(clock[6:])
	if days < 0 || h < 0 || m < 0 || s < 0 {
		return -1
	}
	return float64(((days*24+h)*60+m)*60 + s)
}

// smNumber reads up to five digits, -1 when b is anything else.
func smNumber(b []byte) int {
	n := 0
	for _, c := range b {
		if !pfIsDigit(c) || len(b) > 5 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	if len(b) == 0 {
		return -1
	}
	return n
}

// smRelay reads "host. [ip]", "[ip] [ip]", "host." or "ip". Sendmail shortens
// long names in the middle ("mx-example-co...n.example.org."). The name is as
// the configuration has it, even with the m4 quotes that do not belong there.
func smRelay(b []byte, ev *Event) {
	host := b[:smBlank(b)]
	if open := bytes.IndexByte(b, '['); open >= 0 {
		ev.RelayIP = pfBracketed(b)
		host = b[:min(open, len(host))]
	} else if smIsAddress(host) {
		ev.RelayIP, host = pfIP(host), nil
	}
	if host = bytes.TrimRight(bytes.Trim(host, "'"), "."); len(host) > 0 && string(host) != "local" {
		ev.RelayHost = host
	}
}

// smIsAddress tells an address from a name; pfIP alone would take "fe.de.ca".
func smIsAddress(b []byte) bool {
	return len(b) > 0 && pfIP(b) != nil &&
		(bytes.IndexByte(b, ':') >= 0 || pfIsDigit(b[len(b)-1]))
}

func smBlank(b []byte) int {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return i
	}
	return len(b)
}

// smPhrase is a wording of stat= and what it means.
type smPhrase struct {
	words  string
	status Status
}

// smPhrases are Sendmail's own words, most of them from the table of exit codes
// that its source keeps in sysexits.c. Operating system and I/O errors leave
// the mail in the queue like a deferral.
var smPhrases = [...]smPhrase{
	{"Sent", Sent},
	{"Deferred", Deferred},
	{"User unknown", Bounced},
	{"Service unavailable", Bounced},
	{"Host unknown", Bounced},
	{"Data format error", Bounced},
	{"Remote protocol error", Bounced},
	{"Local configuration error", Bounced},
	{"Insufficient permission", Bounced},
	{"Internal error", Bounced},
	{"System file missing", Bounced},
	{"Can't create output", Bounced},
	{"Cannot open input", Bounced},
	{"Command line usage error", Bounced},
	{"unknown mailer error", Bounced},
	{"Operating system error", Deferred},
	{"I/O error", Deferred},
	{"Cannot send message", Expired},
	{"queued", NoStatus},      // for a later run: no attempt was made
	{"quarantined", NoStatus}, // held for the administrator
}

// smPhraseOf finds the phrase that b starts with and returns what follows it.
func smPhraseOf(b []byte) (status Status, rest []byte, ok bool) {
	for i := range smPhrases {
		p := &smPhrases[i]
		if rest, ok := pfAfter(b, p.words); ok && (len(rest) == 0 || !pfIsAlnum(rest[0])) {
			return p.status, rest, true
		}
	}
	return NoStatus, nil, false
}

// smOutcome reads what follows "stat=" in a line without "reply=".
func smOutcome(b []byte, attempted bool, ev *Event) Result {
	status, rest, known := smPhraseOf(b)
	switch {
	case !known:
		status = smImplied(attempted, ev.DSN)
		if status == NoStatus {
			return ResultUnparsed
		}
		smReply(b, ev)
	case status == NoStatus:
		return ResultIgnored
	case status == Sent:
		smSent(rest, ev)
	default:
		reason, ok := pfAfter(rest, ": ")
		if !ok {
			reason = b
		}
		smReply(reason, ev)
	}
	ev.Status = status
	smSettle(ev)
	return ResultEvent
}

// smImplied is the status of a reason in words of others. The recipients of a
// message that was refused at the end of its data have no dsn=, and are lost.
func smImplied(attempted bool, dsn replycode.Enhanced) Status {
	switch dsn.Class() {
	case replycode.TransientFailure:
		return Deferred
	case replycode.PermanentFailure:
		return Bounced
	}
	if !attempted && dsn == replycode.NoEnhanced {
		return Bounced
	}
	return NoStatus
}

// smSent reads "(Ok: queued as ...)". Sendmail leaves the reply's codes out, so
// that digits in it are text. What a remote host accepted, it accepted at the
// end of the data.
func smSent(b []byte, ev *Event) {
	ev.Text = pfUnwrap(bytes.TrimLeft(b, " "))
	if ev.RelayIP != nil {
		ev.Stage = EOD
	}
}

// smReply sets reply and codes, and the stage where the words tell it.
func smReply(b []byte, ev *Event) {
	ev.Text = b
	ev.Code, ev.Enhanced = pfReplyCodes(b)
	switch {
	case ev.Code != replycode.None:
		if string(b) == smHandshake || string(b) == smHandshakeOld {
			ev.Stage = StartTLS
		}
	case smIsUnreachable(b, ev.DSN):
		ev.Stage = Connect
	}
}

// The replies that Sendmail makes up for a failed STARTTLS, from 8.17 on and
// before.
const (
	smHandshake    = "454 4.7.0 TLS handshake failed."
	smHandshakeOld = "403 4.7.0 TLS handshake failed."
)

// smUnreachable end a reason that only a connection attempt has.
var smUnreachable = [...][]byte{[]byte(": No route to host"), []byte(": Network is unreachable"), []byte(": Host is down")}

// smIsUnreachable says whether no connection stood. A timeout can also happen
// later; 4.4.1 is "no answer from host" (RFC 3463 section 3.5).
func smIsUnreachable(b []byte, dsn replycode.Enhanced) bool {
	for _, ending := range smUnreachable {
		if bytes.HasSuffix(b, ending) {
			return true
		}
	}
	return pfStarts(b, "Connection refused by ") || pfStarts(b, "Connection timed out with ") && dsn == smNoAnswer
}

var smNoAnswer, _ = replycode.ParseEnhanced([]byte("4.4.1"))

// smSettle takes the enhanced code from dsn= where the line has no reply.
//
// QUIRK: over LMTP, Sendmail 8.17 and 8.18 log the dsn= of an earlier recipient
// that failed beside stat=Sent. A code of another class says nothing of what was
// sent.
func smSettle(ev *Event) {
	if ev.Code != replycode.None {
		return
	}
	if ev.Status == Sent && ev.DSN.Class() != replycode.Success {
		return
	}
	ev.Enhanced = ev.DSN
}

// smReplied reads what follows "reply=": the remote reply, then ", stat=" and a
// phrase, which after "Deferred: " and in parentheses repeats the reply. The
// reply may hold ", stat=" itself, so the outcome is that of the reply's class:
// Sendmail defers at 4xx and gives up at 5xx. The phrase only tells where the
// reply ends, and is missing where the line was cut.
func smReplied(b []byte, ev *Event) Result {
	code, _ := pfReplyCodes(b)
	status, end, at := smByClass(code), len(b), 0
	for range smMaxTries {
		i := bytes.Index(b[at:], smStat)
		if i < 0 {
			break
		}
		end = at + i
		at = end + len(smStat)
		phrase, ok := smSuits(b[:end], b[at:])
		if ok && status == NoStatus {
			status = phrase // a reply of another class, such as 250 to DATA
		}
		if ok && phrase == status {
			break
		}
	}
	decided := b[:end]
	if status == NoStatus || status == Sent {
		if status, decided = smAfterQuit(b); status == NoStatus {
			return ResultUnparsed
		}
	}
	smReply(decided, ev)
	if smIsMadeUp(decided, b[min(end+len(smStat), len(b)):]) {
		ev.Code, ev.Enhanced = replycode.None, replycode.NoEnhanced
	}
	ev.Status = smOverruled(status, decided, b, ev.DSN)
	smSettle(ev)
	return ResultEvent
}

// smMadeUp are the replies that Sendmail makes up for a host that is gone.
var smMadeUp = [...]string{"421 4.4.1 Connection reset by ", "451 4.4.1 reply: read error from "}

// smIsMadeUp says whether no host gave the reply. One that a host gave is repeated
// in the outcome.
func smIsMadeUp(reply, outcome []byte) bool {
	for _, words := range smMadeUp {
		if pfStarts(reply, words) {
			return !bytes.Contains(outcome, reply)
		}
	}
	return false
}

// smOverruled is the status where a reply of several lines has codes of two
// classes. Sendmail logs the first line and goes by the last one, as dsn= does. A
// deferral always has its phrase behind the reply, whatever the reply holds.
func smOverruled(status Status, reply, b []byte, dsn replycode.Enhanced) Status {
	if len(reply) < 4 || reply[3] != '-' {
		return status
	}
	switch {
	case status == Bounced && dsn.Class() == replycode.TransientFailure && bytes.HasSuffix(b, smStatDeferred):
		return Deferred
	case status == Deferred && dsn.Class() == replycode.PermanentFailure && !bytes.Contains(b, smStatDeferred):
		return Bounced
	}
	return status
}

var smStatDeferred = []byte(", stat=Deferred")

// smAfterQuit finds the deciding reply behind the last "stat=", where reply= is
// only the answer to QUIT or another that accepts: a host that says 421 and stays
// connected is asked to QUIT.
func smAfterQuit(b []byte) (status Status, reply []byte) {
	i := bytes.LastIndex(b, smStat)
	if i < 0 {
		return NoStatus, nil
	}
	_, rest, known := smPhraseOf(b[i+len(smStat):])
	reply, ok := pfAfter(rest, ": ")
	if !known || !ok {
		return NoStatus, nil
	}
	code, _ := pfReplyCodes(reply)
	return smByClass(code), reply
}

// smMaxTries bounds the work that a reply full of look-alikes makes.
const smMaxTries = 8

func smByClass(code replycode.Code) Status {
	switch code.Class() {
	case replycode.TransientFailure:
		return Deferred
	case replycode.PermanentFailure:
		return Bounced
	}
	return NoStatus
}

// smSuits says whether tail can be what Sendmail wrote behind this reply.
func smSuits(reply, tail []byte) (status Status, ok bool) {
	status, rest, known := smPhraseOf(tail)
	if !known || len(rest) == 0 {
		return status, known
	}
	if again, ok := pfAfter(rest, ": "); ok {
		code, _ := pfReplyCodes(again)
		return status, code == replycode.None || bytes.Equal(again, reply)
	}
	again, ok := pfAfter(rest, " (")
	again, closed := bytes.CutSuffix(again, smClose)
	return status, ok && closed && bytes.HasSuffix(reply, again)
}
