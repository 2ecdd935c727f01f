package main

import (
	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
)

const messagesLong = `messages counts what became of mail in the end, where analyze counts attempts:
delivered at the first try, delivered after it was put off (why, and how long it
took), failed, given up, still in the queue; and whose mail bounces: by sender
domain, authenticated user, client, recipient domain and provider; and senders
that look like a thief's, by the rules of watch.

Memory is bounded: --limit messages are followed at the same time, and --names
names of each kind are counted. With more names, the least frequent make room,
every name with more than 1/names of all recipients is in its table, and each
row says how many recipients it may lack. With flags such as --provider or
--since, recipients count that have a selected event.` + readStatuses

func newMessages() *cobra.Command {
	var o messagesOptions
	cmd := &cobra.Command{
		Use: "messages [flags] FILE|DIR|GLOB|- ...", Short: "Count what became of mail in the end", Long: messagesLong,
		Example: "  bouncewatch messages /var/log/mail.log*\n" +
			"  bouncewatch messages --since yesterday --format json /var/log/mail.log",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	formatFlag(f, &o.format, "text", "json")
	langFlag(f, &o.lang)
	intFlag(f, &o.top, "top", 15, 1, "rows of each table of the text")
	intFlag(f, &o.names, "names", 10_000, 1, "names to count of each kind: domains, users, clients")
	o.addFlags(f, 1_000_000)
	return cmd
}

type messagesOptions struct {
	storyFlags
	format     string
	lang       string
	top, names int
}

func (o *messagesOptions) run(cmd *cobra.Command, args []string) error {
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	keep := selected.keep()
	figures := story.NewFigures(o.names)
	figures.All = keep == nil
	usual := config.Default()
	figures.Suspects = story.NewSuspects(story.Suspicion{Unknown: usual.SuspiciousUnknown, Recipients: usual.SuspiciousRecipients})
	figures.Suspects.All = figures.All
	t := story.Tracker{Keep: keep, Figures: figures}
	readErr := o.follow(cmd, args, &selected, &t)
	if readErr != nil && figures.Empty() {
		return readErr // zeros would say that there was no mail
	}
	if o.format == "json" {
		err = figures.WriteJSON(cmd.OutOrStdout(), t.Ended)
	} else {
		err = figures.WriteText(cmd.OutOrStdout(), o.top, o.lang)
	}
	if err != nil {
		return inputError{err}
	}
	return readErr
}
