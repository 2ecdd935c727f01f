package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
)

func newCheckConfig() *cobra.Command {
	return &cobra.Command{
		Use: "check-config FILE", Short: "Check a configuration file and report all faults", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := config.Load(args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: fine\n", args[0])
			return nil
		},
	}
}
