package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
)

func newCheckConfig() *cobra.Command {
	return &cobra.Command{
		Use: "check-config FILE", Short: "Check a configuration file, run the examples of its rules, and report all faults",
		Args: cobra.ExactArgs(1), Example: "  bouncewatch check-config configs/bouncewatch.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			examples, err := config.Check(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: fine\n", args[0])
			if examples > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "examples decided by their rules: %d\n", examples)
			}
			return nil
		},
	}
}
