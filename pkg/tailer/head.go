package tailer

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
)

// readHead makes head as long as the file and headSize allow.
//
// QUIRK: a daemon that keeps its place in the file (no O_APPEND) leaves a hole at the beginning when
// the file is cut, so that one file after the other begins with the same NUL bytes. What comes behind
// them tells the files apart.
func (g *generation) readHead() error {
	if len(g.head) >= headSize {
		return nil
	}
	if len(g.head) == 0 {
		g.hole = leadingHole(g.file)
	}
	buf := make([]byte, headSize)
	n, err := g.file.ReadAt(buf, g.hole)
	if err != nil && err != io.EOF {
		return err
	}
	if n > len(g.head) && bytes.Equal(buf[:len(g.head)], g.head) {
		g.head = buf[:n:n]
	}
	return nil
}

// leadingHole is the length of the run of NUL bytes that a file begins with, if that is a hole.
func leadingHole(f *os.File) (hole int64) {
	buf := make([]byte, holeSize)
	for {
		n, _ := f.ReadAt(buf, hole)
		run := nulRun(buf[:n])
		if hole == 0 && run < holeSize {
			return 0
		}
		hole += int64(run)
		if run < len(buf) {
			return hole
		}
		if hole == holeSize {
			hole = max(hole, nextData(f, hole))
			buf = make([]byte, blockSize)
		}
	}
}

// nextData is where the file has data again, on systems that tell what takes no room on the disk
// (lseek(2), SEEK_DATA); else 0.
func nextData(f *os.File, from int64) int64 {
	const seekData = 3
	if runtime.GOOS != "linux" && runtime.GOOS != "freebsd" {
		return 0 // other systems mean something else by the number
	}
	at, err := f.Seek(from, seekData)
	if err != nil {
		return 0
	}
	return at
}

// intact says whether the file is known to be what it was up to the offset end: not cut below it and
// not begun anew.
func (g *generation) intact(end int64) bool {
	info, err := g.file.Stat()
	if err != nil || info.Size() < end {
		return false
	}
	same, err := g.beginsAsBefore()
	return same && err == nil
}

// beginsAsBefore has an error where that cannot be told: a fault of the disk says nothing about the file.
func (g *generation) beginsAsBefore() (bool, error) {
	buf := g.s.f.look4k[:len(g.head)]
	n, err := g.file.ReadAt(buf, g.hole)
	if err != nil && err != io.EOF {
		return false, err
	}
	return bytes.Equal(buf[:n], g.head), nil
}

// extendHead takes the beginning of the file from what is read at offset, so that no line is returned
// of a file that could not be recognised by it.
func (g *generation) extendHead(data []byte) {
	have := len(g.head)
	if have >= headSize || g.offset < g.hole || g.offset > g.hole+int64(have) {
		return
	}
	more := data[min(have-int(g.offset-g.hole), len(data)):]
	g.head = append(slices.Clip(g.head), more[:min(len(more), headSize-have)]...)
}
