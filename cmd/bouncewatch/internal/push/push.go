// Package push sends metrics to a receiver of Prometheus remote write, from hosts
// that cannot be scraped.
package push

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Options say where to, how often, and what besides the metrics themselves.
type Options struct {
	URL      string
	Client   *http.Client
	Interval time.Duration
	Labels   map[string]string // of every series: a scrape would add job and instance
	Logger   *slog.Logger
	Backoff  time.Duration // before the first retry; 0 means 1 s
}

// A Pusher sends what a Gatherer has, each time all of it. It keeps nothing to
// send later: what a receiver missed is in the next counters.
type Pusher struct {
	opts     Options
	api      *remote.API
	failures prometheus.Counter
	failing  bool
}

const (
	longestBackoff = 30 * time.Second
	lastPush       = 5 * time.Second
	batch          = 2000 // series in a request, as Prometheus sends
)

// New does not send anything yet.
func New(o Options) (*Pusher, error) {
	if o.Backoff == 0 {
		o.Backoff = time.Second
	}
	api, err := remote.NewAPI(o.URL, remote.WithAPIHTTPClient(o.Client), remote.WithAPIPath(""),
		// Until the time for this push is over.
		remote.WithAPIBackoff(remote.BackoffConfig{Min: o.Backoff, Max: longestBackoff}))
	if err != nil {
		return nil, err
	}
	return &Pusher{opts: o, api: api, failures: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "bouncewatch_push_failures_total", Help: "Pushes since the start that a receiver did not take.",
	})}, nil
}

// Describe implements prometheus.Collector.
func (p *Pusher) Describe(ch chan<- *prometheus.Desc) { p.failures.Describe(ch) }

// Collect implements prometheus.Collector.
func (p *Pusher) Collect(ch chan<- prometheus.Metric) { p.failures.Collect(ch) }

// Run pushes now, once in each interval, and when ctx ends.
func (p *Pusher) Run(ctx context.Context, g prometheus.Gatherer) {
	tick := time.NewTicker(p.opts.Interval)
	defer tick.Stop()
	for {
		p.push(ctx, g, p.opts.Interval)
		select {
		case <-tick.C:
		case <-ctx.Done():
			limit := lastPush
			if p.failing { // once, and not again and again
				limit = p.opts.Backoff
			}
			p.push(context.WithoutCancel(ctx), g, limit)
			return
		}
	}
}

// push sends the metrics of now, with retries until the time is over.
func (p *Pusher) push(ctx context.Context, g prometheus.Gatherer, limit time.Duration) {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := p.send(within, g)
	switch {
	case ctx.Err() != nil: // the program ends, and pushes once more
	case err != nil:
		p.failures.Inc()
		p.complain(err)
	case p.failing:
		p.opts.Logger.Info("metrics are pushed again", "url", p.opts.URL)
		p.failing = false
	}
}

// complain says once that pushing fails, and not at each attempt.
func (p *Pusher) complain(err error) {
	if !p.failing {
		p.opts.Logger.Error("metrics cannot be pushed; trying on", "url", p.opts.URL, "err", err)
	}
	p.failing = true
}

func (p *Pusher) send(ctx context.Context, g prometheus.Gatherer) error {
	families, err := g.Gather()
	if err != nil {
		return err
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.Now()}, families...)
	if err != nil {
		return err
	}
	for len(samples) > 0 {
		n := min(batch, len(samples))
		if _, err := p.api.Write(ctx, remote.WriteV1MessageType, encode(samples[:n], p.opts.Labels), remote.WithWriteRetryCallback(p.complain)); err != nil {
			return err
		}
		samples = samples[n:]
	}
	return nil
}
