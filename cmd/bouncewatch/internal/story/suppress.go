package story

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/spreadsheet"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// addressCauses are the causes that lie in the address: who sends must drop or
// correct it. Blocks, policy and content say nothing about the address, and a full
// mailbox is for its owner to clear.
var addressCauses = [...]replycode.Cause{
	replycode.UserUnknown, replycode.MailboxDisabled, replycode.BadDomain, replycode.RecipientRefused,
}

// AddressCauses are the causes that an address can be suppressed for.
func AddressCauses() []replycode.Cause { return slices.Clone(addressCauses[:]) }

// Rules say when an address is suppressed. All must hold.
type Rules struct {
	Causes   []replycode.Cause // of AddressCauses
	Failures int               // so many messages failed for good, since the last that was delivered
	Over     time.Duration     // between the first and the last of them lies so much time
}

// A Suppression finds the addresses that are not worth mailing any more.
type Suppression struct {
	Rules Rules
	All   bool // count failures that are not selected, too
	Limit int  // addresses to remember; 0 means no limit

	Forgotten uint64 // failures of addresses beyond Limit
	found     map[string]*failing
}

type failing struct {
	address     string
	count       int
	first, last time.Time
	delivered   time.Time // the last message that was
	cause       replycode.Cause
	provider    replycode.Provider
	reply       *Reply
}

// Add looks at the ends of a story. Notices do not count: nobody chose to mail their
// recipients.
func (s *Suppression) Add(story *Story) {
	for _, m := range story.Messages {
		if m.SenderDomain() == "<>" {
			continue
		}
		for i := range m.Recipients {
			s.recipient(m, &m.Recipients[i])
		}
	}
}

func (s *Suppression) recipient(m *Message, r *Recipient) {
	name := strings.ToLower(r.Address)
	if r.Outcome == Delivered {
		if f := s.found[name]; f != nil {
			f.deliver(m.Last)
		}
		return
	}
	if r.Outcome != Failed || r.Reply == nil || !r.Reply.Permanent || !slices.Contains(s.Rules.Causes, r.Last) || !s.All && !r.Selected {
		return
	}
	f := s.found[name]
	if f == nil {
		if s.Limit > 0 && len(s.found) >= s.Limit {
			s.Forgotten++
			return
		}
		f = &failing{address: r.Address}
		if s.found == nil {
			s.found = map[string]*failing{}
		}
		s.found[name] = f
	}
	f.fail(r)
}

// deliver forgets the failures before a delivery.
func (f *failing) deliver(at time.Time) {
	if at.After(f.delivered) {
		f.delivered = at
	}
	if !f.last.After(f.delivered) {
		f.count = 0
	}
}

func (f *failing) fail(r *Recipient) {
	at := r.Reply.Time
	if !f.delivered.IsZero() && !at.After(f.delivered) {
		return
	}
	if f.count == 0 || at.Before(f.first) {
		f.first = at
	}
	f.count++
	if f.count == 1 || !at.Before(f.last) {
		f.last, f.cause, f.provider, f.reply = at, r.Last, r.Provider, r.Reply
	}
}

func (s *Suppression) holds(f *failing) bool {
	return f.count > 0 && f.count >= s.Rules.Failures && f.last.Sub(f.first) >= s.Rules.Over
}

// A Suppressed is an address that all rules hold for.
type Suppressed struct {
	Address  string `json:"address"`
	Cause    string `json:"cause"` // of the last failure, as the reply
	Failures int    `json:"failures"`
	First    string `json:"first,omitempty"` // RFC 3339
	Last     string `json:"last,omitempty"`
	Code     string `json:"code,omitempty"`
	Enhanced string `json:"enhanced,omitempty"`
	Provider string `json:"provider"`
	Reply    string `json:"reply,omitempty"`
}

// Rows are the addresses to suppress, sorted, and how many failing ones are not
// among them.
func (s *Suppression) Rows() (rows []Suppressed, spared int) {
	rows = []Suppressed{}
	for _, f := range s.found {
		if !s.holds(f) {
			spared++
			continue
		}
		rows = append(rows, Suppressed{
			Address: f.address, Cause: f.cause.String(), Failures: f.count, First: stamp(f.first), Last: stamp(f.last),
			Code: f.reply.Code, Enhanced: f.reply.Enhanced, Provider: f.provider.String(), Reply: f.reply.Text,
		})
	}
	slices.SortFunc(rows, func(a, b Suppressed) int {
		return cmp.Or(cmp.Compare(domain(a.Address), domain(b.Address)), cmp.Compare(a.Address, b.Address))
	})
	return rows, spared
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// WriteCSV writes the addresses with a header line (RFC 4180). No cell is a formula,
// so that an address which begins like one has an apostrophe in front, other than
// in JSON.
func (s *Suppression) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	cells := [][]string{{"address", "cause", "failures", "first", "last", "code", "enhanced", "provider", "reply"}}
	rows, _ := s.Rows()
	for _, r := range rows {
		cells = append(cells, []string{
			spreadsheet.Cell(r.Address), r.Cause, strconv.Itoa(r.Failures), r.First, r.Last, r.Code, r.Enhanced, r.Provider, spreadsheet.Cell(r.Reply),
		})
	}
	return out.WriteAll(cells)
}

// WriteJSON writes the addresses and the rules that they were chosen by.
func (s *Suppression) WriteJSON(w io.Writer) error {
	rows, spared := s.Rows()
	doc := struct {
		Version   int          `json:"version"`
		Causes    []string     `json:"causes"`
		Failures  int          `json:"failures"`
		Over      float64      `json:"over_seconds"`
		Spared    int          `json:"spared"` // failing addresses that the rules spare
		Forgotten uint64       `json:"forgotten_failures"`
		Addresses []Suppressed `json:"addresses"`
	}{Version: 1, Failures: s.Rules.Failures, Over: s.Rules.Over.Seconds(), Spared: spared, Forgotten: s.Forgotten, Addresses: rows}
	for _, c := range s.Rules.Causes {
		doc.Causes = append(doc.Causes, c.String())
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}
