package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/outbox"
)

// newOutbox is nil where outcomes are not sent.
func newOutbox(c config.Config, logger *slog.Logger) (*outbox.Outbox, error) {
	h := &c.ClickHouse
	if h.URL == "" {
		return nil, nil
	}
	client, err := h.Client()
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	server := &outbox.ClickHouse{URL: h.URL, Table: h.Table, Client: client}
	return outbox.New(outbox.Options{
		Dir: filepath.Join(c.StateDir, "outbox"), Limit: int64(h.SpoolMiB) << 20, Interval: h.Interval,
		Mask: h.Mask, Insert: server.Insert, Logger: logger,
	}), nil
}

// sendRows sends until the context ends or the returned function is called, which
// waits for it.
func sendRows(ctx context.Context, rows *outbox.Outbox) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		rows.Run(ctx)
	}()
	return func() { cancel(); <-done }
}
