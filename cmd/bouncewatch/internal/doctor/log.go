package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// A Log is what the last lines of a log are.
type Log struct {
	Servers    []string       `json:"servers"`            // that wrote them
	Lines      map[string]int `json:"lines"`              // by result, as lines_total counts them
	Understood float64        `json:"understood_percent"` // of the mail servers' lines; 100 where there are none
	Format     string         `json:"stamp_format,omitempty"`
	Stamp      string         `json:"last_stamp,omitempty"` // as logged
	Zone       string         `json:"zone,omitempty"`
	Ownership  string         `json:"ownership"` // owner, group and mode
	Bytes      int64          `json:"bytes"`

	total, ours, understood int
	last                    logparse.Stamp
}

// tailSize is how much of the end of a log is looked at: about 1,500 lines.
const tailSize = 256 << 10

// enough is the share of understood lines, in percent, below which something is
// wrong: the tests' logs of all servers are understood to more than 99 %.
const enough = 90

func (h *Host) logs() (findings []Finding) {
	if len(h.Logs) == 0 {
		return []Finding{{
			Check: "log", Subject: "none", State: Wrong,
			Text: "none of the usual logs is there: " + strings.Join(h.Usual, ", "),
			Mend: "name the log, as in: bouncewatch doctor /path/to/mail.log; if there is only a journal: apt-get install rsyslog, or dnf install rsyslog",
		}}
	}
	for _, path := range h.Logs {
		switch {
		case path == tailer.JournalSource:
			continue // see journals
		case path == "-":
			findings = append(findings, Finding{Check: "log", Subject: path, State: Fine, Text: "is standard input"})
			continue
		case tailer.IsSyslogAddress(path):
			findings = append(findings, Finding{Check: "log", Subject: path, State: Fine, Text: "is where messages will be received"})
			continue
		}
		if !strings.ContainsAny(path, "*?[") {
			findings = append(findings, h.log(path))
			continue
		}
		found, err := filepath.Glob(path)
		if err != nil || len(found) == 0 {
			findings = append(findings, Finding{Check: "log", Subject: path, State: Wrong, Text: "no file matches", Mend: "ls -l " + filepath.Dir(path)})
		}
		for _, f := range found {
			findings = append(findings, h.log(f))
		}
	}
	return findings
}

func (h *Host) log(path string) Finding {
	f := Finding{Check: "log", Subject: path, State: Wrong}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Text, f.Mend = "is not there", "ls -l "+filepath.Dir(path)+"; is the mail server running, and does it log there?"
		return f
	case err != nil:
		f.Text, f.Mend = reason(err), "run doctor as root"
		return f
	case !info.Mode().IsRegular():
		f.Text, f.Mend = "is no file but "+kind(info.Mode()), "name the log in it, as in: bouncewatch doctor "+filepath.Join(path, "mail.log")
		return f
	}
	at, sure := h.Who.obstacle(path, mayRead)
	if at != "" {
		f.Text = "cannot be read by " + h.Who.name + ": " + described(at)
		f.Mend = h.Who.mendRead(at)
		return f
	}
	data, err := lastLines(path)
	if err != nil {
		f.State, f.Text, f.Mend = Note, "cannot be looked into: "+reason(err), "run doctor as root"
		return f
	}
	f.Log = study(data, info)
	f.judge(info, h.Location)
	if !sure && f.State == Fine {
		f.State, f.Text = Note, f.Text+"; an access control list decides who may read it"
		f.Mend = "getfacl " + path
	}
	return f
}

// judge sums up what was seen of the log.
func (f *Finding) judge(info fs.FileInfo, zone *time.Location) {
	l := f.Log
	f.State = Fine
	switch {
	case l.total == 0:
		f.State, f.Text = Note, "is empty"
	case l.ours == 0:
		f.State, f.Text = Note, fmt.Sprintf("no line of a mail server among the last %d", l.total)
		f.Mend = "tail " + f.Subject + "; is it the right log?"
	case l.Understood < enough:
		f.State, f.Text = Wrong, fmt.Sprintf("%s, only %.1f %% understood of the mail server's %d lines at the end", strings.Join(l.Servers, " and "), l.Understood, l.ours)
		f.Mend = "bouncewatch analyze --unparsed " + f.Subject + " lists the others, with addresses masked: please report them"
	default:
		f.Text = fmt.Sprintf("%s, %.1f %% understood of the mail server's %d lines at the end", strings.Join(l.Servers, " and "), l.Understood, l.ours)
	}
	l.placeInTime(zone, info.ModTime())
	if off := l.offBy(zone, info.ModTime()); off != 0 && f.State == Fine {
		f.State = Note
		f.Text += fmt.Sprintf("; its last stamp and the file's time of change differ by %v", off)
		f.Mend = "if the log's clock runs in another zone than this host's, start with that zone: TZ=Region/City"
	}
}

