package tailer

import "time"

// FileState is what must be kept of one followed path to continue exactly behind the lines that
// Next returned. It contains hashes and no log text.
type FileState struct {
	Path        string            `json:"path"`
	Generations []GenerationState `json:"generations,omitempty"`
	// Known are the first bytes of rotated files of which nothing is left to read.
	Known []Fingerprint `json:"known,omitempty"`
	// Cursor is the position in the systemd journal, which has no files to speak of.
	Cursor string `json:"cursor,omitempty"`
}

// GenerationState is the position in one file that stood, or stands, under the path.
type GenerationState struct {
	Dev         uint64      `json:"dev"`
	Inode       uint64      `json:"inode"`
	Offset      int64       `json:"offset"`
	Size        int64       `json:"size"`
	Line        int64       `json:"line"`
	Fingerprint Fingerprint `json:"fingerprint"`
	Rotated     bool        `json:"rotated,omitempty"`
	// Skipping is set inside the rest of an overlong line.
	Skipping bool `json:"skipping,omitempty"`
}

// SourceStats is the health of one followed path. The counts begin at the call of Follow.
type SourceStats struct {
	Source      string
	Up          bool // the path leads to a file that is being read
	LagBytes    int64
	LastLine    time.Time
	Rotations   int64
	LostBytes   int64
	Truncations int64
	Overlong    int64
}
