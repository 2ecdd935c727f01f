package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// readAll sends all inputs, in order, through pipelines that share what common
// has. A fault of one input is printed and does not stop the others; the returned
// inputError says only that there was one.
func readAll(cmd *cobra.Command, args []string, selected *selection, common pipeline.Pipeline) error {
	files, errs := tailer.Expand(args)
	return readFiles(cmd, files, errs, selected, common)
}

// readInTime is readAll in the order of time.
func readInTime(cmd *cobra.Command, args []string, selected *selection, common pipeline.Pipeline) error {
	files, errs := tailer.Expand(args)
	return readFiles(cmd, byTime(files, selected.calendar), errs, selected, common)
}

func readFiles(cmd *cobra.Command, files []string, errs []error, selected *selection, common pipeline.Pipeline) error {
	for _, file := range files {
		if cmd.Context().Err() != nil {
			break
		}
		p, calendar := common, selected.calendar(file)
		p.Calendar = &calendar
		if err := eachBlock(cmd, file, func(b *tailer.Block) { p.Block(b) }); err != nil {
			errs = append(errs, err)
		}
	}
	if cmd.Context().Err() != nil {
		errs = append(errs, errors.New("interrupted: not all was read"))
	}
	return printFaults(cmd, errs)
}

// isEmpty says that no line was counted.
func isEmpty(c *aggregate.Counts) bool {
	for _, source := range c.Sources() {
		for _, n := range c.Lines(source) {
			if n > 0 {
				return false
			}
		}
	}
	return true
}

// eachBlock shows an input to visit, block by block, until its end, its first fault
// or an interrupt.
func eachBlock(cmd *cobra.Command, file string, visit func(*tailer.Block)) error {
	r, err := openInput(cmd, file)
	if err != nil {
		return err
	}
	defer r.Close()
	for cmd.Context().Err() == nil {
		block, err := r.Next()
		visit(&block)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func openInput(cmd *cobra.Command, file string) (tailer.Reader, error) {
	if file == "-" {
		return tailer.NewReader("-", stdin(cmd), tailer.Options{}), nil
	}
	return tailer.Open(file, tailer.Options{})
}
