package logparse

import "bytes"

// claimsSendmail says whether the line is one of Sendmail: by its program, or,
// where the administrator chose another tag (sendmail -L), by a queue id and a
// field that only Sendmail writes behind it.
func claimsSendmail(f *Frame) bool {
	if f.Program == nil {
		return false
	}
	if smIsProgram(f.Program) {
		return true
	}
	id, _, rest := smQueueID(f.Message)
	return len(id) >= 14 && smIsMark(rest)
}

// smIsProgram knows the tags of the daemon (sendmail, sm-mta), the submission
// program and its queue runners (sm-msp-queue, sm-que, sm-cl-queue).
func smIsProgram(program []byte) bool {
	return string(program) == "sendmail" || pfStarts(program, "sm-") || pfStarts(program, "sendmail-") || string(program) == "sendmail.service"
}

// smIsMark says whether b begins in a way that only Sendmail's lines do.
func smIsMark(b []byte) bool {
	switch {
	case pfStarts(b, "to="):
		return bytes.Contains(b, smStat)
	case pfStarts(b, "from="):
		return bytes.Contains(b, smNRcpts)
	case pfStarts(b, "ruleset="), pfStarts(b, "Milter: "):
		return true
	}
	id, _, rest := smQueueID(b)
	return id != nil && smIsNotice(rest)
}

// smForms are the openings of the lines that matter, and of those that repeat
// what a client or a filter said and must not be searched for anything.
var smForms = [...]struct {
	opening string
	read    func(b []byte, ev *Event) Result
}{
	{"to=", smDelivery},
	{"from=", smIgnore},
	{"<-- ", smIgnore},     // LogLevel 10 and up: what the client said
	{"--- ", smIgnore},     // LogLevel 10 and up: the answer, which has a line of its own
	{"milter=", smIgnore},  // LogLevel 11 and up: the filter's answer, which a "Milter:" line follows
	{"Sending ", smIgnore}, // LogLevel 14: a line of mail on its way to a filter
	{"ruleset=", smRuleset},
	{"Milter: ", smMilter},
	{"AUTH failure (", smAuthFailure},
	{"rejecting ", smEarlyTalker},
	{"collect: relay=", smCollected},
	{"invalid domain name (", smBadName},
	{"tcpwrappers (", smWrapped},
	{"ERROR: srv_features=tempfail, relay=", smUnready},
	{"timeout waiting for input from ", smTimeout},
	{"SYSERR", smIgnore}, // a fault of this host; what became of the mail has its own line
}

// parseSendmail reads what Sendmail wrote. As with Postfix, all decisions hang
// on words at fixed places in front of everything that a remote side can choose.
func parseSendmail(f *Frame, ev *Event) Result {
	id, piece, rest := smQueueID(f.Message)
	ev.QueueID = id
	if piece > 1 || len(rest) == 0 {
		return ResultIgnored
	}
	f.id, f.rest = id, rest
	for i := range smForms {
		if form := &smForms[i]; form.opening[0] == rest[0] && pfStarts(rest, form.opening) {
			return form.read(rest[len(form.opening):], ev)
		}
	}
	if second, _, notice := smQueueID(rest); second != nil {
		return smNotice(notice, ev)
	}
	if id == nil {
		return ResultIgnored
	}
	return smSentence(rest, ev)
}

func smIgnore([]byte, *Event) Result { return ResultIgnored }

// smQueueID cuts the queue id and its colon off a message. The id is nil where
// there is none and for NOQUEUE. A message that is too long for syslog comes as
// several with the number of the piece behind the id, "u31FFPtp032300[2]: ".
func smQueueID(message []byte) (id []byte, piece int, rest []byte) {
	n := 0
	for n < len(message) && pfIDBytes[message[n]] != 0 {
		n++
	}
	word, rest := message[:n], message[n:]
	if len(rest) > 3 && rest[0] == '[' && pfIsDigit(rest[1]) && rest[2] == ']' {
		piece, rest = int(rest[1]-'0'), rest[3:]
	}
	rest, ok := pfAfter(rest, ": ")
	for len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	switch {
	case !ok:
		return nil, 0, message
	case string(word) == "NOQUEUE":
		return nil, piece, rest
	case smIsQueueID(word):
		return word, piece, rest
	}
	return nil, 0, message
}

// smIsQueueID accepts the queue ids of all versions: letters and digits for the
// time, then the process id in at least five digits.
func smIsQueueID(word []byte) bool {
	if len(word) < 7 || len(word) > 20 {
		return false
	}
	for _, c := range word[len(word)-5:] {
		if !pfIsDigit(c) {
			return false
		}
	}
	return true
}

// smQuotesClient says whether the line of a message repeats a client's words
// in front of its own: those of an argument or a header that a rule set checks, or
// a name.
func smQuotesClient(message []byte) bool {
	id, _, rest := smQueueID(message)
	return id != nil && (pfStarts(rest, "ruleset=") || pfStarts(rest, "invalid domain name ("))
}

// smNotices are the words in front of the reason in the line about a bounce or
// a warning that Sendmail queued: "id: newid: DSN: reason". Sendmail picks the
// word by what the message is, not by what the notice says. A copy for the
// postmaster comes beside the notice proper.
var smNotices = [...]string{"DSN: ", "sender notify: ", "return to sender: ", "postmaster notify: "}

func smIsNotice(b []byte) bool {
	for _, words := range smNotices {
		if pfStarts(b, words) {
			return true
		}
	}
	return false
}

// smNotice reads the notice. All but one repeat what the recipient's own line
// says; that the queue lifetime is over is said only here.
func smNotice(b []byte, ev *Event) Result {
	if !smIsNotice(b) {
		return ResultIgnored
	}
	colon := bytes.Index(b, pfColon)
	kind, reason := b[:colon], b[colon+len(pfColon):]
	ev.Direction, ev.Text = Outbound, reason
	switch {
	case pfStarts(reason, "Return receipt"):
		return ResultIgnored // a success
	case smIsExpiry(reason) && string(kind) != "postmaster notify":
		ev.Status = Expired
		return ResultEvent
	}
	return ResultRemark
}

// smIsExpiry says whether the reason is that the time is over: of the queue, or of
// the sender's wish (RFC 2852).
func smIsExpiry(reason []byte) bool {
	return pfStarts(reason, "Cannot send message ") || pfStarts(reason, "delivery time expired ")
}
