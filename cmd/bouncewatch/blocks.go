package main

import (
	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/block"
)

const blocksLong = `blocks lists receivers that refuse mail of this host for its address, reputation
or rate: since when, how much of it, what they say, and whether it is over.

A receiver is a provider ("bouncewatch providers"), elsewhere a recipient
domain. A block is over when mail is delivered again, and more often in a row
than chance explains in 1 of 20 such blocks: where all was refused, one delivery
is enough. A refusal more than an hour after that begins another block. --cause
looks for refusals of other causes.` + readStatuses

func newBlocks() *cobra.Command {
	var o blocksOptions
	cmd := &cobra.Command{
		Use: "blocks [flags] FILE|DIR|GLOB|- ...", Short: "Say who blocks this host, since when, and whether it is over", Long: blocksLong,
		Example: "  bouncewatch blocks --since yesterday /var/log/mail.log*\n" +
			"  bouncewatch blocks --provider google /var/log/mail.log",
		Args: needsLog,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	formatFlag(f, &o.format, "text", "json")
	langFlag(f, &o.lang)
	intFlag(f, &o.least, "least", 3, 0, "do not show blocks with fewer refusals; json has all")
	o.selection.addFlags(f)
	return cmd
}

type blocksOptions struct {
	format    string
	lang      string
	least     int
	selection selectionFlags
}

func (o *blocksOptions) run(cmd *cobra.Command, args []string) error {
	selected, err := o.selection.parse()
	if err != nil {
		return err
	}
	found := block.Blocks{Causes: selected.Causes}
	if found.Causes == nil {
		found.Causes = block.DefaultCauses()
	}
	selected.Causes = nil // what was delivered counts, too
	readErr := readInTime(cmd, args, &selected, selected.pipeline(found.Add))
	switch {
	case o.format == "json":
		err = found.WriteJSON(cmd.OutOrStdout())
	case readErr != nil && found.From.IsZero():
		return readErr
	default:
		err = found.WriteText(cmd.OutOrStdout(), uint64(o.least), screen(cmd).Width, o.lang)
	}
	if err != nil {
		return inputError{err}
	}
	return readErr
}
