package story

import "encoding/binary"

// A queueID is a queue id where it stands: each line about a message is compared
// with some. One that is too long, as only long host names make them, is in texts.
type queueID struct {
	length uint8 // inTexts: there, and bytes has its number
	bytes  [maxInPlace]byte
}

const (
	maxInPlace = 23 // Exim's, the longest that any server makes by default
	inTexts    = 0xff
)

func (t *Tracker) queueID(m *openMessage) []byte {
	if m.id.length == inTexts {
		return t.texts.get(m.id.text())
	}
	return m.id.bytes[:m.id.length]
}

func (t *Tracker) setQueueID(m *openMessage, id []byte) {
	if len(id) <= maxInPlace {
		m.id.length = uint8(copy(m.id.bytes[:], id))
		return
	}
	m.id.length = inTexts
	binary.LittleEndian.PutUint32(m.id.bytes[:], uint32(t.texts.put(id)))
}

// text is 0 for an id that is not in texts.
func (id *queueID) text() text {
	if id.length != inTexts {
		return 0
	}
	return text(binary.LittleEndian.Uint32(id.bytes[:]))
}
