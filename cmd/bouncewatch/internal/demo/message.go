package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// ourAddress is the one that receivers see.
const ourAddress = "198.51.100.7"

// A message is mail to which a kind of thing happens.
type message struct {
	*kind
	random   *rand.Rand
	at       time.Time // of this attempt
	began    time.Time
	attempt  int    // how many there were before
	first    string // why the first one failed
	id       string // in the queue
	size     int
	from, to string
	ip       string  // of the receiver, or of the client that was refused
	client   string  // its name
	pid      int     // of the server's process
	seconds  float64 // from arrival to the end of the attempt
	token    string  // the receiver's own id of the mail
}

var (
	names   = []string{"anna", "ben", "chen", "dora", "emil", "farid", "greta", "hugo", "ines", "jonas", "kim", "li"}
	domains = []string{"shop.example.com", "clinic.example.org", "school.example.net", "print.example.com", "studio.example.org"}
	senders = []string{"news@example.com", "billing@example.com", "no-reply@app.example.com"}
)

func newMessage(r *rand.Rand, k *kind, at time.Time) *message {
	m := &message{
		random: r, began: at, size: 900 + r.IntN(30000), from: senders[r.IntN(len(senders))],
		to: fmt.Sprintf("%s%d@%s", names[r.IntN(len(names))], r.IntN(1000), domains[r.IntN(len(domains))]),
	}
	m.try(k, at)
	if k.inbound {
		m.client = fmt.Sprintf("host%d.dialup.example.net", r.IntN(900))
		m.to = fmt.Sprintf("%s%d@example.com", names[r.IntN(len(names))], r.IntN(1000))
	}
	return m
}

// try makes it a message to which k happens now.
func (m *message) try(k *kind, at time.Time) {
	m.kind, m.at = k, at
	m.ip, m.pid = fmt.Sprintf("192.0.2.%d", 1+m.random.IntN(250)), 1000+m.random.IntN(30000)
	m.token = word(m.random, alphanumeric, 11)
	m.seconds = at.Sub(m.began).Seconds() + 0.2 + m.random.ExpFloat64()*1.5
}

// outcome is what a server shows of the message.
func (m *message) outcome(mta, code, enhanced string) Outcome {
	o := Outcome{MTA: mta, Direction: "outbound", Status: m.status, Code: code, Enhanced: enhanced, Cause: m.cause, Provider: m.provider}
	if m.inbound {
		o.Direction = "inbound"
	}
	switch {
	case code != "":
		o.Class = code[:1] + "xx"
	case enhanced != "":
		o.Class = enhanced[:1] + "xx"
	case m.status == "deferred" || m.status == "tempfailed":
		o.Class = "4xx"
	default:
		o.Class = "5xx"
	}
	if code == "" {
		o.Code = "none"
	}
	return o
}

// dsn is what Postfix and Sendmail make of a reply: its enhanced code, else one
// without detail (RFC 3463 section 3.1).
func (m *message) dsn() string {
	if m.enhanced != "" {
		return m.enhanced
	}
	return m.code[:1] + ".0.0"
}

// reply are the lines of the reply as they came (RFC 5321 section 4.2.1).
func (m *message) reply() []string {
	fill := strings.NewReplacer("{to}", m.to, "{from}", m.from, "{us}", ourAddress, "{id}", m.token)
	lines := make([]string, len(m.text))
	for i, text := range m.text {
		separator := "-"
		if i == len(m.text)-1 {
			separator = " "
		}
		lines[i] = m.code + separator + strings.TrimSpace(m.enhanced+" "+fill.Replace(text))
	}
	return lines
}

// command is what the reply answers.
func (m *message) command() string {
	switch m.stage {
	case "RCPT TO":
		return m.stage + ":<" + m.to + ">"
	case "MAIL FROM":
		return m.stage + ":<" + m.from + ">"
	}
	return m.stage
}

const (
	alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	hexadecimal  = "0123456789ABCDEF"
)

func word(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}
