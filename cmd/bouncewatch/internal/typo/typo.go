// Package typo finds the name that was meant by one that nothing has.
package typo

import "strings"

// Hint names what was probably meant, for the end of a message; "" where nothing
// known is near.
func Hint(name string, known []string) string {
	if best := Closest(name, known); best != "" {
		return ": did you mean " + best + "?"
	}
	return ""
}

// Closest is the known name that is a few typing errors away, "" if none is.
func Closest(name string, known []string) string {
	best, bestDistance := "", 1+len(name)/3
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d <= bestDistance && (d < bestDistance || best == "" || k < best) {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the number of edits between a and b, a swap of neighbours being
// one (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
