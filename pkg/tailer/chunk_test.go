package tailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readChunk(t *testing.T, c Chunk) string {
	t.Helper()
	r, err := c.Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text strings.Builder
	for {
		b, err := r.Next()
		text.Write(b.Data)
		if err == io.EOF {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestChunksTogetherAreTheLog(t *testing.T) {
	var long strings.Builder
	for i := range 400 {
		fmt.Fprintf(&long, "line %d %s\n", i, strings.Repeat("x", i*i%701))
	}
	for name, text := range map[string]string{
		"empty": "", "one": "a\n", "cut": "a\nb\nc", "no newline": strings.Repeat("y", 5000),
		"long": long.String(), "long line first": strings.Repeat("z", 40_000) + "\nb\n",
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{1, 2, 100, 1000, 1 << 20} {
			chunks, err := Chunks(path, size)
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for i, c := range chunks {
				part := readChunk(t, c)
				if i < len(chunks)-1 && !strings.HasSuffix(part, "\n") {
					t.Errorf("%s, size %d: chunk %d ends within a line", name, size, i)
				}
				before, err := c.Before(150)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasSuffix(all.String(), string(before)) || len(before) > 150 {
					t.Errorf("%s, size %d: before chunk %d stands %q", name, size, i, before)
				}
				all.WriteString(part)
			}
			if all.String() != text {
				t.Errorf("%s, size %d: the chunks make another text", name, size)
			}
		}
	}
}

func TestArchiveIsOneChunk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.gz")
	if err := os.WriteFile(path, []byte(gz(t, strings.Repeat("a line\n", 1000))), 0o600); err != nil {
		t.Fatal(err)
	}
	chunks, err := Chunks(path, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(chunks) != 1 || !chunks[0].Whole || len(readChunk(t, chunks[0])) != 7000 {
		t.Errorf("chunks %+v, want one of 7000 bytes", chunks)
	}
	first, last, err := chunks[0].Ends()
	if err != nil || !bytes.HasPrefix(first, []byte("a line\na line\n")) || last != nil {
		t.Errorf("Ends = %q, %q, %v", first, last, err)
	}
}

func TestEndsOfAPlainLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := "first\n" + strings.Repeat("a line\n", 100_000) + "last\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	chunks, err := Chunks(path, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	first, last, err := chunks[0].Ends()
	if err != nil || !bytes.HasPrefix(first, []byte("first\na line\n")) || !bytes.HasSuffix(last, []byte("a line\nlast\n")) || len(last) > 32<<10 {
		t.Errorf("Ends = %.20q ... %q, %v", first, last[max(0, len(last)-20):], err)
	}
}

func TestLinesBeforeTheEndOfAFileThatWasCut(t *testing.T) {
	if b, err := linesBefore(strings.NewReader("one\ntwo\n"), 100, 98); err != nil || string(b) != "two\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// A log that is cut while it is read yields what is there, and an error.
func TestChunkOfAFileThatWasCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\nfour\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	chunks, err := Chunks(path, 8)
	if err != nil || len(chunks) != 2 {
		t.Fatal(chunks, err)
	}
	if err := os.Truncate(path, 4); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one\n", ""} {
		r, err := chunks[i].Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		var b Block
		for err == nil {
			b, err = r.Next()
			got = append(got, b.Data...)
		}
		r.Close()
		if string(got) != want || !errors.Is(err, ErrCut) {
			t.Errorf("chunk %d: %q, %v", i, got, err)
		}
	}
}
