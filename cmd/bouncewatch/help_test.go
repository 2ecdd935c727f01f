package main

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// The help of each command fits a terminal and has an example, whose flags exist.
func TestHelpFitsAndHasExamples(t *testing.T) {
	root := newRoot()
	n := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Long + "\n" + cmd.UsageString()) {
			if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > helpWidth {
				t.Errorf("%s: more than %d columns: %s", cmd.CommandPath(), helpWidth, line)
			}
		}
		if cmd.Example == "" && cmd.Name() != "version" && cmd.Name() != "config" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			n++
			checkHelpExample(t, line)
		}
		for _, c := range cmd.Commands() {
			check(c)
		}
	}
	check(root)
	if n < 30 {
		t.Errorf("only %d examples", n)
	}
}

func checkHelpExample(t *testing.T, line string) {
	t.Helper()
	_, line, ok := strings.Cut(line, "bouncewatch ")
	if !ok {
		t.Errorf("not of bouncewatch: %s", line)
		return
	}
	line, _, _ = strings.Cut(line, "  ")
	if i := strings.LastIndex(line, " > "); i >= 0 && !strings.Contains(line[i:], "'") {
		line = line[:i]
	}
	cmd, rest, err := newRoot().Find(shellWords(strings.TrimSpace(line)))
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

// What a stranger named a file does not rule the terminal of who reads it.
func TestFaultsDoNotRuleTheTerminal(t *testing.T) {
	var out strings.Builder
	status := run(t.Context(), []string{"watch", "--state-dir", t.TempDir(), "/\x1b[31m["}, strings.NewReader(""), io.Discard, &out)
	if status == exitOK || !strings.HasPrefix(out.String(), "bouncewatch: /?[31m[: syntax error in pattern") {
		t.Errorf("status %d: %q", status, out.String())
	}
}
