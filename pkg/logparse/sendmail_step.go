package logparse

import "bytes"

// stepSendmail reads arrivals, logins, notices and the last line of a message
// (Sendmail Installation and Operation Guide, section "The System Log").
func stepSendmail(f *Frame, st *Step) StepKind {
	id, rest := f.id, f.rest // Parse looked for them
	if pfStarts(rest, "to=") {
		return NoStep // nearly all
	}
	if login, ok := pfAfter(rest, "AUTH=server, "); ok {
		st.begin(f, id)
		smStepFields(login, st)
		if st.User == nil {
			return NoStep
		}
		return LoggedIn
	}
	if id == nil {
		return NoStep
	}
	if arrival, ok := pfAfter(rest, "from="); ok {
		st.begin(f, id)
		return smArrival(arrival, st)
	}
	if pfStarts(rest, "done; ") { // LogLevel 10 and up
		st.begin(f, id)
		return Removed
	}
	if string(rest) == "discarded" {
		st.begin(f, id)
		return Discarded
	}
	if other, _, notice := smQueueID(rest); other != nil && smIsNotice(notice) {
		st.begin(f, id)
		st.Other = other
		return Noticed
	}
	return NoStep
}

// smArrival reads "<sender>, size=1, class=0, nrcpts=1, msgid=<x>, proto=ESMTP,
// daemon=MTA, relay=host [ip]".
func smArrival(b []byte, st *Step) StepKind {
	sender, rest, ok := smRecipient(b)
	if !ok {
		return NoStep
	}
	if st.Sender = smBare(sender); st.Sender == nil {
		st.Sender = sender[:0]
	}
	smStepFields(smNext(rest), st)
	return Arrived
}

func smStepFields(b []byte, st *Step) {
	quotes := bytes.IndexByte(b, '"') >= 0 // nearly never: then a comma always ends a field
	for len(b) > 0 {
		end := bytes.IndexByte(b, ',')
		if end < 0 {
			end = len(b)
		}
		field, rest := b[:end], b[end:]
		if quotes {
			field, rest = smValue(b)
		}
		smStepField(field, st)
		b = smNext(rest)
	}
}

func smStepField(b []byte, st *Step) {
	if value, ok := pfAfter(b, "size="); ok {
		st.Size = stepSize(value)
	} else if value, ok := pfAfter(b, "nrcpts="); ok {
		st.Recipients = int(stepSize(value))
	} else if value, ok := pfAfter(b, "msgid="); ok {
		st.MessageID = stepBare(value)
	} else if value, ok := pfAfter(b, "authid="); ok {
		st.User = value
	} else if value, ok := pfAfter(b, "relay="); ok {
		smClient(value, st)
	}
}

// smClient reads "host [ip]", "[ip]", "user@localhost" of a local submission, and
// "host [ip] (may be forged)".
func smClient(b []byte, st *Step) {
	host := b[:smBlank(b)]
	for i, c := range host {
		if c == '@' {
			if i > 0 {
				st.Login = host[:i]
			}
			host = host[i+1:]
			break
		}
	}
	st.ClientIP = pfBracketed(b)
	if len(host) > 0 && host[0] != '[' {
		st.ClientName = host
	}
}
