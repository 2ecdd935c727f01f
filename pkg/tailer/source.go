package tailer

import (
	"errors"
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
	opts *FollowOptions

	generations []*generation // the live one is the only one that is not rotated
	known       []Fingerprint // of rotated files with nothing left to read
	resuming    []GenerationState
	seen        bool // an earlier look, of this process or the one before, knew the path

	siblingsAt []time.Time      // modification times of the directories at the last search
	unfinished bool             // a sibling could not be told yet: search again
	short      map[uint64]int64 // sizes of short and empty siblings that were looked at, by inode
	complaint  string           // the fault that was logged last
	blocked    bool             // the path is there and cannot be read

	up       bool
	stats    SourceStats
	lastLine time.Time
}

const (
	maxKnown       = 400
	maxGenerations = 64
)

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
	s.lookAtSiblings()
	s.seen = true
	s.resuming = slices.DeleteFunc(s.resuming, s.isGone)
	s.unfinished = s.unfinished || len(s.resuming) > 0
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
	info, err := os.Stat(s.path)
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
	g, err := s.openGeneration(s.path)
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
	switch i := s.resumes(g.head, g.size, g.ino); {
	case i >= 0:
		s.resume(g, i)
	case s.isKnown(g.head):
		g.offset = g.size
	case !s.seen && !s.f.started && !s.opts.FromStart:
		g.offset = lineStart(g.file, g.size)
	}
}

