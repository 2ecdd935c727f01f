package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/outbox"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/aggregate"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newView() *pipeline.View {
	c := aggregate.NewWithoutDomains()
	c.Add(&logparse.Event{MTA: logparse.Postfix, Direction: logparse.Outbound, Status: logparse.Bounced, Code: 550, Recipients: 1, Delay: -1},
		replycode.Verdict{Cause: replycode.UserUnknown}, false)
	c.Unmatched([]byte("<script>alert(1)</script>"), 1)
	c.Line(`/var/log/"mail.log`, logparse.ResultEvent)
	return &pipeline.View{
		Counts: c, Created: created, CaughtUp: true, Time: time.Now(), CheckpointErrors: 3,
		Health:  map[string]pipeline.SourceTotals{`/var/log/"mail.log`: {Rotations: 4, LostBytes: 5, Truncations: 6, Overlong: 7}},
		Sources: []tailer.SourceStats{{Source: `/var/log/"mail.log`, Up: true, LagBytes: 8, LastLine: created}},
	}
}

// quiet follows no message.
func quiet() *story.Watch { return story.NewWatch(story.WatchOptions{Limit: 100}) }

func newHandler(v *pipeline.View, w *story.Watch) http.Handler {
	view := func() *pipeline.View { return v }
	return Handler(view, w, Gatherer(view, w, outbox.New(outbox.Options{})), slog.New(slog.DiscardHandler))
}

func get(t *testing.T, v *pipeline.View, path string, accept string) (int, string) {
	t.Helper()
	h := newHandler(v, quiet())
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestMetrics(t *testing.T) {
	status, body := get(t, newView(), "/metrics", "")
	if status != http.StatusOK {
		t.Fatal(status, body)
	}
	for _, want := range []string{
		`bouncewatch_events_total{direction="outbound",mta="postfix",status="bounced"} 1`,
		`bouncewatch_source_up{source="/var/log/\"mail.log"} 1`,
		`bouncewatch_source_lag_bytes{source="/var/log/\"mail.log"} 8`,
		`bouncewatch_source_last_line_timestamp_seconds{source="/var/log/\"mail.log"} 1.767323045e+09`,
		`bouncewatch_source_rotations_total{source="/var/log/\"mail.log"} 4`,
		`bouncewatch_source_lost_bytes_total{source="/var/log/\"mail.log"} 5`,
		`bouncewatch_source_truncations_total{source="/var/log/\"mail.log"} 6`,
		`bouncewatch_source_overlong_lines_total{source="/var/log/\"mail.log"} 7`,
		`bouncewatch_checkpoint_errors_total 3`,
		`bouncewatch_series_overflow_total 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if !strings.Contains(body, "\nbouncewatch_build_info{") {
		t.Error("no build_info")
	}
}

func TestOpenMetricsTellsWhenCountingBegan(t *testing.T) {
	_, body := get(t, newView(), "/metrics", "application/openmetrics-text; version=1.0.0")
	want := `bouncewatch_events_created{direction="outbound",mta="postfix",status="bounced"} 1.767323045e+09`
	if !strings.Contains(body, want+"\n") {
		t.Errorf("no line %s", want)
	}
	if !strings.HasSuffix(body, "# EOF\n") {
		t.Error("no # EOF")
	}
}

func TestOpenMetricsHasTheQueueIDOfFailures(t *testing.T) {
	v := newView()
	v.Counts.Add(&logparse.Event{MTA: logparse.Exim, Direction: logparse.Outbound, Status: logparse.Bounced, Code: 550, Recipients: 1, Delay: -1,
		QueueID: []byte("1tKxYz-000000003Xc-1aBc")}, replycode.Verdict{Cause: replycode.UserUnknown}, false)
	want := `bouncewatch_failures_total{cause="user_unknown",class="5xx",direction="outbound",mta="exim"} 1.0 # {queue_id="1tKxYz-000000003Xc-1aBc"} 1.0`
	if _, body := get(t, v, "/metrics", "application/openmetrics-text; version=1.0.0"); !strings.Contains(body, want+"\n") {
		t.Errorf("no line %s", want)
	}
	if _, body := get(t, v, "/metrics", ""); strings.Contains(body, "1tKxYz") {
		t.Error("an exemplar in the text format, which has none")
	}
}

func TestHealth(t *testing.T) {
	behind := newView()
	behind.CaughtUp = false
	old := newView()
	old.Time = time.Now().Add(-2 * stalled)
	for _, c := range []struct {
		view *pipeline.View
		path string
		want int
	}{
		{newView(), "/-/healthy", 200}, {newView(), "/-/ready", 200},
		{behind, "/-/healthy", 200}, {behind, "/-/ready", 503},
		{old, "/-/healthy", 503}, {newView(), "/other", 404},
	} {
		if got, body := get(t, c.view, c.path, ""); got != c.want {
			t.Errorf("%s: %d, want %d: %s", c.path, got, c.want, body)
		}
	}
}

func TestStatusPageEscapesWhatLogsSay(t *testing.T) {
	v := newView()
	v.CheckpointError = "disk <full>"
	status, body := get(t, v, "/", "")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	for _, want := range []string{
		"&lt;script&gt;alert(#)&lt;/script&gt;", "disk &lt;full&gt;", `/var/log/&#34;mail.log`,
		"user_unknown", replycode.Causes()[replycode.UserUnknown].Advice, "2026-01-02T03:04:05Z",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
	if strings.Contains(body, "<script") {
		t.Error("a reply became markup")
	}
}

// No name may come from both sides: joined does not look.
func TestFamiliesAreServedOnceAndInOrder(t *testing.T) {
	_, body := get(t, newView(), "/metrics", "")
	var names []string
	for line := range strings.Lines(body) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			names = append(names, name)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) || len(names) < 20 {
		t.Errorf("families %v", names)
	}
}

// What is served is the same compressed, in every format, and says how it is coded.
func TestMetricsAreCompressedForWhoAsks(t *testing.T) {
	h := newHandler(newView(), quiet())
	for name, accept := range metricsFormats {
		r := httptest.NewRequest(http.MethodGet, "/metrics?name[]=bouncewatch_replies_total", nil)
		r.Header.Set("Accept", accept)
		plain := httptest.NewRecorder()
		h.ServeHTTP(plain, r)
		r.Header.Set("Accept-Encoding", "zstd, gzip")
		small := httptest.NewRecorder()
		h.ServeHTTP(small, r)
		if got := plain.Header().Get("Content-Encoding"); got != "" {
			t.Errorf("%s: Content-Encoding %q, though none was asked for", name, got)
		}
		if got := small.Header().Get("Content-Encoding"); got != "gzip" {
			t.Errorf("%s: Content-Encoding %q, want gzip", name, got)
		}
		if got, want := small.Header().Get("Content-Type"), plain.Header().Get("Content-Type"); got != want || got == "" {
			t.Errorf("%s: Content-Type %q, want %q", name, got, want)
		}
		if small.Body.Len()*4 > plain.Body.Len() {
			t.Errorf("%s: %d bytes compressed to %d", name, plain.Body.Len(), small.Body.Len())
		}
		z, err := gzip.NewReader(small.Body)
		if err != nil {
			t.Fatal(name, err)
		}
		if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, plain.Body.Bytes()) {
			t.Errorf("%s: %d bytes uncompressed, want the %d bytes of the other: %v", name, len(text), plain.Body.Len(), err)
		}
	}
}

var metricsFormats = map[string]string{
	"text":        "text/plain;version=0.0.4",
	"openmetrics": "application/openmetrics-text;version=1.0.0",
	"protobuf":    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}

func BenchmarkMetrics(b *testing.B) {
	v := newView()
	h := newHandler(v, quiet())
	for name, accept := range metricsFormats {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header.Set("Accept", accept)
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}

func respond(t *testing.T, v *pipeline.View, path, language string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	newHandler(v, quiet()).ServeHTTP(w, r)
	return w.Result()
}

// The page may use its own style, and nothing else.
func TestStatusPageAllowsOnlyItsOwnStyle(t *testing.T) {
	response := respond(t, newView(), "/", "")
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, style, _ := strings.Cut(string(body), "<style>")
	style, _, found := strings.Cut(style, "</style>")
	if !found || strings.Contains(string(body), " style=") {
		t.Fatal("no style, or a style attribute, which the policy forbids")
	}
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := response.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy %s\nwant %s", got, want)
	}
}

func TestStatusPageSpeaksChinese(t *testing.T) {
	for _, c := range []struct{ path, accept, want string }{
		{"/", "", "en"}, {"/", "zh-CN,zh;q=0.9,en;q=0.8", "zh"}, {"/", "en-US,en;q=0.9,zh;q=0.1", "en"},
		{"/?lang=zh", "en", "zh"}, {"/?lang=en", "zh", "en"}, {"/?lang=<b>", "zh", "en"},
	} {
		body, err := io.ReadAll(respond(t, newView(), c.path, c.accept).Body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), `<html lang="`+c.want+`">`) {
			t.Errorf("%s with %q is not in %s", c.path, c.accept, c.want)
		}
		if strings.Contains(string(body), "日志文件") != (c.want == "zh") {
			t.Errorf("%s with %q: texts are not in %s", c.path, c.accept, c.want)
		}
	}
}