// lastLines are the last whole lines of a file.
func lastLines(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	start := max(info.Size()-tailSize, 0)
	data, err := io.ReadAll(io.NewSectionReader(file, start, tailSize))
	if err != nil {
		return nil, err
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	if start > 0 {
		data = data[bytes.IndexByte(data, '\n')+1:]
	}
	return data, nil
}

// study reads the lines.
func study(data []byte, info fs.FileInfo) *Log {
	l := &Log{Servers: []string{}, Lines: map[string]int{}, Understood: 100, Ownership: ownership(info), Bytes: info.Size()}
	for r := range logparse.NumResults {
		l.Lines[r.String()] = 0
	}
	var parser logparse.Parser
	var event logparse.Event
	var who servers
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		r := parser.Parse(line, &event)
		if s := parser.Frame().Stamp; !s.IsZero() {
			l.last = s
		}
		who.look(line)
		l.count(r)
	}
	l.Servers = append(l.Servers, who.names()...)
	if l.ours > 0 {
		l.Understood = 100 * float64(l.understood) / float64(l.ours)
	}
	return l
}

func (l *Log) count(r logparse.Result) {
	l.total++
	l.Lines[r.String()]++
	if r == logparse.ResultForeign {
		return
	}
	l.ours++
	if r != logparse.ResultUnparsed {
		l.understood++
	}
}

// servers tells which mail servers wrote a log: for each a parser that knows
// only it. A line that more than one claims is a syslog daemon's note.
type servers struct {
	parsers [logparse.NumMTAs]logparse.Parser
	lines   [logparse.NumMTAs]int
	event   logparse.Event
}

func (s *servers) look(line []byte) {
	claimed := logparse.NoMTA
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		s.parsers[mta].Options.MTA = mta
		if s.parsers[mta].Parse(line, &s.event) == logparse.ResultForeign {
			continue
		}
		if claimed != logparse.NoMTA {
			return
		}
		claimed = mta
	}
	s.lines[claimed]++
}

func (s *servers) names() (names []string) {
	for mta := logparse.NoMTA + 1; mta < logparse.NumMTAs; mta++ {
		if s.lines[mta] > 0 {
			names = append(names, mta.String())
		}
	}
	return names
}

// placeInTime describes the stamps.
func (l *Log) placeInTime(zone *time.Location, changed time.Time) {
	if l.last.IsZero() {
		return
	}
	l.Stamp = string(l.last.AppendRFC3339(nil))
	l.Format = "date and time"
	if l.last.Year == 0 {
		l.Format = "classic syslog, without year"
	}
	if l.last.HasZone {
		l.Zone = offset(int(l.last.ZoneOffset))
		return
	}
	name, seconds := changed.In(zone).Zone()
	l.Zone = "none logged, taken for " + name + " (" + offset(seconds) + ")"
}

func offset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	return fmt.Sprintf("%c%02d:%02d", sign, seconds/3600, seconds/60%60)
}

// offBy is by how many quarters of an hour the last stamp misses the file's time
// of change, as one read in the wrong zone does; 0 where no zone explains it.
func (l *Log) offBy(zone *time.Location, changed time.Time) time.Duration {
	if l.last.IsZero() || l.last.HasZone {
		return 0
	}
	calendar := logparse.Calendar{Location: zone, Reference: changed}
	off := changed.Sub(calendar.Time(l.last))
	quarters := off.Round(15 * time.Minute)
	if rest := (off - quarters).Abs(); rest > time.Minute || quarters.Abs() > 14*time.Hour {
		return 0
	}
	return quarters
}

func (l *Log) text() string {
	text := "stamps as " + l.Stamp + " (" + l.Format + "), zone " + l.Zone
	if l.Stamp == "" {
		text = "no stamp was recognised"
	}
	return text + "\n" + l.Ownership
}

// reason is an error without the path, which the finding names.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

func described(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	return path + " is " + ownership(info)
}
