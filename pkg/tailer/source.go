package tailer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A source is a path and all the files that stood under it and may still have something to say.
type source struct {
	f    *Follower
	path string
	stem string // the path without its extension
	real string // where the path leads as of the last look, if it is a link
	opts *FollowOptions

	generations []*generation // the live one is the only one that is not rotated
	known       known
	resuming    []GenerationState
	seen        bool // an earlier look, of this process or the one before, knew the path
	fromEnd     bool // what is there at the first look is history

	siblingsAt []time.Time            // modification times of the directories at the last search
	settled    bool                   // and these were long past then, so that nothing can have come since
	unfinished bool                   // a sibling could not be told yet: search again
	patience   time.Time              // until when
	told       map[fileID]Fingerprint // siblings that are known
	heads      map[fileID][]byte
	short      map[uint64]int64 // sizes of short and empty siblings that were looked at, by inode
	complaint  string           // the fault that was logged last
	blocked    bool             // the path is there and cannot be read

	up       bool
	stats    SourceStats
	lastLine time.Time
}

const maxGenerations = 64

// restore takes over what an earlier process knew.
func (s *source) restore(state FileState) {
	s.seen = true
	s.known = slices.Clone(state.Known)
	s.resuming = slices.Clone(state.Generations)
}

func (s *source) state() FileState {
	st := FileState{Path: s.path, Known: slices.Clone(s.known)}
	for _, g := range s.generations {
		st.Generations = append(st.Generations, g.state())
	}
	st.Generations = append(st.Generations, s.resuming...)
	return st
}

func (s *source) health() SourceStats {
	st := s.stats
	st.Source, st.Up, st.LastLine = s.path, s.up, s.lastLine
	for _, g := range s.generations {
		if g.archive == nil {
			st.LagBytes += max(0, g.size-g.offset)
		}
	}
	return st
}

// take returns lines that our own reader finds, of rotated files first.
func (s *source) take() (Batch, bool) {
	for _, g := range s.generations {
		if g.rotated {
			if b, ok := g.read(); ok {
				return b, true
			}
		}
	}
	for _, g := range s.generations {
		if !g.rotated {
			if b, ok := g.read(); ok {
				return b, true
			}
		}
	}
	return s.giveUp()
}

// look finds out what happened to the path. The order matters: a file that was begun anew must be
// noticed before its copy is found among the siblings.
func (s *source) look() {
	for _, g := range slices.Clone(s.generations) {
		if g.file != nil && !g.measure() {
			s.begunAnew(g)
		}
	}
	s.lookAtPath()
}

// lookAround finds rotated files, when all files that were begun anew are known.
func (s *source) lookAround() {
	s.judgeBlank()
	s.lookAtSiblings()
	s.seen = s.seen || !s.blocked
	s.resuming = slices.DeleteFunc(s.resuming, s.isGone)
	s.unfinished = s.unfinished || s.blocked && len(s.resuming) > 0
	for _, g := range s.generations {
		g.watchEngine()
		g.pin()
	}
}

func (s *source) live() *generation {
	for _, g := range s.generations {
		if !g.rotated {
			return g
		}
	}
	return nil
}

// lookAtPath opens the file that stands under the path now, if it is another one than before.
func (s *source) lookAtPath() {
	live := s.live()
	info, err := s.stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		s.up, s.blocked = false, !errors.Is(err, fs.ErrNotExist)
		s.complain(err)
		if live != nil && errors.Is(err, fs.ErrNotExist) {
			s.rotate(live)
		}
		return
	}
	dev, ino := identity(info)
	if live != nil && live.dev == dev && live.ino == ino {
		s.up = true
		return
	}
	if live != nil && s.f.holder(dev, ino, s) != nil {
		s.rotate(live)
		live = nil
	}
	g, err := s.openLive(dev, ino)
	if err != nil {
		s.up, s.blocked = false, true
		s.complain(err)
		return
	}
	if live != nil {
		s.rotate(live)
	}
	s.up, s.blocked, s.complaint = true, false, ""
	s.place(g)
}

// openLive opens the file at the path, if it is one to follow.
func (s *source) openLive(dev, ino uint64) (*generation, error) {
	if other := s.f.holder(dev, ino, s); other != nil {
		return nil, fmt.Errorf("it is the same file as %s, which is followed", other.path)
	}
	g, err := s.openGeneration(s.path)
	if err == nil && formatOf(g.head) != nil {
		g.close()
		return nil, errors.New(`it is compressed: "bouncewatch analyze" reads it`)
	}
	return g, err
}

// stat describes the file that the path leads to. Where the path is a link, that file is named too:
// its rotated forms are beside it. A link before the last name needs no resolving.
func (s *source) stat() (os.FileInfo, error) {
	s.real = ""
	info, err := os.Lstat(s.path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return info, err
	}
	if s.real, err = filepath.EvalSymlinks(s.path); err != nil {
		return nil, err
	}
	return os.Stat(s.path)
}

func (s *source) complain(err error) {
	if text := err.Error(); text != s.complaint {
		s.complaint = text
		remedy := ""
		if errors.Is(err, fs.ErrPermission) {
			remedy = "let the user that runs this read it (on Debian: group adm)"
		}
		s.opts.Logger.Warn("the log cannot be read now", "log", s.path, "err", err, "remedy", remedy)
	}
}

func (s *source) rotate(g *generation) {
	g.rotated, g.growth = true, s.opts.now()
	g.unpin()
	s.stats.Rotations++
	s.siblingsAt = nil
}

