package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pushed is a host that Prometheus does not scrape: it sends its metrics itself,
// the last of them when it ends.
func (h *host) pushed(ctx context.Context) error {
	const first, then = 30, 5
	log, config := filepath.Join(h.dir, "pushed.log"), filepath.Join(h.dir, "push.yaml")
	if err := os.WriteFile(log, []byte(refusals(0, first)), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, "push: {url: \"http://%s/api/v1/write\", interval: 5s, job: pushed, instance: mx9}\n", h.prometheusAt), 0o600); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	p, err := h.run(ctx, filepath.Join(h.dir, "bouncewatch"), "watch", "--config", config, "--state-dir", filepath.Join(h.dir, "pushed"), "--from-start", "--web.listen-address", address, log)
	if err != nil {
		return err
	}
	defer p.end()
	const series = `bouncewatch_failures_total{job="pushed",instance="mx9",mta="postfix",direction="outbound",class="5xx",cause="ip_blocked"}`
	if err := h.eventually(ctx, fmt.Sprintf("%s == %d", series, first)); err != nil {
		return fmt.Errorf("%w\n%s", err, p.output.Bytes())
	}
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(refusals(first, then)); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := h.until(ctx, "the last lines are counted", func() error {
		metrics, err := fetch(ctx, "http://"+address+"/metrics")
		if err == nil && !strings.Contains(string(metrics), fmt.Sprintf(`bouncewatch_failures_total{cause="ip_blocked",class="5xx",direction="outbound",mta="postfix"} %d`, first+then)) {
			err = fmt.Errorf("not yet")
		}
		return err
	}); err != nil {
		return err
	}
	p.end()
	return h.eventually(ctx, fmt.Sprintf("%s == %d", series, first+then))
}

func refusals(from, n int) (text string) {
	for i := range n {
		text += refused(from + i)
	}
	return text
}
