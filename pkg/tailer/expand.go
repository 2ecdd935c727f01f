package tailer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Expand turns the words of a command line into the files to read, sorted and each once, however many
// names it has: files, directories (the logs in them, recursively), globs, and "-" for standard input.
// Each word that leads to nothing gives one error, and each directory that cannot be looked into.
func Expand(args []string) (files []string, errs []error) {
	for _, arg := range args {
		found, err := expandOne(arg)
		if err != nil {
			errs = append(errs, err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return once(slices.Compact(files)), errs
}

// once leaves the first of several names of a file, one that is no link if there is.
func once(files []string) []string {
	type id struct{ dev, ino uint64 }
	named := map[id]bool{}
	var links []string
	again := func(info fs.FileInfo) bool {
		dev, ino := identity(info)
		known := named[id{dev, ino}]
		named[id{dev, ino}] = true
		return known
	}
	files = slices.DeleteFunc(files, func(name string) bool {
		info, err := os.Lstat(name)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			links = append(links, name)
			return true
		}
		return err == nil && info.Mode().IsRegular() && again(info)
	})
	for _, name := range links {
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || !again(info) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

func expandOne(arg string) ([]string, error) {
	if arg == "-" {
		return []string{arg}, nil
	}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return expandDir(arg)
	case err == nil:
		return []string{filepath.Clean(arg)}, nil
	case strings.ContainsAny(arg, "*?["):
		return expandGlob(arg)
	case os.IsNotExist(err):
		return nil, fmt.Errorf("%s: no such file or directory: check the path, or quote a pattern such as '/var/log/mail*'", arg)
	case os.IsPermission(err):
		return nil, fmt.Errorf("%s: permission denied: run as a user who may read it (often group adm)", arg)
	}
	return nil, err
}

func expandGlob(pattern string) ([]string, error) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %v: check the brackets", pattern, err)
	}
	var files []string
	for _, m := range matches {
		info, err := os.Stat(m)
		if err == nil && !info.IsDir() && !SkipName(filepath.Base(m)) {
			files = append(files, m)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no file matches: check the pattern", pattern)
	}
	return files, nil
}

func expandDir(dir string) ([]string, error) {
	var files []string
	var closed error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == dir:
			return err
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) { // removed meanwhile
				closed = errors.Join(closed, err)
			}
			return nil
		case path != dir && SkipName(d.Name()):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case isRegular(path, d):
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no log files in this directory: name the files, or another directory", dir)
	}
	return files, errors.Join(err, closed)
}

func isRegular(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// SkipName tells files that lie beside logs but are none, by the last part of their path: hidden, our own state, recorded truths;
// and Exim's reject log and panic log, which repeat lines of its main log.
func SkipName(name string) bool {
	for _, start := range []string{".", "rejectlog", "paniclog"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	for _, ext := range []string{".golden", ".json", ".jsonl", ".state", ".tmp", ".swp", "~"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}
