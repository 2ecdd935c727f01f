package push

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"
)

// A receiver of remote write, which answers as it is told.
type receiver struct {
	lock     sync.Mutex
	answers  []int // the next statuses; then 204
	requests int
	series   []map[string]string
	values   []float64
	times    []int64
}

// RoundTrip implements http.RoundTripper.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.requests++
	w := httptest.NewRecorder()
	status := http.StatusNoContent
	if len(r.answers) > 0 {
		status, r.answers = r.answers[0], r.answers[1:]
	}
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	w.WriteHeader(status)
	if status == http.StatusNoContent {
		r.take(req)
	}
	return w.Result(), nil
}

// take decodes a request, by the specification and not by the encoder's code.
func (r *receiver) take(req *http.Request) {
	for name, want := range map[string]string{
		"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0",
	} {
		if got := req.Header.Get(name); !strings.HasPrefix(got, want) {
			panic(name + ": " + got)
		}
	}
	packed, err := io.ReadAll(req.Body)
	if err != nil {
		panic(err)
	}
	message, err := snappy.Decode(nil, packed)
	if err != nil {
		panic(err)
	}
	for _, series := range fields(message)[1] {
		parts := fields(series)
		labels, last := map[string]string{}, ""
		for _, l := range parts[1] {
			label := fields(l)
			name := string(label[1][0])
			if name <= last {
				panic("labels are not sorted: " + name)
			}
			labels[name], last = string(label[2][0]), name
		}
		sample := fields(parts[2][0])
		bits, _ := protowire.ConsumeFixed64(sample[1][0])
		at, _ := protowire.ConsumeVarint(sample[2][0])
		r.series, r.values, r.times = append(r.series, labels), append(r.values, math.Float64frombits(bits)), append(r.times, int64(at))
	}
}

// fields are the raw values in a message, by number.
func fields(b []byte) map[protowire.Number][][]byte {
	all := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			panic("no tag")
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(number, kind, b)
		value := b[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		all[number], b = append(all[number], value), b[n:]
	}
	return all
}

func newPusher(t *testing.T, r *receiver, log io.Writer) *Pusher {
	t.Helper()
	p, err := New(Options{
		URL: "http://prometheus.example.com/api/v1/write", Client: &http.Client{Transport: r}, Interval: time.Minute,
		Labels: map[string]string{"job": "bouncewatch", "instance": "mx1"}, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func registry(t *testing.T) (*prometheus.Registry, prometheus.Counter) {
	t.Helper()
	r := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "mail_total", ConstLabels: prometheus.Labels{"status": "sent"}})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "delay_seconds", Buckets: []float64{1, 60}})
	r.MustRegister(c, h)
	c.Add(7)
	h.Observe(0.5)
	h.Observe(30)
	h.Observe(90)
	return r, c
}

func TestPushSendsWhatAScrapeWouldHave(t *testing.T) {
	r := &receiver{}
	metrics, _ := registry(t)
	synctest.Test(t, func(t *testing.T) {
		newPusher(t, r, io.Discard).push(t.Context(), metrics, time.Minute)
		now := time.Now().UnixMilli()
		for _, at := range r.times {
			if at != now {
				t.Errorf("at %d, want %d", at, now)
			}
		}
	})
	with := func(labels ...string) map[string]string {
		m := map[string]string{"job": "bouncewatch", "instance": "mx1"}
		for i := 0; i < len(labels); i += 2 {
			m[labels[i]] = labels[i+1]
		}
		return m
	}
	want := map[string]float64{}
	for _, s := range []struct {
		labels map[string]string
		value  float64
	}{
		{with("__name__", "mail_total", "status", "sent"), 7},
		{with("__name__", "delay_seconds_bucket", "le", "1"), 1}, {with("__name__", "delay_seconds_bucket", "le", "60"), 2},
		{with("__name__", "delay_seconds_bucket", "le", "+Inf"), 3},
		{with("__name__", "delay_seconds_sum"), 120.5}, {with("__name__", "delay_seconds_count"), 3},
	} {
		want[key(s.labels)] = s.value
	}
	got := map[string]float64{}
	for i, labels := range r.series {
		got[key(labels)] = r.values[i]
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func key(labels map[string]string) string {
	return labels["__name__"] + " " + labels["status"] + labels["le"] + " " + labels["job"] + " " + labels["instance"] + " " + strconv.Itoa(len(labels))
}

// Many series go in several requests.
func TestPushIsInParts(t *testing.T) {
	r := &receiver{}
	metrics := prometheus.NewRegistry()
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "many_total"}, []string{"n"})
	metrics.MustRegister(v)
	for i := range 2*batch + 1 {
		v.WithLabelValues(strconv.Itoa(i)).Inc()
	}
	newPusher(t, r, io.Discard).push(t.Context(), metrics, time.Minute)
	if r.requests != 3 || len(r.series) != 2*batch+1 {
		t.Errorf("%d series in %d requests, want %d in 3", len(r.series), r.requests, 2*batch+1)
	}
}

