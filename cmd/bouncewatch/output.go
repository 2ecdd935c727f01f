package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// outputFlags are the flags that say how a report is written.
type outputFlags struct {
	format, failIf string
	report         report.Options
}

func (o *outputFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.format, "format", "text", report.FormatNames())
	f.StringVar(&o.report.Table, "table", "causes", "with --format csv, which table: "+report.TableNames())
	intFlag(f, &o.report.Text.Top, "top", 15, 1, "rows of the long tables of the text report")
	f.StringVar(&o.failIf, "fail-if", "", "exit with status 3 if this holds, as in 'bounce_rate > 5%'; also "+conditionNames())
}

// parse finds faults in the flags before anything is read.
func (o *outputFlags) parse() (format report.Format, failIf *condition, err error) {
	if format, err = report.FindFormat(o.format); err != nil {
		return format, nil, err
	}
	if err := report.CheckTable(o.report.Table); err != nil {
		return format, nil, err
	}
	failIf, err = parseCondition(o.failIf)
	return format, failIf, err
}

// write writes the report of counts that came from args.
func (o *outputFlags) write(cmd *cobra.Command, format report.Format, counts *aggregate.Counts, args []string) error {
	o.report.Page = report.Page{Title: "Mail report", Note: "by bouncewatch, from " + strings.Join(args, " ")}
	layout(cmd, &o.report.Text)
	return format.Write(cmd.OutOrStdout(), o.report, counts)
}

// checkFormat says which formats there are, if --format names none of them.
func checkFormat(format string, known ...string) error {
	if slices.Contains(known, format) {
		return nil
	}
	return fmt.Errorf("unknown format %q: known formats are %s", format, strings.Join(known, ", "))
}
