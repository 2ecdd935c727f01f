package tailer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Stream reads lines that come once and from nowhere that they could be read again: standard input, or
// syslog messages from the network. It is used as a Follower is, but what arrives while the process is
// down, or faster than it can be counted, is gone: its counts are exact only for what was received.
type Stream struct {
	name   string
	blocks chan []byte
	cancel context.CancelFunc
	closer func() error
	feeds  sync.WaitGroup

	idle bool
	line int64
	last time.Time

	mu    sync.Mutex
	stats SourceStats
}

// FollowReader reads lines from r until it ends.
func FollowReader(ctx context.Context, name string, r io.Reader) *Stream {
	s, ctx := newStream(ctx, name)
	s.closer = func() error { return nil }
	go func() { // not waited for: a read of a terminal or a pipe cannot be interrupted
		s.end(s.copyLines(ctx, r, Options{}))
	}()
	return s
}

// ListenSyslog receives syslog messages (RFC 3164, RFC 5424) at an address: udp://host:port,
// unixgram:///path, or tcp://host:port with messages that are counted or end in a newline (RFC 6587).
func ListenSyslog(ctx context.Context, address string, logger *slog.Logger) (*Stream, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	s, ctx := newStream(ctx, address)
	switch u.Scheme {
	case "udp":
		err = s.listenPackets(ctx, "udp", u.Host)
	case "unixgram":
		err = s.listenPackets(ctx, "unixgram", u.Path)
	case "tcp":
		err = s.listenTCP(ctx, u.Host, logger)
	default:
		err = fmt.Errorf("%s: write it as in udp://127.0.0.1:5514, tcp://127.0.0.1:5514 or unixgram:///run/bouncewatch/log", address)
	}
	if err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// IsSyslogAddress says whether ListenSyslog is meant.
func IsSyslogAddress(name string) bool {
	scheme, _, ok := strings.Cut(name, "://")
	return ok && (scheme == "udp" || scheme == "tcp" || scheme == "unixgram")
}

func newStream(ctx context.Context, name string) (*Stream, context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	return &Stream{
		name: name, blocks: make(chan []byte, 16), cancel: cancel, line: 1,
		stats: SourceStats{Source: name, Up: true},
	}, ctx
}

// Next returns the next lines; it waits for them until ctx ends.
func (s *Stream) Next(ctx context.Context) (Batch, error) {
	s.idle = false
	select {
	case b := <-s.blocks:
		batch := Batch{Source: s.name, Data: b, Line: s.line}
		s.line += int64(bytes.Count(b, []byte{'\n'}))
		s.last = time.Now()
		return batch, nil
	case <-ctx.Done():
		s.idle = true
		return Batch{}, ctx.Err()
	}
}

// State is empty: there is no place to go back to.
func (s *Stream) State() []FileState { return nil }

// Stats returns the health of the stream as the only source.
func (s *Stream) Stats() []SourceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.LastLine = s.last
	return []SourceStats{st}
}

// CaughtUp tells whether the last call of Next waited in vain.
func (s *Stream) CaughtUp() bool { return s.idle }

// Before is empty: nothing is kept.
func (s *Stream) Before(string, int64) []byte { return nil }

// Close stops receiving.
func (s *Stream) Close() error {
	s.cancel()
	err := s.closer()
	s.feeds.Wait()
	return err
}

// end notes that nothing more will come.
func (s *Stream) end(error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Up = false
}

func (s *Stream) hand(ctx context.Context, b []byte) bool {
	select {
	case s.blocks <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// copyLines hands the lines of r on.
func (s *Stream) copyLines(ctx context.Context, r io.Reader, opts Options) error {
	lines := newLineReader(s.name, r, opts)
	for {
		b, err := lines.next()
		if len(b.Data) > 0 && !s.hand(ctx, bytes.Clone(b.Data)) {
			return ctx.Err()
		}
		s.countOverlong(lines.overlong)
		lines.overlong = 0
		if err != nil {
			return err
		}
	}
}

func (s *Stream) countOverlong(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Overlong += n
}

// maxMessage is what fits into a datagram, and is the limit of messages over TCP, too: no mail server
// logs as much, and there may be many senders.
const maxMessage = 64 << 10

func (s *Stream) listenPackets(ctx context.Context, network, address string) error {
	if network == "unixgram" {
		if err := removeDeadSocket(ctx, address); err != nil {
			return err
		}
	}
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, network, address)
	if err != nil {
		return err
	}
	s.name = network + "://" + conn.LocalAddr().String()
	s.stats.Source = s.name
	s.closer = conn.Close
	s.feeds.Add(1)
	go func() {
		defer s.feeds.Done()
		buf := make([]byte, maxMessage)
		for pause := (pause{}); ; {
			n, _, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) || !pause.after(ctx, err) {
				s.end(err)
				return
			}
			if n > 0 && !s.hand(ctx, oneLine(buf[:n])) {
				return
			}
		}
	}()
	return nil
}

