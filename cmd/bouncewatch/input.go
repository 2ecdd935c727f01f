package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// readAll counts all inputs. A fault of one is printed and does not stop the
// others; the returned inputError says only that there was one.
func readAll(cmd *cobra.Command, args []string, counts *aggregate.Counts, visit func(*pipeline.Seen)) error {
	files, errs := tailer.Expand(args)
	for _, file := range files {
		if err := cmd.Context().Err(); err != nil {
			errs = append(errs, errors.New("interrupted: the report is partial"))
			break
		}
		if err := readFile(cmd, file, counts, visit); err != nil {
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		fmt.Fprintf(cmd.ErrOrStderr(), "bouncewatch: %v\n", err)
	}
	if len(errs) > 0 {
		return inputError{}
	}
	return nil
}

func readFile(cmd *cobra.Command, file string, counts *aggregate.Counts, visit func(*pipeline.Seen)) error {
	r, err := openInput(cmd, file)
	if err != nil {
		return err
	}
	defer r.Close()
	p := pipeline.Pipeline{Counts: counts, Visit: visit}
	for {
		block, err := r.Next()
		if len(block.Data) > 0 {
			p.Block(&block)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if cmd.Context().Err() != nil {
			return nil
		}
	}
}

func openInput(cmd *cobra.Command, file string) (tailer.Reader, error) {
	if file == "-" {
		return tailer.NewReader("-", cmd.InOrStdin(), tailer.Options{}), nil
	}
	return tailer.Open(file, tailer.Options{})
}
