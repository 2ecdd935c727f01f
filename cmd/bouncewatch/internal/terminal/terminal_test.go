package terminal

import (
	"slices"
	"testing"
)

// Unicode Standard Annex 11: a character that is Wide or Fullwidth takes two columns.
func TestColumns(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "退信率": 6, "a退b": 4, "ü": 1, "\uff21": 2} {
		if got := Columns(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
	}
}

func TestFitAndFill(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Fit("abcdef", 3), "ab…"},
		{Fit("退信率", 5), "退信…"}, // the third would take columns 5 and 6
		{Fit("退信率", 4), "退…"},
		{Fit("退信率", 6), "退信率"},
		{Fit("abc", 0), ""},
		{Fit("abc", 80), "abc"},
		{Left("退信", 6), "退信  "},
		{Right("退信", 6), "  退信"},
		{Left("longer", 3), "longer"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"one two three", 80, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one extraordinary", 5, []string{"one", "extraordinary"}},
		{"等待等待;若是", 8, []string{"等待等", "待;若是"}}, // no line begins with ;
		{"设置 PTR 记录", 8, []string{"设置 PTR", "记录"}},
		{"", 10, []string{""}},
	} {
		if got := Wrap(c.text, c.columns); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

// What a terminal acts on: C0 and C1 control characters, and characters that turn
// or join what stands around them, or are not seen.
func TestClean(t *testing.T) {
	if got, want := CleanLines("a\x1b\nb\tc\n"), "a?\nb c\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Clean("a\x1b[31m\u009bb\u202ec\u200bd\xffe\U000E0041\n\u2028\u00a0退信\u3000"), "a?[31m?b?c?d?e?   退信 "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
