package replycode

import (
	"os"
	"strings"
	"testing"
	"unicode"
)

// The table says what the reference says, in its order but for UnknownCause.
func TestCauses(t *testing.T) {
	data, err := os.ReadFile("testdata/causes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := tsvRows("causes.tsv", string(data), 5)
	if len(rows) != NumCauses || NumCauses != 28 {
		t.Fatalf("%d rows, %d causes, want 28", len(rows), NumCauses)
	}
	table := Causes()
	for i, row := range rows {
		want := Cause((i + 1) % NumCauses)
		if row[3] == "–" { // nobody is named
			row[3] = "unknown"
		}
		c, ok := ParseCause(row[0])
		if !ok || c != want || c.String() != row[0] {
			t.Errorf("%s: cause %d, want %d", row[0], c, want)
		}
		info := table[want]
		got := [...]string{info.Name, info.Definition, info.Usually, info.Actor, info.Advice}
		if got != [5]string(row) || info.Cause != want || want.Actor() != row[3] {
			t.Errorf("%q, want %q", got, row)
		}
	}
}

func TestCausesInChinese(t *testing.T) {
	seen := make(map[string]Cause)
	for _, info := range Causes() {
		for _, text := range []string{info.DefinitionZH, info.AdviceZH} {
			if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%v: %q", info.Cause, text)
			}
			if other, twice := seen[text]; twice {
				t.Errorf("%v and %v: %q", other, info.Cause, text)
			}
			seen[text] = info.Cause
		}
	}
}

func TestCauseOutOfRange(t *testing.T) {
	c := Cause(NumCauses)
	if c.String() != "unknown" || c.Actor() != "unknown" {
		t.Errorf("%s, %s", c, c.Actor())
	}
	if _, ok := ParseCause("no_such_cause"); ok {
		t.Error("no_such_cause is a cause")
	}
}
