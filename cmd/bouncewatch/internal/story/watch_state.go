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
	"strconv"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
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
	Clocks   map[string]int64          `json:"clocks,omitempty"` // Unix nanoseconds that each log was read to
}

// A stateMessage has short keys: there are thousands.
type stateMessage struct {
	MTA        string           `json:"a"`
	Host       string           `json:"h,omitempty"`
	QueueID    string           `json:"q"`
	Sender     *string          `json:"s,omitempty"`
	Mark       string           `json:"m,omitempty"` // of the Message-ID, hexadecimal
	User       string           `json:"u,omitempty"`
	Login      string           `json:"l,omitempty"`
	Expected   int              `json:"e,omitempty"`
	Loose      int              `json:"x,omitempty"` // recipients with outcomes that are not in Recipients
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
	fmt.Fprintf(out, `{"version":%d,"salt":"%x","messages":{`, watchVersion, w.tracker.pseudonyms.salt)
	enc := json.NewEncoder(out)
	for i, name := range stateNames {
		fmt.Fprintf(out, `"%s":[`, name)
		for m := range w.tracker.inOrder(state(i)) {
			w.encoding.from(&w.tracker, m)
			if err := enc.Encode(&w.encoding); err != nil {
				return err
			}
			separate(out, ',', m.after != 0)
		}
		out.WriteByte(']')
		separate(out, ',', i+1 < len(stateNames))
	}
	out.WriteByte('}')
	senders := w.senders.state()
	for _, part := range []struct {
		name  string
		value any
	}{{"logins", w.loginStates()}, {"totals", &w.totals}, {"senders", &senders}, {"clocks", w.tracker.clocks.state()}} {
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

func (s *stateMessage) from(t *Tracker, m *openMessage) {
	*s = stateMessage{
		MTA: m.mta.String(), Host: t.hosts.name(m.host), QueueID: string(t.queueID(m)), User: t.texts.string(m.user), Login: t.texts.string(m.login),
		Expected: int(m.expected), Loose: int(m.accepted - m.known), First: m.first, Last: m.last, Recipients: s.Recipients[:0],
	}
	if m.mark != 0 {
		s.Mark = strconv.FormatUint(m.mark, 16)
	}
	if m.has(senderKnown) {
		sender := t.texts.string(m.sender)
		s.Sender = &sender
	}
	for _, f := range stateFlags {
		if m.has(f.flag) {
			s.Flags += f.letter
		}
	}
	for r := range t.recipientsOf(m) {
		s.Recipients = append(s.Recipients, stateRecipient{})
		s.Recipients[len(s.Recipients)-1].from(t, r)
	}
}

func (s *stateRecipient) from(t *Tracker, r *openRecipient) {
	*s = stateRecipient{Address: t.texts.string(r.address), Attempts: int(r.attempts), Deferred: int(r.deferred)}
	if r.provider != replycode.OtherProvider {
		s.Provider = r.provider.String()
	}
	if r.outcome != Queued {
		s.Outcome = r.outcome.String()
	}
	if r.failed {
		s.First = r.first.String()
		if r.last != r.first {
			s.Last = r.last.String()
		}
	}
}

// stateFlags are the flags that a state has, as letters.
var stateFlags = [...]struct {
	letter string
	flag   flags
}{
	{"b", began}, {"a", taken}, {"r", removed}, {"i", arrived}, {"n", hasID}, {"t", tried}, {"u", turned}, {"p", probe},
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
	w.tracker.pseudonyms = NewPseudonyms()
	copy(w.tracker.pseudonyms.salt[:], salt)
	w.totals = s.Totals
	w.tracker.Ended = s.Totals.Ended
	w.senders.restore(&s.Senders)
	w.tracker.clocks.restore(s.Clocks)
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
	// What there is no room for is given up when the next message begins, as it would
	// have been without a restart.
	m := t.enlist(mta, []byte(s.Host), []byte(s.QueueID), pipeline.Place{Time: timeOf(s.First)})
	m.user, m.login = t.texts.put([]byte(s.User)), t.texts.put([]byte(s.Login))
	m.expected, m.last = int32(s.Expected), s.Last
	if m.mark, err = strconv.ParseUint(cmp.Or(s.Mark, "0"), 16, 64); err != nil {
		return fmt.Errorf("message %q: mark %q is no number", s.QueueID, s.Mark)
	}
	if s.Sender != nil {
		m.set(senderKnown)
		m.sender = t.texts.put([]byte(*s.Sender))
	}
	for _, f := range stateFlags {
		if strings.Contains(s.Flags, f.letter) {
			m.set(f.flag)
		}
	}
	for i := range s.Recipients {
		if err := t.restoreRecipient(m, &s.Recipients[i]); err != nil {
			return err
		}
	}
	m.accepted += int32(s.Loose)
	t.put(m, in)
	return nil
}

func (t *Tracker) restoreRecipient(m *openMessage, s *stateRecipient) (err error) {
	r := t.addWaiting(m, []byte(s.Address))
	r.attempts, r.deferred, r.failed = int32(s.Attempts), int32(s.Deferred), s.First != ""
	var ok bool
	if r.provider, ok = replycode.NameProvider(cmp.Or(s.Provider, replycode.OtherProvider.String())); !ok {
		err = fmt.Errorf("unknown provider %q", s.Provider)
	}
	if s.Outcome != "" {
		r.outcome, err = named[Outcome](int(NumOutcomes), s.Outcome, err)
		m.waiting--
	}
	if r.failed {
		r.first, err = named[replycode.Cause](replycode.NumCauses, s.First, err)
		r.last, err = named[replycode.Cause](replycode.NumCauses, cmp.Or(s.Last, s.First), err)
	}
	return err
}
