package block

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

var stateWords = [...]string{"goes on", "unclear whether it is over", "over"}

// WriteText writes the blocks for people, in lines of so many columns: those with at
// least so many refusals, and how many others there are.
func (b *Blocks) WriteText(w io.Writer, least uint64, columns int) error {
	out := bufio.NewWriter(w)
	const layout = "2006-01-02 15:04"
	if b.From.IsZero() {
		fmt.Fprintln(out, "No outgoing mail with a time.")
		return out.Flush()
	}
	fmt.Fprintf(out, "Blocks  %s to %s\n", b.From.Format(layout), b.To.Format(layout))
	small, shown := 0, 0
	for _, block := range b.All() {
		if block.Refused < least {
			small++
			continue
		}
		shown++
		block.write(out, layout, columns)
	}
	if shown == 0 {
		fmt.Fprintln(out, "\nNo receiver blocked this mail.")
	}
	if small > 0 {
		fmt.Fprintf(out, "\n%s with fewer than %d refusals: --least shows them\n", story.Plural(small, "receiver"), least)
	}
	if b.Forgotten > 0 {
		fmt.Fprintf(out, "%s had no room\n", story.Plural(int(b.Forgotten), "refusal"))
	}
	return out.Flush()
}

func (b *Block) write(w io.Writer, layout string, columns int) {
	fmt.Fprintf(w, "\n%s: %s  %s", terminal.Clean(b.Receiver), b.Cause, stateWords[b.State()])
	if b.Host != "" {
		fmt.Fprintf(w, "  (mail of %s)", terminal.Clean(b.Host))
	}
	fmt.Fprintf(w, "\n  since    %s\n  until    %s, the last refusal\n", b.First.Format(layout), b.Last.Format(layout))
	fmt.Fprintf(w, "  refused  %s, and %d delivered meanwhile\n", story.Plural(int(b.Refused), "attempt"), b.Between)
	switch {
	case b.After > 0:
		fmt.Fprintf(w, "  again    %d delivered since %s\n", b.After, b.Again.Format(layout))
	default:
		fmt.Fprintln(w, "  again    nothing was delivered since")
	}
	writeWrapped(w, columns, "  reply    ", cmp.Or(terminal.Clean(b.Reply), "none"))
	writeWrapped(w, columns, "  to do    ", b.Cause.Actor()+": "+replycode.Causes()[b.Cause].Advice)
}

// writeWrapped breaks a text between words.
func writeWrapped(w io.Writer, columns int, before, text string) {
	for _, line := range terminal.Wrap(text, columns-len(before)) {
		fmt.Fprintln(w, strings.TrimRight(before+line, " "))
		before = strings.Repeat(" ", len(before))
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
