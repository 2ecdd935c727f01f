package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The report in the README is what the program prints, but for its dates: stamps
// without a year get that of the file. UPDATE_README=1 writes it anew.
func TestReadmeShowsTheRealReport(t *testing.T) {
	root := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "<!-- report -->\n```console\n$ bouncewatch ")
	if !ok {
		t.Fatal("no report in the README")
	}
	command, report, _ := strings.Cut(block, "\n")
	report, _, _ = strings.Cut(report, "```")
	t.Chdir(root)
	t.Setenv("COLUMNS", "80")
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), strings.Fields(command), nil, &stdout, &stderr); status != exitOK {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	if os.Getenv("UPDATE_README") != "" {
		lines := strings.SplitAfter(stdout.String(), "\n")[:strings.Count(report, "\n")]
		fresh := strings.Replace(string(readme), report, strings.Join(lines, ""), 1)
		if err := os.WriteFile("README.md", []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	undated := func(s string) string {
		return regexp.MustCompile(`(?m)^Mail  .*$`).ReplaceAllString(s, "Mail")
	}
	if want := undated(report); !strings.HasPrefix(undated(stdout.String()), want) {
		t.Errorf("the program prints\n%.3000s\nthe README shows\n%s", stdout.String(), want)
	}
}

// Every command in the documents is one that the program knows, with flags that it
// has.
func TestDocumentedCommandsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?s)```.*?\n```")
	inBlock := regexp.MustCompile(`(?m)^(?:\$ |sudo |\./|go run \./cmd/)?bouncewatch ([a-z].*)$`)
	inText := regexp.MustCompile("`bouncewatch ([a-z][^`]*)`")
	n := 0
	for _, file := range append(files, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "SECURITY.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Join(fence.FindAllString(string(text), -1), "\n")
		found := append(inBlock.FindAllStringSubmatch(blocks, -1), inText.FindAllStringSubmatch(string(text), -1)...)
		for _, m := range found {
			n++
			if err := checkCommandLine(m[1]); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), m[1], err)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d commands found", n)
	}
}

func checkCommandLine(line string) error {
	line = regexp.MustCompile(` #.*| > [^'"]*$| ?\|[^'"]*$`).ReplaceAllString(line, "")
	cmd, rest, err := newRoot().Find(shellWords(line))
	if err == nil && cmd.Name() == "bouncewatch" {
		err = errors.New("no such command")
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	return err
}

// shellWords splits at blanks outside of single quotes.
func shellWords(s string) (words []string) {
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// The tests that SECURITY.md relies on are there.
func TestSecurityTestsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
	}
	if len(named) < 15 {
		t.Errorf("only %d tests are named", len(named))
	}
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for name := range named {
			if strings.Contains(string(source), "func "+name+"(") {
				delete(named, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range named {
		t.Errorf("%s is nowhere", name)
	}
}
