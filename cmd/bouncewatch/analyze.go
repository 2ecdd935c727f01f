package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

func newAnalyze() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "analyze [flags] FILE|DIR|GLOB|- ...", Short: "Report on archived logs",
		Example: "  bouncewatch analyze testdata/postfix-logs\n  zcat mail.log.*.gz | bouncewatch analyze -",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return fmt.Errorf("unknown format %q: known formats are json, text", format)
			}
			counts := aggregate.New()
			readErr := readAll(cmd, args, counts, nil)
			if err := writeReport(cmd, format, counts); err != nil {
				return inputError{err}
			}
			return readErr
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func writeReport(cmd *cobra.Command, format string, counts *aggregate.Counts) error {
	if format == "json" {
		return report.WriteJSON(cmd.OutOrStdout(), counts)
	}
	return layout(cmd).Write(cmd.OutOrStdout(), counts)
}

// layout fits the text report to where it goes: colour only on a terminal and
// without NO_COLOR, the width of the terminal or $COLUMNS.
func layout(cmd *cobra.Command) report.Text {
	var t report.Text
	t.Width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	f, ok := cmd.OutOrStdout().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		if t.Width <= 0 {
			t.Width = pipeWidth
		}
		return t
	}
	t.Color = os.Getenv("NO_COLOR") == "" && !strings.HasPrefix(os.Getenv("TERM"), "dumb")
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && t.Width <= 0 {
		t.Width = w
	}
	return t
}

// pipeWidth is the width where no terminal sets one: wide enough that nothing
// that a person keeps in a file is cut.
const pipeWidth = 200
