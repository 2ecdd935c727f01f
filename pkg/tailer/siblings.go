package tailer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// lookAtSiblings finds rotated files that were never seen under the path: of two rotations between
// two looks, or while no one looked. What cannot be told yet is looked at again for a while.
func (s *source) lookAtSiblings() {
	times, now := s.dirTimes(), s.opts.now()
	if !slices.Equal(times, s.siblingsAt) {
		s.siblingsAt, s.patience = times, now.Add(s.opts.RotateWait)
	} else if !s.unfinished && s.settled {
		return
	}
	s.settled = !slices.ContainsFunc(times, s.justNow)
	s.unfinished = false
	before := s.told
	s.told = make(map[fileID]Fingerprint, len(before))
	all := s.siblings()
	all = all[max(0, len(all)-maxSiblings):]
	for i, sib := range all {
		if p, ok := before[sib.id]; ok {
			s.told[sib.id] = p
			continue
		}
		s.lookAtSibling(sib, i >= len(all)-maxGenerations)
	}
	if !s.unfinished {
		s.known.forget(s.told)
	}
	s.unfinished = s.unfinished && now.Before(s.patience)
}

// lookAtSibling finds out whether there is something to read. Only one of the latest may be empty now and
// filled yet.
func (s *source) lookAtSibling(sib sibling, latest bool) {
	g, err := s.openSibling(sib.path)
	if err != nil { // half written, renamed since it was listed, or not for us to read
		s.unfinished = true
		return
	}
	blank := len(g.beginning()) == 0 && g.hole == 0
	if (latest || !blank) && s.adopt(g) {
		return
	}
	if p, ok := s.known.find(g.beginning()); ok && !s.justNow(sib.modified) {
		s.told[sib.id] = p
	}
	g.close()
}

// timeGrain is the coarsest step of the modification times of directories: that of FAT, and longer
// than that of any other. Of two changes within it the second may leave no trace.
const timeGrain = 2 * time.Second

// justNow says whether there may be changes that a time of modification does not tell. One that is far in
// the future is of a clock that was wrong.
func (s *source) justNow(modified time.Time) bool {
	return s.opts.now().Sub(modified).Abs() < timeGrain
}

// maxSiblings is how many rotated forms are looked at, the newest: those of 27 years, one a day.
const maxSiblings = 10_000

// A sibling is a rotated form of a log.
type sibling struct {
	path     string
	id       fileID
	modified time.Time
}

// A fileID tells that a file did not change since it was looked at.
type fileID struct {
	dev, ino       uint64
	size, modified int64
}

func idOf(info fs.FileInfo) fileID {
	dev, ino := identity(info)
	return fileID{dev, ino, info.Size(), info.ModTime().UnixNano()}
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

func (s *source) dirTimes() (times []time.Time) {
	for _, d := range s.dirs() {
		times = append(times, s.f.directory(d).modified)
	}
	return times
}

// siblings are the rotated forms of the log, by name, the oldest first.
func (s *source) siblings() (all []sibling) {
	bases := []string{filepath.Base(s.path)}
	if s.real != "" {
		bases = append(bases, filepath.Base(s.real))
	}
	for _, dir := range s.dirs() {
		entries, err := s.f.directory(dir).list()
		s.unfinished = s.unfinished || err != nil && !errors.Is(err, fs.ErrNotExist)
		for _, e := range entries {
			if !slices.ContainsFunc(bases, func(base string) bool { return isRotatedName(base, e.Name()) }) {
				continue
			}
			sib := sibling{path: filepath.Join(dir, e.Name())}
			if info, err := os.Stat(sib.path); err == nil {
				sib.id, sib.modified = idOf(info), info.ModTime()
			}
			all = append(all, sib)
		}
	}
	slices.SortStableFunc(all, func(a, b sibling) int { return a.modified.Compare(b.modified) })
	return all
}

// openSibling opens a rotated file. Of a compressed one, enough must be there to tell it.
func (s *source) openSibling(path string) (*generation, error) {
	g, err := s.openGeneration(path)
	if err != nil {
		return nil, err
	}
	if formatOf(g.head) == nil {
		return g, nil
	}
	a := &archiveTail{file: g.file, size: g.size}
	if a.head, err = s.headOfArchive(g, a); len(a.head) == 0 {
		g.close()
		return nil, errors.Join(errUnfinished, err)
	}
	a.fingerprint = fingerprint(a.head)
	return &generation{s: s, line: 1, growth: s.opts.now(), archive: a}, nil
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
	if _, ok := s.known.find(head); ok {
		return false
	}
	if !s.seen { // the first start: what was rotated before is history
		s.known.add(g.fingerprint())
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
