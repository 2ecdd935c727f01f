// Command bouncewatch reads the logs of Postfix, Exim and Sendmail and says
// which mail failed, with which reply codes, why, and who must act.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

// Exit statuses.
const (
	exitOK     = 0 // everything was read
	exitFailed = 1 // some input failed; the rest was analysed
	exitUsage  = 2 // unknown command, flag or configuration key
	exitHolds  = 3 // the condition of --fail-if holds, or diff found that something moved
)

// release is the version of a build without one; a release sets
// github.com/prometheus/common/version.Version at link time.
const release = "0.1.0"

func init() {
	if version.Version == "" {
		version.Version = release
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends what the first could not
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	out := &standardOutput{to: stdout}
	cmd.SetOut(out)
	cmd.SetErr(stderr)
	cmd, err := cmd.ExecuteContextC(ctx)
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		err = inputError{out.err}
	}
	var failed inputError
	var faulty configError
	var holds conditionError
	var moved movedError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, syscall.EPIPE):
		return exitOK // the reader of our output has seen enough
	case errors.As(err, &holds):
		complain(stderr, holds)
		return exitHolds
	case errors.As(err, &moved):
		complain(stderr, moved)
		return exitHolds
	case errors.As(err, &failed):
		if failed.err != nil {
			complain(stderr, failed.err)
		}
		return exitFailed
	}
	complain(stderr, err)
	if !errors.As(err, &faulty) {
		fmt.Fprintf(stderr, "hint: %s --help lists what there is\n", cmd.CommandPath())
	}
	return exitUsage
}

// complain prints a fault. A name in it may be one that a stranger gave a file.
func complain(stderr io.Writer, err error) {
	fmt.Fprintf(stderr, "bouncewatch: %s\n", terminal.CleanLines(err.Error()))
}

// An inputError is a fault of what was read, not of how the program was called.
// Its err is nil where the faults were printed as they came.
type inputError struct{ err error }

func (e inputError) Error() string {
	if e.err == nil {
		return "some input failed"
	}
	return e.err.Error()
}

func (e inputError) Unwrap() error { return e.err }

const usage = `bouncewatch reads mail server logs and says which mail failed, why, and who must
act.

It understands Postfix, Exim and Sendmail, plain and compressed, and finds out
by itself which of them a line is from.`

const examples = `  bouncewatch analyze /var/log/mail.log*    a report
  bouncewatch explain '550 5.7.26 no SPF'   what a reply means
  bouncewatch doctor                        is all well on this host?
  bouncewatch watch                         metrics for Prometheus
  bouncewatch demo                          the same, on mail that is made up`

// readStatuses ends the help of commands that read logs.
const readStatuses = `

Exit status: 0 all was read, 1 some input failed (the rest was read), 2 wrong
usage.`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "bouncewatch", Short: "What mail server logs say about bounces", Long: usage, Example: examples,
		SilenceErrors: true, SilenceUsage: true, Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Ask logs:", []*cobra.Command{newAnalyze(), newBlocks(), newClients(), newTrace(), newMessages(), newSuppress(), newEvents(), newDiff(), newMerge()}},
		{"Follow logs:", []*cobra.Command{newWatch(), newDoctor(), newDemo(), newConfig(), newCheckConfig()}},
		{"Look up:", []*cobra.Command{newExplain(), newCodes(), newCauses(), newProviders()}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.title
		}
		root.AddCommand(group.commands...)
	}
	root.AddCommand(newVersion())
	root.SetFlagErrorFunc(flagError)
	fitHelp(root)
	completeFlags(root)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), "bouncewatch", version.Version, "("+version.GetRevision()+", "+version.GoVersion+")")
		},
	}
}
