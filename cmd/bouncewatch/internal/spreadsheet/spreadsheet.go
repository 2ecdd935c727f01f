// Package spreadsheet writes cells that spreadsheets take for what they are.
package spreadsheet

import (
	"strings"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

// Cell is s as text that no spreadsheet runs: a domain, an address or a reply is the
// sender's to choose, and =cmd|'/c'!A1@example.com is a valid address (RFC 5322
// section 3.2.3). One that would be a formula has an apostrophe in front.
func Cell(s string) string {
	s = terminal.Clean(s)
	if start := strings.TrimLeft(s, " "); start != "" && strings.ContainsRune("=+-@", rune(start[0])) {
		return "'" + s
	}
	return s
}
