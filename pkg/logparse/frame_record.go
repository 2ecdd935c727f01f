package logparse

import "bytes"

// A recordField is what a key of a JSON record stands for, whoever wrote it.
type recordField uint8

const (
	recordMessage recordField = iota // what the program wrote; a whole line where no program is named
	recordLog                        // a line of Docker's json-file
	recordLine                       // a whole line beside labels
	recordProgram
	recordTag // the program with its process: "postfix/smtp[7]:"
	recordPID
	recordHost
	recordTime
	recordMicros // microseconds since 1970
	recordStream
	numRecordFields
	recordOther = numRecordFields
)

// A frameRecord holds the values of a JSON object that matter, as written.
type frameRecord [numRecordFields][]byte

// recordKey says what a key stands for. Of two keys for the same field, the first
// one is believed, or the one that is sure: rsyslog's programname ends at a slash.
func recordKey(key []byte) (field recordField, sure bool) {
	switch string(key) {
	case "MESSAGE", "message", "msg", "short_message":
		return recordMessage, false
	case "log":
		return recordLog, false
	case "line", "textPayload", "event", "_raw", "data":
		return recordLine, false
	case "SYSLOG_IDENTIFIER", "app-name", "_application_name":
		return recordProgram, true
	case "PROGRAM", "program", "programname", "appname", "app_name", "application_name", "ident":
		return recordProgram, false
	case "syslogtag":
		return recordTag, true
	case "SYSLOG_PID":
		return recordPID, true
	case "_PID", "PID", "pid", "procid", "process_id", "_process_id":
		return recordPID, false
	case "_HOSTNAME":
		return recordHost, true
	case "HOST", "host", "hostname", "sysloghost", "logsource":
		return recordHost, false
	case "__REALTIME_TIMESTAMP":
		return recordMicros, true
	case "ISODATE":
		return recordTime, true
	case "time", "timestamp", "@timestamp", "timereported", "date":
		return recordTime, false
	case "stream":
		return recordStream, false
	}
	return recordOther, false
}

// read goes through the top level of an object.
func (r *frameRecord) read(b []byte) bool {
	i := frameSpace(b, 1)
	for i < len(b) && b[i] == '"' {
		n := frameString(b[i:])
		if n == 0 {
			return false
		}
		key := b[i+1 : i+n-1]
		i = frameSpace(b, i+n)
		if i >= len(b) || b[i] != ':' {
			return false
		}
		i = frameSpace(b, i+1)
		end := frameValue(b, i)
		if end <= i {
			return false
		}
		r.set(key, b[i:end])
		i = frameSpace(b, end)
		if i < len(b) && b[i] == '}' {
			return true
		}
		if i >= len(b) || b[i] != ',' {
			return false
		}
		i = frameSpace(b, i+1)
	}
	return false
}

// set keeps a value: a string, a number, or the bytes of a message.
func (r *frameRecord) set(key, value []byte) {
	field, sure := recordKey(key)
	if field == recordOther || r[field] != nil && !sure {
		return
	}
	switch c := value[0]; {
	case c == '"', stampDigit(c) && field > recordLine:
	case c == '[' && field == recordMessage:
	default:
		return // null, or an object that only has the name
	}
	r[field] = value
}

// unwrapJSON reads a record: of the journal, of a syslog daemon or of a log
// shipper, which is a whole frame, or of a container, which holds a line.
func (p *Parser) unwrapJSON(line *[]byte, f *Frame, outer *Stamp, depth int) (whole bool, kind frameKind) {
	r := frameRecord{}
	if !r.read(*line) {
		return true, frameNone
	}
	stamp := r.stamp()
	if r[recordMessage] != nil && (r[recordProgram] != nil || r[recordTag] != nil) {
		f.Stamp = stamp
		p.recordFrame(&r, f, depth)
		return true, frameFull
	}
	if !stamp.IsZero() {
		*outer = stamp
	}
	field := recordLog
	if r[field] == nil {
		if field = recordMessage; r[field] == nil {
			field = recordLine
		}
	}
	if len(r[field]) < 2 || r[field][0] != '"' {
		return true, frameNone
	}
	text := frameUnescape(p.state.texts[depth][:0], frameUnquote(r[field]))
	p.state.texts[depth] = text
	if field == recordLog {
		if text = p.joinDocker(text, &r, f); text == nil {
			return true, framePart
		}
	}
	*line = text
	return false, frameFull
}

// joinDocker joins what Docker cut: lines at 16 KiB, of which all but the last
// piece have no newline. nil while a piece is to come.
func (p *Parser) joinDocker(text []byte, r *frameRecord, f *Frame) []byte {
	stream := 0
	if string(frameUnquote(r[recordStream])) == "stderr" {
		stream = 1
	}
	partial := len(text) >= 16<<10 && text[len(text)-1] != '\n'
	c := &p.state.flows[stream]
	if !partial && c.lines == 0 {
		return text
	}
	if c.lines == 0 {
		c.begin(nil)
	}
	c.add(text)
	if partial {
		return nil
	}
	f.Lines, c.lines = c.lines, 0
	return c.text
}

// stamp is the record's time, the zero Stamp where it has none that can be read.
func (r *frameRecord) stamp() Stamp {
	if r[recordMicros] != nil {
		return stampMicros(frameUnquote(r[recordMicros]))
	}
	b := frameUnquote(r[recordTime])
	if s, n := stampISO(b); n > 0 {
		return s
	}
	if s, n := stampEpoch(b); n > 0 {
		return s
	}
	v, n := stampNumber(b)
	switch {
	case n != len(b):
		return Stamp{}
	case n == 10:
		return stampUnix(v)
	case n == 13:
		return stampMillis(v)
	}
	return stampMicros(b)
}

// recordFrame makes a frame of a whole record.
func (p *Parser) recordFrame(r *frameRecord, f *Frame, depth int) {
	p.state.ids = p.state.ids[:0]
	f.Program = p.jsonField(r[recordProgram])
	f.PID = p.jsonField(r[recordPID])
	f.Host = p.jsonField(r[recordHost])
	if tag := p.jsonField(r[recordTag]); tag != nil {
		f.Program = bytes.TrimSuffix(tag, pfColonOnly)
		if i := bytes.IndexByte(tag, '['); i > 0 {
			f.Program = tag[:i]
			if end := bytes.IndexByte(tag, ']'); end > i+1 && f.PID == nil {
				f.PID = tag[i+1 : end]
			}
		}
	}
	message, text := r[recordMessage], p.state.texts[depth][:0]
	if message[0] == '[' {
		text = frameByteArray(text, message)
	} else {
		text = frameUnescape(text, frameUnquote(message))
	}
	p.state.texts[depth], f.Message = text, text
}

// jsonField is a header field; it is copied only if it holds escapes.
func (p *Parser) jsonField(value []byte) []byte {
	text := frameUnquote(value)
	if len(text) == 0 {
		return nil
	}
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	start := len(p.state.ids)
	p.state.ids = frameUnescape(p.state.ids, text)
	return p.state.ids[start:len(p.state.ids):len(p.state.ids)]
}