// place finds where in the file at the path to begin.
func (s *source) place(g *generation) {
	for _, open := range s.generations { // renamed away and back
		if open.rotated && open.dev == g.dev && open.ino == g.ino {
			g.close()
			open.rotated = false
			return
		}
	}
	s.generations = append(s.generations, g)
	switch i := s.resumes(g, true); {
	case i >= 0:
		s.resume(g, i)
	case s.f.knows(g.head):
		g.offset = g.size
	case !s.seen && s.fromEnd:
		g.offset = lineStart(g.file, g.size)
	}
}

// resumes finds the saved generation that a file is by its beginning, -1 for none. A live file of which
// nothing was seen but its name is told by its inode: all in it is new anyway. A copy that does not
// reach as far as what was read is still being made.
func (s *source) resumes(g *generation, live bool) int {
	best, bestMatch := -1, undecided
	for i, r := range s.resuming {
		m := r.Fingerprint.compare(g.beginning())
		if (live && r.Fingerprint.Length == 0 || r.Fingerprint.All == hashOfHole) && r.Inode == g.ino {
			m = same
		}
		if m > undecided && !live && g.archive == nil && g.size < r.Offset {
			s.unfinished = true
			continue
		}
		if m > bestMatch {
			best, bestMatch = i, m
		}
	}
	return best
}

// resume continues a saved generation in a file. After a loss of power a file may end before what was
// counted of it: then its end is the place to go on.
func (s *source) resume(g *generation, i int) {
	r := s.resuming[i]
	g.offset, g.line, g.skipping = min(r.Offset, g.size), max(r.Line, 1), r.Skipping && r.Offset <= g.size
	s.resuming = slices.Delete(s.resuming, i, i+1)
}

// isGone gives saved generations up that are nowhere.
func (s *source) isGone(r GenerationState) bool {
	if s.unfinished || s.blocked {
		return false // it may be in what cannot be read yet
	}
	s.lose(r.Size - r.Offset)
	s.known.add(r.Fingerprint)
	return true
}

// begunAnew handles a file that was cut, or overwritten, in place: what it was is searched for among
// the siblings, where a copy of it was made before.
func (s *source) begunAnew(g *generation) {
	g.unpin()
	s.siblingsAt = nil
	if len(g.head) > 0 {
		s.resuming = append(s.resuming, g.state())
	}
	if g.rotated { // an old copy was overwritten by the next one
		s.remove(g)
		return
	}
	s.stats.Truncations++
	g.offset, g.line, g.skipping, g.scanned, g.hole, g.head = 0, 1, false, 0, 0, nil
	if info, err := g.file.Stat(); err == nil {
		g.size, g.growth = info.Size(), s.opts.now()
	}
	if err := g.readHead(); err != nil { // of no less than that size
		s.complain(err)
	}
}

func (s *source) lose(bytes int64) {
	if bytes > 0 {
		s.stats.LostBytes += bytes
		s.opts.Logger.Warn("a log was cut or removed before it was read to its end", "log", s.path, "bytes", bytes)
	}
}

// giveUp closes rotated files to which nothing is written any more, and returns the line without a
// newline that may end one.
func (s *source) giveUp() (Batch, bool) {
	for _, g := range slices.Clone(s.generations) {
		if !g.rotated {
			continue
		}
		quiet := s.opts.now().Sub(g.growth)
		if g.behind() || g.archive == nil && quiet < s.opts.RotateWait && len(s.generations) <= maxGenerations {
			continue
		}
		if g.archive != nil && g.archive.err != nil && quiet < s.opts.RotateWait {
			continue // half written: it is opened again when it grows
		}
		b, ok := g.last()
		if g.archive == nil {
			s.lose(g.size - g.offset)
		} else if g.archive.err != nil {
			s.opts.Logger.Warn("a compressed log cannot be read to its end", "log", s.path, "err", g.archive.err)
		}
		s.known.add(g.fingerprint())
		if g.size == 0 {
			s.noteShort(g)
		}
		s.remove(g)
		if ok {
			return b, true
		}
	}
	return Batch{}, false
}

func (s *source) remove(g *generation) {
	g.close()
	s.generations = slices.DeleteFunc(s.generations, func(other *generation) bool { return other == g })
}

// present says whether there is something to read or to wait for.
func (s *source) present() bool { return len(s.generations) > 0 || len(s.resuming) > 0 }

func (s *source) holds(dev, ino uint64) bool {
	return slices.ContainsFunc(s.generations, func(g *generation) bool { return g.file != nil && g.dev == dev && g.ino == ino })
}

// absorb takes over a source that turned out to be a rotated form of this one, or another name of it.
func (s *source) absorb(other *source) {
	for _, g := range other.generations {
		if g.file != nil && s.holds(g.dev, g.ino) {
			g.close()
			continue
		}
		g.unpin()
		g.s = s
		if !g.rotated {
			g.rotated, g.growth = true, s.opts.now()
		}
		s.generations = slices.Insert(s.generations, 0, g)
	}
	for _, r := range other.resuming {
		same := func(mine GenerationState) bool { return mine.Dev == r.Dev && mine.Inode == r.Inode }
		if !slices.ContainsFunc(s.resuming, same) {
			s.resuming = append(s.resuming, r)
		}
	}
	for _, p := range other.known {
		s.known.add(p)
	}
}

// lineStart is the offset behind the last newline: a line that is not finished is new when it is.
func lineStart(f *os.File, size int64) int64 {
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-start], start)
		if int64(n) < end-start && err != nil {
			return size
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] == '\n' {
				return start + int64(i) + 1
			}
		}
		end = start
	}
	return 0
}
