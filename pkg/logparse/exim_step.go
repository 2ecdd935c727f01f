package logparse

import "bytes"

// stepExim reads arrivals and the last line of a message (Exim specification,
// chapter "Log files", sections "Logging message reception" and "Completion").
func stepExim(f *Frame, st *Step) StepKind {
	id, rest := f.id, f.rest
	if id == nil || f.Program != nil {
		id, rest = exMessageID(exDropPID(f.Message))
	}
	switch {
	case id == nil:
		return NoStep
	case string(rest) == "Completed", pfStarts(rest, "Completed "):
		st.begin(f, id)
		return Removed
	case pfStarts(rest, "cancelled by "): // exim -Mg, and timeout_frozen_after
		st.begin(f, id)
		return Cancelled
	case pfStarts(rest, "<= "):
		st.begin(f, id)
		exArrival(rest[len("<= "):], st)
		return Arrived
	}
	return NoStep
}

// exArrival reads "sender H=host [ip] U=user P=esmtpa A=name:user S=1 id=x
// T="subject" from <sender> for a b". The subject is in quotes, so that none of
// its words passes for a field.
func exArrival(b []byte, st *Step) {
	n := exWordEnd(b)
	st.Sender, b = b[:n:n], b[n:]
	if string(st.Sender) == "<>" {
		st.Sender = st.Sender[:0]
	}
	for {
		b = b[frameBlanks(b, 0):]
		if rest, ok := pfAfter(b, "H="); ok {
			var fields exFields
			b, _ = fields.host(rest)
			st.ClientName, st.ClientIP = fields.hostName, fields.hostIP
			continue
		}
		i := 0
		for i < len(b) && b[i] != '=' && b[i] != ' ' {
			i++
		}
		if i == 0 || i == len(b) {
			return
		}
		if b[i] == ' ' {
			if rest, ok := pfAfter(b, "for "); ok {
				st.Recipients = exWords(rest)
				return
			}
			b = b[i+1:] // a flag such as K, or "from"
			if len(b) > 0 && b[0] == '<' {
				b = b[exBracketed(b):]
			}
			continue
		}
		key := b[:i]
		var value []byte
		value, b = exArrivalValue(b[i+1:])
		exArrivalField(key, value, st)
	}
}

// exArrivalValue cuts off a value. Other than in deliveries no colon ends it.
func exArrivalValue(b []byte) (value, rest []byte) {
	if len(b) > 0 && b[0] == '"' {
		return exValue(b)
	}
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		i = len(b)
	}
	return b[:i], b[i:]
}

func exArrivalField(key, value []byte, st *Step) {
	switch string(key) {
	case "U":
		st.Login = value
	case "A": // the authenticator, and what it set as $authenticated_id
		if _, user, ok := pfCut(value, pfColonOnly); ok && len(user) > 0 {
			st.User = user
		}
	case "S":
		st.Size = stepSize(value)
	case "id":
		st.MessageID = stepBare(value)
	case "R":
		if exIDLength(len(value)) && exIsID(value) {
			st.Other = value
		}
	}
}

func exIDLength(n int) bool { return n == 16 || n == 23 }

// exWords counts the words of b. Blanks in quoted local parts do not divide.
func exWords(b []byte) (n int) {
	for {
		b = b[frameBlanks(b, 0):]
		if len(b) == 0 {
			return n
		}
		b = b[exWordEnd(b):]
		n++
	}
}
