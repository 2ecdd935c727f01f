package story

import "strings"

// A Filter says which stories are wanted. An empty field wants all. One message of
// the story must fit all fields, but for Selected.
type Filter struct {
	From, To  string // an address, or @domain; <> is the null sender
	QueueID   string
	MessageID string // with or without angle brackets
}

// Match says whether the story is wanted.
func (f *Filter) Match(s *Story) bool {
	for _, m := range s.Messages {
		if f.matches(m) {
			return true
		}
	}
	return false
}

func (f *Filter) matches(m *Message) bool {
	return (f.QueueID == "" || f.QueueID == m.QueueID) &&
		(f.MessageID == "" || strings.Trim(f.MessageID, "<>") == m.MessageID) &&
		(f.From == "" || m.SenderKnown && addressFits(f.From, m.Sender)) &&
		(f.To == "" || f.toAny(m))
}

func (f *Filter) toAny(m *Message) bool {
	for i := range m.Recipients {
		if a := m.Recipients[i].Address; a != "" && addressFits(f.To, a) {
			return true
		}
	}
	return false
}

func addressFits(want, address string) bool {
	if want == "<>" {
		return address == ""
	}
	if strings.HasPrefix(want, "@") {
		i := strings.LastIndexByte(address, '@')
		return i >= 0 && strings.EqualFold(want, address[i:])
	}
	return strings.EqualFold(strings.Trim(want, "<>"), address)
}
