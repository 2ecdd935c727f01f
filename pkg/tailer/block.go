// Package tailer says where log lines come from: whole lines with their positions, out of archives,
// standard input and files that grow and rotate.
package tailer

const (
	blockSize      = 256 << 10
	defaultMaxLine = 1 << 20
	// holeSize is the shortest run of NUL bytes at the start of a line that is taken for a hole.
	holeSize = 512
)

// Block is a run of lines of one source.
type Block struct {
	// Source is the file as the user named it.
	Source string
	// Data holds whole lines, each ending in \n except possibly the last of a file. It is valid until
	// the next call.
	Data []byte
	// Line is the 1-based number of the first line in Data.
	Line int64
	// Offset is the position of the first line in the (decompressed) file.
	Offset int64
}

// Batch is a Block of a followed file. It is handed out only after the file was seen to be still the
// one the lines were read from, so it may be counted.
type Batch = Block

// Reader yields the lines of one source from beginning to end.
type Reader interface {
	// Next returns the next block, or io.EOF after the last one.
	Next() (Block, error)
	Close() error
}

// Overlonger is implemented by every Reader of this package.
type Overlonger interface {
	// Overlong counts the lines that were cut at Options.MaxLine.
	Overlong() int64
}

// Options are the limits of reading. The zero value works.
type Options struct {
	// MaxLine is the longest line delivered whole; 0 means 1 MiB. Of longer lines the first MaxLine
	// bytes are delivered, the rest is skipped and the line counted as overlong.
	MaxLine int
}

func (o Options) maxLine() int {
	if o.MaxLine <= 0 {
		return defaultMaxLine
	}
	return o.MaxLine
}

// nulRun is the length of the run of NUL bytes at the start of b.
func nulRun(b []byte) int {
	n := 0
	for n < len(b) && b[n] == 0 {
		n++
	}
	return n
}
