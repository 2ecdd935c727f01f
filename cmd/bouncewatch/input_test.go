package main

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWhoMayReadIsSaid(t *testing.T) {
	var cmd cobra.Command
	var stderr strings.Builder
	cmd.SetErr(&stderr)
	if err := printFaults(&cmd, []error{&fs.PathError{Op: "open", Path: "mail.log", Err: fs.ErrPermission}}); err == nil {
		t.Error("no error")
	}
	if got, want := stderr.String(), "bouncewatch: open mail.log: permission denied: run as a user who may read it (often group adm)\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
