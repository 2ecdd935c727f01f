package main

import (
	"bufio"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
)

const eventsLong = `events prints each outcome: the result of an attempt to deliver, an expiry, or a
refusal by this host, in the order of the lines. docs/events.md has the keys.` + readStatuses

func newEvents() *cobra.Command {
	var opts eventsOptions
	cmd := &cobra.Command{
		Use: "events [flags] FILE|DIR|GLOB|- ...", Short: "Print each outcome, as JSON or Parquet", Long: eventsLong,
		Example: "  bouncewatch events --mask /var/log/mail.log\n" +
			"  bouncewatch events --format parquet /var/log/mail.log > mail.parquet",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return opts.run(cmd, args) },
	}
	formatFlag(cmd.Flags(), &opts.format, report.EventFormats()...)
	cmd.Flags().BoolVar(&opts.remarks, "remarks", false, "also print replies on the way and failed logins")
	cmd.Flags().BoolVar(&opts.mask, "mask", false, "replace the local part of addresses by *")
	opts.selection.addFlags(cmd.Flags())
	return cmd
}

type eventsOptions struct {
	format        string
	remarks, mask bool
	selection     selectionFlags
}

func (o *eventsOptions) run(cmd *cobra.Command, args []string) error {
	out := bufio.NewWriter(cmd.OutOrStdout())
	events := report.NewEvents(out, o.format)
	events.Remarks, events.Mask = o.remarks, o.mask
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	if o.selection.timezone != "" {
		events.Zone = selected.location
	}
	readErr := readAll(cmd, args, &selected, selected.pipeline(events.Add))
	if err := events.Close(); err != nil {
		return inputError{err}
	}
	if err := out.Flush(); err != nil {
		return inputError{err}
	}
	return readErr
}
