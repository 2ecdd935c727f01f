package story

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// watchVersion changes when an older program could not read the state.
const watchVersion = 1

// A watchState is all that a Watch knows.
type watchState struct {
	Version  int                       `json:"version"`
	Salt     string                    `json:"salt"`
	Messages map[string][]stateMessage `json:"messages"` // by state, in the order of their last lines
	Logins   []stateLogin              `json:"logins,omitempty"`
	Totals   Totals                    `json:"totals"`
	Senders  stateSenders              `json:"senders"`
}

// A stateMessage has short keys: there are thousands.
type stateMessage struct {
	MTA        string           `json:"a"`
	Host       string           `json:"h,omitempty"`
	QueueID    string           `json:"q"`
	Sender     *string          `json:"s,omitempty"`
	MessageID  string           `json:"i,omitempty"`
	User       string           `json:"u,omitempty"`
	Login      string           `json:"l,omitempty"`
	Expected   int              `json:"e,omitempty"`
	First      int64            `json:"t,omitempty"` // Unix nanoseconds, 0 where unknown
	Last       int64            `json:"z,omitempty"`
	Flags      string           `json:"f,omitempty"`
	Recipients []stateRecipient `json:"r,omitempty"`
}

type stateRecipient struct {
	Address  string `json:"a,omitempty"`
	Outcome  string `json:"o,omitempty"` // "" for Queued
	Attempts int    `json:"n,omitempty"`
	Deferred int    `json:"d,omitempty"`
	First    string `json:"c,omitempty"`
	Last     string `json:"l,omitempty"` // "" for the first
	Provider string `json:"p,omitempty"` // "" for other
}

type stateLogin struct {
	Host string `json:"h,omitempty"`
	PID  string `json:"p"`
	User string `json:"u"`
	IP   string `json:"i,omitempty"`
}

var stateNames = [numStates]string{"fresh", "live", "ending", "slow"}

// encode writes the state. It goes message by message: all of them twice would be
// the most memory that a daemon takes.
func (w *Watch) encode(to io.Writer) error {
	out := bufio.NewWriter(to) // it keeps the first error
	fmt.Fprintf(out, `{"version":%d,"salt":"%x","messages":{`, watchVersion, w.tracker.Pseudonyms.salt)
	enc := json.NewEncoder(out)
	for i, name := range stateNames {
		fmt.Fprintf(out, `"%s":[`, name)
		for m := w.tracker.lists[i].first; m != nil; m = m.after {
			w.encoding.from(m)
			if err := enc.Encode(&w.encoding); err != nil {
				return err
			}
			separate(out, ',', m.after != nil)
		}
		out.WriteByte(']')
		separate(out, ',', i+1 < len(stateNames))
	}
	out.WriteByte('}')
	senders := w.senders.state()
	for _, part := range []struct {
		name  string
		value any
	}{{"logins", w.loginStates()}, {"totals", &w.totals}, {"senders", &senders}} {
		fmt.Fprintf(out, `,"%s":`, part.name)
		if err := enc.Encode(part.value); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return out.Flush()
}

// separate puts a separator where another value follows.
func separate(out *bufio.Writer, c byte, follows bool) {
	if follows {
		out.WriteByte(c)
	}
}

func (w *Watch) loginStates() []stateLogin {
	all := make([]stateLogin, 0, len(w.tracker.logins))
	for at, l := range w.tracker.logins {
		all = append(all, stateLogin{at.host, at.pid, l.user, l.ip})
	}
	slices.SortFunc(all, func(a, b stateLogin) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID))
	})
	return all
}

func (s *stateMessage) from(m *Message) {
	*s = stateMessage{
		MTA: m.MTA.String(), Host: m.Host, QueueID: m.QueueID, MessageID: m.MessageID, User: m.User, Login: m.Login,
		Expected: m.Expected, First: nanoseconds(m.First), Last: nanoseconds(m.Last), Recipients: s.Recipients[:0],
	}
	if m.SenderKnown {
		s.Sender = &m.Sender
	}
	for _, f := range m.flags() {
		if *f.set {
			s.Flags += f.letter
		}
	}
	for i := range m.Recipients {
		s.Recipients = append(s.Recipients, stateRecipient{})
		s.Recipients[i].from(&m.Recipients[i])
	}
}