// A receiver that is away for a while is tried again; one that refuses is not,
// until the next push. The log says once that it fails, and that it works again.
func TestPushTriesAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answers            []int
		requests, failures int
		says               []string
	}{
		"away for a moment": {[]int{0, 503, 429}, 4, 0, []string{"metrics cannot be pushed", "no route to host", "pushed again"}},
		"refuses":           {[]int{401}, 1, 1, []string{"metrics cannot be pushed", "401 Unauthorized"}},
		"redirects":         {[]int{308}, 1, 1, []string{"308 Permanent Redirect"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, said := &receiver{answers: c.answers}, &strings.Builder{}
				metrics, _ := registry(t)
				p := newPusher(t, r, said)
				p.push(t.Context(), metrics, time.Minute)
				if got := value(t, p); r.requests != c.requests || got != float64(c.failures) {
					t.Errorf("%d requests, %v failures; want %d and %d\n%s", r.requests, got, c.requests, c.failures, said)
				}
				for _, want := range c.says {
					if !strings.Contains(said.String(), want) {
						t.Errorf("the log does not say %q:\n%s", want, said)
					}
				}
			})
		})
	}
}

func value(t *testing.T, p *Pusher) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(p)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].Metric[0].GetCounter().GetValue()
}

// Run pushes at once, in each interval and at the end; a receiver that is away for
// longer than an interval gets the newest values when it is back.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, said := &receiver{}, &strings.Builder{}
		metrics, counter := registry(t)
		p := newPusher(t, r, said)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Run(ctx, metrics); close(done) }()
		counts := func() (all []float64) {
			r.lock.Lock()
			defer r.lock.Unlock()
			for i, s := range r.series {
				if s["__name__"] == "mail_total" {
					all = append(all, r.values[i])
				}
			}
			return all
		}
		synctest.Wait()
		counter.Inc()
		<-time.After(time.Minute) // virtual time
		synctest.Wait()
		r.lock.Lock()
		r.answers = make([]int, 20) // away: with longer and longer waits for some minutes
		r.lock.Unlock()
		counter.Inc()
		<-time.After(10 * time.Minute)
		synctest.Wait()
		got := counts()
		if len(got) < 4 || got[0] != 7 || got[1] != 8 || got[2] != 9 {
			t.Errorf("pushed %v, want 7, 8, then 9 from when it was back on", got)
		}
		counter.Inc()
		cancel()
		<-done
		if got := counts(); got[len(got)-1] != 10 {
			t.Errorf("the last push has %v, want 10", got[len(got)-1])
		}
		if n := strings.Count(said.String(), "cannot be pushed"); n != 1 || strings.Count(said.String(), "pushed again") != 1 {
			t.Errorf("the log says:\n%s", said)
		}
	})
}

// silence is a receiver that takes a connection and never answers.
type silence struct{}

// RoundTrip implements http.RoundTripper.
func (silence) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// A receiver that never answers holds a push for its time and the end of the
// program for seconds.
func TestPushIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Options{URL: "http://prometheus.example.com", Client: &http.Client{Transport: silence{}}, Interval: time.Minute, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		metrics, _ := registry(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Run(ctx, metrics); close(done) }()
		<-time.After(2*time.Minute + time.Second) // virtual time
		if got := value(t, p); got != 2 {
			t.Errorf("%v failures in two minutes, want 2", got)
		}
		began := time.Now()
		cancel()
		<-done
		if took := time.Since(began); took > lastPush {
			t.Errorf("the end took %v", took)
		}
	})
}
