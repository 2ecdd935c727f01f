package logparse

// A Frame is a log line cut into header and message. The slices alias the line
// or a buffer of the Parser.
type Frame struct {
	Stamp   Stamp
	Host    []byte // nil where the header has none
	Program []byte // the tag without pid and colon; nil for a server that writes its own file (Exim)
	PID     []byte
	Message []byte // what the program wrote, without leading blanks, CR and LF

	Repeat int  // of a "message repeated N times: [ ... ]" header: N, and Message is what stands inside
	Folded bool // such a header was there
	Lines  int  // physical lines that the message was put together from, at least 1

	role pfRole // of a Postfix daemon: what lines it can write
	id   []byte // the queue id of a Postfix line or the message id of an Exim line, nil without one
	rest []byte // and what follows it; nil where no one looked yet
}

// A Stamp is a time as the line gives it, before the year and the zone that it
// lacks are decided. The zero Stamp means that the line has no readable time.
type Stamp struct {
	Year   int16 // 0 where the stamp has none
	Month  uint8 // 1 to 12; 0 in the zero Stamp
	Day    uint8
	Hour   uint8
	Minute uint8
	Second uint8 // 60 in a leap second

	HasZone    bool
	FracDigits uint8 // digits of the fraction as written, 0 to 9
	Nanosecond int32
	ZoneOffset int32 // seconds east of UTC, if HasZone
}

// IsZero says that the line had no readable time.
func (s Stamp) IsZero() bool { return s.Month == 0 }
