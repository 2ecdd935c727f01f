package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples in docs/trace.md are what the program prints, but for the year,
// which stamps without one get from the file's.
func TestTraceDocShowsRealOutput(t *testing.T) {
	root := filepath.Join("..", "..")
	doc, err := os.ReadFile(filepath.Join(root, "docs", "trace.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	year := regexp.MustCompile(`\b20\d\d-`)
	blocks := regexp.MustCompile("(?s)```console\n\\$ bouncewatch (.*?)\n(.*?)```").FindAllSubmatch(doc, -1)
	for _, b := range blocks {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), shellWords(string(b[1])), nil, &stdout, &stderr); status != exitOK {
			t.Fatalf("%s: status %d: %s", b[1], status, stderr.String())
		}
		got, want := year.ReplaceAllString(strings.ReplaceAll(stdout.String(), "\r", ""), "YYYY-"), year.ReplaceAllString(string(b[2]), "YYYY-")
		if strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s prints\n%s\nthe document shows\n%s", b[1], got, want)
		}
	}
	if len(blocks) < 3 {
		t.Error("examples are missing")
	}
}
