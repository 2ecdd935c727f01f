package main

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

type goneReader struct{}

func (goneReader) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// What could not be written is said, however little it is; a reader who has seen
// enough is no fault.
func TestStandardOutputIsFull(t *testing.T) {
	const log = "../../testdata/postfix-logs/pf37.log"
	for _, command := range []string{
		"version", "--help", "analyze --help", "codes", "causes", "providers", "config", "explain 550", "completion bash",
		"check-config ../../configs/bouncewatch.yaml", "analyze " + log, "blocks " + log, "clients " + log, "messages " + log,
		"suppress " + log, "events " + log, "trace --queue-id 7904A141 " + log, "diff " + log + " " + log,
	} {
		var stderr strings.Builder
		args := strings.Fields(command)
		if status := run(t.Context(), args, strings.NewReader(""), fullDisk{}, &stderr); status != exitFailed {
			t.Errorf("%s: status %d, want %d", command, status, exitFailed)
		}
		if want := "bouncewatch: " + syscall.ENOSPC.Error() + "\n"; !strings.HasSuffix(stderr.String(), want) {
			t.Errorf("%s says %q", command, stderr.String())
		}
		stderr.Reset()
		if status := run(t.Context(), args, strings.NewReader(""), goneReader{}, &stderr); status != exitOK {
			t.Errorf("%s into a closed pipe: status %d, %s", command, status, stderr.String())
		}
	}
}

func TestOutputRemembersTheFirstError(t *testing.T) {
	o := standardOutput{to: fullDisk{}}
	o.Write([]byte("a"))
	o.to = goneReader{}
	if _, err := o.Write([]byte("b")); !errors.Is(err, syscall.EPIPE) || !errors.Is(o.err, syscall.ENOSPC) {
		t.Errorf("got %v, remembered %v", err, o.err)
	}
}
