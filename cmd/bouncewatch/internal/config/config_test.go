package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/bouncewatch/bouncewatch/pkg/replycode"
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
	want.Rules, want.Providers = []replycode.OwnRule{}, []replycode.OwnProvider{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("configs/bouncewatch.yaml = %+v\ndefaults %+v", got, want)
	}
}

// inFileOnly are the keys that no variable can set.
var inFileOnly = []string{"push", "clickhouse", "rules", "providers"}

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
	for _, key := range Keys() {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is not in configs/bouncewatch.yaml", key)
		}
		if !slices.Contains(inFileOnly, key) && !bytes.Contains(data, []byte("# "+Variable(key))) {
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
		"message_limit: 99\nmessage_max_age: 59m\nsuspicious_unknown: 0\nsuspicious_recipients: -1\n": "c.yaml:1: message_limit: 99 is neither 0 nor between 100 and 1000000\n" +
			"c.yaml:2: message_max_age: 59m0s is under 1h\n" +
			"c.yaml:3: suspicious_unknown: 0 is under 1\n" +
			"c.yaml:4: suspicious_recipients: -1 is under 1",
		"lgos: [a]\npoll: 5ms\nrotate_wait: x\nlisten_address: []\n": "c.yaml:1: unknown key \"lgos\": did you mean logs?\n" +
			"c.yaml:2: poll: 5ms is not between 10ms and 1m0s\n" +
			"c.yaml:3: \"x\" is no duration such as 250ms or 1m\n" +
			"c.yaml:4: listen_address: at least one is needed",
		"push:\n  url: prometheus.example.com\n  interval: 1s\n  job: ''\n  username: a\n  bearer_token_file: /b\n  pasword_file: /c\n": `c.yaml:2: push.url: not an address such as https://prometheus.example.com/api/v1/write
c.yaml:3: push.interval: 1s is not between 5s and 5m0s
c.yaml:4: push.job: must not be empty
c.yaml:5: push.username: goes with password_file, and neither without the other
c.yaml:6: push.bearer_token_file: not together with username
c.yaml:7: unknown key "pasword_file": did you mean password_file?`,
		"clickhouse:\n  url: ch:8123\n  table: a;b\n  interval: 1ms\n  spool_mib: 1\n  password_file: /p\n  user: x\n": `c.yaml:2: clickhouse.url: not an address such as http://127.0.0.1:8123
c.yaml:3: clickhouse.table: neither a table nor database.table
c.yaml:4: clickhouse.interval: 1ms is not between 1s and 1h0m0s
c.yaml:5: clickhouse.spool_mib: less than 16
c.yaml:6: clickhouse.password_file: not without username
c.yaml:7: unknown key "user"`,
		"clickhouse:\n  url: http://u:secret@ch:8123\n":       "c.yaml:2: clickhouse.url: put the name in username, the password in a file named in password_file, and nothing behind a question mark",
		"push:\n  url: https://a:b@prometheus.example.com/\n": "c.yaml:2: push.url: put the name in username, and the password in a file named in password_file",
		"logs: ['', /var/log/mail.log, '/var/log/[a']\nlisten_address: ['', '127.0.0.1:', ':10550']\n---\npoll: 1s\n": `c.yaml:1: logs[0]: a log without a name
c.yaml:1: logs[2]: /var/log/[a: syntax error in pattern: check the brackets
c.yaml:2: listen_address[0]: "" is not host:port, as in 127.0.0.1:10550
c.yaml:2: listen_address[1]: "127.0.0.1:" is not host:port, as in 127.0.0.1:10550
c.yaml:4: a second document: what is behind "---" would not be read`,
		"\n\nzzz: 1\n":         "c.yaml:3: unknown key \"zzz\"",
		"logs: [a\n":           "c.yaml:1: did not find expected ',' or ']'",
		"logs: a\nlogs: [b]\n": "c.yaml:2: mapping key \"logs\" already defined at line 1",
		"- a\n":                "c.yaml:1: a list where keys with values belong",
		"from_start: maybe\nmessage_limit: lots\nlogs: {a: 1}\npush: 7\nstate_dir: [a]\n": `c.yaml:1: "maybe" is neither true nor false
c.yaml:2: "lots" is no whole number
c.yaml:3: keys with values where a list belongs
c.yaml:4: "7" where keys with values belong
c.yaml:5: a list where one text belongs`,
		"rules:\n  - id: a\n    cuase: x\n    cause: user_unknwon\n    phrases: [no]\n    codes: [999]\n    class: 2xx\n    provider: gogle\n" +
			"  - id: a\n    cause: greylisted\n    phrases: [come back]\n    expect:\n      - 450 x: y\npoll: 5ms\n": `c.yaml:3: unknown key "cuase": did you mean cause?
c.yaml:4: rules[0].cause: no cause "user_unknwon": did you mean user_unknown?
c.yaml:5: rules[0].phrases[0]: "no" is shorter than 3 bytes
c.yaml:6: rules[0].codes[0]: "999" is neither a reply code such as 550 nor an enhanced one such as 5.7.1 or X.7.1
c.yaml:7: rules[0].class: "2xx" is neither 4xx nor 5xx
c.yaml:8: rules[0].provider: no provider "gogle": did you mean google?
c.yaml:9: rules[1].id: a stands here twice
c.yaml:13: not one text: put quotes around a text with ": " in it
c.yaml:14: poll: 5ms is not between 10ms and 1m0s`,
	} {
		_, err := load(t, text)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "---\n# nothing\n...\n"} {
		if got, err := load(t, text); err != nil || !reflect.DeepEqual(got, Default()) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
