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
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	var failed inputError
	var holds conditionError
	var moved movedError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, syscall.EPIPE):
		return exitOK // the reader of our output has seen enough
	case errors.As(err, &holds):
		fmt.Fprintf(stderr, "bouncewatch: %v\n", holds)
		return exitHolds
	case errors.As(err, &moved):
		fmt.Fprintf(stderr, "bouncewatch: %v\n", moved)
		return exitHolds
	case errors.As(err, &failed):
		if failed.err != nil {
			fmt.Fprintf(stderr, "bouncewatch: %v\n", failed.err)
		}
		return exitFailed
	}
	fmt.Fprintf(stderr, "bouncewatch: %v\nhint: bouncewatch --help lists commands and flags\n", err)
	return exitUsage
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

const usage = `bouncewatch reads mail server logs and says which mail failed, why, and who must act.

It understands Postfix, Exim and Sendmail, plain and compressed, and finds out
by itself which of them a line is from.`

const examples = `  bouncewatch analyze /var/log/mail.log*          a report on archived logs
  bouncewatch explain '550 5.7.26 unauthenticated'  what a reply means
  bouncewatch doctor                              is all well on this host?
  bouncewatch watch                               metrics for Prometheus on 127.0.0.1:10550
  bouncewatch demo                                the same, on mail that is made up`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "bouncewatch", Short: "What mail server logs say about bounces", Long: usage, Example: examples,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(newWatch(), newAnalyze(), newMerge(), newDiff(), newEvents(), newTrace(), newBlocks(), newClients(), newMessages(), newSuppress(), newExplain(), newCodes(), newCauses(), newProviders(), newCheckConfig(), newConfig(), newDoctor(), newDemo(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), "bouncewatch", version.Version, "("+version.GetRevision()+", "+version.GoVersion+")")
		},
	}
}
