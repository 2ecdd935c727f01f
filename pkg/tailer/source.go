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
	real string // where the path leads as of the last look, if it is a link
	opts *FollowOptions

	generations []*generation // the live one is the only one that is not rotated
	known       []Fingerprint // of rotated files with nothing left to read
	resuming    []GenerationState
	seen        bool // an earlier look, of this process or the one before, knew the path
	fromEnd     bool // what is there at the first look is history

	siblingsAt []time.Time // modification times of the directories at the last search
	settled    bool        // and these were long past then, so that nothing can have come since
	unfinished bool        // a sibling could not be told yet: search again
	patience   time.Time   // until when
	heads      map[archiveID][]byte
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
	case s.isKnownForSure(g.head):
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
	s.know(r.Fingerprint)
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
	g.readHead() // of no less than that size
}

func (s *source) lose(bytes int64) {
	if bytes > 0 {
		s.stats.LostBytes += bytes
		s.opts.Logger.Warn("a log was cut or removed before it was read to its end", "log", s.path, "bytes", bytes)
	}
}

// lookAtSiblings finds rotated files that were never seen under the path: of two rotations between
// two looks, or while no one looked. What cannot be told yet is looked at again for a while.
func (s *source) lookAtSiblings() {
	times, now := s.dirTimes(), s.opts.now()
	if !slices.Equal(times, s.siblingsAt) {
		s.siblingsAt, s.patience = times, now.Add(s.opts.RotateWait)
	} else if !s.unfinished && s.settled {
		return
	}
	s.settled = !slices.ContainsFunc(times, func(t time.Time) bool { return now.Sub(t) < timeGrain })
	s.unfinished = false
	for _, path := range s.siblings() {
		g, err := s.openSibling(path)
		if err != nil { // half written, renamed since it was listed, or not for us to read
			s.unfinished = true
			continue
		}
		if !s.adopt(g) {
			g.close()
		}
	}
	s.unfinished = s.unfinished && now.Before(s.patience)
}

// judgeBlank tells what siblings are that were empty before.
func (s *source) judgeBlank() {
	for _, g := range slices.Clone(s.generations) {
		if !g.blank || g.hole == 0 && len(g.head) == 0 {
			continue
		}
		g.blank, g.rotated = false, false
		s.generations = slices.DeleteFunc(s.generations, func(other *generation) bool { return other == g })
		if !s.adopt(g) {
			g.close()
			s.siblingsAt = nil
		}
	}
}

// adopt takes a sibling up if it has something to say; false if not.
func (s *source) adopt(g *generation) bool {
	head := g.beginning()
	if s.isOpen(g) {
		return false
	}
	if len(head) == 0 && g.hole > 0 { // the copy of a file with a hole has just begun
		s.unfinished = true
		return false
	}
	if len(head) == 0 { // a daemon that does not know of the rotation may still write to it
		if size, ok := s.short[g.ino]; ok && size == 0 {
			return false // it was given up
		}
		g.rotated, g.blank = true, true
		s.generations = append(s.generations, g)
		return true
	}
	if i := s.resumes(g, false); i >= 0 {
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

// isKnownForSure asks for more than a first line: that of a new file may be the same.
func (s *source) isKnownForSure(head []byte) bool {
	return slices.ContainsFunc(s.known, func(p Fingerprint) bool { return p.Length >= 256 && p.compare(head) == same })
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
	if s.real != "" {
		dirs = append(dirs, filepath.Dir(s.real))
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

// timeGrain is the coarsest step of the modification times of directories: that of FAT, and longer
// than that of any other. Of two changes within it the second may leave no trace.
const timeGrain = 2 * time.Second

func (s *source) dirTimes() (times []time.Time) {
	for _, d := range s.dirs() {
		times = append(times, s.f.directory(d).modified)
	}
	return times
}

// siblings are the rotated forms of the log, by name, the oldest first.
func (s *source) siblings() []string {
	bases := []string{s.path}
	if s.real != "" {
		bases = append(bases, s.real)
	}
	var paths []string
	modified := map[string]time.Time{}
	for _, dir := range s.dirs() {
		entries, err := s.f.directory(dir).list()
		s.unfinished = s.unfinished || err != nil && !errors.Is(err, fs.ErrNotExist)
		for _, e := range entries {
			if !slices.ContainsFunc(bases, func(base string) bool { return isRotatedName(filepath.Base(base), e.Name()) }) {
				continue
			}
			path := filepath.Join(dir, e.Name())
			paths = append(paths, path)
			if info, err := e.Info(); err == nil {
				modified[path] = info.ModTime()
			}
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int { return modified[a].Compare(modified[b]) })
	return paths
}

// present says whether there is something to read or to wait for.
func (s *source) present() bool { return len(s.generations) > 0 || len(s.resuming) > 0 }

// absorb takes over a source that turned out to be a rotated form of this one.
func (s *source) absorb(other *source) {
	for _, g := range other.generations {
		g.unpin()
		g.s = s
		if !g.rotated {
			g.rotated, g.growth = true, s.opts.now()
		}
	}
	s.generations = append(other.generations, s.generations...)
	s.resuming = append(s.resuming, other.resuming...)
	for _, p := range other.known {
		s.know(p)
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
