package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
)

// snapshotVersion is that of the daemon's state file too, as one reader reads
// both. It changes when an older program could not read a snapshot.
const snapshotVersion = 1

// A snapshot is counts that are to be merged with others: what a report is made
// of. The daemon's state file has the same keys and some more.
type snapshot struct {
	Version int               `json:"version"`
	Partial bool              `json:"partial,omitempty"`
	Counts  *aggregate.Counts `json:"counts"`
}

func writeSnapshot(w io.Writer, d *document) error {
	return json.NewEncoder(w).Encode(snapshot{snapshotVersion, d.Partial, d.counts})
}

// ReadSnapshot reads what the format "snapshot" wrote, or the daemon's state
// file. Partial says that reading was interrupted when it was made.
func ReadSnapshot(data []byte) (counts *aggregate.Counts, partial bool, err error) {
	var head struct {
		Version *int            `json:"version"`
		Counts  json.RawMessage `json:"counts"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, false, fmt.Errorf("no snapshot, as analyze --format snapshot makes one: %w", err)
	}
	if head.Version != nil && *head.Version > snapshotVersion {
		return nil, false, fmt.Errorf("snapshot of version %d, this program knows version %d", *head.Version, snapshotVersion)
	}
	if head.Version == nil || !bytes.HasPrefix(head.Counts, []byte("{")) {
		return nil, false, errors.New("no snapshot: it has no version and counts (bouncewatch analyze --format snapshot makes one)")
	}
	s := snapshot{Counts: aggregate.New()}
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, false, err
	}
	return s.Counts, s.Partial, nil
}
