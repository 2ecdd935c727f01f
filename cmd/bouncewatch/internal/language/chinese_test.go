package language

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The texts of the program have a translation, and no translation is of a text that is
// gone.
func TestChineseIsOfTheProgram(t *testing.T) {
	var sources strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "chinese.go") || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".html" {
			return err
		}
		b, err := os.ReadFile(path)
		sources.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := sources.String()
	for _, m := range regexp.MustCompile(`(?:\.T\(|\.say\(|Text\(lang, |\btext\(|\.number\([^"\n]*|Number\([^"\n]*)("(?:[^"\\]|\\.)+")`).FindAllStringSubmatch(all, -1) {
		if english, err := strconv.Unquote(m[1]); err != nil || !has(english) {
			t.Errorf("no Chinese for %s", m[1])
		}
	}
	actors, err := os.ReadFile("../../../../pkg/replycode/cause.go")
	if err != nil {
		t.Fatal(err)
	}
	for english := range Chinese {
		if !strings.Contains(all, strconv.Quote(english)) && !strings.Contains(all, "`"+english) && !strings.Contains(all, english) && !strings.Contains(string(actors), english) {
			t.Errorf("%q is nowhere in the program", english)
		}
	}
}

func has(english string) bool {
	_, ok := Chinese[english]
	return ok
}

// A translation takes the same values in the same order.
func TestChineseHasTheSameValues(t *testing.T) {
	verbs := regexp.MustCompile(`%[-0-9.]*[a-z%]`)
	for english, chinese := range Chinese {
		if a, b := verbs.FindAllString(english, -1), verbs.FindAllString(chinese, -1); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%q has %q, and %q %q", english, a, chinese, b)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		lang string
		n    uint64
		want string
	}{{"en", 0, "0 messages"}, {"en", 1, "1 message"}, {"en", 2, "2 messages"}, {"zh", 1, " 1 封邮件"}, {"zh", 2, " 2 封邮件"}} {
		if got := Number(c.lang, c.n, "%d message", "%d messages"); got != c.want {
			t.Errorf("%s %d: %q", c.lang, c.n, got)
		}
	}
}
