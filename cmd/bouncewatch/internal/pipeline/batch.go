package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

const (
	// chunkSize is what a worker takes of a plain log at a time: enough that
	// starting a piece costs nothing, little enough that the last pieces keep all
	// workers busy.
	chunkSize = 8 << 20
	// primeSize is how much before a piece the parser is shown, for lines that
	// refer to earlier ones: repeated messages and messages in pieces.
	primeSize = 64 << 10
)

// A Batch counts finished logs on many cores. What it counts does not depend on
// how many they are.
type Batch struct {
	Files     []string // as tailer.Expand returns them
	Stdin     io.Reader
	Fetch     func(file string) (io.ReadCloser, error) // if set, opens inputs that cannot be cut, other than Stdin
	Workers   int                                      // 0 means one for each core
	Selection *Selection
	Rules     *replycode.Rules            // nil: the built-in ones
	Location  *time.Location              // of stamps without a zone; nil means local time
	Reference func(file string) time.Time // when a file was last written to, for stamps without a year
	Unparsed  func(*logparse.Frame)       // as Pipeline.Unparsed, one call at a time
	Done      atomic.Int64                // bytes read so far: of an archive, of its text

	unparsedLock sync.Mutex
	chunk        int64 // 0 means chunkSize; smaller in tests
}

// A piece is what a worker counts at a time, and then what it counted.
type piece struct {
	chunk tailer.Chunk
	done  chan struct{}

	counts *aggregate.Counts
	err    error
}

// Run counts all files. Errors are those of single files, in order; everything
// else was counted. When ctx ends, what was counted so far is returned.
func (b *Batch) Run(ctx context.Context) (*aggregate.Counts, []error) {
	workers := b.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	// Pieces are merged in order, whoever counts them. The capacity of both
	// channels bounds how many wait for their turn.
	todo, order := make(chan *piece), make(chan *piece, 2*workers)
	go b.cut(ctx, todo, order)
	for range workers {
		go b.work(ctx, todo)
	}
	total := aggregate.New()
	var errs []error
	for p := range order {
		<-p.done
		if p.counts != nil {
			total.Merge(p.counts)
		}
		if p.err != nil && !(len(errs) > 0 && errs[len(errs)-1].Error() == p.err.Error()) { // of each file once
			errs = append(errs, p.err)
		}
	}
	return total, errs
}

// cut makes pieces of the files.
func (b *Batch) cut(ctx context.Context, todo, order chan<- *piece) {
	defer close(order)
	defer close(todo)
	for _, file := range b.Files {
		chunks, err := []tailer.Chunk{{Path: file, Whole: true}}, error(nil)
		if file != "-" {
			chunks, err = tailer.Chunks(file, cmp.Or(b.chunk, chunkSize))
		}
		if err != nil {
			failed := &piece{err: err, done: make(chan struct{})}
			close(failed.done)
			order <- failed
			continue
		}
		for _, c := range chunks {
			if ctx.Err() != nil {
				return
			}
			p := &piece{chunk: c, done: make(chan struct{})}
			order <- p
			todo <- p
		}
	}
}

func (b *Batch) work(ctx context.Context, todo <-chan *piece) {
	c := replycode.NewClassifier(b.Rules)
	for p := range todo {
		p.counts, p.err = b.Count(ctx, p.chunk, c)
		close(p.done)
	}
}

// Count counts one piece of a log, exactly as far as it goes: merged with all
// others it is what Run returns. Nil are the counts of a piece that a look showed
// to have nothing selected.
func (b *Batch) Count(ctx context.Context, c tailer.Chunk, classifier *replycode.Classifier) (*aggregate.Counts, error) {
	calendar := b.calendar(c.Path)
	if b.outside(c, calendar) {
		b.Done.Add(c.End - c.Start)
		return nil, nil
	}
	r, err := b.open(c)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p := Pipeline{Counts: aggregate.New(), Classifier: classifier, Calendar: &calendar}
	if b.Selection != nil && !b.Selection.All() {
		p.Keep = b.Selection.Keep
	}
	if b.Unparsed != nil {
		p.Unparsed = func(f *logparse.Frame) {
			b.unparsedLock.Lock()
			defer b.unparsedLock.Unlock()
			b.Unparsed(f)
		}
	}
	before, err := c.Before(primeSize)
	if err != nil {
		return nil, err
	}
	p.Prime(before)
	for ctx.Err() == nil {
		block, err := r.Next()
		p.Block(&block)
		b.Done.Add(int64(len(block.Data)))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p.Counts, err
		}
	}
	return p.Counts, nil
}

func (b *Batch) open(c tailer.Chunk) (tailer.Reader, error) {
	switch {
	case c.Path == "-":
		return tailer.NewReader("-", b.Stdin, tailer.Options{}), nil
	case c.Whole && b.Fetch != nil:
		return fetched(c.Path, b.Fetch)
	}
	return c.Open(tailer.Options{})
}

// fetched is a log that comes from elsewhere, and closes it.
func fetched(path string, fetch func(string) (io.ReadCloser, error)) (tailer.Reader, error) {
	r, err := fetch(path)
	if err != nil {
		return nil, err
	}
	return fetchedReader{tailer.NewReader(path, r, tailer.Options{}), r}, nil
}

type fetchedReader struct {
	tailer.Reader
	from io.Closer
}

func (f fetchedReader) Close() error { return errors.Join(f.Reader.Close(), f.from.Close()) }

func (b *Batch) calendar(file string) logparse.Calendar {
	c := logparse.Calendar{Location: b.Location}
	if b.Reference != nil {
		c.Reference = b.Reference(file)
	}
	return c
}

// outside says whether a look at the ends of a piece shows that nothing in it
// can be of the selected time.
func (b *Batch) outside(c tailer.Chunk, calendar logparse.Calendar) bool {
	if b.Selection == nil || c.Path == "-" || b.Selection.Since.IsZero() && b.Selection.Until.IsZero() {
		return false
	}
	head, tail, err := c.Ends()
	if err != nil {
		return false // reading it will say what is wrong
	}
	return b.Selection.outside(FirstTime(head, calendar), lastTime(tail, calendar))
}

// FirstTime is the time of the first line that has one, the zero Time without any.
func FirstTime(data []byte, calendar logparse.Calendar) (t time.Time) {
	var parser logparse.Parser
	var ev logparse.Event
	for len(data) > 0 && t.IsZero() {
		var line []byte
		line, data = cutLine(data)
		parser.Parse(line, &ev)
		t = calendar.Time(parser.Frame().Stamp)
	}
	return t
}

func lastTime(data []byte, calendar logparse.Calendar) (t time.Time) {
	var parser logparse.Parser
	var ev logparse.Event
	for len(data) > 0 {
		var line []byte
		line, data = cutLine(data)
		parser.Parse(line, &ev)
		if s := parser.Frame().Stamp; !s.IsZero() {
			t = calendar.Time(s)
		}
	}
	return t
}
