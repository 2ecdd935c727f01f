package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// spareMemory collects garbage early, unless GOGC says otherwise, and gives back to the
// system what bursts and scrapes leave, until ctx ends: on a mail host memory is dearer
// than the little time that this takes. Go by itself gives little back, and slowly.
func spareMemory(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	go giveBack(ctx)
}

const (
	giveBackEvery = 15 * time.Second // as scrapes come
	busy          = 16 << 20         // bytes allocated meanwhile: memory would be wanted again at once
	leastGarbage  = 1 << 20
)

func giveBack(ctx context.Context) {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	var g garbage
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		heap := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
		metrics.Read(heap)
		if g.worth(heap[0].Value.Uint64(), heap[1].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// A garbage knows how much was allocated, ever, at the last look and when memory was
// given back last.
type garbage struct{ seen, given uint64 }

// worth says whether memory is to be given back. To find the garbage takes as long as
// the heap is large, so there must be a share of it; and where much is allocated it
// waits until that is over.
func (g *garbage) worth(allocated, live uint64) bool {
	lately := allocated - g.seen
	g.seen = allocated
	if lately >= busy || allocated-g.given < max(live/4, leastGarbage) {
		return false
	}
	g.given = allocated
	return true
}
