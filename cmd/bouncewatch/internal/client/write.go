package client

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

// WriteText writes the clients for people, at most so many, in English or Chinese (lang
// "zh").
func (c *Clients) WriteText(w io.Writer, top int, lang string) error {
	out := bufio.NewWriter(w)
	text := func(english string) string { return language.Text(lang, english) }
	const layout = "2006-01-02 15:04"
	all := c.All()
	if len(all) == 0 {
		fmt.Fprintln(out, text("No client was refused, and no login failed."))
		return out.Flush()
	}
	title := text("Clients")
	if !c.From.IsZero() {
		title += "  " + c.From.Format(layout) + text(" to ") + c.To.Format(layout)
	}
	fmt.Fprintln(out, title)
	for _, x := range all {
		if x.User != "" {
			fmt.Fprintf(out, "\n"+text("Got in: %s as %s at %s, and sent %s")+"\n  ", terminal.Clean(x.IP), terminal.Clean(x.User), x.In.Format(layout), language.Number(lang, x.Messages, "%d message", "%d messages"))
			fmt.Fprintf(out, text("after %d failed logins. Lock the account, end its sessions, see what it sent:")+"\n  bouncewatch trace --from, bouncewatch messages\n", x.Before)
		}
	}
	sum := c.Forgotten
	for _, x := range all {
		sum.Logins, sum.Refused, sum.Put = sum.Logins+x.Logins, sum.Refused+x.Refused, sum.Put+x.Put
	}
	writeHead(out, text)
	for _, x := range all[:min(top, len(all))] {
		fmt.Fprintf(out, "%10d%10d%10d%10d%10d  %s%s\n", x.Logins, x.Refused, x.Unknown, x.Relay, x.Put, cmp.Or(terminal.Clean(x.IP), text("named on no line")), times(x, text))
	}
	if n := len(all) - top; n > 0 {
		fmt.Fprintf(out, "%10s  "+text("and %d more (--top sets how many; --format json has all)")+"\n", "", n)
	}
	fmt.Fprintf(out, "%10d%10d%20s%10d  "+text("in all, of %d clients")+"\n", sum.Logins, sum.Refused, "", sum.Put, len(all))
	if n := c.Forgotten.all(); n > 0 {
		fmt.Fprintf(out, text("%d refusals are of clients that had no room")+"\n", n)
	}
	return out.Flush()
}

// writeHead writes the heads of the columns, in two lines.
func writeHead(w io.Writer, text func(english string) string) {
	for _, line := range [][]string{{"failed", "refused", "unknown", "relaying", "put off"}, {"logins", "", "mailbox"}} {
		fmt.Fprintln(w)
		for _, head := range line {
			fmt.Fprint(w, terminal.Right(text(head), 10))
		}
	}
	fmt.Fprintln(w)
}

// times are when the client was first and last told no.
func times(x *Client, text func(english string) string) string {
	if x.First.IsZero() {
		return ""
	}
	if x.First.Format(time.DateOnly) == x.Last.Format(time.DateOnly) {
		return x.First.Format("  15:04") + text(" to ") + x.Last.Format("15:04")
	}
	return x.First.Format("  01-02 15:04") + text(" to ") + x.Last.Format("01-02 15:04")
}

type jsonClient struct {
	IP       string `json:"client_ip,omitempty"`
	First    string `json:"first,omitempty"`
	Last     string `json:"last,omitempty"`
	Logins   uint64 `json:"failed_logins"`
	Refused  uint64 `json:"refused"`
	Unknown  uint64 `json:"unknown_mailbox"`
	Relay    uint64 `json:"relaying"`
	Put      uint64 `json:"put_off"`
	User     string `json:"got_in_as,omitempty"`
	In       string `json:"got_in_at,omitempty"`
	Messages uint64 `json:"messages_since,omitempty"`
}

// WriteJSON writes all clients.
func (c *Clients) WriteJSON(w io.Writer) error {
	all := []jsonClient{}
	for _, x := range c.All() {
		all = append(all, jsonClient{x.IP, rfc3339(x.First), rfc3339(x.Last), x.Logins, x.Refused, x.Unknown, x.Relay, x.Put, x.User, rfc3339(x.In), x.Messages})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"version": 1, "clients": all, "forgotten": c.Forgotten.all()})
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
