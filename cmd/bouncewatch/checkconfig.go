package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
)

const checkConfigLong = `check-config reads a configuration file, runs the examples of its rules, and
reports all faults at once.

Exit status: 0 it is fine, 2 it has faults.`

func newCheckConfig() *cobra.Command {
	return &cobra.Command{
		Use: "check-config FILE", Short: "Check a configuration file and its rules", Long: checkConfigLong,
		Args: oneFile, Example: "  bouncewatch check-config configs/bouncewatch.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			examples, err := config.Check(args[0])
			if err != nil {
				return configError{err}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: fine\n", args[0])
			if examples > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "examples decided by their rules: %d\n", examples)
			}
			return nil
		},
	}
}
