package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
)

const traceLong = `trace tells what happened to each message: where it came from, what was tried,
who answered what, and what became of each recipient in the end.

Lines are put together by queue id, for Postfix, Exim and Sendmail, and across
the ids that a message gets on the same host when a content filter or an alias
puts it back into the queue. The logs are read in the order of their content. A
story comes out when it ends, what is still in the queue last. With flags such
as --status or --cause a story is told if one of its events is selected.` + readStatuses

func newTrace() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use: "trace [flags] FILE|DIR|GLOB|- ...", Short: "Tell what happened to a message", Long: traceLong,
		SuggestFor: []string{"search", "grep", "find", "message"},
		Example: "  bouncewatch trace --to bob@example.com /var/log/mail.log*\n" +
			"  bouncewatch trace --from @example.org --status bounced /var/log/mail.log",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.filter.From, "from", "", "only of this sender: an address, @domain, or <>")
	f.StringVar(&o.filter.To, "to", "", "only to this recipient: an address or @domain")
	f.StringVar(&o.filter.QueueID, "queue-id", "", "only the message with this queue id, and what it became")
	f.StringVar(&o.filter.MessageID, "message-id", "", "only with this Message-ID")
	formatFlag(f, &o.format, "text", "json")
	langFlag(f, &o.lang)
	intFlag(f, &o.entries, "lines", 200, 2, "lines to keep of each story; of more, the middle is left out")
	o.addFlags(f, 100_000)
	return cmd
}

type traceOptions struct {
	storyFlags
	filter  story.Filter
	format  string
	lang    string
	entries int
}

func (o *traceOptions) run(cmd *cobra.Command, args []string) error {
	write := func(s *story.Story, w io.Writer) error { return s.WriteText(w, o.lang) }
	if o.format == "json" {
		write = (*story.Story).WriteJSON
	}
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	keep := selected.keep()
	out := bufio.NewWriter(cmd.OutOrStdout())
	told := teller{out: out, write: write, filter: &o.filter, all: keep == nil}
	t := story.Tracker{Entries: o.entries, Keep: keep, Done: told.tell}
	readErr := o.follow(cmd, args, &selected, &t)
	if told.err == nil {
		told.err = out.Flush()
	}
	if told.err != nil {
		return inputError{told.err}
	}
	if told.n == 0 && readErr == nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "bouncewatch: no message matches")
	}
	return readErr
}

// A teller writes the stories that are asked for.
type teller struct {
	out    io.Writer
	write  func(*story.Story, io.Writer) error
	filter *story.Filter
	all    bool // no event must be selected
	n      int
	err    error // the first of writing
}

func (t *teller) tell(s *story.Story) {
	if t.err != nil || !t.all && !s.Selected || !t.filter.Match(s) {
		return
	}
	t.n++
	t.err = t.write(s, t.out)
}
