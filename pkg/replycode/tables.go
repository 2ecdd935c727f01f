package replycode

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed codes.tsv
var codesTSV string

//go:embed enhanced.tsv
var enhancedTSV string

// A CodeInfo is what the table of basic reply codes says about one code.
type CodeInfo struct {
	Code      Code
	Category  string // by the second digit (RFC 5321 section 4.2.1)
	Title     string // in our own words
	TitleZH   string
	Reference string // document and section that define the code
	Stages    string // the commands it answers
	Cause     Cause  // what it means when nothing else tells
	HasCause  bool   // false: the code is no failure
	Standard  bool   // false: seen in practice, or named by the registry only
	Note      string
}

// An EnhancedInfo is what the table of enhanced status codes (RFC 3463 and the
// registry of RFC 5248) says about one subject or one detail.
type EnhancedInfo struct {
	Pattern     string // "X.7.1", for a subject "X.7.x"
	Title       string
	TitleZH     string
	Description string
	Reference   string // document and section, where the section is known
	Cause       Cause
	HasCause    bool // false: the code is no failure
}

const maxSubject = 7 // RFC 3463 section 3

var (
	codeTable    = parseCodes(codesTSV)
	codeIndex    = indexCodes(codeTable)
	enhancedRows = parseEnhancedTable(enhancedTSV)
	enhancedRow  = indexEnhanced(enhancedRows)
	subjectRow   = indexSubjects(enhancedRows)
)

// Codes is a copy of the table of basic reply codes (RFC 5321 section 4.2.3
// and the extensions each row names), sorted by code.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codeTable...) }

// LookupCode finds the row of a basic reply code.
func LookupCode(c Code) (CodeInfo, bool) {
	if int(c) >= len(codeIndex) || codeIndex[c] == 0 {
		return CodeInfo{}, false
	}
	return codeTable[codeIndex[c]-1], true
}

// EnhancedCodes is a copy of the table of enhanced status codes, subjects
// first (RFC 3463 section 3 and the registry of RFC 5248).
func EnhancedCodes() []EnhancedInfo { return append([]EnhancedInfo(nil), enhancedRows...) }

// LookupEnhanced finds the row of the exact detail; the class does not matter
// (RFC 3463 section 2).
func LookupEnhanced(e Enhanced) (EnhancedInfo, bool) {
	if e == NoEnhanced {
		return EnhancedInfo{}, false
	}
	i, ok := enhancedRow[e&subjectDetailMask]
	if !ok {
		return EnhancedInfo{}, false
	}
	return enhancedRows[i], true
}

// LookupSubject finds the row of the subject alone (RFC 3463 section 3).
func LookupSubject(e Enhanced) (EnhancedInfo, bool) {
	if e == NoEnhanced || e.Subject() > maxSubject {
		return EnhancedInfo{}, false
	}
	return enhancedRows[subjectRow[e.Subject()]], true
}

// Registered says whether the registry of RFC 5248 knows the code's subject and
// detail.
func Registered(e Enhanced) bool {
	_, ok := LookupEnhanced(e)
	return ok
}

const subjectDetailMask Enhanced = 1<<enhancedClassShift - 1

// tsvRows splits an embedded table and panics on a row without exactly n fields
// or with an empty one: the tables are part of the program.
func tsvRows(name, text string, n int) [][]string {
	var rows [][]string
	for number, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != n {
			panic(fmt.Sprintf("replycode: %s:%d: %d fields, want %d", name, number+1, len(fields), n))
		}
		for i, f := range fields {
			if f == "" || strings.TrimSpace(f) != f {
				panic(fmt.Sprintf("replycode: %s:%d: field %d is empty or padded", name, number+1, i+1))
			}
		}
		rows = append(rows, fields)
	}
	return rows
}

func orEmpty(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// mustCause reads a cause column; "-" means that the row is no failure.
func mustCause(table, s string) (c Cause, has bool) {
	if s == "-" {
		return UnknownCause, false
	}
	c, ok := ParseCause(s)
	if !ok {
		panic("replycode: " + table + ": no cause " + strconv.Quote(s))
	}
	return c, true
}

func parseCodes(text string) []CodeInfo {
	var table []CodeInfo
	for _, f := range tsvRows("codes.tsv", text, 9) {
		code, ok := ParseCode([]byte(f[0]))
		if !ok || len(table) > 0 && table[len(table)-1].Code >= code {
			panic("replycode: codes.tsv: bad or unsorted code " + f[0])
		}
		switch f[5] {
		case "yes", "registry", "seen":
		default:
			panic("replycode: codes.tsv: bad standard column " + f[5])
		}
		info := CodeInfo{Code: code, Category: f[1], Title: f[2], TitleZH: f[3], Standard: f[5] == "yes",
			Reference: f[6], Stages: orEmpty(f[7]), Note: orEmpty(f[8])}
		info.Cause, info.HasCause = mustCause("codes.tsv", f[4])
		table = append(table, info)
	}
	return table
}

func indexCodes(table []CodeInfo) (index [600]uint8) {
	for i := range table {
		index[table[i].Code] = uint8(i + 1)
	}
	return index
}

func parseEnhancedTable(text string) []EnhancedInfo {
	var table []EnhancedInfo
	for _, f := range tsvRows("enhanced.tsv", text, 6) {
		info := EnhancedInfo{Pattern: f[0], Title: f[1], TitleZH: f[2], Description: f[3], Reference: f[5]}
		info.Cause, info.HasCause = mustCause("enhanced.tsv", f[4])
		table = append(table, info)
	}
	return table
}

// patternCode reads "X.s.d" as a code of class 5.
func patternCode(pattern string) (Enhanced, bool) {
	if !strings.HasPrefix(pattern, "X.") {
		return NoEnhanced, false
	}
	e, n := ParseEnhanced([]byte("5" + pattern[1:]))
	return e, n == len(pattern)
}

func indexEnhanced(table []EnhancedInfo) map[Enhanced]int {
	index := make(map[Enhanced]int, len(table))
	for i := range table {
		if strings.HasSuffix(table[i].Pattern, ".x") {
			continue
		}
		e, ok := patternCode(table[i].Pattern)
		if _, twice := index[e&subjectDetailMask]; !ok || twice {
			panic("replycode: enhanced.tsv: bad or repeated pattern " + table[i].Pattern)
		}
		index[e&subjectDetailMask] = i
	}
	return index
}

func indexSubjects(table []EnhancedInfo) (index [maxSubject + 1]int) {
	found := 0
	for i := range table {
		digits, ok := strings.CutSuffix(table[i].Pattern, ".x")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(digits, "X."))
		if err != nil || n < 0 || n > maxSubject {
			panic("replycode: enhanced.tsv: bad subject " + table[i].Pattern)
		}
		index[n] = i
		found++
	}
	if found != len(index) {
		panic("replycode: enhanced.tsv: a subject is missing")
	}
	return index
}
