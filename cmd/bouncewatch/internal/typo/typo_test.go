package typo

import "testing"

func TestClosest(t *testing.T) {
	known := []string{"since", "status", "format", "from"}
	for name, want := range map[string]string{
		"sicne":  "since", // two neighbours swapped: one error
		"Since":  "since",
		"formta": "format",
		"form":   "from",
		"stat":   "status", // two letters are missing
		"x":      "",
		"moon":   "",
		"":       "",
	} {
		if got := Closest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("sicne", []string{"since"}), ": did you mean since?"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Hint("moon", []string{"since"}); got != "" {
		t.Errorf("%q", got)
	}
}
