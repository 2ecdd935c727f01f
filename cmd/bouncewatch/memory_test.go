package main

import "testing"

func TestMemoryIsGivenBackWhereThereIsGarbageAndPeace(t *testing.T) {
	const mb = 1 << 20
	var g garbage
	for i, look := range []struct {
		allocated, live uint64
		want            bool
		why             string
	}{
		{200 * mb, 40 * mb, false, "all of 200 MB were allocated lately: a start on large logs"},
		{201 * mb, 40 * mb, true, "the burst is over"},
		{202 * mb, 8 * mb, false, "1 MB is less than a quarter of 8 MB"},
		{203 * mb, 8 * mb, true, "2 MB came together over two looks"},
		{206 * mb, 6 * mb, true, "a scrape"},
		{206*mb + mb/2, mb, false, "half a megabyte is not worth it, however small the heap"},
		{206*mb + mb/2, mb, false, "nothing happened"},
		{222*mb + mb/2, mb, false, "16 MB lately: under load"},
		{238*mb + mb/2, mb, false, "still"},
		{238*mb + mb/2, mb, true, "over"},
	} {
		if got := g.worth(look.allocated, look.live); got != look.want {
			t.Errorf("look %d: %v, want %v: %s", i, got, look.want, look.why)
		}
	}
}
