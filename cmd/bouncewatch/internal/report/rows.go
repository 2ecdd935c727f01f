package report

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
)

// AppendRow appends an event as a row of the table in docs/clickhouse.md: a line
// of JSON. Mask replaces the local part of addresses.
//
// Each event is a row at once, syslog's note about repeats too: nothing waits for
// the next line. So that recipients * (1 + repeat) is the number of outcomes of
// every row, the note has one repeat less.
func AppendRow(dst []byte, s *pipeline.Seen, mask bool) []byte {
	e := Events{Mask: mask}
	row := e.event(s)
	row.Time = ""
	if !s.Time.IsZero() {
		row.Time = s.Time.UTC().Format(time.DateTime)
	}
	if s.Event.Folded && row.Repeat > 0 {
		row.Repeat--
	}
	out := bytes.NewBuffer(dst)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(row); err != nil {
		return dst // of texts and finite numbers there is no error
	}
	return out.Bytes()
}
