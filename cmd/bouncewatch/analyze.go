package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

const analyzeLong = `analyze reads finished logs, plain or compressed, and writes a report.

Format, server and compression are recognised by content. Directories are read
with everything in them. Exit status: 0 all was read, 1 some input failed (the
rest is reported), 2 wrong usage, 3 the condition of --fail-if holds.`

func newAnalyze() *cobra.Command {
	var o analyzeOptions
	cmd := &cobra.Command{
		Use: "analyze [flags] FILE|DIR|GLOB|- ...", Short: "Report on archived logs", Long: analyzeLong,
		SuggestFor: []string{"analyse", "report", "read", "summary", "stats"},
		Example: "  bouncewatch analyze testdata/postfix-logs\n" +
			"  bouncewatch analyze --since yesterday --until today /var/log/mail.log*\n" +
			"  zcat mail.log.*.gz | bouncewatch analyze -\n" +
			"  bouncewatch analyze --fail-if 'bounce_rate > 5%' /var/log/mail.log",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	o.output.addFlags(f)
	intFlag(f, &o.jobs, "jobs", 0, 0, "how many files or pieces to read at the same time (default one for each core)")
	f.BoolVar(&o.unparsed, "unparsed", false, "instead of the report, list the lines of mail servers that no rule understands, by shape")
	f.BoolVar(&o.unmatched, "unmatched", false, "instead of the report, list the replies whose cause no rule knows, by shape")
	o.selection.addFlags(f)
	return cmd
}

type analyzeOptions struct {
	jobs                int
	unparsed, unmatched bool
	output              outputFlags
	selection           selectionFlags
}

func (o *analyzeOptions) run(cmd *cobra.Command, args []string) error {
	failIf, err := parseCondition(o.output.failIf)
	if err != nil {
		return err
	}
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	batch := selected.batch(stdin(cmd), o.jobs)
	shapes := aggregate.New()
	if o.unparsed {
		batch.Unparsed = func(f *logparse.Frame) { shapes.Unmatched(shapeOf(f), 1) }
	}
	counts, readErr := runBatch(cmd, batch, args)
	switch {
	case o.unparsed:
		err = writeShapes(cmd, shapes)
	case o.unmatched:
		err = writeShapes(cmd, counts)
	case readErr != nil && o.output.format == "text" && isEmpty(counts):
		return readErr
	default:
		o.output.report.Partial = cmd.Context().Err() != nil
		err = o.output.write(cmd, counts, args)
	}
	if err != nil {
		return inputError{err}
	}
	if readErr == nil && failIf != nil && failIf.holds(counts) {
		return conditionError{failIf}
	}
	return readErr
}

// runBatch counts all inputs. A fault of one is printed and does not stop the
// others; the returned inputError says only that there was one.
func runBatch(cmd *cobra.Command, batch *pipeline.Batch, args []string) (*aggregate.Counts, error) {
	files, errs := tailer.Expand(args)
	batch.Files = files
	stop := progress(cmd, batch)
	counts, more := batch.Run(cmd.Context())
	stop()
	errs = append(errs, more...)
	if cmd.Context().Err() != nil {
		errs = append(errs, errors.New("interrupted: the report is partial"))
	}
	return counts, printFaults(cmd, errs)
}

func printFaults(cmd *cobra.Command, errs []error) error {
	for _, err := range errs {
		hint := ""
		if errors.Is(err, fs.ErrPermission) {
			hint = ": run as a user who may read it (often group adm)"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "bouncewatch: %s%s\n", terminal.Clean(err.Error()), hint)
	}
	if len(errs) > 0 {
		return inputError{}
	}
	return nil
}

// shapeOf is what a bug report needs of a line: who wrote it and what.
func shapeOf(f *logparse.Frame) []byte {
	return fmt.Appendf(nil, "%s: %s", f.Program, f.Message)
}

func writeShapes(cmd *cobra.Command, c *aggregate.Counts) error {
	for _, t := range c.Templates() {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%10d  %s\n", t.N, t.Template); err != nil {
			return err
		}
	}
	return nil
}