func (s *stateRecipient) from(r *Recipient) {
	*s = stateRecipient{Address: r.Address, Attempts: r.Attempts, Deferred: r.Deferred}
	if r.Provider != replycode.OtherProvider {
		s.Provider = r.Provider.String()
	}
	if r.Outcome != Queued {
		s.Outcome = r.Outcome.String()
	}
	if r.failed {
		s.First = r.First.String()
		if r.Last != r.First {
			s.Last = r.Last.String()
		}
	}
}

type flag struct {
	letter string
	set    *bool
}

func (m *Message) flags() [8]flag {
	return [...]flag{
		{"b", &m.Began}, {"a", &m.Accepted}, {"r", &m.Removed}, {"i", &m.arrived},
		{"n", &m.named}, {"t", &m.tried}, {"u", &m.turned}, {"p", &m.probe},
	}
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// Load takes a state that Save wrote.
func (w *Watch) Load(data json.RawMessage) error {
	var s watchState
	s.Totals = newTotals()
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if s.Version != watchVersion {
		return fmt.Errorf("messages of version %d, this program knows version %d", s.Version, watchVersion)
	}
	salt, err := hex.DecodeString(s.Salt)
	if err != nil || len(salt) != saltSize {
		return errors.New("messages: the salt is damaged")
	}
	w.tracker.Pseudonyms = NewPseudonyms()
	copy(w.tracker.Pseudonyms.salt[:], salt)
	w.totals = s.Totals
	w.tracker.Ended = s.Totals.Ended
	w.senders.restore(&s.Senders)
	w.line = time.Now()
	for i, name := range stateNames {
		for j := range s.Messages[name] {
			if err := w.tracker.restore(&s.Messages[name][j], state(i)); err != nil {
				return err
			}
		}
	}
	for _, l := range s.Logins {
		w.tracker.putLogin(session{l.Host, l.PID}, login{l.User, l.IP})
	}
	return nil
}

func (t *Tracker) restore(s *stateMessage, in state) error {
	mta, err := named[logparse.MTA](int(logparse.NumMTAs), s.MTA, nil)
	if err != nil {
		return err
	}
	m := t.begin(mta, []byte(s.Host), []byte(s.QueueID), Place{Time: timeOf(s.First)})
	m.MessageID, m.User, m.Login, m.Expected, m.Last = s.MessageID, s.User, s.Login, s.Expected, timeOf(s.Last)
	if s.Sender != nil {
		m.Sender, m.SenderKnown = *s.Sender, true
	}
	for _, f := range m.flags() {
		*f.set = strings.Contains(s.Flags, f.letter)
	}
	for i := range s.Recipients {
		r, err := s.Recipients[i].recipient()
		if err != nil {
			return err
		}
		m.Recipients = append(m.Recipients, r)
		t.held++
	}
	t.put(m, in)
	return nil
}

func (s *stateRecipient) recipient() (r Recipient, err error) {
	r = Recipient{Address: s.Address, Attempts: s.Attempts, Deferred: s.Deferred, Seconds: -1, failed: s.First != ""}
	var ok bool
	if r.Provider, ok = replycode.NameProvider(cmp.Or(s.Provider, replycode.OtherProvider.String())); !ok {
		err = fmt.Errorf("unknown provider %q", s.Provider)
	}
	if s.Outcome != "" {
		r.Outcome, err = named[Outcome](int(NumOutcomes), s.Outcome, err)
	}
	if r.failed {
		r.First, err = named[replycode.Cause](replycode.NumCauses, s.First, err)
		r.Last, err = named[replycode.Cause](replycode.NumCauses, cmp.Or(s.Last, s.First), err)
	}
	return r, err
}
