package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
)

const diffLong = `diff compares two reports, and says which causes and codes are new or gone and
which shares of mail moved by more than chance explains.

Without a time, BEFORE and AFTER are each a log, a directory, or what analyze
--format json or --format snapshot wrote. With --since all arguments are one
log, and what is in that time is compared with the time before it: as long and
right before, unless --before-since and --before-until say another.

Shares are of all outbound outcomes, of all refusals, and of the mail to a
provider. One moved if Newcombe's interval of the difference of two proportions
leaves out zero, at a confidence that allows for the number of shares compared.
Retries of one message count as outcomes of their own: one long queue can move
the share of deferred mail.

Exit status: 0 nothing moved, 1 some input failed, 2 wrong usage, 3 something
moved.`

func newDiff() *cobra.Command {
	o := diffOptions{selected: pflag.NewFlagSet("", pflag.ContinueOnError)}
	cmd := &cobra.Command{
		Use: "diff [flags] BEFORE AFTER | --since TIME FILE|DIR|GLOB ...", Short: "What changed between two reports or two periods", Long: diffLong,
		Example: "  bouncewatch diff last-week.json this-week.json\n" +
			"  bouncewatch diff --since 7d /var/log/mail.log*\n" +
			"  bouncewatch diff --since yesterday --until today /var/log/mail.log*",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	formatFlag(f, &o.format, "text", "json")
	langFlag(f, &o.lang)
	f.Float64Var(&o.noise.Confidence, "confidence", 0.99, "the probability that nothing moves between two periods of like mail")
	f.Float64Var(&o.noise.Factor, "factor", 1.25, "by how much a share must grow or shrink to be worth a word")
	intFlag(f, &o.jobs, "jobs", 0, 0, "how many files or pieces to read at the same time (default one for each core)")
	f.StringVar(&o.beforeSince, "before-since", "", "compare with the time from this on (default: as long as --since to --until)")
	f.StringVar(&o.beforeUntil, "before-until", "", "compare with the time before this (default: that of --since)")
	o.selection.addFlags(o.selected)
	f.AddFlagSet(o.selected)
	return cmd
}

type diffOptions struct {
	format, lang             string
	noise                    report.DiffOptions
	jobs                     int
	beforeSince, beforeUntil string
	selection                selectionFlags
	selected                 *pflag.FlagSet // those of selection
}

// A movedError says that shares moved.
type movedError int

func (n movedError) Error() string { return fmt.Sprintf("%d shares moved beyond noise", int(n)) }

func (o *diffOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	read := o.readTwo
	if o.timed() {
		read = o.readPeriods
	}
	before, after, readErr := read(cmd, selected, args)
	if before == nil || after == nil {
		return readErr
	}
	d := report.Compare(*before, *after, o.noise)
	if err := o.write(cmd, d); err != nil {
		return inputError{err}
	}
	if readErr == nil && d.Moved > 0 {
		return movedError(d.Moved)
	}
	return readErr
}

func (o *diffOptions) check(args []string) error {
	if !(o.noise.Confidence > 0 && o.noise.Confidence < 1) {
		return fmt.Errorf("--confidence %g: it is between 0 and 1", o.noise.Confidence)
	}
	if !(o.noise.Factor >= 1) {
		return fmt.Errorf("--factor %g: it is 1 or more", o.noise.Factor)
	}
	stdin := len(args) - len(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "-" }))
	switch {
	case o.timed() && o.selection.since == "":
		return errors.New("a period needs --since")
	case o.timed() && stdin > 0, stdin > 1:
		return errors.New("standard input cannot be read twice")
	case !o.timed() && len(args) != 2:
		return fmt.Errorf("%d arguments: name what to compare, BEFORE and AFTER, or a period of one log with --since", len(args))
	}
	return nil
}

// timed says whether two periods of one log are compared.
func (o *diffOptions) timed() bool {
	return o.selection.since != "" || o.selection.until != "" || o.beforeSince != "" || o.beforeUntil != ""
}

func (o *diffOptions) write(cmd *cobra.Command, d *report.Diff) error {
	if o.format == "json" {
		return d.WriteJSON(cmd.OutOrStdout())
	}
	return d.WriteText(cmd.OutOrStdout(), screen(cmd), o.lang)
}

