package tailer

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/hpcloud/tail"
	"github.com/hpcloud/tail/watch"
)

// The engine follows the ends of live files by github.com/hpcloud/tail. That package loses lines when
// a file is renamed, removed or cut, so it never gets to see that: it is given the name of our open
// file in /proc, under which the same file stands whatever happens to its path. What remains to it is
// to wait for lines and to cut them. All that it says is checked before it is believed.

// enginePoll is how often the package looks at a file. It is a setting of the whole package.
const enginePoll = 200 * time.Millisecond

func init() { watch.POLL_DURATION = enginePoll }

// engineWorks says whether open files have names in /proc.
func engineWorks() bool {
	if runtime.GOOS != "linux" {
		return false
	}
	info, err := os.Stat("/proc/self/fd")
	return err == nil && info.IsDir()
}

type engine struct {
	lines chan engineLine
	back  *engineLine // a line that was taken too early
}

// An engineLine is a line without its newline, or the news that a tail has ended.
type engineLine struct {
	tail   *pinned
	text   string
	closed bool
}

func newEngine() *engine { return &engine{lines: make(chan engineLine, 256)} }

// next returns a line if one is ready.
func (e *engine) next() (engineLine, bool) {
	if l := e.back; l != nil {
		e.back = nil
		return *l, true
	}
	select {
	case l := <-e.lines:
		return l, true
	default:
		return engineLine{}, false
	}
}

// more returns a further line of the same tail, if it is ready.
func (e *engine) more(t *pinned) (engineLine, bool) {
	l, ok := e.next()
	if ok && l.tail != t {
		e.back = &l
		return engineLine{}, false
	}
	return l, ok
}

// A pinned is a tail of one open file.
type pinned struct {
	tail *tail.Tail
	quit chan struct{}
	gone chan struct{}
}

// pin follows the file from offset on.
func (e *engine) pin(f *os.File, offset int64) (*pinned, error) {
	t, err := tail.TailFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), tail.Config{
		Location:  &tail.SeekInfo{Offset: offset},
		Follow:    true,
		Poll:      true,
		MustExist: true,
		Logger:    quietLogger{},
	})
	if err != nil {
		return nil, err
	}
	p := &pinned{tail: t, quit: make(chan struct{}), gone: make(chan struct{})}
	go p.forward(e.lines)
	return p, nil
}

// forward passes lines on, and drops them once no one wants them: the package hangs if its channel is
// not read.
func (p *pinned) forward(lines chan<- engineLine) {
	defer close(p.gone)
	for l := range p.tail.Lines {
		select {
		case lines <- engineLine{tail: p, text: l.Text}:
		case <-p.quit:
		}
	}
	select {
	case lines <- engineLine{tail: p, closed: true}:
	case <-p.quit:
	}
}

// stop ends the tail and waits until it has let go of the file's name, which the next file that is
// opened may get.
func (p *pinned) stop() {
	close(p.quit)
	p.tail.Kill(nil)
	<-p.gone
}

// A quietLogger says nothing. It ends the tail's goroutine when the package is about to read a cut
// file from its beginning: nothing in its lines would tell.
type quietLogger struct{}

func (quietLogger) Printf(format string, _ ...any) {
	if strings.HasPrefix(format, "Re-opening") {
		runtime.Goexit()
	}
}

func (quietLogger) Print(...any)          {}
func (quietLogger) Println(...any)        {}
func (quietLogger) Fatal(...any)          {}
func (quietLogger) Fatalf(string, ...any) {}
func (quietLogger) Fatalln(...any)        {}
func (quietLogger) Panic(...any)          {}
func (quietLogger) Panicf(string, ...any) {}
func (quietLogger) Panicln(...any)        {}
