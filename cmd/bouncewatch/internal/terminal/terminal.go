// Package terminal makes text fit a terminal: in columns, of which a Chinese
// character takes two, and without anything that a terminal could act on.
package terminal

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Clean replaces what a terminal could act on: words from a log are a stranger's to
// choose. Spaces of all kinds are blanks.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// CleanLines is Clean for a text of several lines.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func wide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// Columns is how many columns s takes.
func Columns(s string) (n int) {
	for _, r := range s {
		n++
		if wide(r) {
			n++
		}
	}
	return n
}

// Fit cuts s to at most so many columns; the last one then says that more was there.
func Fit(s string, columns int) string {
	if Columns(s) <= columns {
		return s
	}
	used := 0
	for i, r := range s {
		used++
		if wide(r) {
			used++
		}
		if used >= columns {
			return s[:i] + strings.Repeat("…", max(min(columns, 1), 0))
		}
	}
	return s
}

// Left fills s up on the right.
func Left(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-Columns(s), 0))
}

// Right fills s up on the left.
func Right(s string, columns int) string {
	return strings.Repeat(" ", max(columns-Columns(s), 0)) + s
}

// Wrap breaks text into lines of at most so many columns, between words and between
// Chinese characters. A word that is longer has a line of its own.
func Wrap(text string, columns int) (lines []string) {
	line, gap := "", ""
	for word := range strings.FieldsSeq(text) {
		for _, piece := range pieces(word) {
			if line != "" && Columns(line+gap+piece) > columns {
				lines = append(lines, line)
				line, gap = "", ""
			}
			line += gap + piece
			gap = ""
		}
		gap = " "
	}
	return append(lines, line)
}

// pieces are the parts of a word that a line may end between.
func pieces(word string) (all []string) {
	start, before := 0, rune(0)
	for i, r := range word {
		if i > 0 && (wide(before) || wide(r)) && !strings.ContainsRune(closing, r) && !strings.ContainsRune(opening, before) {
			all = append(all, word[start:i])
			start = i
		}
		before = r
	}
	return append(all, word[start:])
}

// No line begins with what closes, and none ends with what opens.
const (
	closing = ",.;:!?)\u3001\u3002\u300d\u201d\uff09\uff0c\uff1a\uff1b\uff01\uff1f"
	opening = "(\u300c\u201c\uff08"
)
