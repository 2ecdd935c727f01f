package logparse

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unsafe"
)

// readLines are the lines of a file of testdata.
func readLines(t testing.TB, name string) [][]byte {
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

// readTruths has what is known of the lines of a log of Postfix or Exim, by number.
func readTruths(t testing.TB, name string) map[int]*pfTruth {
	truths := map[int]*pfTruth{}
	for _, row := range readLines(t, name) {
		truth := new(pfTruth)
		if err := json.Unmarshal(row, truth); err != nil {
			t.Fatal(err)
		}
		if truths[truth.Line] != nil {
			t.Fatalf("line %d has two truths", truth.Line)
		}
		truths[truth.Line] = truth
	}
	return truths
}

func checkNoAllocations(t *testing.T, name string) {
	t.Helper()
	lines := readLines(t, name)[:2000]
	var p Parser
	var ev Event
	n := testing.AllocsPerRun(8, func() { // the mean is rounded down: what the runtime does once is none of ours
		for _, line := range lines {
			p.Parse(line, &ev)
		}
	})
	if n != 0 {
		t.Errorf("%s: %v allocations for %d lines", name, n, len(lines))
	}
}

// checkSlices holds an Event to its promise that all its text is of the message.
func checkSlices(t *testing.T, ev *Event, message []byte) {
	t.Helper()
	for _, b := range [][]byte{ev.QueueID, ev.Recipient, ev.Sender, ev.RelayHost, ev.RelayIP, ev.ClientIP, ev.Text} {
		if !isInside(b, message) {
			t.Fatalf("%q is not part of the message", b)
		}
	}
}

// isInside says whether b is a part of whole, in memory.
func isInside(b, whole []byte) bool {
	if b == nil {
		return true
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return at >= start && at+uintptr(len(b)) <= start+uintptr(len(whole))
}