func TestStatusPageShowsTheLatestFailures(t *testing.T) {
	v := newView()
	v.Recent = []pipeline.Failure{
		{Time: created, QueueID: "4XyZ1111111", Status: logparse.Bounced, Code: 550, Enhanced: replycode.MakeEnhanced(replycode.PermanentFailure, 1, 1), Cause: replycode.UserUnknown, Text: "no <script>alert(1)</script> here"},
		{QueueID: "<b>", Status: logparse.Rejected, Inbound: true},
	}
	_, body := get(t, v, "/", "")
	for _, want := range []string{
		`<td class="k">2026-01-02 03:04:05</td><td class="k">4XyZ1111111</td><td>bounced</td><td class="k">550 5.1.1</td><td class="k">user_unknown</td><td>other</td><td class="long">no &lt;script&gt;alert(1)&lt;/script&gt; here</td>`,
		`<td class="k"></td><td class="k">&lt;b&gt;</td><td>rejected</td><td class="k"></td><td class="k">unknown</td><td></td><td class="long"></td>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
}

func TestReportAPI(t *testing.T) {
	response := respond(t, newView(), "/api/v1/report", "")
	var report struct {
		Version int
		Causes  []struct {
			Cause string
			Count int
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("Content-Type") != "application/json" || report.Version != 1 || len(report.Causes) != 1 || report.Causes[0].Cause != "user_unknown" || report.Causes[0].Count != 1 {
		t.Errorf("%s: %+v", response.Header.Get("Content-Type"), report)
	}
}

func TestMissingLogIsAtTheTop(t *testing.T) {
	v := newView()
	v.Sources[0].Up = false
	if _, body := get(t, v, "/", ""); !strings.Contains(body, `<p class="bad" role="alert">This log is missing or cannot be read: /var/log/&#34;mail.log</p>`) {
		t.Error("no alert of a missing log")
	}
}
