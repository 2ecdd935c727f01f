package tailer

import (
	"io/fs"
	"os"
	"time"
)

// A directory is what one look finds in a directory. All logs in it share that.
type directory struct {
	path     string
	modified time.Time // zero if it is not there
	entries  []fs.DirEntry
	err      error
	listed   bool
}

// directory returns a directory as it is at this look.
func (f *Follower) directory(path string) *directory {
	d := f.dirs[path]
	if d == nil {
		d = &directory{path: path}
		if info, err := os.Stat(path); err == nil {
			d.modified = info.ModTime()
		}
		f.dirs[path] = d
	}
	return d
}

// list returns what is in the directory. That is found out after its time, so a change in between shows
// at the next look.
func (d *directory) list() ([]fs.DirEntry, error) {
	if !d.listed {
		d.entries, d.err = os.ReadDir(d.path)
		d.listed = true
	}
	return d.entries, d.err
}
