package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("c.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load("c.yaml")
}

func TestShippedFileEqualsDefaults(t *testing.T) {
	got, err := Load(filepath.Join("..", "..", "..", "..", "configs", "bouncewatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Logs, want.OldDirs = []string{}, []string{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("configs/bouncewatch.yaml = %+v\ndefaults %+v", got, want)
	}
}

// The shipped file shows every key that there is, with its variable.
func TestShippedFileHasEveryKey(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "configs", "bouncewatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := yaml.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for key := range allKeys {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is not in configs/bouncewatch.yaml", key)
		}
		if !bytes.Contains(data, []byte("# "+Variable(key))) {
			t.Errorf("%s is not in configs/bouncewatch.yaml", Variable(key))
		}
	}
}

func TestLoadKeepsDefaultsOfMissingKeys(t *testing.T) {
	got, err := load(t, "logs: [/a, /b]\npoll: 1s\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Logs, want.Poll = []string{"/a", "/b"}, time.Second
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLoadReportsAllFaultsAtOnce(t *testing.T) {
	for text, want := range map[string]string{
		"lgos: [a]\npoll: 5ms\nrotate_wait: x\nlisten_address: []\n": "c.yaml:1: unknown key \"lgos\": did you mean logs?\n" +
			"c.yaml:2: poll: 5ms is not between 10ms and 1m0s\n" +
			"c.yaml:3: cannot unmarshal !!str `x` into time.Duration\n" +
			"c.yaml:4: listen_address: at least one is needed",
		"\n\nzzz: 1\n":         "c.yaml:3: unknown key \"zzz\"",
		"logs: [a\n":           "c.yaml:1: did not find expected ',' or ']'",
		"logs: a\nlogs: [b]\n": "c.yaml:2: mapping key \"logs\" already defined at line 1",
		"- a\n":                "c.yaml:1: cannot unmarshal !!seq into config.Config",
	} {
		_, err := load(t, text)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n"} {
		if got, err := load(t, text); err != nil || !reflect.DeepEqual(got, Default()) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
