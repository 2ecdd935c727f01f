package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// Greylisted mail that is delivered ten minutes later, and an account that writes to
// people who do not exist.
const messagesLog = `2026-11-25T10:00:00Z mx1 postfix/smtpd[1]: A1: client=pc.example.com[192.0.2.9], sasl_method=PLAIN, sasl_username=ann@example.com
2026-11-25T10:00:00Z mx1 postfix/cleanup[2]: A1: message-id=<x@example.com>
2026-11-25T10:00:00Z mx1 postfix/qmgr[3]: A1: from=<ann@example.com>, size=400, nrcpt=1 (queue active)
2026-11-25T10:00:01Z mx1 postfix/smtp[5]: A1: to=<bob@gmail.com>, relay=gmail-smtp-in.l.google.com[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host gmail-smtp-in.l.google.com[192.0.2.25] said: 451 4.7.1 Greylisted, try again later (in reply to RCPT TO command))
2026-11-25T10:10:00Z mx1 postfix/smtp[5]: A1: to=<bob@gmail.com>, relay=gmail-smtp-in.l.google.com[192.0.2.25]:25, delay=600, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 OK)
2026-11-25T10:10:00Z mx1 postfix/qmgr[3]: A1: removed
2026-11-25T10:11:00Z mx1 postfix/smtpd[1]: B2: client=unknown[198.51.100.9], sasl_method=PLAIN, sasl_username=eve@example.com
2026-11-25T10:11:00Z mx1 postfix/qmgr[3]: B2: from=<eve@example.com>, size=400, nrcpt=2 (queue active)
2026-11-25T10:11:01Z mx1 postfix/smtp[5]: B2: to=<no1@example.org>, relay=mx.example.org[192.0.2.26]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.26] said: 550 5.1.1 User unknown (in reply to RCPT TO command))
2026-11-25T10:11:01Z mx1 postfix/smtp[5]: B2: to=<no2@example.org>, relay=mx.example.org[192.0.2.26]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.26] said: 550 5.1.1 User unknown (in reply to RCPT TO command))
`

func messagesServer(t *testing.T, log string) http.Handler {
	t.Helper()
	w := story.NewWatch(story.WatchOptions{Limit: 100, MaxAge: time.Hour, Suspicion: story.Suspicion{Unknown: 2, Recipients: 500}, Logger: slog.New(slog.DiscardHandler)})
	p := pipeline.Pipeline{Counts: aggregate.NewWithoutDomains(), Calendar: &logparse.Calendar{}, Listener: w}
	p.Block(&tailer.Block{Source: "mail.log", Data: []byte(log), Line: 1})
	if err := w.Save(io.Discard); err != nil {
		t.Fatal(err)
	}
	w.Saved()
	v := newView()
	return newHandler(v, w)
}

func serve(h http.Handler, path, accept string) string {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func TestMetricsOfMessages(t *testing.T) {
	body := serve(messagesServer(t, messagesLog), "/metrics", "")
	for _, want := range []string{
		`bouncewatch_recipients_total{mta="postfix",outcome="delivered_after_deferral"} 1`,
		`bouncewatch_recipients_total{mta="postfix",outcome="delivered_first_try"} 0`,
		`bouncewatch_recipients_total{mta="postfix",outcome="failed"} 2`,
		`bouncewatch_provider_recipients_total{outcome="delivered_after_deferral",provider="google"} 1`,
		`bouncewatch_provider_recipients_total{outcome="failed",provider="other"} 2`,
		`bouncewatch_recipient_failures_total{cause="user_unknown",mta="postfix"} 2`,
		`bouncewatch_deferred_deliveries_total{cause="greylisted"} 1`,
		`bouncewatch_deferred_delivery_seconds_bucket{mta="postfix",le="300"} 0`,
		`bouncewatch_deferred_delivery_seconds_bucket{mta="postfix",le="900"} 1`,
		`bouncewatch_deferred_delivery_seconds_sum{mta="postfix"} 600`,
		`bouncewatch_deferred_delivery_seconds_count{mta="exim"} 0`,
		`bouncewatch_messages_open{mta="postfix"} 1`,
		`bouncewatch_messages_lost_sight_total{reason="crowded"} 0`,
		`bouncewatch_suspicious_senders 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	for _, personal := range []string{"eve@", "example.org", "198.51", "A1", "B2"} {
		if strings.Contains(body, personal) {
			t.Errorf("%q is in the metrics", personal)
		}
	}
}

// rate() cannot see the first increment of a new series.
func TestSeriesOfMessagesAreThereFromTheStart(t *testing.T) {
	series := func(log string) (names []string) {
		for line := range strings.Lines(serve(messagesServer(t, log), "/metrics", "")) {
			if name, _, ok := strings.Cut(line, "} "); ok && (strings.Contains(name, "recipient") || strings.Contains(name, "deferred_") || strings.Contains(name, "messages")) {
				names = append(names, name)
			}
		}
		return names
	}
	before, after := series(""), series(messagesLog)
	if len(before) < 500 || strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Errorf("%d series at the start, %d later", len(before), len(after))
	}
	if body := serve(messagesServer(t, ""), "/metrics", "application/openmetrics-text; version=1.0.0"); !strings.Contains(body, `bouncewatch_recipients_created{mta="exim",outcome="failed"} 1.767323045e+09`) {
		t.Error("no time of creation")
	}
}

func TestStatusPageShowsOutcomesAndSenders(t *testing.T) {
	page := serve(messagesServer(t, messagesLog), "/", "")
	for _, want := range []string{
		"A sender looks suspicious: see Senders whose mail fails.",
		`<td class="long">*@example.com</td><td class="n">2</td><td class="n">2</td><td class="n">2</td><td><span class="bad">suspicious</span></td><td class="k">B2</td>`,
		`<td>postfix</td><td class="n">0</td><td class="n">1</td><td class="n">10m9s</td><td class="n">2</td><td class="n">0</td><td class="n">0</td><td class="n">1</td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
	if strings.Contains(page, "eve@") {
		t.Error("an address is on the page")
	}
	if page := serve(messagesServer(t, ""), "/", ""); strings.Contains(page, "suspicious") || strings.Contains(page, "in the end") {
		t.Error("a page without mail speaks of messages")
	}
}

// A user can choose its name.
func TestSenderOnThePageIsEscaped(t *testing.T) {
	page := serve(messagesServer(t, strings.ReplaceAll(messagesLog, "eve@example.com", "eve@<script>")), "/", "")
	if strings.Contains(page, "<script") || !strings.Contains(page, "*@&lt;script&gt;") {
		t.Error("a user's name became markup")
	}
}
