// Package client counts what clients of a mail server are refused, and finds those
// that guessed a password.
package client

import (
	"cmp"
	"slices"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

const (
	// guesses is how many failed logins before one that succeeds look like guessing:
	// a device with an old password makes them too, and is worth a look.
	guesses = 5
	// maxClients bounds the table. Of more, the half with the smallest counts goes.
	maxClients = 100_000
	// maxLogins bounds how many sessions are remembered.
	maxLogins = 4096
)

// A Client is an address that was refused something.
type Client struct {
	IP          string    // "" where the line names no client: that of a milter of Sendmail
	First, Last time.Time // of what is counted
	Logins      uint64    // that failed
	Refused     uint64    // recipients and messages, for good
	Unknown     uint64    // of these, because there is no such mailbox here
	Relay       uint64    // of these, because they wanted to pass mail on
	Put         uint64    // put off

	// After guesses failed logins one succeeded: the first of these.
	User     string
	In       time.Time
	Before   uint64 // failed logins until then
	Messages uint64 // taken from it since, as User
}

// all is how many times it was told no.
func (c *Client) all() uint64 { return c.Logins + c.Refused + c.Put }

// Clients is a pipeline.Listener. Lines must come in the order of time.
type Clients struct {
	Keep func(*pipeline.Seen) bool // if set, only what it likes counts

	From, To  time.Time
	Forgotten Client // the sum of those that had no room

	byIP   map[string]*Client
	logins map[session]login // of Sendmail
	limit  int
}

type session struct{ host, pid string }

type login struct{ user, ip string }

// Event counts refusals and failed logins.
func (c *Clients) Event(s *pipeline.Seen) {
	ev := s.Event
	login := ev.Status == logparse.AuthFailed
	refusal := ev.Direction == logparse.Inbound && s.Result == logparse.ResultEvent
	if !login && !refusal || c.Keep != nil && !c.Keep(s) {
		return
	}
	n := uint64(max(0, ev.Count()))
	x := c.client(ev.ClientIP)
	x.span(s.Time)
	c.span(s.Time)
	switch {
	case login:
		x.Logins += n
	case ev.Status == logparse.TempFailed:
		x.Put += n
	default:
		x.Refused += n
		switch s.Verdict.Cause {
		case replycode.UserUnknown:
			x.Unknown += n
		case replycode.RelayDenied:
			x.Relay += n
		}
	}
}

// Step looks for logins that succeed.
func (c *Clients) Step(at pipeline.Place, st *logparse.Step) {
	user := c.userOf(st)
	x := c.byIP[string(st.ClientIP)]
	if user == nil || x == nil || x.IP == "" || x.User == "" && x.Logins < guesses {
		return
	}
	if x.User == "" {
		x.User, x.In, x.Before = string(user), at.Time, x.Logins
	}
	if st.Kind == logparse.Arrived && x.User == string(user) {
		x.Messages++
	}
}

// userOf is who logged in. Postfix and Exim name the user with each message,
// Sendmail in a line before, of the same process.
func (c *Clients) userOf(st *logparse.Step) []byte {
	if st.MTA != logparse.Sendmail || st.ClientIP == nil {
		return st.User
	}
	at := session{string(st.Host), string(st.PID)}
	if st.Kind == logparse.LoggedIn {
		if c.logins == nil || len(c.logins) >= maxLogins {
			c.logins = map[session]login{}
		}
		c.logins[at] = login{string(st.User), string(st.ClientIP)}
		return st.User
	}
	if l, ok := c.logins[at]; ok && l.ip == string(st.ClientIP) {
		return []byte(l.user)
	}
	return nil
}

func (c *Clients) client(ip []byte) *Client {
	if x := c.byIP[string(ip)]; x != nil {
		return x
	}
	if c.byIP == nil {
		c.byIP = map[string]*Client{}
	}
	if len(c.byIP) >= cmp.Or(c.limit, maxClients) {
		c.makeRoom()
	}
	x := &Client{IP: string(ip)}
	c.byIP[x.IP] = x
	return x
}

func (c *Clients) makeRoom() {
	all := c.All()
	for _, x := range all[len(all)/2:] {
		c.Forgotten.Logins += x.Logins
		c.Forgotten.Refused += x.Refused
		c.Forgotten.Put += x.Put
		delete(c.byIP, x.IP)
	}
}

func (c *Clients) span(t time.Time) { widen(&c.From, &c.To, t) }

func (c *Client) span(t time.Time) { widen(&c.First, &c.Last, t) }

func widen(from, to *time.Time, t time.Time) {
	if t.IsZero() {
		return
	}
	if from.IsZero() || t.Before(*from) {
		*from = t
	}
	if t.After(*to) {
		*to = t
	}
}

// All are the clients: those that got in first, then by how often they were told no.
func (c *Clients) All() []*Client {
	all := make([]*Client, 0, len(c.byIP))
	for _, x := range c.byIP {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *Client) int {
		if (a.User != "") != (b.User != "") {
			return map[bool]int{true: -1, false: 1}[a.User != ""]
		}
		return cmp.Or(cmp.Compare(b.all(), a.all()), cmp.Compare(a.IP, b.IP))
	})
	return all
}
