package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/typo"
)

// A configError is what is wrong with a configuration file. It says all there is
// to say.
type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

// helpWidth is that of the texts of --help.
const helpWidth = 80

// fitHelp breaks the lines of flags in the help of cmd and its commands, and leaves
// flags in the order that they were added in: those of one command come before
// those of many.
func fitHelp(cmd *cobra.Command) {
	template := cmd.UsageTemplate()
	cmd.SetUsageTemplate(strings.ReplaceAll(template, ".FlagUsages", ".FlagUsagesWrapped "+strconv.Itoa(helpWidth)))
	eachCommand(cmd, func(c *cobra.Command) { c.Flags().SortFlags = false })
}

// completeFlags lets a shell complete the words that flags may have.
func completeFlags(cmd *cobra.Command) {
	eachCommand(cmd, func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			known := valuesOf(f)
			if known == nil {
				return
			}
			if err := c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp)); err != nil {
				panic(err) // the flag is there, and is visited once
			}
		})
	})
}

func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		eachCommand(c, visit)
	}
}

// flagError says what is wrong with a flag, and which one was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), plainNumError(invalid.Unwrap()))
	case !errors.As(err, &unknown):
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	if letters := unknown.GetSpecifiedShortnames(); letters != "" { // -since is read as -s -i -n -c -e
		name, _, _ := strings.Cut(letters, "=")
		return fmt.Errorf("unknown flag: -%s%s", name, typo.Hint("--"+name, known))
	}
	name := "--" + unknown.GetSpecifiedName()
	return fmt.Errorf("unknown flag: %s%s", name, typo.Hint(name, known))
}

// plainNumError does not name the function of Go that found the fault.
func plainNumError(err error) error {
	var num *strconv.NumError
	if errors.As(err, &num) {
		return errors.New("no such number")
	}
	return err
}

// knownCommand is the Args of a command that has commands.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if _, err := os.Stat(args[0]); err == nil && cmd.Parent() == nil {
		return fmt.Errorf("%q is no command: did you mean bouncewatch analyze %s?", args[0], strings.Join(args, " "))
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
		if slices.Contains(c.SuggestFor, args[0]) {
			return fmt.Errorf("unknown command %q: did you mean %s?", args[0], c.Name())
		}
	}
	return fmt.Errorf("unknown command %q%s", args[0], typo.Hint(args[0], known))
}

// noArgs is the Args of a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, and %q is one", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneFile is the Args of a command that wants a file.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments: name one file", len(args))
	}
	return nil
}

// needs is the Args of a command that wants an argument, as in the example.
func needs(what, example string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s is missing, as in: %s %s", what, cmd.CommandPath(), example)
		}
		return nil
	}
}

// needsLog is the Args of a command that reads logs.
var needsLog = needs("a log", "/var/log/mail.log")
