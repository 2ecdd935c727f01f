package logparse

// Options say what the lines themselves do not.
type Options struct {
	MTA MTA // NoMTA: recognise the server by each line's program
}

// A Parser reads the lines of one log, in order. It keeps what spans lines:
// split messages and syslog's notes about repeated lines. The zero Parser is
// ready for use. A Parser is for one goroutine.
type Parser struct {
	Options Options

	frame  Frame
	server *server // of the last line; nil where it is of none
	state  parserState
}

// Parse reads one line, without its final newline, and sets ev when the result
// is ResultEvent or ResultRemark. The line must not change until the next call.
func (p *Parser) Parse(line []byte, ev *Event) Result {
	f := &p.frame
	p.server = nil
	switch p.cut(line, f) {
	case frameNone:
		p.state.last.forget()
		return ResultForeign
	case framePart:
		f.Message = nil // no Step is made of a part
		return ResultIgnored
	case frameNote:
		return p.again(f, ev)
	}
	s := p.serverOf(f)
	if s == nil {
		p.state.last.forget()
		return ResultForeign
	}
	p.server = s
	if s.mta == Postfix {
		if pfIdle(f) {
			p.state.last.forget()
			return ResultIgnored
		}
	} else if f.Program != nil {
		f.dropSecondLine()
	}
	r := s.read(f, ev)
	if s.mta == Exim && r >= ResultRemark && ev.Direction == Inbound && f.Program != nil && p.state.copies.isCopy(f) {
		return ResultIgnored
	}
	if r == ResultEvent || r == ResultRemark {
		p.state.last.keep(s, f)
	} else {
		p.state.last.forget()
	}
	return r
}

// Frame is how the last line given to Parse was cut into header and message, also
// of a line that is about nothing. It is valid until the next call.
func (p *Parser) Frame() *Frame { return &p.frame }

// again makes of syslog's note about the last line what the line itself was. The
// line stays remembered: a second note may follow.
func (p *Parser) again(f *Frame, ev *Event) Result {
	if !p.state.last.recall(f) {
		return ResultIgnored
	}
	return p.state.last.server.read(f, ev)
}

func (s *server) read(f *Frame, ev *Event) Result {
	ev.reset()
	ev.MTA, ev.Stamp, ev.Host, ev.Program = s.mta, f.Stamp, f.Host, f.Program
	ev.Repeat, ev.Folded, ev.Lines = f.Repeat, f.Folded, f.Lines
	return s.parse(f, ev)
}

// A server is all that is to know about the log format of a mail server.
type server struct {
	mta    MTA
	claims func(f *Frame) bool              // is this one of the server's lines?
	parse  func(f *Frame, ev *Event) Result // never ResultForeign
	step   func(f *Frame, st *Step) StepKind
}

// servers are asked in this order.
var servers = [...]server{
	{Postfix, claimsPostfix, parsePostfix, stepPostfix},
	{Sendmail, claimsSendmail, parseSendmail, stepSendmail},
	{Exim, claimsExim, parseExim, stepExim},
}

func (p *Parser) serverOf(f *Frame) *server {
	only := p.Options.MTA
	if p.state.tag == nil {
		p.state.tag = p.state.tags.of(f.Program)
	}
	if tag := p.state.tag; tag.ours && (only == NoMTA || only == Postfix) {
		f.role = tag.role
		return &servers[0]
	}
	for i := 1; i < len(servers); i++ {
		if s := &servers[i]; (only == NoMTA || only == s.mta) && s.claims(f) {
			return s
		}
	}
	return nil
}