// readPeriods counts two periods of one log.
func (o *diffOptions) readPeriods(cmd *cobra.Command, selected selection, args []string) (before, after *report.Side, err error) {
	then, now, err := o.periods(selected, time.Now())
	if err != nil {
		return nil, nil, err
	}
	before, err = o.count(cmd, then, args, nil)
	after, more := o.count(cmd, now, args, nil)
	return before, after, cmp.Or(err, more)
}

// periods are the selections of both periods.
func (o *diffOptions) periods(selected selection, now time.Time) (before, after selection, err error) {
	end := selected.Until
	if end.IsZero() {
		end = now
	}
	if !selected.Since.Before(end) {
		return before, after, fmt.Errorf("--since %s is not in the past", o.selection.since)
	}
	other := *selected.Selection
	now = now.In(selected.location)
	if other.Until, err = parseTime("--before-until", o.beforeUntil, now); err != nil {
		return before, after, err
	}
	if other.Until.IsZero() {
		other.Until = selected.Since
	}
	if other.Since, err = parseTime("--before-since", o.beforeSince, now); err != nil {
		return before, after, err
	}
	if other.Since.IsZero() {
		other.Since = other.Until.Add(-end.Sub(selected.Since))
	}
	if !other.Since.Before(other.Until) {
		return before, after, fmt.Errorf("--before-since %s is not before --before-until", o.beforeSince)
	}
	before, after = selected, selected
	before.Selection = &other
	return before, after, nil
}

// readTwo reads two reports or logs.
func (o *diffOptions) readTwo(cmd *cobra.Command, selected selection, args []string) (before, after *report.Side, err error) {
	if before, err = o.read(cmd, selected, args[0]); before == nil {
		return nil, nil, err
	}
	after, more := o.read(cmd, selected, args[1])
	return before, after, cmp.Or(err, more)
}

// read is the report in a file, or that on a log. Of a log of which a part was
// read, there are both a Side and an error.
func (o *diffOptions) read(cmd *cobra.Command, selected selection, arg string) (*report.Side, error) {
	in, once := stdin(cmd), true
	if arg != "-" {
		info, err := os.Stat(arg)
		if err != nil || info.IsDir() { // a pattern, or reading it will say what is wrong
			return o.count(cmd, selected, []string{arg}, nil)
		}
		file, err := os.Open(arg)
		if err != nil {
			return nil, inputError{err}
		}
		defer file.Close()
		in, once = file, !info.Mode().IsRegular()
	}
	head := bufio.NewReaderSize(in, headSize)
	switch {
	case isReport(head):
		return o.readReport(arg, head)
	case once:
		return o.count(cmd, selected, []string{"-"}, head)
	}
	return o.count(cmd, selected, []string{arg}, nil)
}

func (o *diffOptions) readReport(name string, r io.Reader) (*report.Side, error) {
	var used error
	o.selected.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			used = fmt.Errorf("%s is a report, and what it counted cannot be selected: --%s is for logs", name, f.Name)
		}
	})
	if used != nil {
		return nil, used
	}
	side, err := report.ReadSide(r)
	if err != nil {
		return nil, inputError{fmt.Errorf("%s: %w", name, err)}
	}
	return &side, nil
}

const headSize = 4 << 10

// isReport looks at the first key of a JSON object: that of a report or a snapshot,
// or of one with its keys sorted. A log in JSON has others.
func isReport(r *bufio.Reader) bool {
	head, _ := r.Peek(headSize) // less at the end of a short input
	head = bytes.TrimLeft(head, " \t\r\n")
	if !bytes.HasPrefix(head, []byte("{")) {
		return false
	}
	head = bytes.TrimLeft(head[1:], " \t\r\n")
	return slices.ContainsFunc([]string{`"version"`, `"causes"`, `"counts"`}, func(key string) bool {
		return bytes.HasPrefix(head, []byte(key))
	})
}

// count is the report on logs, nil if nothing could be read.
func (o *diffOptions) count(cmd *cobra.Command, selected selection, args []string, stdin io.Reader) (*report.Side, error) {
	counts, err := runBatch(cmd, selected.batch(stdin, o.jobs), args)
	if err != nil && isEmpty(counts) {
		return nil, err
	}
	side := report.SideOf(counts, cmd.Context().Err() != nil)
	return &side, err
}
