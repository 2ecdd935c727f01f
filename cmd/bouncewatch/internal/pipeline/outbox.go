package pipeline

import "time"

// An Outbox gets each event that a Live counts, to be sent elsewhere. Its
// position is part of the snapshot: of what it was given, that and only that
// which the snapshot holds goes out.
type Outbox interface {
	// Load goes back to a position of counts that began at created.
	Load(created time.Time, at OutboxPosition) error
	Add(*Seen)
	// Due says that something waits for Seal though nothing new was counted.
	Due() bool
	// Seal puts what was added on disk.
	Seal() OutboxPosition
	// Commit says that a snapshot with what Seal returned last is on disk.
	Commit()
}

// An OutboxPosition is an end of what was put in an Outbox: all batches before
// Batch, and so many bytes of that one.
type OutboxPosition struct {
	Batch uint64 `json:"batch"`
	Bytes int64  `json:"bytes"`
}
