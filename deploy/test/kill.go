package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// killed ends the program by kill -9 again and again while mail is logged. What
// Prometheus has adds up to what the log says, and never fell.
func (h *host) killed(ctx context.Context) error {
	const counter = `bouncewatch_events_total{mta="postfix",direction="outbound",status="sent"}`
	begin, err := h.value(ctx, counter)
	if err != nil {
		return err
	}
	want := begin
	for i := range 10 {
		h.write(strings.Repeat(delivered(1000+i), 40))
		want += 40
		reached := want
		if err := h.until(ctx, "a scrape between two kills", func() error { return h.isAtLeast(ctx, counter, reached) }); err != nil {
			return err
		}
		h.write(strings.Repeat(delivered(2000+i), 25)) // counted or not when it dies
		if err := h.bouncewatch.cmd.Process.Kill(); err != nil {
			return err
		}
		_ = h.bouncewatch.cmd.Wait()
		h.write(strings.Repeat(delivered(3000+i), 15)) // while no one looks
		want += 40
		program := filepath.Join(h.dir, "bouncewatch")
		if h.bouncewatch, err = h.run(ctx, program, "watch", "--state-dir", filepath.Join(h.dir, "state"), "--web.listen-address", h.exporterAt, h.log); err != nil {
			return err
		}
	}
	if err := h.until(ctx, "all lines are counted", func() error { return h.isAtLeast(ctx, counter, want) }); err != nil {
		return err
	}
	got, err := h.value(ctx, counter)
	if err != nil {
		return err
	}
	resets, err := h.value(ctx, "resets("+counter+"[10m])")
	if err != nil {
		return err
	}
	if got != want || resets != 0 {
		return fmt.Errorf("%v counted of %v, %v resets", got-begin, want-begin, resets)
	}
	return nil
}

func (h *host) isAtLeast(ctx context.Context, expr string, want float64) error {
	got, err := h.value(ctx, expr)
	if err == nil && got < want {
		err = fmt.Errorf("%s is %v, want %v", expr, got, want)
	}
	return err
}

// value is that of a query with one result.
func (h *host) value(ctx context.Context, expr string) (float64, error) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if err := h.ask(ctx, "query", map[string]string{"query": expr}, &data); err != nil {
		return 0, err
	}
	if len(data.Result) != 1 {
		return 0, fmt.Errorf("%s has %d results", expr, len(data.Result))
	}
	text, _ := data.Result[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}
