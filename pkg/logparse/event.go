// Package logparse turns the lines that mail servers log into Events: the
// results of delivery attempts and refusals, with the reply codes in them.
//
// It works on bytes, allocates nothing per line and never guesses: a line that
// no rule understands is reported as ResultUnparsed and left to the caller.
package logparse

import "github.com/bouncewatch/bouncewatch/pkg/replycode"

// A Result says what a line was.
type Result uint8

// The results of parsing a line.
const (
	ResultForeign  Result = iota // of another program, or no log line at all
	ResultIgnored                // of a mail server, understood, and not about an outcome
	ResultUnparsed               // of a mail server, and no rule understands it
	ResultRemark                 // a reply that is not the final word of an attempt, or a failed login: the Event is set
	ResultEvent                  // the result of an attempt, an expiry or a refusal: the Event is set
	NumResults
)

var resultNames = [NumResults]string{"foreign", "ignored", "unparsed", "remark", "event"}

// String is the result's name as the metric label lines_total{result} has it.
func (r Result) String() string { return name(resultNames[:], r) }

// An MTA is a mail server whose logs are understood.
type MTA uint8

// The mail servers. NoMTA stands for lines of other programs.
const (
	NoMTA MTA = iota
	Postfix
	Exim
	Sendmail
	NumMTAs
)

var mtaNames = [NumMTAs]string{"", "postfix", "exim", "sendmail"}

// String is the server's name in lower case, "" for NoMTA.
func (m MTA) String() string { return name(mtaNames[:], m) }

// A Direction says whether this host was the client or the server of the mail.
type Direction uint8

// The directions.
const (
	NoDirection Direction = iota
	Outbound              // this host delivers: by SMTP, LMTP, locally, to a pipe
	Inbound               // this host refuses a client
	NumDirections
)

var directionNames = [NumDirections]string{"", "outbound", "inbound"}

// String is "outbound", "inbound" or "".
func (d Direction) String() string { return name(directionNames[:], d) }

// A Status is what the mail server did with the recipient.
type Status uint8

// The statuses. The first four are outbound, the next two inbound.
const (
	NoStatus   Status = iota
	Sent              // accepted by the next hop, or delivered locally
	Deferred          // failed for now, stays in the queue
	Bounced           // failed for good
	Expired           // given up because the queue lifetime is over
	Rejected          // a client was refused with 5xx
	TempFailed        // a client was refused with 4xx
	AuthFailed        // a client's login failed: always a remark, no mail is involved
	NumStatuses
)

var statusNames = [NumStatuses]string{"", "sent", "deferred", "bounced", "expired", "rejected", "tempfailed", "auth_failed"}

// String is the status as the outputs name it, "" for NoStatus.
func (s Status) String() string { return name(statusNames[:], s) }

// A Stage is the point of the SMTP dialogue that the reply answers.
type Stage uint8

// The stages. Connect is before a connection stands, Greeting is the server's
// first reply, EOD is the reply to the end of data (RFC 5321 section 3.3).
const (
	NoStage Stage = iota
	Connect
	Greeting
	Helo
	StartTLS
	Auth
	Mail
	Rcpt
	Data
	BDAT
	EOD
	VRFY
	ETRN
	NumStages
)

var stageNames = [NumStages]string{"", "connect", "greeting", "helo", "starttls", "auth", "mail", "rcpt", "data", "bdat", "eod", "vrfy", "etrn"}

// String is the stage in lower case, "" for NoStage.
func (s Stage) String() string { return name(stageNames[:], s) }

// An Event is the result of one delivery attempt for one or more recipients, an
// expiry, a refusal by this host, or (with ResultRemark) a reply on the way.
//
// The byte slices alias the parsed line, or a buffer of the Parser, and are
// valid until the next call of Parse. Whoever keeps one makes a string of it.
// A nil slice means that the line does not say.
type Event struct {
	MTA       MTA
	Direction Direction
	Status    Status
	Stage     Stage

	Code     replycode.Code     // of the deciding reply; None where no SMTP reply exists
	Enhanced replycode.Enhanced // beside the code, else the log's own dsn=
	DSN      replycode.Enhanced // the log's own dsn= field

	Stamp   Stamp  // when the line was logged
	Host    []byte // the logging host
	Program []byte // the syslog tag without the pid: "postfix/smtp", "exim", "sm-mta"
	QueueID []byte // as logged, case kept; nil for NOQUEUE

	Recipient []byte // the first recipient, without angle brackets
	Sender    []byte // the envelope sender, where the line holds it; empty and not nil for <>
	RelayHost []byte // the other side of a delivery, without a trailing dot
	RelayIP   []byte // its address, without brackets and IPv6: tag
	ClientIP  []byte // the refused client
	Text      []byte // the deciding reply, or the server's own reason where no reply exists

	RelayPort  uint16  // 0 where unknown
	Recipients int     // recipients the line speaks of, at least 1
	Repeat     int     // how many more times syslog says that the line occurred
	Folded     bool    // the line is syslog's note about Repeat further occurrences; the first had a line of its own
	Delay      float64 // seconds from arrival to this attempt's end, -1 where unknown
	Errno      int     // the number in parentheses after Exim's defer, 0 where there is none
	Lines      int     // physical lines that make up this result, at least 1
}

// Count is how many outcomes the Event stands for: its recipients, times the
// occurrences of the line. A syslog note about repeats does not count the first
// occurrence again.
func (e *Event) Count() int {
	n := 1 + e.Repeat
	if e.Folded {
		n = e.Repeat
	}
	return n * e.Recipients
}

// Class is the class of the outcome: that of the code, else of the enhanced
// code, else the one the status implies.
func (e *Event) Class() replycode.Class {
	if c := e.Code.Class(); c != replycode.NoClass {
		return c
	}
	if c := e.Enhanced.Class(); c != replycode.NoClass {
		return c
	}
	return statusClasses[e.Status%NumStatuses]
}

var statusClasses = [NumStatuses]replycode.Class{
	Sent: replycode.Success, Deferred: replycode.TransientFailure, TempFailed: replycode.TransientFailure,
	Bounced: replycode.PermanentFailure, Expired: replycode.PermanentFailure,
	Rejected: replycode.PermanentFailure, AuthFailed: replycode.PermanentFailure,
}

// reset makes e an Event that says nothing yet.
func (e *Event) reset() { *e = Event{Recipients: 1, Lines: 1, Delay: -1} }

// RecipientDomain is the part of Recipient behind the last @, nil without one.
func (e *Event) RecipientDomain() []byte { return domainOf(e.Recipient) }

// SenderDomain is the part of Sender behind the last @, nil without one.
func (e *Event) SenderDomain() []byte { return domainOf(e.Sender) }

func domainOf(address []byte) []byte {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[i+1:]
		}
	}
	return nil
}

func name[T ~uint8](names []string, v T) string {
	if int(v) >= len(names) {
		return ""
	}
	return names[v]
}
