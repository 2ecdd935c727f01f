package tailer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// CheckPath says why a path, glob or address cannot be followed, whatever is on the disk.
func CheckPath(path string) error {
	switch _, err := filepath.Match(path, ""); {
	case path == "":
		return errors.New("a log without a name")
	case !utf8.ValidString(path):
		return fmt.Errorf("%q: a name that is no UTF-8 cannot be told of", path)
	case err != nil && isGlob(path) && !IsSyslogAddress(path):
		return fmt.Errorf("%s: %w: check the brackets", path, err)
	}
	return nil
}

// wanted says whether a path of an earlier state is to be followed still.
func (f *Follower) wanted(path string) bool {
	return slices.ContainsFunc(f.opts.Paths, func(p string) bool { return p == path || isGlob(p) && globMatches(p, path) })
}

// search is the place of a path among the sources.
func (f *Follower) search(path string) (int, bool) {
	return slices.BinarySearchFunc(f.sources, path, func(s *source, path string) int { return strings.Compare(s.path, path) })
}

func (f *Follower) source(path string) *source {
	if i, ok := f.search(path); ok {
		return f.sources[i]
	}
	return nil
}

func (f *Follower) add(path string) *source {
	i, ok := f.search(path)
	if ok {
		return f.sources[i]
	}
	s := &source{f: f, path: path, stem: strings.TrimSuffix(filepath.Clean(path), filepath.Ext(path)), opts: &f.opts, fromEnd: !f.started && !f.opts.FromStart}
	f.sources = slices.Insert(f.sources, i, s)
	s.stat() //nolint:errcheck // it need not exist yet
	f.notify.watch(s.dirs())
	return s
}

// drop follows a path no more. What was read there may turn up under another one.
func (f *Follower) drop(s *source) {
	for _, p := range s.known {
		f.gone.add(p)
	}
	f.gone = f.gone[max(0, len(f.gone)-maxGone):]
	f.sources = slices.DeleteFunc(f.sources, func(other *source) bool { return other == s })
}

// maxSources is how many logs are followed: each takes two open files, and a third while it is rotated.
const maxSources = 1000

// roomForSources is maxSources, or fewer where the process may open fewer files: the state and those who
// ask for metrics need some, too.
func roomForSources() int {
	const others, each = 64, 3
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxSources
	}
	files := min(uint64(limit.Cur), each*maxSources+others) //nolint:unconvert // the types differ between systems
	return max((int(files)-others)/each, 1)
}

// expand finds files that globs match now. Rotated forms of a log are no logs of their own, nor are its
// other names.
func (f *Follower) expand() {
	began := time.Now()
	f.globbed = f.opts.now()
	found := f.find()
	names := f.names(found)
	for _, p := range found {
		base := f.base(p)
		switch {
		case base != nil && !f.isHistoryToRead(p, base):
			f.merge(base, p) // it was found before the log that it belongs to, or is named besides
		case names[p] != p:
			f.merge(f.add(names[p]), p)
		case len(f.sources) < f.room || f.source(p) != nil:
			f.add(p)
		case !f.crowded:
			f.crowded = true
			f.opts.Logger.Error("there are more logs than can be followed: name fewer, or raise the limit of open files (LimitNOFILE)", "followed", len(f.sources), "not", p)
		}
	}
	for _, s := range slices.Clone(f.sources) {
		if _, ok := names[s.path]; !ok {
			f.drop(s)
		}
	}
	f.pause = max(time.Second, 20*time.Since(began)) // many files take long to find
}

// find lists what is named, then what is matched, a log before its rotated forms, whose names are longer. A
// log that is missing is still there while its rotated forms are.
func (f *Follower) find() (found []string) {
	for _, p := range f.opts.Paths {
		if isGlob(p) {
			found = append(found, f.glob(p)...)
		} else {
			found = append(found, p)
		}
	}
	there := make(map[string]bool, len(found))
	for _, p := range found {
		there[p] = true
	}
	for _, s := range f.sources {
		if !there[s.path] && (s.present() || slices.ContainsFunc(found, s.isBaseOf)) {
			found = append(found, s.path)
		}
	}
	matched := func(p string) int {
		if slices.Contains(f.opts.Paths, p) {
			return 0
		}
		return 1
	}
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(matched(a), matched(b)), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	return slices.Compact(found)
}

// base is the log that a path is a rotated form of, nil for none.
func (f *Follower) base(path string) *source {
	for _, s := range f.sources {
		if s.isBaseOf(path) {
			return s
		}
	}
	return nil
}

func (s *source) isBaseOf(path string) bool {
	return strings.HasPrefix(filepath.Clean(path), s.stem) && isRotated(s.path, path) || s.real != "" && isRotated(s.real, path)
}

// isHistoryToRead says whether a rotated form is read because the user named it, as the shell does for
// mail.log*. That is so before the first look at the log; later it is known what was read.
func (f *Follower) isHistoryToRead(path string, base *source) bool {
	return !f.started && !base.seen && slices.Contains(f.opts.Paths, path) && withoutPacking(path) == path
}

// names is, for each path, the one of all names of the same file under which it is followed: as before,
// or that which is no link.
func (f *Follower) names(paths []string) map[string]string {
	type choice struct {
		name string
		rank int
	}
	best, targets := map[string]choice{}, map[string]string{}
	dirs := map[string]string{}
	for _, p := range paths {
		target, rank := targetOf(p, dirs), 0
		if f.source(p) != nil {
			rank += 2
		}
		if p == target {
			rank++
		}
		targets[p] = target
		if b, ok := best[target]; !ok || rank > b.rank {
			best[target] = choice{p, rank}
		}
	}
	for p, target := range targets {
		targets[p] = best[target].name
	}
	return targets
}

// targetOf is where a path leads to, also if no file is there yet. It remembers where directories lead to.
func targetOf(path string, dirs map[string]string) string {
	const maxLinks = 40
	for range maxLinks {
		dir := filepath.Dir(path)
		real, ok := dirs[dir]
		if !ok {
			real = realDir(dir)
			dirs[dir] = real
		}
		path = filepath.Join(real, filepath.Base(path))
		link, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(link) {
			link = real + "/" + link // not Join: behind a link to a directory, ".." is another one
		}
		path = link
	}
	return path
}

func realDir(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// merge makes what is followed under a path a part of another source.
func (f *Follower) merge(base *source, path string) {
	if own := f.source(path); own != nil && own != base {
		base.absorb(own)
		f.drop(own)
	}
}

// knows says whether a file was read to its end, under whatever name.
func (f *Follower) knows(head []byte) bool {
	return f.gone.has(head) || slices.ContainsFunc(f.sources, func(s *source) bool { return s.known.has(head) })
}

// holder is the source that reads a file under another path: by another link to it, or until the next
// look at the globs.
func (f *Follower) holder(dev, ino uint64, but *source) *source {
	for _, s := range f.sources {
		if s != but && s.holds(dev, ino) {
			return s
		}
	}
	return nil
}
