package tailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// numbered is text of n lines.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d of a log that is compressed\n", i)
	}
	return b.String()
}

func gz(t *testing.T, text string) string {
	return pack(t, text, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func readAll(r Reader) (string, error) {
	var text strings.Builder
	line, offset := int64(1), int64(0)
	for {
		b, err := r.Next()
		if err == io.EOF {
			return text.String(), nil
		}
		if err != nil {
			return text.String(), err
		}
		if b.Line != line || b.Offset < offset {
			return "", fmt.Errorf("block at line %d offset %d, want %d %d", b.Line, b.Offset, line, offset)
		}
		line += int64(bytes.Count(b.Data, []byte("\n")))
		offset = b.Offset + int64(len(b.Data))
		text.Write(b.Data)
	}
}

func TestReaderRecognisesCompression(t *testing.T) {
	text := numbered(40000)
	bz, err := os.ReadFile("testdata/short.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ data, want string }{
		"plain":         {text, text},
		"empty":         {"", ""},
		"no newline":    {"a\nb", "a\nb"},
		"gz":            {gz(t, text), text},
		"gz two member": {gz(t, text) + gz(t, "x\ny\n"), text + "x\ny\n"},
		"bz2":           {string(bz), "one\ntwo\nthree\n"},
		"xz":            {pack(t, text, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }), text},
		"zst":           {pack(t, text, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }), text},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			write(t, path, c.data)
			r, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := readAll(r); got != c.want || err != nil {
				t.Errorf("got %d bytes, %v; want %d", len(got), err, len(c.want))
			}
			got, err := readAll(NewReader("-", strings.NewReader(c.data), Options{}))
			if got != c.want || err != nil {
				t.Errorf("stdin: got %d bytes, %v; want %d", len(got), err, len(c.want))
			}
		})
	}
}

func TestReaderDamagedArchive(t *testing.T) {
	text := numbered(40000)
	data := gz(t, text)
	for _, cut := range []int{5, len(data) / 2, len(data) - 4} {
		got, err := readAll(NewReader("mail.gz", strings.NewReader(data[:cut]), Options{}))
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "mail.gz") {
			t.Errorf("cut at %d: error %v", cut, err)
		}
		if !strings.HasPrefix(text, got) || got != "" && !strings.HasSuffix(got, "\n") {
			t.Errorf("cut at %d: read something else", cut)
		}
		if cut > len(data)/3 && len(got) < len(text)/4 {
			t.Errorf("cut at %d: only %d of %d bytes", cut, len(got), len(text))
		}
	}
}

func TestReaderCutsOverlongLines(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		text, want string
		overlong   int64
	}{
		{"a\n" + long + "\nb\n", "a\n" + long[:10] + "\nb\n", 1},
		{long, long[:10] + "\n", 1},
		{long[:10] + "\n" + long[:11] + "\nc", long[:10] + "\n" + long[:10] + "\nc", 1},
		{long + "\n" + long + "\n", long[:10] + "\n" + long[:10] + "\n", 2},
	} {
		r := NewReader("-", strings.NewReader(c.text), Options{MaxLine: 10})
		got, err := readAll(r)
		if got != c.want || err != nil || r.(Overlonger).Overlong() != c.overlong {
			t.Errorf("%.20q: got %q, %v, %d overlong", c.text, got, err, r.(Overlonger).Overlong())
		}
	}
}

func TestReaderRefusesBinary(t *testing.T) {
	binary := strings.Repeat("\x7fELF\x00\x01\x00\x00\n", 100)
	if _, err := readAll(NewReader("ls", strings.NewReader(binary), Options{})); !errors.Is(err, ErrBinary) {
		t.Errorf("binary: %v", err)
	}
	if _, err := Open(t.TempDir(), Options{}); !errors.Is(err, ErrDirectory) {
		t.Errorf("directory: %v", err)
	}
	hole, long := strings.Repeat("\x00", 100000), strings.Repeat("\x00", 2*blockSize+7)
	for _, text := range []string{hole + "a\nb\n", "a\n" + hole + "b\n", long + "a\nb\n", "a\n" + long + "b\n"} {
		got, err := readAll(NewReader("log", strings.NewReader(text), Options{}))
		if err != nil || !strings.HasSuffix(got, "b\n") {
			t.Errorf("hole: %d bytes, %v", len(got), err)
		}
	}
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"b.log", "sub/a.log.gz", ".hidden", "x.truth.jsonl", "b.golden", "s.json", "rejectlog", "rejectlog.1", "paniclog"} {
		os.MkdirAll(filepath.Dir(at(name)), 0o755)
		write(t, at(name), "x\n")
	}
	os.Mkdir(at("empty"), 0o755)
	files, errs := Expand([]string{dir, at("b*"), "-", at("b.log"), at("none"), at("empty"), at("z*")})
	if want := []string{"-", at("b.log"), at("sub/a.log.gz")}; !slices.Equal(files, want) {
		t.Errorf("got %q", files)
	}
	if len(errs) != 3 || !strings.Contains(errs[0].Error(), at("none")) {
		t.Errorf("errors %v", errs)
	}
}

// A file is read once, and what cannot be looked into is said.
func TestExpandNamesEachFileOnce(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("mail.log"), []byte("x\n"), 0o600), os.Symlink("mail.log", at("a.log")), os.Link(at("mail.log"), at("z.log")),
		os.Symlink(".", at("d")), os.Symlink("nowhere", at("n.log")), os.Mkdir(at("closed"), 0o000),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{dir}, {at("*.log")}, {at("a.log"), at("mail.log")}, {at("mail.log"), at("d/a.log")}, {at("z.log"), at("./mail.log"), at("mail.log")}} {
		files, errs := Expand(args)
		if want := []string{at("mail.log")}; !slices.Equal(files, want) {
			t.Errorf("%q: %q, want %q", args, files, want)
		}
		denied := args[0] == dir && os.Geteuid() != 0 // root may look into all
		if len(errs) > 0 != denied || denied && !errors.Is(errs[0], fs.ErrPermission) {
			t.Errorf("%q: errors %v", args, errs)
		}
	}
	if files, errs := Expand([]string{at("a.log")}); len(errs) > 0 || !slices.Equal(files, []string{at("a.log")}) {
		t.Errorf("a link alone: %q, %v", files, errs)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
