package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
)

func newEvents() *cobra.Command {
	var opts eventsOptions
	cmd := &cobra.Command{
		Use: "events [flags] FILE|DIR|GLOB|- ...", Short: "Print each outcome as a JSON object",
		Example: "  bouncewatch events --mask /var/log/mail.log",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return opts.run(cmd, args) },
	}
	cmd.Flags().StringVar(&opts.format, "format", "json", "json (one object a line)")
	cmd.Flags().BoolVar(&opts.remarks, "remarks", false, "also print replies on the way and failed logins")
	cmd.Flags().BoolVar(&opts.mask, "mask", false, "replace the local part of addresses by *")
	cmd.Flags().StringVar(&opts.timezone, "timezone", "", "zone of stamps without one, as in Europe/Berlin (default: leave them without)")
	cmd.Flags().IntVar(&opts.year, "year", 0, "year of stamps without one (default: from the file's time)")
	return cmd
}

type eventsOptions struct {
	format, timezone string
	remarks, mask    bool
	year             int
}

func (o *eventsOptions) run(cmd *cobra.Command, args []string) error {
	if o.format != "json" {
		return fmt.Errorf("unknown format %q: the known format is json", o.format)
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	events := report.NewEvents(out)
	events.Remarks, events.Mask = o.remarks, o.mask
	location := time.UTC
	if o.timezone != "" {
		var err error
		if location, err = time.LoadLocation(o.timezone); err != nil {
			return fmt.Errorf("--timezone %q: no such time zone", o.timezone)
		}
		events.Zone = location
	}
	source := ""
	readErr := readAll(cmd, args, aggregate.New(), func(s *pipeline.Seen) {
		if events.Calendar == nil || s.Source != source {
			source = s.Source
			events.Calendar = &logparse.Calendar{Location: location, Reference: o.reference(source)}
		}
		events.Add(s)
	})
	if err := events.Close(); err != nil {
		return inputError{err}
	}
	if err := out.Flush(); err != nil {
		return inputError{err}
	}
	return readErr
}

// reference is the time that years are inferred from.
func (o *eventsOptions) reference(source string) time.Time {
	if o.year != 0 {
		return time.Date(o.year, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	if info, err := os.Stat(source); err == nil {
		return info.ModTime()
	}
	return time.Now()
}
