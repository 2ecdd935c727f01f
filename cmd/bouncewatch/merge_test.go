package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Any grouping and any order of any hosts' snapshots, some of them of daemons and
// some of other versions, gives the same snapshot.
func TestMergeIsAssociativeAndCommutative(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 10))
		dir := t.TempDir()
		hosts := make([]string, 2+r.IntN(6))
		for i := range hosts {
			hosts[i] = writeHost(t, r, filepath.Join(dir, fmt.Sprintf("host%d", i)))
			if r.IntN(3) == 0 {
				otherVersion(t, r, hosts[i])
			}
		}
		want := mergeSnapshots(t, hosts)
		for try := range 4 {
			r.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
			cut := 1 + r.IntN(len(hosts)-1)
			group := filepath.Join(dir, fmt.Sprintf("group%d.json", try))
			if err := os.WriteFile(group, mergeSnapshots(t, hosts[:cut]), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := mergeSnapshots(t, append([]string{group}, hosts[cut:]...)); !bytes.Equal(got, want) {
				t.Fatalf("seed %d: (%v) and %v make\n%s\nnot\n%s", seed, hosts[:cut], hosts[cut:], got, want)
			}
		}
	}
}

// writeHost writes a daemon's state file with random counts.
func writeHost(t *testing.T, r *rand.Rand, path string) string {
	t.Helper()
	counts := aggregate.NewWithoutDomains()
	if r.IntN(2) == 0 {
		counts = aggregate.New()
	}
	begin := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	for range 50 + r.IntN(200) {
		ev := logparse.Event{
			MTA: logparse.MTA(1 + r.IntN(3)), Direction: logparse.Outbound, Status: logparse.Status(1 + r.IntN(4)),
			Code: replycode.Code(200 + r.IntN(400)), Recipients: 1 + r.IntN(3), Lines: 1,
			Recipient: fmt.Appendf(nil, "u@d%d.example", r.IntN(30)), Delay: float64(r.IntN(1e6)) / 1000,
		}
		counts.Add(&ev, replycode.Verdict{Cause: replycode.Cause(r.IntN(replycode.NumCauses))}, r.IntN(5) == 0)
		counts.At(begin.Add(time.Duration(r.IntN(5000))*time.Minute), ev.Status, uint64(ev.Recipients))
		counts.Unmatched(fmt.Appendf(nil, "word%c", 'a'+rune(r.IntN(20))), 1)
		counts.Line("/var/log/mail.log", logparse.Result(r.IntN(int(logparse.NumResults))))
	}
	dir, err := pipeline.OpenStateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := dir.Save(&pipeline.Snapshot{Version: 1, Created: begin, Counts: counts}, nil); err != nil {
		t.Fatal(err)
	}
	return dir.File()
}

// otherVersion makes a snapshot one of an earlier version, which did not have all
// parts, or of a later one of the same format, which has more.
func otherVersion(t *testing.T, r *rand.Rand, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var snapshot map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&snapshot); err != nil {
		t.Fatal(err)
	}
	counts := snapshot["counts"].(map[string]any)
	for _, part := range []string{"hours", "unmatched", "domains", "first"} {
		if r.IntN(2) == 0 {
			delete(counts, part)
		}
	}
	for _, d := range counts["delays"].([]any) {
		if r.IntN(2) == 0 {
			delete(d.(map[string]any), "Native")
		}
	}
	snapshot["later"], counts["later"] = "x", map[string]int{"y": 1}
	if data, err = json.Marshal(snapshot); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mergeSnapshots(t *testing.T, files []string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args := append([]string{"merge", "--format", "snapshot"}, files...)
	if status := run(t.Context(), args, nil, &stdout, &stderr); status != exitOK {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	return stdout.Bytes()
}
