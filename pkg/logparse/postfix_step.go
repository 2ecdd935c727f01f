package logparse

import "bytes"

// stepPostfix reads what smtpd, pickup, cleanup, qmgr and bounce say about a
// message. As with outcomes, words at the start of the message decide.
func stepPostfix(f *Frame, st *Step) StepKind {
	id, rest := f.id, f.rest // Parse looked for them
	if id == nil {
		return NoStep
	}
	st.begin(f, id)
	switch {
	case string(rest) == "removed", pfStarts(rest, "removed ("): // "(canceled)": by cleanup, before the queue manager saw it
		return Removed
	case pfStarts(rest, "discard: "), pfStarts(rest, "milter-discard: "):
		if bytes.HasSuffix(f.Program, pfCleanup) {
			return Discarded
		}
		return NoStep // smtpd(8) says so before the message is there
	case pfStarts(rest, "client="):
		return pfArrival(rest, st)
	case pfStarts(rest, "uid="):
		return pfPickup(rest, st)
	case pfStarts(rest, "message-id="):
		st.MessageID = stepBare(rest[len("message-id="):])
		return Named
	case pfStarts(rest, "from="):
		return pfActivation(rest, st)
	case pfStarts(rest, "to="):
		return pfProbe(rest)
	}
	return pfNotice(rest, st)
}

// pfArrival reads "client=host[ip], sasl_method=PLAIN, sasl_username=user,
// orig_queue_id=ID, orig_client=host[ip]". The last two come from the server in
// front of a content filter (XFORWARD_README).
func pfArrival(b []byte, st *Step) StepKind {
	for len(b) > 0 {
		var field []byte
		field, b, _ = pfCut(b, pfComma)
		key, value, ok := pfCut(field, pfEquals)
		if !ok {
			continue
		}
		switch string(key) {
		case "client":
			st.ClientName, st.ClientIP = pfHost(value), pfBracketed(value)
		case "sasl_username":
			st.User = value
		case "orig_queue_id":
			st.Other = stepID(value)
		}
	}
	return Arrived
}

var pfCleanup = []byte("/cleanup")

// pfHost is the name in "host[ip]:port", nil for "unknown": the address has no
// name.
func pfHost(b []byte) []byte {
	if i := bytes.IndexByte(b, '['); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 || string(b) == "unknown" {
		return nil
	}
	return b
}

// pfPickup reads "uid=1000 from=<sender>", and behind it " orig_id=ID" of mail that
// postsuper -r put back.
func pfPickup(b []byte, st *Step) StepKind {
	uid, rest, ok := pfCut(b[len("uid="):], pfBlank)
	if !ok || stepSize(uid) < 0 {
		return NoStep
	}
	st.Login = uid
	if rest, ok = pfAfter(rest, "from="); ok {
		st.Sender, rest, _ = pfAddress(rest, " ")
	}
	if id, ok := pfAfter(rest, " orig_id="); ok {
		st.Other = stepID(id)
	}
	return Arrived
}

// pfActivation reads "from=<sender>, size=1, nrcpt=1 (queue active)".
func pfActivation(b []byte, st *Step) StepKind {
	sender, rest, ok := pfAddress(b[len("from="):], ",")
	if !ok || !bytes.HasSuffix(rest, pfQueueActive) {
		return NoStep
	}
	rest = rest[:len(rest)-len(pfQueueActive)]
	if rest, ok = pfAfter(rest, ", size="); !ok {
		return NoStep
	}
	size, rest, _ := pfCut(rest, pfComma)
	st.Sender, st.Size = sender, stepSize(size)
	if n, ok := pfAfter(rest, "nrcpt="); ok {
		st.Recipients = int(stepSize(n))
	}
	return Active
}

// pfProbe reads "to=<rcpt>, ..., status=deliverable (text)" or undeliverable, the
// answers to an address probe and to sendmail -bv (ADDRESS_VERIFICATION_README).
func pfProbe(b []byte) StepKind {
	if !bytes.Contains(b, pfDeliverable) {
		return NoStep // nearly all: spare them a second look at their fields
	}
	var ev Event
	status, ok := pfFields(b, &ev)
	if ok && (pfStarts(status, "deliverable") || pfStarts(status, "undeliverable")) {
		return Probed
	}
	return NoStep
}

var pfDeliverable = []byte("deliverable")

// pfNotice reads "sender non-delivery notification: ID" and its like: bounce(8)
// has sender and postmaster, and non-delivery, delay and delivery status.
func pfNotice(b []byte, st *Step) StepKind {
	if !pfStarts(b, "sender ") && !pfStarts(b, "postmaster ") {
		return NoStep
	}
	i := bytes.Index(b, pfNotification)
	if i < 0 {
		return NoStep
	}
	if st.Other = stepID(b[i+len(pfNotification):]); st.Other == nil {
		return NoStep
	}
	return Noticed
}

var pfNotification = []byte(" notification: ")
