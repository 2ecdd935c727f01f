package main

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

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
	top := o.report.Text.Top
	o.report.Text = screen(cmd)
	o.report.Text.Top = top
	return report.Write(cmd.OutOrStdout(), o.format, o.report, counts)
}

// screen is where a text report goes: colour only on a terminal and without
// NO_COLOR, the width of the terminal or $COLUMNS.
func screen(cmd *cobra.Command) (t report.Text) {
	t.Width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	f, ok := fileOf(cmd.OutOrStdout())
	if !ok || !term.IsTerminal(int(f.Fd())) {
		if t.Width <= 0 {
			t.Width = pipeWidth
		}
		return t
	}
	t.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && t.Width <= 0 {
		t.Width = w
	}
	return t
}

// A standardOutput is where the program writes, and remembers the first error: not all that
// writes a line or two looks.
type standardOutput struct {
	to  io.Writer
	err error
}

func (o *standardOutput) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func fileOf(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*standardOutput); ok {
		w = o.to
	}
	f, ok := w.(*os.File)
	return f, ok
}

// pipeWidth is the width where no terminal sets one.
const pipeWidth = 100
