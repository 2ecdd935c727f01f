package report

import (
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// Rows of a log with syslog's note: the note is three outcomes, as
// recipients * (1 + repeat).
func TestAppendRow(t *testing.T) {
	log := "2026-11-24T10:00:00.5+01:00 mx1 postfix/smtp[1]: 4XyZ: to=<bob@example.org>, relay=none, delay=2, delays=0/0/0/2, dsn=5.4.4, status=bounced (no <route> for bob@example.org)\n" +
		"2026-11-24T10:00:01+01:00 mx1 last message repeated 3 times\n"
	var got []byte
	p := pipeline.Pipeline{
		Counts: aggregate.New(), Calendar: &logparse.Calendar{Location: time.UTC},
		Visit: func(s *pipeline.Seen) { got = AppendRow(got, s, true) },
	}
	p.Block(&tailer.Block{Source: "/var/log/mail.log", Line: 7, Data: []byte(log)})
	row := `{"source":"/var/log/mail.log","line":7,"time":"2026-11-24 09:00:00","mta":"postfix","program":"postfix/smtp","host":"mx1","queue_id":"4XyZ",` +
		`"direction":"outbound","status":"bounced","enhanced":"5.4.4","dsn":"5.4.4","class":"5xx","cause":"bad_domain","actor":"sender","provider":"other",` +
		`"recipient":"*@example.org","recipient_domain":"example.org","recipients":1,"delay_seconds":2,"text":"no <route> for *@example.org"}` + "\n"
	note := `{"source":"/var/log/mail.log","line":8,"time":"2026-11-24 09:00:01","mta":"postfix","program":"postfix/smtp","host":"mx1","queue_id":"4XyZ",` +
		`"direction":"outbound","status":"bounced","enhanced":"5.4.4","dsn":"5.4.4","class":"5xx","cause":"bad_domain","actor":"sender","provider":"other",` +
		`"recipient":"*@example.org","recipient_domain":"example.org","recipients":1,"repeat":2,"delay_seconds":2,"text":"no <route> for *@example.org"}` + "\n"
	if string(got) != row+note {
		t.Errorf("rows\n%s\nwant\n%s", got, row+note)
	}
}
