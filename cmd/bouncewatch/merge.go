package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/report"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

const mergeLong = `merge makes one report of many hosts. A SNAPSHOT is what analyze --format
snapshot wrote, or the state.json of a daemon's state directory, which may be
read while it runs.

The order of snapshots does not matter, nor whether they were merged in groups
before (merge --format snapshot). A snapshot named twice counts twice. A
daemon's has no recipient domains and the hours of its last two weeks. Exit
status: 0 all was merged, 1 a snapshot could not be read (the rest is reported),
2 wrong usage, 3 the condition of --fail-if holds.`

func newMerge() *cobra.Command {
	var output outputFlags
	cmd := &cobra.Command{
		Use: "merge [flags] SNAPSHOT|- ...", Short: "Report on many hosts from their snapshots", Long: mergeLong,
		Example: "  bouncewatch analyze --format snapshot /var/log/mail.log* > mx1.json\n" +
			"  bouncewatch merge mx1.json mx2.json mx3.json\n" +
			"  bouncewatch merge --format snapshot site-a/*.json > site-a.json",
		Args: needs("a snapshot", "mx1.json"),
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(cmd, &output, args) },
	}
	output.addFlags(cmd.Flags())
	return cmd
}

func runMerge(cmd *cobra.Command, output *outputFlags, args []string) error {
	failIf, err := parseCondition(output.failIf)
	if err != nil {
		return err
	}
	total := aggregate.New()
	var errs []error
	for _, name := range args {
		counts, partial, err := readSnapshot(cmd, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		total.Merge(counts)
		output.report.Partial = output.report.Partial || partial
	}
	readErr := printFaults(cmd, errs)
	if readErr != nil && output.format == "text" && isEmpty(total) {
		return readErr
	}
	if err := output.write(cmd, total, args); err != nil {
		return inputError{err}
	}
	if readErr == nil && failIf != nil && failIf.holds(total) {
		return conditionError{failIf}
	}
	return readErr
}

func readSnapshot(cmd *cobra.Command, name string) (counts *aggregate.Counts, partial bool, err error) {
	var data []byte
	if name == "-" {
		data, err = io.ReadAll(stdin(cmd))
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, false, err
	}
	if counts, partial, err = report.ReadSnapshot(data); err != nil {
		return nil, false, fmt.Errorf("%s: %w", name, err)
	}
	return counts, partial, nil
}