// removeDeadSocket removes what a process that died left behind. A socket that someone reads stays.
func removeDeadSocket(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil // ListenPacket says what is wrong with it
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixgram", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("%s: another process receives there", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// A pause keeps a loop that meets one fault after the other from using up the processor.
type pause struct{ next time.Duration }

const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// after waits if there was a fault, each time longer; false when ctx ends.
func (p *pause) after(ctx context.Context, err error) bool {
	if err == nil {
		p.next = 0
		return true
	}
	p.next = min(max(2*p.next, shortestPause), longestPause)
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// oneLine makes a line of a message: newlines inside it become blanks.
func oneLine(message []byte) []byte {
	line := append(bytes.TrimRight(bytes.Clone(message), "\r\n\x00"), '\n')
	for i := range line[:len(line)-1] {
		if line[i] == '\n' {
			line[i] = ' '
		}
	}
	return line
}

const (
	maxSenders = 64               // connections at the same time
	silence    = 10 * time.Minute // after which a connection is closed
)

func (s *Stream) listenTCP(ctx context.Context, address string, logger *slog.Logger) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s.name = "tcp://" + l.Addr().String()
	s.stats.Source = s.name
	s.closer = l.Close
	s.feeds.Add(1)
	go func() {
		defer s.feeds.Done()
		s.end(s.accept(ctx, l, logger))
	}()
	return nil
}

// accept takes connections until l is closed. It complains once of many faults in a row.
func (s *Stream) accept(ctx context.Context, l net.Listener, logger *slog.Logger) error {
	free := make(chan struct{}, maxSenders)
	pause, failing, full := pause{}, false, false
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) || !pause.after(ctx, err) {
			return err
		}
		if err != nil && !failing {
			logger.Warn("senders of log lines cannot connect now", "err", err)
		}
		if failing = err != nil; failing {
			continue
		}
		select {
		case free <- struct{}{}:
			full = false
		default:
			if !full {
				logger.Warn("too many senders of log lines", "refused", conn.RemoteAddr().String())
			}
			full = true
			conn.Close()
			continue
		}
		s.feeds.Add(1)
		go func() {
			defer s.feeds.Done()
			s.receive(ctx, conn)
			<-free
		}()
	}
}

// receive reads one connection until it ends or the stream is closed.
func (s *Stream) receive(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := bufio.NewReader(&deadlineReader{conn})
	if isCounted(r) {
		s.copyCounted(ctx, r)
		return
	}
	s.copyLines(ctx, r, Options{MaxLine: maxMessage}) //nolint:errcheck // the sender is gone, which is no fault
}

// maxDigits is how long the length of a message may be. A line may begin with a date, too.
const maxDigits = 6

// isCounted says whether messages come as "length blank message" (RFC 6587 section 3.4.1).
func isCounted(r *bufio.Reader) bool {
	for n := 1; n <= maxDigits+1; n++ {
		b, err := r.Peek(n)
		if err != nil {
			return false
		}
		if c := b[n-1]; c < '0' || c > '9' || b[0] == '0' {
			return n > 1 && c == ' '
		}
	}
	return false
}

// copyCounted hands messages on until one has no length.
func (s *Stream) copyCounted(ctx context.Context, r *bufio.Reader) {
	for isCounted(r) {
		n, err := readLength(r)
		if err != nil {
			return
		}
		message := make([]byte, min(n, maxMessage))
		if _, err := io.ReadFull(r, message); err != nil || !s.hand(ctx, oneLine(message)) {
			return
		}
		if rest := n - len(message); rest > 0 {
			s.countOverlong(1)
			if _, err := r.Discard(rest); err != nil {
				return
			}
		}
	}
}

func readLength(r *bufio.Reader) (int, error) {
	digits, err := r.ReadString(' ')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSuffix(digits, " "))
}

// A deadlineReader ends a connection on which nothing comes for long.
type deadlineReader struct{ conn net.Conn }

func (r *deadlineReader) Read(p []byte) (int, error) {
	if err := r.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return r.conn.Read(p)
}
