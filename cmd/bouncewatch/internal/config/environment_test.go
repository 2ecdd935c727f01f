package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func lookup(environ ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, entry := range environ {
			if key, value, _ := strings.Cut(entry, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

func TestEnvironmentSetsEveryKey(t *testing.T) {
	c := Default()
	set, err := c.ApplyEnvironment(lookup(
		"BOUNCEWATCH_LOGS=/var/log/mail.log, /logs/*.log,", "BOUNCEWATCH_OLD_DIRS=old", "BOUNCEWATCH_STATE_DIR=/state",
		"BOUNCEWATCH_LISTEN_ADDRESS=:10550", "BOUNCEWATCH_WEB_CONFIG_FILE=/web.yaml",
		"BOUNCEWATCH_FROM_START=true", "BOUNCEWATCH_POLL=1s", "BOUNCEWATCH_ROTATE_WAIT=2m",
		"BOUNCEWATCH_MESSAGE_LIMIT=0", "BOUNCEWATCH_MESSAGE_MAX_AGE=48h", "BOUNCEWATCH_SUSPICIOUS_UNKNOWN=5", "BOUNCEWATCH_SUSPICIOUS_RECIPIENTS=50"))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Logs: []string{"/var/log/mail.log", "/logs/*.log"}, OldDirs: []string{"old"}, StateDir: "/state",
		ListenAddress: []string{":10550"}, WebConfigFile: "/web.yaml",
		FromStart: true, Poll: time.Second, RotateWait: 2 * time.Minute,
		MessageMaxAge: 48 * time.Hour, SuspiciousUnknown: 5, SuspiciousRecipients: 50, Push: defaultPush(), ClickHouse: defaultClickHouse(),
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if want := append(set, inFileOnly...); !slices.Equal(want, Keys()) {
		t.Errorf("set %v, want all of %v but %v", set, Keys(), inFileOnly)
	}
}

func TestEmptyVariablesSetNothing(t *testing.T) {
	c := Default()
	set, err := c.ApplyEnvironment(lookup("BOUNCEWATCH_LISTEN_ADDRESS=", "BOUNCEWATCH_POLL="))
	if err != nil || set != nil || !reflect.DeepEqual(c, Default()) {
		t.Errorf("%+v, set %v, %v", c, set, err)
	}
}

func TestEnvironmentFaultsAreReportedAtOnceAndChangeNothing(t *testing.T) {
	c := Default()
	_, err := c.ApplyEnvironment(lookup("BOUNCEWATCH_LOGS=/a", "BOUNCEWATCH_FROM_START=perhaps",
		"BOUNCEWATCH_POLL=5ms", "BOUNCEWATCH_ROTATE_WAIT=long", "BOUNCEWATCH_LISTEN_ADDRESS=,",
		"BOUNCEWATCH_RULES=a", "BOUNCEWATCH_MESSAGE_LIMIT=many", "BOUNCEWATCH_SUSPICIOUS_UNKNOWN=0"))
	want := `environment: BOUNCEWATCH_FROM_START: "perhaps" is neither true nor false
environment: BOUNCEWATCH_ROTATE_WAIT: "long" is no duration such as 250ms or 1m
environment: BOUNCEWATCH_MESSAGE_LIMIT: "many" is no whole number
environment: BOUNCEWATCH_RULES: can only be set in the configuration file
environment: BOUNCEWATCH_POLL: 5ms is not between 10ms and 1m0s
environment: BOUNCEWATCH_SUSPICIOUS_UNKNOWN: 0 is under 1
environment: BOUNCEWATCH_LISTEN_ADDRESS: at least one is needed`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("changed to %+v", c)
	}
}

func TestMistypedVariables(t *testing.T) {
	got := MistypedVariables([]string{"BOUNCEWATCH_LOG=/a", "BOUNCEWATCH_SERVICE_HOST=192.0.2.1", "BOUNCEWATCH_PORT=tcp://192.0.2.1:10550",
		"BOUNCEWATCH_CONFIG=/c", "BOUNCEWATCH_LOGS=/a", "PATH=/bin", "BOUNCEWATCH_LISTEN_ADRESS=:1"})
	want := []string{
		"BOUNCEWATCH_LISTEN_ADRESS sets nothing: did you mean BOUNCEWATCH_LISTEN_ADDRESS?",
		"BOUNCEWATCH_LOG sets nothing: did you mean BOUNCEWATCH_LOGS?",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
