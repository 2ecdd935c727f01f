package report

import (
	"encoding/xml"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/language"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

func mail(c *aggregate.Counts, status logparse.Status, code replycode.Code, cause replycode.Cause, provider replycode.Provider, at time.Time, n int) {
	direction := logparse.Outbound
	if status >= logparse.Rejected {
		direction = logparse.Inbound
	}
	c.Add(&logparse.Event{MTA: logparse.Postfix, Direction: direction, Status: status, Code: code, Recipients: n, Delay: -1},
		replycode.Verdict{Cause: cause, Provider: provider}, false)
	c.At(at, status, uint64(n))
}

var pageNow = time.Date(2026, 11, 25, 13, 20, 0, 0, time.UTC)

// threeDays have mail an hour, a day and five days ago.
func threeDays() *aggregate.Counts {
	google := replycode.ProviderOf([]byte("gmail-smtp-in.l.google.com"), nil)
	c := aggregate.NewWithoutDomains()
	mail(c, logparse.Sent, 250, 0, google, pageNow.Add(-time.Hour), 1500)
	mail(c, logparse.Bounced, 550, replycode.IPBlocked, google, pageNow.Add(-time.Hour), 400)
	mail(c, logparse.Deferred, 421, replycode.IPBlocked, google, pageNow.Add(-time.Hour), 100)
	mail(c, logparse.Rejected, 554, replycode.RelayDenied, 0, pageNow, 7)
	mail(c, logparse.Sent, 250, 0, google, pageNow.Add(-30*time.Hour), 500)
	mail(c, logparse.Bounced, 550, replycode.UserUnknown, google, pageNow.Add(-5*24*time.Hour), 1)
	return c
}

func page(p Page) *pageView { return &pageView{Page: p, document: newDocument(threeDays(), p.Lang)} }

func TestTilesAreOfTheLastDay(t *testing.T) {
	for name, c := range map[string]struct {
		page Page
		want []tile
	}{
		"daemon": {Page{Now: pageNow}, []tile{{"Delivery attempts", "2,000", ""}, {"Delivered", "75.0 %", ""}, {"Deferred", "5.0 %", ""}, {"Bounced", "20.0 %", "bad"}, {"Refused here", "7", ""}}},
		"report": {Page{}, []tile{{"Delivery attempts", "2,501", ""}, {"Delivered", "80.0 %", ""}, {"Deferred", "4.0 %", ""}, {"Bounced", "16.0 %", "bad"}, {"Refused here", "7", ""}}},
		"later":  {Page{Now: pageNow.Add(100 * time.Hour)}, []tile{{"Delivery attempts", "0", ""}, {"Refused here", "0", ""}}},
	} {
		got := page(c.page).Tiles()
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got[i], c.want[i])
			}
		}
	}
}

func TestChartOfADaemonHasThreeDays(t *testing.T) {
	c := page(Page{Now: pageNow}).Chart()
	if len(c.Bars) != 72 || c.From != "2026-11-22 14:00 UTC" || c.To != "2026-11-25 13:00 UTC" || c.Highest != 2000 {
		t.Fatalf("%d bars from %s to %s, highest %d", len(c.Bars), c.From, c.To, c.Highest)
	}
	hourAgo := chartBar{X: 700, Sent: chartPart{0, 75}, Deferred: chartPart{75, 5}, Failed: chartPart{80, 20},
		Label: "2026-11-25 12:00 UTC: 1500 sent, 100 deferred, 400 bounced, 0 expired",
		At:    "2026-11-25 12:00 UTC", Counts: hourRow{Sent: 1500, Deferred: 100, Bounced: 400}}
	if c.Bars[70] != hourAgo {
		t.Errorf("bar %+v, want %+v", c.Bars[70], hourAgo)
	}
	if got, want := c.Bars[41].Sent, (chartPart{75, 25}); got != want { // 30 hours ago
		t.Errorf("bar %+v, want %+v", got, want)
	}
}

func TestChartOfAReportHasAllOfIt(t *testing.T) {
	for span, want := range map[time.Duration]struct {
		bars int
		step string
	}{
		0:                          {1, "a bar is an hour"},
		95 * time.Hour:             {96, "a bar is an hour"},
		96 * time.Hour:             {5, "a bar is a day"},
		300 * 24 * time.Hour:       {44, "a bar is a week"}, // 1970 began on a Thursday, weeks begin on Mondays
		9 * 365 * 24 * time.Hour:   {10, "a bar is a year"},
		200 * 365 * 24 * time.Hour: {96, "a bar is a year"},
	} {
		start := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
		c := aggregate.New()
		mail(c, logparse.Sent, 250, 0, 0, start, 1)
		mail(c, logparse.Sent, 250, 0, 0, start.Add(span), 1)
		got := (&pageView{document: newDocument(c, "en")}).Chart()
		if got.Step != want.step || len(got.Bars) != want.bars {
			t.Errorf("%v: %d bars, %s; want %d, %s", span, len(got.Bars), got.Step, want.bars, want.step)
		}
		var height float64
		for _, b := range got.Bars {
			height += b.Sent.Height
		}
		if last := got.Bars[len(got.Bars)-1]; last.Sent.Height == 0 || height < 100 {
			t.Errorf("%v: the last bar is empty or mail is missing: %v", span, height)
		}
	}
	if c := (&pageView{document: newDocument(aggregate.New(), "en")}).Chart(); c != nil {
		t.Errorf("a chart of nothing: %+v", c)
	}
}