// resumes finds the saved generation that a file with this beginning is, -1 for none. A file of which
// nothing was seen but its name is told by its inode, and only while it is empty of meaning: all in it
// is new anyway.
func (s *source) resumes(head []byte, size int64, ino uint64) int {
	best, bestMatch := -1, undecided
	for i, r := range s.resuming {
		m := r.Fingerprint.compare(head)
		if r.Fingerprint.Length == 0 && r.Inode == ino && ino != 0 {
			m = same
		}
		if m > bestMatch && size >= 0 {
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
	if lost := r.Size - r.Offset; lost > 0 {
		s.stats.LostBytes += lost
		s.opts.Logger.Warn("a rotated log is gone before it was read to its end", "log", s.path, "bytes", lost)
	}
	s.know(r.Fingerprint)
	return true
}

// begunAnew handles a file that was cut, or overwritten, in place.
func (s *source) begunAnew(g *generation) {
	g.unpin()
	old := *g
	if g.rotated { // an old copy was overwritten by the next one
		s.lose(old.size - old.offset)
		s.remove(g)
		return
	}
	s.stats.Truncations++
	g.offset, g.line, g.skipping, g.head = 0, 1, false, nil
	g.readHead()
	if info, err := g.file.Stat(); err == nil {
		g.size = info.Size()
	}
	if !s.finishCopy(&old) {
		s.lose(old.size - old.offset)
	}
	s.know(old.fingerprint())
}

// finishCopy looks for the copy that was made of a file before it was cut, and reads its rest.
func (s *source) finishCopy(old *generation) bool {
	if len(old.head) == 0 {
		return true
	}
	for _, path := range s.siblings() {
		g, err := s.openSibling(path)
		if err != nil {
			continue
		}
		if old.fingerprint().compare(g.beginning()) < partly || g.archive == nil && g.size < old.offset || s.isOpen(g) {
			g.close()
			continue
		}
		s.stats.Rotations++
		g.rotated, g.line = true, old.line
		g.advance(old.offset)
		s.generations = append(s.generations, g)
		return true
	}
	return old.size <= old.offset
}

func (s *source) lose(bytes int64) {
	if bytes > 0 {
		s.stats.LostBytes += bytes
		s.opts.Logger.Warn("a log was cut before it was read to its end", "log", s.path, "bytes", bytes)
	}
}

// lookAtSiblings finds rotated files that were never seen under the path: of two rotations between
// two looks, or while no one looked.
func (s *source) lookAtSiblings() {
	times := s.dirTimes()
	if slices.Equal(times, s.siblingsAt) && !s.unfinished {
		return
	}
	s.siblingsAt, s.unfinished = times, false
	for _, path := range s.siblings() {
		g, err := s.openSibling(path)
		if err != nil {
			s.unfinished = s.unfinished || errors.Is(err, errUnfinished)
			continue
		}
		if !s.adopt(g) {
			g.close()
		}
	}
}

// adopt takes a sibling up if it has something to say; false if not.
func (s *source) adopt(g *generation) bool {
	head := g.beginning()
	if s.isOpen(g) {
		return false
	}
	if len(head) == 0 { // a daemon that does not know of the rotation may still write to it
		if size, ok := s.short[g.ino]; ok && size == 0 {
			return false // it was given up
		}
		g.rotated = true
		s.generations = append(s.generations, g)
		return true
	}
	if i := s.resumes(head, g.size, 0); i >= 0 {
		r := s.resuming[i]
		s.resuming = slices.Delete(s.resuming, i, i+1)
		g.rotated, g.line = true, max(r.Line, 1)
		g.skipping = r.Skipping
		g.advance(r.Offset)
		s.generations = append(s.generations, g)
		if !r.Rotated {
			s.stats.Rotations++
		}
		return true
	}
	if s.isKnown(head) {
		return false
	}
	if !s.seen { // the first start: what was rotated before is history
		s.know(g.fingerprint())
		return false
	}
	if len(head) < 64 && g.archive == nil {
		// A copy that has just begun, perhaps of a known file, or all that there is: the next look
		// tells, if it is no longer then.
		if before, ok := s.short[g.ino]; !ok || before != g.size {
			s.noteShort(g)
			s.unfinished = true
			return false
		}
	}
	g.rotated = true
	s.stats.Rotations++
	s.generations = append(s.generations, g)
	return true
}

// noteShort remembers the size of a file that is too short to be told from others.
func (s *source) noteShort(g *generation) {
	if s.short == nil || len(s.short) > 200 {
		s.short = map[uint64]int64{}
	}
	s.short[g.ino] = g.size
}

// isOpen says whether a file is one of our generations, or a copy of one.
func (s *source) isOpen(g *generation) bool {
	for _, open := range s.generations {
		if open == g {
			continue
		}
		if g.file != nil && open.dev == g.dev && open.ino == g.ino && open.file != nil {
			return true
		}
		if open.archive != nil {
			if open.archive.fingerprint.compare(g.beginning()) >= partly {
				return true
			}
			continue
		}
		head := g.beginning()
		if len(head) > len(open.head) && len(open.head) < headSize {
			continue // longer than the file, so no copy of it
		}
		if compareHeads(open.head, head) >= partly {
			return true
		}
	}
	return false
}

func (s *source) isKnown(head []byte) bool {
	return slices.ContainsFunc(s.known, func(p Fingerprint) bool { return p.compare(head) >= partly })
}

func (s *source) know(p Fingerprint) {
	if p.Length == 0 || slices.Contains(s.known, p) {
		return
	}
	s.known = append(s.known, p)
	if len(s.known) > maxKnown {
		s.known = slices.Delete(s.known, 0, len(s.known)-maxKnown)
	}
}

// giveUp closes rotated files to which nothing is written any more, and returns the line without a
// newline that may end one.
func (s *source) giveUp() (Batch, bool) {
	rotated := 0
	for _, g := range slices.Clone(s.generations) {
		if !g.rotated {
			continue
		}
		rotated++
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
		}
		s.know(g.fingerprint())
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

// dirs are the directories in which the rotated forms of the log can be. A link leads to the
// directory of the file, too.
func (s *source) dirs() []string {
	dirs := []string{filepath.Dir(s.path)}
	if real, err := filepath.EvalSymlinks(s.path); err == nil {
		dirs = append(dirs, filepath.Dir(real))
	}
	for _, d := range s.opts.OldDirs {
		if !filepath.IsAbs(d) {
			d = filepath.Join(filepath.Dir(s.path), d)
		}
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func (s *source) dirTimes() (times []time.Time) {
	for _, d := range s.dirs() {
		if info, err := os.Stat(d); err == nil {
			times = append(times, info.ModTime())
		}
	}
	return times
}

// siblings are the rotated forms of the log, by name.
func (s *source) siblings() (paths []string) {
	bases := []string{s.path}
	if real, err := filepath.EvalSymlinks(s.path); err == nil && real != s.path {
		bases = append(bases, real)
	}
	for _, dir := range s.dirs() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if slices.ContainsFunc(bases, func(base string) bool { return isRotatedName(filepath.Base(base), e.Name()) }) {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths
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
