package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// idsOf are the owner and group of a file that this process makes.
func idsOf(t *testing.T, path string) (uid, gid uint32) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	return st.Uid, st.Gid
}

func TestObstacleOfOtherUsers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mail.log")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	uid, gid := idsOf(t, file)
	stranger := Who{name: "stranger", uid: 12345}
	member := Who{name: "member", uid: 12345, groups: []uint32{gid}}
	for _, parent := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		who       Who
		dir, file os.FileMode
		want      string
	}{
		{stranger, 0o755, 0o644, ""},
		{stranger, 0o755, 0o640, file},
		{stranger, 0o750, 0o644, dir},
		{stranger, 0o750, 0o640, dir},
		{member, 0o750, 0o640, ""},
		{member, 0o750, 0o604, file}, // the group's bits hold, not those of others
		{member, 0o705, 0o644, dir},
		{Who{name: "owner", uid: uid}, 0o700, 0o400, ""},
		{Who{name: "root"}, 0o700, 0o000, ""},
	} {
		if err := os.Chmod(file, c.file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.dir); err != nil {
			t.Fatal(err)
		}
		at, sure := c.who.obstacle(file, mayRead)
		if at != c.want || !sure {
			t.Errorf("%s, directory %o, file %o: obstacle %q, sure %v; want %q", c.who.name, c.dir, c.file, at, sure, c.want)
		}
	}
}

func TestListenerThatIsTaken(t *testing.T) {
	for body, want := range map[string]Finding{
		"bouncewatch_build_info{} 1\n": {State: Fine, Text: "a bouncewatch serves there"},
		"hello\n":                      {State: Wrong, Text: "in use by another program"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) }))
		host := Host{}
		got := host.listener(server.Listener.Addr().String())
		server.Close()
		if got.State != want.State || got.Text != want.Text {
			t.Errorf("%q: %s, %q; want %s, %q", body, got.State, got.Text, want.State, want.Text)
		}
	}
	locked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer locked.Close()
	host := Host{}
	if got := host.listener(locked.Listener.Addr().String()); got.State != Note || !strings.Contains(got.Text, "asks for a password") {
		t.Errorf("%+v", got)
	}
}

func TestLastLinesAreWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("x", tailSize)
	for text, want := range map[string]string{
		"":                          "",
		"unfinished":                "",
		"a\nb\nunfin":               "a\nb\n",
		long + "\nlast\n":           "last\n",
		"first\n" + long[6:] + "\n": long[6:] + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := lastLines(path)
		if err != nil || string(got) != want {
			t.Errorf("of %d bytes: %d bytes, %v; want %d", len(text), len(got), err, len(want))
		}
	}
}

func TestServersAreToldApartByTheirLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := "2026-11-24T10:00:01Z mx1 postfix/qmgr[1]: 4XyZ1: removed\n" +
		"2026-11-24T10:00:02Z mx1 sm-mta[7]: 6AOA02ab000007: to=<a@example.com>, delay=00:00:01, mailer=esmtp, pri=30000, dsn=2.0.0, stat=Sent (ok)\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	host := Host{Who: Self(), Location: time.UTC}
	f := host.log(path)
	if f.Log == nil || strings.Join(f.Log.Servers, " ") != "postfix sendmail" || f.Log.Lines["event"] != 1 || f.Log.Lines["ignored"] != 1 {
		t.Errorf("%+v %+v", f, f.Log)
	}
}

// What is followed need not be a file.
func TestSourcesThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	journal := filepath.Join(dir, "journal")
	host := Host{Who: Self(), Logs: []string{"journal", "-", "udp://127.0.0.1:5514"}, Journals: []string{journal}}
	states := func() string {
		all := ""
		for _, f := range append(host.logs(), host.journals()...) {
			all += fmt.Sprintf("%s %s %s\n", f.State, f.Check, filepath.Base(f.Subject))
		}
		return all
	}
	const others = "ok log -\nok log 127.0.0.1:5514\n"
	if got, want := states(), others+"wrong journal journalctl\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "journalctl"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, want := states(), others+"wrong journal journal\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if err := os.Mkdir(journal, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, want := states(), others+"ok journal journal\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	host.Who = Who{name: "stranger", uid: 12345}
	if got, want := states(), others+"wrong journal journal\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestNamesDoNotRuleTheTerminal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a\x1b[31m\u009b2J.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	host := Host{Who: Self(), Logs: []string{filepath.Join(dir, "*.log")}}
	report := NewReport(host.Who, host.logs())
	var out strings.Builder
	if err := report.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "a?[31m?2J.log: is empty") {
		t.Errorf("%q", out.String())
	}
}