// A report on a few hours has bars, not blocks.
func TestFewBarsAreNarrow(t *testing.T) {
	c := aggregate.New()
	mail(c, logparse.Sent, 250, 0, 0, pageNow, 1)
	if got := (&pageView{document: newDocument(c, "en")}).Chart(); len(got.Bars) != 1 || got.Width() != 240 {
		t.Errorf("%d bars in a width of %d, want 1 in 240", len(got.Bars), got.Width())
	}
}

// The scale is logarithmic from 0.01 s to the first mark over all delays.
func TestDelayChart(t *testing.T) {
	d := newDocument(aggregate.New(), "en")
	if c := (&pageView{document: d}).DelayChart(); c != nil {
		t.Errorf("a chart of nothing: %+v", c)
	}
	d.Delays = []delayRow{
		{MTA: "postfix", Status: "sent", P50: 0.1, P90: 1, P99: 10},
		{MTA: "exim", Status: "sent", P50: 0, P90: 0, P99: 100}, // log of 0
	}
	want := &delayChart{
		// log10 of 0.1, 1, 10, 60 and 600 s over 0.01 s: 1, 2, 3, 3.778, 4.778
		Ticks: []delayTick{{20.9, "0.1 s"}, {41.9, "1 s"}, {62.8, "10 s"}, {79.1, "1 min"}, {100, "10 min"}},
		Rows: []delayBar{
			{"postfix", "sent", "postfix sent: 50 % 0.1 s, 90 % 1 s, 99 % 10 s", 20.9, 41.9, 62.8},
			{"exim", "sent", "exim sent: 50 % 0 s, 90 % 0 s, 99 % 100 s", 0, 0, 83.7},
		},
	}
	if got := (&pageView{document: d}).DelayChart(); !reflect.DeepEqual(got, want) {
		t.Errorf("chart %+v\nwant %+v", got, want)
	}
	if b := want.Rows[1]; b.Body() != 0.8 || b.Tail() != 83.7 {
		t.Errorf("body %v, tail %v", b.Body(), b.Tail())
	}
	d.Delays[0].P99 = 1e9 // over the scale
	if got := (&pageView{document: d}).DelayChart(); got.Rows[0].P99 != 100 || got.Ticks[len(got.Ticks)-1].Text != "5 d" {
		t.Errorf("chart %+v", got)
	}
}

func TestCausesAndProvidersOfThePage(t *testing.T) {
	p := page(Page{})
	blocked := replycode.Causes()[replycode.IPBlocked]
	if got, want := p.CausesOf("outbound")[0], (pageCause{"ip_blocked", blocked.Definition, blocked.Actor, "4xx 5xx", blocked.Advice, 500, 100, 0}); got != want {
		t.Errorf("cause %+v, want %+v", got, want)
	}
	actors := []actorLine{
		{Actor: "sender host admin", Count: 500, Causes: []string{"ip_blocked"}, Width: 100},
		{Actor: "sender", Count: 1, Causes: []string{"user_unknown"}, rank: len(ourActors)},
	}
	if got := p.Actors(); !reflect.DeepEqual(got, actors) {
		t.Errorf("actors %v, want %v", got, actors)
	}
	want := shareLine{Name: "google", Total: 2501, Sent: "80.0 %", Deferred: "4.0 %", Bounced: "16.0 %", BounceGrade: "bad", Cause: "ip_blocked"}
	if got := p.ProviderShares(); len(got) != 1 || got[0] != want {
		t.Errorf("providers %+v, want %+v", got, want)
	}
	zh := page(Page{Lang: "zh"})
	if got := zh.CausesOf("outbound")[0]; got.Advice != blocked.AdviceZH || got.Actor != "发信主机管理员" {
		t.Errorf("in Chinese: %+v", got)
	}
}

// Every text of the page and every actor has a Chinese one, and there are no others.
func TestChineseIsComplete(t *testing.T) {
	source, err := pageFS.ReadFile("page.html")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"metrics": true, "ready": true, "healthy": true} // links of the daemon
	for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		used[m[1]] = true
	}
	for _, c := range replycode.Causes() {
		used[c.Actor] = true
	}
	for _, s := range chartSteps {
		used[s.name] = true
	}
	for _, tile := range page(Page{}).Tiles() {
		used[tile.Name] = true
	}
	for _, m := range lineMeanings {
		used[m] = true
	}
	for _, table := range tables {
		used[table.title] = true
	}
	for _, file := range []string{"text.go", "table.go", "sum.go", "../web/web.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:\.T\(|Text\(lang, )"([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
			used[m[1]] = true
		}
	}
	for english := range used {
		if language.Chinese[english] == "" {
			t.Errorf("no Chinese for %q", english)
		}
	}
}

// A browser must not have to guess: all elements are closed, in both languages.
func TestPageIsWellFormed(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		p := Page{Title: "bouncewatch", Lang: lang, Now: pageNow, Faults: []string{"a"}, Sources: []SourceRow{{Source: "mail.log"}},
			Failures: []FailureRow{{Text: "<x>", QueueID: `"><script>`}}, Links: []Link{{"metrics", "metrics"}}}
		text := render(t, "html", Options{Page: p, Lang: lang}, threeDays())
		text = regexp.MustCompile(`<meta [^>]*>`).ReplaceAllString(text, "")
		d := xml.NewDecoder(strings.NewReader(text))
		d.Entity = xml.HTMLEntity
		open := 0
		for {
			token, err := d.Token()
			if token == nil {
				if open != 0 || err == nil || err.Error() != "EOF" {
					t.Errorf("%s: %v, %d elements open", lang, err, open)
				}
				break
			}
			switch token.(type) {
			case xml.StartElement:
				open++
			case xml.EndElement:
				open--
			}
		}
		if !strings.Contains(text, `<html lang="`+lang+`">`) || strings.Contains(text, "<script") {
			t.Errorf("%s: wrong language, or a script", lang)
		}
	}
}
