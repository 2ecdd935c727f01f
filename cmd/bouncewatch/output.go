package main

import (
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
	formatFlag(f, &o.format, report.FormatNames()...)
	choiceFlag(f, &o.report.Table, "table", "with --format csv, which `table`: "+strings.Join(report.TableNames(), ", "), report.TableNames()...)
	intFlag(f, &o.report.Text.Top, "top", 15, 1, "rows of the long tables of the text report")
	langFlag(f, &o.report.Lang)
	f.StringVar(&o.failIf, "fail-if", "", "exit with status 3 if this `condition` holds, as in 'bounce_rate > 5%'; also "+conditionNames())
}

// write writes the report of counts that came from args.
func (o *outputFlags) write(cmd *cobra.Command, counts *aggregate.Counts, args []string) error {
	o.report.Page = report.Page{Note: "by bouncewatch, from " + strings.Join(args, " ")}
	layout(cmd, &o.report.Text)
	return report.Write(cmd.OutOrStdout(), o.format, o.report, counts)
}
