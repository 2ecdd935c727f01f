package main

import (
	"cmp"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
)

const configPrintLong = `print shows every key of the configuration that watch would run with, and where
its value comes from: the defaults, the configuration file, the environment, or
flags, each going before the one it is named after here.

What it prints is a configuration file.`

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Show the configuration", Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigPrint())
	return cmd
}

func newConfigPrint() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "print [flags] [LOG...]", Short: "Print the configuration that watch would run with", Long: configPrintLong,
		Example: "  bouncewatch config print --config /etc/bouncewatch/bouncewatch.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			s.given(cmd, args)
			c, from, err := s.effective()
			if err != nil {
				return err
			}
			return printConfig(cmd, c, from)
		},
	}
	s.register(cmd)
	return cmd
}

func printConfig(cmd *cobra.Command, c config.Config, from origin) error {
	var document yaml.Node
	if err := document.Encode(c); err != nil {
		return err
	}
	for i := 0; i+1 < len(document.Content); i += 2 {
		key := document.Content[i]
		key.HeadComment = cmp.Or(from[key.Value], "default")
	}
	enc := yaml.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent(2)
	if err := enc.Encode(&document); err != nil {
		return inputError{err}
	}
	return enc.Close()
}
