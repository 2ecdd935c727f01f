package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples in the documents are what the program prints, but for the year,
// which stamps without one get from the file's. A line of three dots stands for any
// lines.
func TestDocsShowRealOutput(t *testing.T) {
	root := filepath.Join("..", "..")
	t.Chdir(root)
	t.Setenv("COLUMNS", "80")
	for name, examples := range map[string]int{"trace.md": 3, "questions.md": 12, "rules.md": 2} {
		doc, err := os.ReadFile(filepath.Join("docs", name))
		if err != nil {
			t.Fatal(err)
		}
		doc = regexp.MustCompile("(?s)```console\n\\$ bouncewatch [^\n]* site\\.yaml.*?```").ReplaceAll(doc, nil) // rules.txtar runs these
		blocks := regexp.MustCompile("(?s)```console\n\\$ bouncewatch (.*?)\n(.*?)```").FindAllSubmatch(doc, -1)
		for _, b := range blocks {
			checkExample(t, string(b[1]), string(b[2]))
		}
		if len(blocks) != examples {
			t.Errorf("%s: %d examples, want %d", name, len(blocks), examples)
		}
	}
}

var anyYear = regexp.MustCompile(`\b20\d\d-`)

func checkExample(t *testing.T, command, shown string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), shellWords(command), nil, &stdout, &stderr)
	if status != exitOK && !(status == exitHolds && strings.HasPrefix(command, "diff ")) {
		t.Fatalf("%s: status %d: %s", command, status, stderr.String())
	}
	plain := func(s string) string {
		return strings.TrimSpace(anyYear.ReplaceAllString(strings.ReplaceAll(s, "\r", ""), "YYYY-"))
	}
	if got := plain(stdout.String()); !isShown(got, plain(shown)) {
		t.Errorf("%s prints\n%s\nthe document shows\n%s", command, got, shown)
	}
}

// isShown says whether a text is shown, with parts of it left out for lines of dots.
func isShown(text, shown string) bool {
	const dots = "\n...\n"
	parts := strings.Split("\n"+shown+"\n", dots)
	rest := "\n" + text + "\n"
	for i, part := range parts {
		part = "\n" + strings.Trim(part, "\n") + "\n"
		at := strings.Index(rest, part)
		if at < 0 || i == 0 && at > 0 && part != "\n\n" {
			return false
		}
		rest = rest[at+len(part)-1:]
	}
	return rest == "\n" || strings.HasSuffix(shown, "\n...")
}
