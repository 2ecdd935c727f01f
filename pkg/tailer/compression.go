package tailer

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// format is a way to compress a log, recognised by the first bytes of the file.
type format struct {
	name  string
	magic string
	open  func(io.Reader) (io.Reader, error)
}

// formats holds one row for each compression that can be read.
var formats = []format{
	{"gzip", "\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
}

func openZstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// formatOf returns the compression that the first bytes show, or nil for plain text.
func formatOf(head []byte) *format {
	for i := range formats {
		if bytes.HasPrefix(head, []byte(formats[i].magic)) {
			return &formats[i]
		}
	}
	return nil
}

// decompress returns the text of r and the name of its compression, "" for none.
func decompress(r io.Reader) (io.Reader, string, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return br, "", err
	}
	f := formatOf(head)
	if f == nil {
		return br, "", nil
	}
	text, err := f.open(br)
	return text, f.name, err
}

// closeText frees what a decompressor holds.
func closeText(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		c.Close()
	}
}
