package tailer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// JournalSource is the name of the systemd journal in batches, states and statistics.
const JournalSource = "journal"

// MailFacility selects what programs logged to syslog's mail facility, number 2 (RFC 5424 section 6.2.1).
const MailFacility = "SYSLOG_FACILITY=2"

// journalFields are what is asked of an entry besides its cursor and time (systemd.journal-fields(7)).
const journalFields = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_HOSTNAME,_SOURCE_REALTIME_TIMESTAMP"

// JournalOptions says which entries of the journal to follow and from where. The zero value follows
// what mail servers log from now on.
type JournalOptions struct {
	// Matches select entries as in journalctl(1); none means MailFacility.
	Matches []string
	// FromStart reads all entries there are when nothing is known; otherwise only new ones.
	FromStart bool
	// State continues where an earlier Journal was.
	State []FileState
	// Command is the journalctl to run; empty means that of the search path.
	Command string
	// MaxLine is the longest entry, as JSON; 0 means 1 MiB. Longer ones are left out and counted.
	MaxLine int
	Logger  *slog.Logger

	after func(time.Duration) <-chan time.Time // time.After, except in tests
}

func (o *JournalOptions) setDefaults() {
	if len(o.Matches) == 0 {
		o.Matches = []string{MailFacility}
	}
	if o.Command == "" {
		o.Command = "journalctl"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.after == nil {
		o.after = time.After
	}
}

// Journal reads the systemd journal as journalctl writes it. Like Follower, it belongs to one
// goroutine and is used in the same way. Its batches hold one entry a line, as a JSON object
// (journalctl --output=json): the form of the journal's export in which no message is ambiguous,
// whether it has several lines or is no text.
//
// An entry's place is its cursor. journalctl is started again behind the last one whenever it ends, so
// that entries come once and none is left out while the journal keeps them.
type Journal struct {
	opts   JournalOptions
	cancel context.CancelFunc
	gone   chan struct{}
	blocks chan journalBlock
	taken  chan struct{} // the owner is done with the block it got
	holds  bool          // the owner has a block

	place place // behind what Next returned
	idle  bool  // the last Next waited in vain
	line  int64
	last  time.Time

	mu    sync.Mutex
	stats SourceStats
}

// A place is a position in the journal. An empty cursor is the place before all entries.
type place struct {
	cursor string
	known  bool // false until the first start has found out where the journal ends
}

// A journalBlock is whole entries, or only the place at which a first start begins.
type journalBlock struct {
	data  []byte
	place place
}

// FollowJournal starts following; ctx ends it, as Close does.
func FollowJournal(ctx context.Context, opts JournalOptions) (*Journal, error) {
	opts.setDefaults()
	if _, err := exec.LookPath(opts.Command); err != nil {
		return nil, fmt.Errorf("the journal is read by means of journalctl: %w", err)
	}
	j := &Journal{
		opts: opts, gone: make(chan struct{}), line: 1,
		blocks: make(chan journalBlock), taken: make(chan struct{}),
		place: place{known: opts.FromStart},
	}
	for _, s := range opts.State {
		if s.Path == JournalSource {
			j.place = place{cursor: s.Cursor, known: true}
		}
	}
	ctx, j.cancel = context.WithCancel(ctx)
	go j.run(ctx, j.place)
	return j, nil
}

// Next returns the next entries; it waits for them until ctx ends. They are valid until the next call.
func (j *Journal) Next(ctx context.Context) (Batch, error) {
	if err := ctx.Err(); err != nil {
		return Batch{}, err
	}
	for {
		j.release()
		select {
		case b := <-j.blocks:
			j.holds, j.place = true, b.place
			if len(b.data) > 0 {
				return j.batch(b.data), nil
			}
		case <-j.gone:
			return Batch{}, context.Canceled
		case <-ctx.Done():
			j.idle = true
			return Batch{}, ctx.Err()
		}
	}
}

func (j *Journal) batch(data []byte) Batch {
	j.idle, j.last = false, time.Now()
	b := Batch{Source: JournalSource, Data: data, Line: j.line}
	j.line += int64(bytes.Count(data, []byte{'\n'}))
	return b
}

// release gives the last block back.
func (j *Journal) release() {
	if j.holds {
		j.holds = false
		select {
		case j.taken <- struct{}{}:
		case <-j.gone:
		}
	}
}

// State describes what Next returned so far. Call it between two calls of Next.
func (j *Journal) State() []FileState {
	if !j.place.known {
		return nil // the next start is a first one, too
	}
	return []FileState{{Path: JournalSource, Cursor: j.place.cursor}}
}

// Stats returns the health of the journal as the only source. How much is left to read is not known.
func (j *Journal) Stats() []SourceStats {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := j.stats
	st.Source, st.LastLine = JournalSource, j.last
	return []SourceStats{st}
}

// CaughtUp tells whether the last call of Next waited in vain.
func (j *Journal) CaughtUp() bool { return j.idle }

// Before is empty: the journal is asked for what comes, not for what was.
func (j *Journal) Before(string, int64) []byte { return nil }

// Close ends journalctl.
func (j *Journal) Close() error {
	j.cancel()
	<-j.gone
	return nil
}

// journalctl is started again after pauses that double, as long as it yields nothing.
const (
	firstPause = time.Second
	maxPause   = time.Minute
)

// run keeps journalctl running until ctx ends.
func (j *Journal) run(ctx context.Context, at place) {
	defer close(j.gone)
	pause, complaint := firstPause, ""
	for {
		before := at
		err := j.follow(ctx, &at)
		j.setUp(false)
		if ctx.Err() != nil {
			return
		}
		if at != before {
			pause, complaint = firstPause, ""
		}
		if text := err.Error(); text != complaint {
			complaint = text
			j.opts.Logger.Warn("the journal cannot be read now", "err", err)
		}
		select {
		case <-j.opts.after(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// follow runs journalctl once and moves at behind what the owner took. It never returns nil: following
// has no end.
func (j *Journal) follow(ctx context.Context, at *place) error {
	if !at.known {
		if err := j.findEnd(ctx, at); err != nil {
			return err
		}
	}
	cmd, said := j.command(ctx, j.followArgs(*at)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", j.opts.Command, err)
	}
	j.setUp(true)
	err = j.pass(ctx, out, at)
	return said.explain(errors.Join(err, cmd.Wait()))
}

func (j *Journal) command(ctx context.Context, args ...string) (*exec.Cmd, *complaints) {
	said := &complaints{logger: j.opts.Logger}
	cmd := exec.CommandContext(ctx, j.opts.Command, append(args, "--output=json", "--all", "--no-pager")...) //nolint:gosec // the command is the administrator's
	cmd.Stderr = said
	cmd.WaitDelay = time.Second // for children that keep the pipe open
	return cmd, said
}

// followArgs ask for all entries behind a place and for those to come. Without --no-tail, journalctl
// may show only the last ten.
func (j *Journal) followArgs(at place) []string {
	args := []string{"--follow", "--no-tail", "--output-fields=" + journalFields}
	if at.cursor != "" {
		args = append(args, "--after-cursor="+at.cursor)
	}
	return append(args, j.opts.Matches...)
}

// findEnd makes the last entry of the journal the place to begin behind. The owner gets to know it even
// if no entry follows, so that a restart leaves nothing out.
func (j *Journal) findEnd(ctx context.Context, at *place) error {
	cmd, said := j.command(ctx, "--lines=1", "--quiet", "--output-fields=_PID")
	out, err := cmd.Output()
	if err != nil {
		return said.explain(err)
	}
	end := place{known: true}
	if out = bytes.TrimSpace(out); len(out) > 0 {
		if end.cursor = cursorOf(out); end.cursor == "" {
			return fmt.Errorf("journalctl --lines=1: no cursor in %.100q", out)
		}
	}
	if !j.hand(ctx, journalBlock{place: end}) {
		return ctx.Err()
	}
	*at = end
	return nil
}

// pass hands entries to the owner until the stream ends.
func (j *Journal) pass(ctx context.Context, out io.Reader, at *place) error {
	lines := newLineReader(JournalSource, out, Options{MaxLine: j.opts.MaxLine})
	for {
		block, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading from journalctl: %w", err)
		}
		j.countOverlong(lines)
		data, cursor := wholeEntries(block.Data)
		if cursor == "" {
			continue
		}
		next := place{cursor: cursor, known: true}
		if !j.hand(ctx, journalBlock{data: data, place: next}) {
			return ctx.Err()
		}
		*at = next
	}
}

// hand gives a block to the owner and waits until the owner is done with it.
func (j *Journal) hand(ctx context.Context, b journalBlock) bool {
	select {
	case j.blocks <- b:
	case <-ctx.Done():
		return false
	}
	select {
	case <-j.taken:
	case <-ctx.Done():
	}
	return true
}

func (j *Journal) setUp(up bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.Up = up
}

func (j *Journal) countOverlong(lines *lineReader) {
	if lines.overlong > 0 {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.stats.Overlong += lines.overlong
		lines.overlong = 0
	}
}

// wholeEntries cuts off, from the end of b, what is no whole entry: one that was too long, or torn when
// journalctl ended. What is left ends with an entry, whose cursor is the place behind it.
func wholeEntries(b []byte) (entries []byte, cursor string) {
	for len(b) > 0 {
		start := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
		if cursor := cursorOf(b[start:]); cursor != "" && b[len(b)-1] == '\n' {
			return b, cursor
		}
		b = b[:start]
	}
	return nil, ""
}

// cursorOf is the cursor of an entry, "" if it is no whole entry.
func cursorOf(entry []byte) string {
	var e struct {
		Cursor string `json:"__CURSOR"`
	}
	if json.Unmarshal(entry, &e) != nil {
		return ""
	}
	return e.Cursor
}

// complaints are what journalctl writes to its standard error: each is logged, the last one explains its
// end. It warns there, and goes on, when it may not read everything.
type complaints struct {
	logger *slog.Logger
	mu     sync.Mutex
	last   string
}

func (c *complaints) Write(p []byte) (int, error) {
	const longest = 500
	text := strings.TrimSpace(string(p[:min(len(p), longest)]))
	c.mu.Lock()
	defer c.mu.Unlock()
	if text != "" && text != c.last {
		c.last = text
		c.logger.Warn("journalctl complains", "text", text)
	}
	return len(p), nil
}

func (c *complaints) explain(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil && c.last == "":
		return errors.New("journalctl ended")
	case err == nil:
		return fmt.Errorf("journalctl ended: %s", c.last)
	case c.last == "":
		return fmt.Errorf("journalctl ended: %w", err)
	}
	return fmt.Errorf("journalctl ended: %w: %s", err, c.last)
}
