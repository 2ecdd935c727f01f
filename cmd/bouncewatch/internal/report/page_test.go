package report

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"time"

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

func page(p Page) *pageView { return &pageView{Page: p, document: newDocument(threeDays())} }

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
		Label: "2026-11-25 12:00 UTC: 1500 sent, 100 deferred, 400 bounced, 0 expired"}
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
		got := (&pageView{document: newDocument(c)}).Chart()
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
	if c := (&pageView{document: newDocument(aggregate.New())}).Chart(); c != nil {
		t.Errorf("a chart of nothing: %+v", c)
	}
}

func TestCausesAndProvidersOfThePage(t *testing.T) {
	p := page(Page{})
	blocked := replycode.Causes()[replycode.IPBlocked]
	if got, want := p.CausesOf("outbound")[0], (pageCause{"ip_blocked", blocked.Definition, blocked.Actor, "4xx 5xx", blocked.Advice, 500, 100, 0}); got != want {
		t.Errorf("cause %+v, want %+v", got, want)
	}
	if got := p.Actors(); len(got) != 2 || got[0] != (actorLine{"sender host admin", 500, 0}) || got[1] != (actorLine{"sender", 1, len(ourActors)}) {
		t.Errorf("actors %v", got)
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
	used[codeMeaning(replycode.None)], used[codeMeaning(299)] = true, true
	for english := range used {
		if chinese[english] == "" {
			t.Errorf("no Chinese for %q", english)
		}
	}
	for english := range chinese {
		if !used[english] {
			t.Errorf("%q is nowhere on the page", english)
		}
	}
}

// A browser must not have to guess: all elements are closed, in both languages.
func TestPageIsWellFormed(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		p := Page{Title: "bouncewatch", Lang: lang, Now: pageNow, Faults: []string{"a"}, Sources: []SourceRow{{Source: "mail.log"}},
			Failures: []FailureRow{{Text: "<x>", QueueID: `"><script>`}}, Links: []Link{{"metrics", "metrics"}}}
		text := render(t, "html", Options{Page: p}, threeDays())
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
