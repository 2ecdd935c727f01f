package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A kind of line, and what must be counted of it.
type kind struct {
	text                               string // behind the queue id
	program                            string
	status, code, class, enhanced, dsn string // status "" for lines that tell no outcome
	result                             string // as in bouncewatch_lines_total
}

// The kinds, as Postfix writes them. {} is another text each time.
var kinds = []kind{
	{program: "smtp", status: "sent", code: "250", class: "2xx", enhanced: "2.0.0", dsn: "2.0.0", text: "250 2.0.0 Ok: queued as {}"},
	{program: "smtp", status: "sent", code: "250", class: "2xx", enhanced: "2.0.0", dsn: "2.0.0", text: "250 2.0.0 OK {} - gsmtp"},
	{program: "smtp", status: "bounced", code: "550", class: "5xx", enhanced: "5.1.1", dsn: "5.1.1", text: "550 5.1.1 <{}@example.com>: User unknown"},
	{program: "smtp", status: "bounced", code: "552", class: "5xx", enhanced: "5.2.2", dsn: "5.2.2", text: "552-5.2.2 The recipient is over quota 552 5.2.2 {}"},
	{program: "smtp", status: "bounced", code: "554", class: "5xx", enhanced: "5.7.1", dsn: "5.7.1", text: "554 5.7.1 blocked using zen.spamhaus.org; {}"},
	{program: "smtp", status: "bounced", code: "503", class: "5xx", dsn: "5.0.0", text: "503 {} a reply that says {} nothing to any rule"},
	{program: "smtp", status: "deferred", code: "421", class: "4xx", enhanced: "4.7.0", dsn: "4.7.0", text: "421 4.7.0 Try again later {}"},
	{program: "smtp", status: "deferred", code: "450", class: "4xx", enhanced: "4.2.0", dsn: "4.2.0", text: "450 4.2.0 Greylisted, {}"},
	{program: "smtp", status: "deferred", code: "451", class: "4xx", dsn: "4.0.0", text: "451 {}"},
	{program: "qmgr", text: "removed", result: "ignored"},
	{program: "cleanup", text: "message-id=<{}@example.com>", result: "ignored"},
}

// A log is written by a mail host and rotated by logrotate. Its stamps pass a day.
type log struct {
	path    string
	written int
	rotated int
	of      []int // lines of each kind

	total  int
	file   *os.File
	random *rand.Rand
	start  time.Time
	buf    []byte
}

func newLog(path string, total int) (*log, error) {
	l := &log{path: path, total: total, of: make([]int, len(kinds)), random: rand.New(rand.NewPCG(1, 2))}
	l.start = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	return l, l.open()
}

func (l *log) close() { l.file.Close() }

func (l *log) open() (err error) {
	if l.file != nil {
		l.file.Close()
	}
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

// write appends lines, many with one call, as a syslog daemon under load does.
func (l *log) write(lines int) error {
	for lines > 0 {
		l.buf = l.buf[:0]
		stamp := l.start.Add(time.Duration(float64(l.written) / float64(l.total) * float64(24*time.Hour))).Format("2006-01-02T15:04:05.000000-07:00")
		for ; lines > 0 && len(l.buf) < 64<<10; lines-- {
			l.line(stamp, l.random.IntN(len(kinds)))
		}
		if _, err := l.file.Write(l.buf); err != nil {
			return err
		}
	}
	return nil
}

func (l *log) line(stamp string, number int) {
	l.written++
	l.of[number]++
	k := kinds[number]
	b := append(l.buf, stamp...)
	b = append(b, " mx1 postfix/"...)
	b = append(b, k.program...)
	b = append(b, "[4321]: "...)
	b = strconv.AppendInt(append(b, "4X"...), 1e9+int64(l.written), 10)
	b = append(b, ": "...)
	if k.status != "" {
		b = append(b, "to=<someone@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=0.9, delays=0.1/0/0.3/0.5, dsn="...)
		b = append(b, k.dsn...)
		b = append(b, ", status="...)
		b = append(b, k.status...)
		b = append(b, " ("...)
	}
	if k.class != "2xx" && k.status != "" {
		b = append(b, "host mx.example.com[192.0.2.25] said: "...)
	}
	for rest := k.text; ; {
		before, after, found := strings.Cut(rest, "{}")
		b = append(b, before...)
		if !found {
			break
		}
		b = strconv.AppendUint(b, l.random.Uint64(), 36)
		rest = after
	}
	if k.status != "" {
		if k.class != "2xx" {
			b = append(b, " (in reply to RCPT TO command)"...)
		}
		b = append(b, ')')
	}
	l.buf = append(b, '\n')
}

// counts are what must be served, by name and labels.
func (l *log) counts() map[string]int {
	counts := map[string]int{}
	for i, n := range l.of {
		k := kinds[i]
		add := func(format string, args ...any) { counts[fmt.Sprintf("bouncewatch_"+format, args...)] += n }
		if k.status == "" {
			add("lines_total{result=%q,source=%q}", k.result, l.path)
			continue
		}
		add("lines_total{result=%q,source=%q}", "event", l.path)
		add("events_total{direction=%q,mta=%q,status=%q}", "outbound", "postfix", k.status)
		add("replies_total{class=%q,code=%q,direction=%q,mta=%q}", k.class, k.code, "outbound", "postfix")
		if k.enhanced != "" {
			add("enhanced_codes_total{class=%q,direction=%q,enhanced=%q,mta=%q}", k.class, "outbound", k.enhanced, "postfix")
		}
	}
	return counts
}

// rotate does what logrotate can be told, one way after the other.
func (l *log) rotate(n int) error {
	l.rotated++
	switch n % 3 {
	case 0: // create; the daemon is told a bit later, and writes on to the old file
		return errors.Join(l.shift(), os.Rename(l.path, l.path+".1"), os.WriteFile(l.path, nil, 0o600), l.write(min(1000, l.total-l.written)), l.open())
	case 1: // create, delaycompress
		return errors.Join(l.compress(), l.shift(), os.Rename(l.path, l.path+".1"), l.open())
	default: // copytruncate, while nothing is written
		return errors.Join(l.shift(), copyFile(l.path, l.path+".1"), l.file.Truncate(0))
	}
}

// shift makes room for a new .1; the oldest are removed.
func (l *log) shift() error {
	const keep = 6
	old, err := filepath.Glob(l.path + ".*")
	if err != nil {
		return err
	}
	names := map[int]string{}
	for _, path := range old {
		number, _, _ := strings.Cut(strings.TrimPrefix(path, l.path+"."), ".")
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		names[n] = path
	}
	for n := keep; n >= 1; n-- {
		path, ok := names[n]
		switch {
		case !ok:
		case n == keep:
			err = errors.Join(err, os.Remove(path))
		default:
			err = errors.Join(err, os.Rename(path, fmt.Sprintf("%s.%d%s", l.path, n+1, strings.TrimPrefix(path, fmt.Sprintf("%s.%d", l.path, n)))))
		}
	}
	return err
}

func (l *log) compress() error {
	in, err := os.Open(l.path + ".1")
	if err != nil {
		return nil //nolint:nilerr // nothing was rotated yet
	}
	defer in.Close()
	out, err := os.Create(l.path + ".1.gz")
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	_, err = io.Copy(z, in)
	return errors.Join(err, z.Close(), out.Close(), os.Remove(l.path+".1"))
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
