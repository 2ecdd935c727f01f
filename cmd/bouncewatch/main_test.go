package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// At the end of each of a hundred processes that tests start the race detector would
	// wait a second for what other goroutines may still do wrong.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=50")
	}
	testscript.Main(m, map[string]func(){"bouncewatch": main})
}

// TestScripts runs the program as a user does: testdata/script has a file for
// each subject.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "unit": unit},
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("COLUMNS", "80")
			return nil
		},
	})
}

// exits is the command "exits STATUS ARGS...": the program, called with these
// arguments, must end with that status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS ARGS...")
	}
	got := 0
	err := ts.Exec("bouncewatch", args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// unit is the command "unit KEY": what KEY of the daily unit runs, with a shell
// and the environment of the script in place of systemd.
func unit(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(filepath.Join(ts.Getenv("ROOT"), "deploy", "systemd", "bouncewatch-daily.service"))
	_, line, ok := strings.Cut(text, "\n"+args[0]+"=")
	_, line, shell := strings.Cut(line, "/bin/sh -c '")
	command, _, closed := strings.Cut(line, "'\n")
	if !ok || !shell || !closed {
		ts.Fatalf("no %s with a shell in the unit", args[0])
	}
	// As systemd.service(5) and systemd.syntax(7) have it.
	command = strings.NewReplacer("\\\n", " ", `\\`, `\`, "$$", "$", "%%", "%").Replace(command)
	if err := ts.Exec("sh", "-c", command); (err != nil) != neg {
		ts.Fatalf("%s: %v", args[0], err)
	}
}
