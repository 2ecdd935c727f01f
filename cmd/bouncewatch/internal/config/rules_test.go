package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the shipped file shows of rules and providers works when it is uncommented.
func TestShippedExamplesOfRules(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "configs", "bouncewatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var example strings.Builder
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "#   "); ok {
			example.WriteString(text)
		}
	}
	checks(t, example.String(), 1, "")
}

func checks(t *testing.T, text string, examples int, want string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("c.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := Check("c.yaml")
	got := ""
	if err != nil {
		got = err.Error()
	}
	if n != examples || got != want {
		t.Errorf("%s\n%d examples, faults\n%s\nwant %d,\n%s", text, n, got, examples, want)
	}
}

// An example that its rule does not decide is a fault at its line.
func TestCheckRunsTheExamples(t *testing.T) {
	checks(t, `rules:
  - id: first
    cause: greylisted
    phrases: [come back, tomorrow]
    class: 4xx
    expect:
      - 450 Come back tomorrow
      - 450 Come back today
      - 550 Come back tomorrow
  - id: second
    cause: rate_limited
    phrases: [tomorrow]
    codes: [450, 4.7.1]
    expect:
      - 450 4.7.1 Come back tomorrow
      - 535 Tomorrow
      - 450 4.7.1 User unknown until tomorrow
      - 451 4.7.1 User unknown until tomorrow
`, 7, `c.yaml:8: rules[0].expect[1]: "tomorrow" does not stand in it as whole words
c.yaml:9: rules[0].expect[2]: it is not of class 4xx
c.yaml:15: rules[1].expect[0]: rule first stands before and decides it: greylisted
c.yaml:16: rules[1].expect[1]: its code is 535; basic code 535 decides it: login_failed
c.yaml:18: rules[1].expect[3]: its code is 451 4.7.1; phrase unknown:user-unknown decides it: user_unknown`)
}

// Examples wait until the rules are right; all else is reported with them.
func TestCheckReportsFaultsOfRulesFirst(t *testing.T) {
	checks(t, "poll: 5ms\nrules:\n  - id: a\n    cause: x\n    expect: [b]\n", 1, `c.yaml:1: poll: 5ms is not between 10ms and 1m0s
c.yaml:3: rules[0]: neither phrases nor provider: it would hold for every reply
c.yaml:4: rules[0].cause: no cause "x"`)
}
