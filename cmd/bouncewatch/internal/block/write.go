package block

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var stateWords = [...]string{"goes on", "unclear whether it is over", "over"}

// WriteText writes the blocks for people, in lines of so many columns, in English or
// Chinese (lang "zh"): those with at least so many refusals, and how many others there
// are.
func (b *Blocks) WriteText(w io.Writer, least uint64, columns int, lang string) error {
	p := printer{bufio.NewWriter(w), lang, columns}
	if b.From.IsZero() {
		fmt.Fprintln(p, p.T("No outgoing mail with a time."))
		return p.Flush()
	}
	fmt.Fprintln(p, p.T("Blocks")+"  "+b.From.Format(layout)+p.T(" to ")+b.To.Format(layout))
	small, shown := 0, 0
	for _, block := range b.All() {
		if block.Refused < least {
			small++
			continue
		}
		shown++
		p.block(block)
	}
	if shown == 0 {
		fmt.Fprintln(p, "\n"+p.T("No receiver blocked this mail."))
	}
	if small > 0 {
		fmt.Fprintf(p, "\n"+p.T("%s with fewer than %d refusals: --least shows them")+"\n", p.number(uint64(small), "%d receiver", "%d receivers"), least)
	}
	if b.Forgotten > 0 {
		fmt.Fprintln(p, p.number(b.Forgotten, "%d refusal had no room", "%d refusals had no room"))
	}
	return p.Flush()
}

const layout = "2006-01-02 15:04"

// A printer writes text in a language.
type printer struct {
	*bufio.Writer // keeps the first error
	lang          string
	columns       int
}

// T is the text in the printer's language.
func (p *printer) T(english string) string { return language.Text(p.lang, english) }

func (p *printer) number(n uint64, one, many string) string {
	return language.Number(p.lang, n, one, many)
}

func (p *printer) block(b *Block) {
	fmt.Fprintf(p, "\n%s: %s  %s", terminal.Clean(b.Receiver), b.Cause, p.T(stateWords[b.State()]))
	if b.Host != "" {
		fmt.Fprintf(p, "  ("+p.T("mail of %s")+")", terminal.Clean(b.Host))
	}
	fmt.Fprintln(p)
	p.entry("since", b.First.Format(layout))
	p.entry("until", b.Last.Format(layout)+p.T(", the last refusal"))
	p.entry("refused", fmt.Sprintf(p.T("%s, and %d delivered meanwhile"), p.number(b.Refused, "%d attempt", "%d attempts"), b.Between))
	if b.After > 0 {
		p.entry("again", fmt.Sprintf(p.T("%d delivered since %s"), b.After, b.Again.Format(layout)))
	} else {
		p.entry("again", p.T("nothing was delivered since"))
	}
	p.entry("reply", cmp.Or(terminal.Clean(b.Reply), p.T("none")))
	cause := replycode.Causes()[b.Cause]
	advice := cause.Advice
	if p.lang == "zh" {
		advice = cause.AdviceZH
	}
	p.entry("to do", p.T(cause.Actor)+": "+advice)
}

// entry writes a line, and breaks it between words.
func (p *printer) entry(name, text string) {
	before := "  " + terminal.Left(p.T(name), 9)
	for _, line := range terminal.Wrap(text, p.columns-terminal.Columns(before)) {
		fmt.Fprintln(p, strings.TrimRight(before+line, " "))
		before = strings.Repeat(" ", terminal.Columns(before))
	}
}

type jsonBlock struct {
	Host      string `json:"host,omitempty"`
	Receiver  string `json:"receiver"`
	Cause     string `json:"cause"`
	Actor     string `json:"actor"`
	State     string `json:"state"`
	First     string `json:"first"`
	Last      string `json:"last"`
	Refused   uint64 `json:"refused"`
	Meanwhile uint64 `json:"delivered_meanwhile"`
	Since     uint64 `json:"delivered_since"`
	Again     string `json:"delivered_again,omitempty"`
	Reply     string `json:"reply,omitempty"`
}

// WriteJSON writes all blocks.
func (b *Blocks) WriteJSON(w io.Writer) error {
	all := []jsonBlock{}
	for _, x := range b.All() {
		j := jsonBlock{
			Host: x.Host, Receiver: x.Receiver, Cause: x.Cause.String(), Actor: x.Cause.Actor(), State: x.State().String(),
			First: x.First.Format(time.RFC3339), Last: x.Last.Format(time.RFC3339),
			Refused: x.Refused, Meanwhile: x.Between, Since: x.After, Reply: x.Reply,
		}
		if !x.Again.IsZero() {
			j.Again = x.Again.Format(time.RFC3339)
		}
		all = append(all, j)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"version": 1, "blocks": all})
}
