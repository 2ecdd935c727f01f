package tailer

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// isRotatedName says whether name is a rotated form of the log base: base.1, base-20261125,
// base.2.gz, and with the extension kept at the end (logrotate: extension) stem-20261125.log.
func isRotatedName(base, name string) bool {
	if rest, ok := strings.CutPrefix(name, base); ok {
		return isRotationSuffix(rest)
	}
	ext := filepath.Ext(base)
	if ext == "" {
		return false
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(base, ext))
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(withoutPacking(rest), ext)
	return ok && isRotationSuffix(rest)
}

func isRotated(base, path string) bool {
	return base != path && filepath.Dir(base) == filepath.Dir(path) && isRotatedName(filepath.Base(base), filepath.Base(path))
}

// isRotationSuffix accepts a number or a date behind a dot or a dash, and an end that tells the
// compression. A name that a program uses while it compresses is none.
func isRotationSuffix(s string) bool {
	s = withoutPacking(s)
	if s == ".old" || s == ".bak" {
		return true
	}
	if len(s) < 2 || s[0] != '.' && s[0] != '-' && s[0] != '_' || s[1] < '0' || s[1] > '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' && c != ':' && c != 'T' && c != 'Z' {
			return false
		}
	}
	return true
}

func withoutPacking(name string) string {
	for _, ext := range []string{".gz", ".bz2", ".xz", ".zst"} {
		if s, ok := strings.CutSuffix(name, ext); ok {
			return s
		}
	}
	return name
}

func isGlob(path string) bool { return strings.ContainsAny(path, "*?[") }

func globMatches(pattern, path string) bool {
	ok, err := filepath.Match(pattern, path)
	return ok && err == nil
}

// glob lists the regular files that a pattern matches and that are logs. Names that are no UTF-8 are left
// out: neither metrics nor the state can hold them.
func (f *Follower) glob(pattern string) (files []string) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil // CheckPath refuses it
	}
	for _, m := range matches {
		if SkipName(filepath.Base(m)) || withoutPacking(m) != m {
			continue
		}
		if info, err := os.Stat(m); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if utf8.ValidString(m) {
			files = append(files, m)
		} else if !f.unnamed {
			f.unnamed = true
			f.opts.Logger.Error("a log is not followed: its name is no UTF-8", "log", strconv.Quote(m))
		}
	}
	return files
}
