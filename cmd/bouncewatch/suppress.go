package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

const suppressLong = `suppress lists the addresses that are not worth mailing any more, for list
software: mail to them failed for good, for a reason that lies in the address,
and no mail to them was delivered since.

An address is listed when --failures messages to it failed, the last at least
--over after the first: a single failure can be a mistake of the other side.
Only the causes user_unknown, mailbox_disabled and bad_domain count, and
recipient_refused if --cause names it. Blocks, policy, content, full mailboxes
and whatever passes never count. Mail from the null sender does not count
either.` + readStatuses

func newSuppress() *cobra.Command {
	var o suppressOptions
	cmd := &cobra.Command{
		Use: "suppress [flags] FILE|DIR|GLOB|- ...", Short: "List addresses to stop mailing", Long: suppressLong,
		Example: "  bouncewatch suppress /var/log/mail.log* > suppress.csv\n" +
			"  bouncewatch suppress --failures 1 --over 0s /var/log/mail.log",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	formatFlag(f, &o.format, "csv", "json")
	intFlag(f, &o.failures, "failures", 2, 1, "messages to the address that failed since the last delivery")
	durationFlag(f, &o.over, "over", time.Hour, 0, "time between the first and the last of them, at least")
	intFlag(f, &o.addresses, "addresses", 1_000_000, 1, "failing addresses to remember; failures of more are counted only")
	o.addFlags(f, 1_000_000)
	return cmd
}

type suppressOptions struct {
	storyFlags
	format              string
	failures, addresses int
	over                time.Duration
}

func (o *suppressOptions) run(cmd *cobra.Command, args []string) error {
	causes, err := suppressCauses(o.selection.causes)
	if err != nil {
		return err
	}
	o.selection.causes = nil // they choose addresses, not events: a delivery has none
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	keep := selected.keep()
	found := story.Suppression{Rules: story.Rules{Causes: causes, Failures: o.failures, Over: o.over}, All: keep == nil, Limit: o.addresses}
	t := story.Tracker{Keep: keep, Replies: true, Done: found.Add}
	readErr := o.follow(cmd, args, &selected, &t)
	if found.Forgotten > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "bouncewatch: note: %d failures are of more addresses than --addresses, and in no list\n", found.Forgotten)
	}
	write := found.WriteCSV
	if o.format == "json" {
		write = found.WriteJSON
	}
	if err := write(cmd.OutOrStdout()); err != nil {
		return inputError{err}
	}
	return readErr
}

// suppressCauses are the causes by name, or the default ones.
func suppressCauses(names []string) ([]replycode.Cause, error) {
	if len(names) == 0 {
		return []replycode.Cause{replycode.UserUnknown, replycode.MailboxDisabled, replycode.BadDomain}, nil
	}
	var known []string
	for _, c := range story.AddressCauses() {
		known = append(known, c.String())
	}
	for _, name := range names {
		if !slices.Contains(known, strings.ToLower(name)) {
			return nil, fmt.Errorf("--cause %q: an address can be suppressed for %s", name, strings.Join(known, ", "))
		}
	}
	return byName("--cause", names, 0, replycode.Cause(replycode.NumCauses))
}
