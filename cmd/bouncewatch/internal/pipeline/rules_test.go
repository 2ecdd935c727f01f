package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func greylistRules(t *testing.T) *replycode.Rules {
	t.Helper()
	rules, err := replycode.NewRules([]replycode.OwnRule{{ID: "a", Cause: "greylisted", Phrases: []string{"no such user"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// All workers of a Batch classify by its rules.
func TestBatchClassifiesByItsRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(path, []byte(strings.Join(bounceLines(50), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := run(t, &Batch{Files: []string{path}, Workers: 3, Rules: greylistRules(t), chunk: 4 * int64(len(bounceLine))}).Rows()
	if len(rows) != 1 || rows[0].Cause != replycode.Greylisted || rows[0].N != 50 {
		t.Errorf("rows %+v, want 50 greylisted", rows)
	}
}

// A reload brings its rules; what was counted stays.
func TestReloadBringsRules(t *testing.T) {
	s := &script{lines: bounceLines(4)}
	l := startLive(t, stateDir(t, t.TempDir()), s)
	steps(t, l, 2)
	switchTo(t, l, reload{l.opts.Follow, greylistRules(t)})
	steps(t, l, 2)
	l.checkpoint()
	got := map[replycode.Cause]uint64{}
	for _, r := range l.View().Counts.Rows() {
		got[r.Cause] += r.N
	}
	if len(got) != 2 || got[replycode.UserUnknown] != 2 || got[replycode.Greylisted] != 2 {
		t.Errorf("causes %v, want 2 user_unknown, then 2 greylisted", got)
	}
}
