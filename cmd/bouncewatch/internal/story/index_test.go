package story

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// An index finds what a map would, with many equal hashes and hashes that want the
// same place, also at the end of the table.
func TestIndexIsAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, hashes := range []uint32{1, 7, 300, 1 << 31} {
		var x index
		model := map[uint32]uint32{}
		for step := range 20_000 {
			n := uint32(1 + random.IntN(400))
			if hash, ok := model[n]; ok {
				x.remove(hash, n)
				delete(model, n)
			} else {
				model[n] = ^random.Uint32N(hashes)
				x.add(model[n], n)
			}
			if x.n != len(model) {
				t.Fatalf("step %d: %d numbers, want %d", step, x.n, len(model))
			}
			if step%100 != 0 {
				continue
			}
			want := map[uint32][]uint32{}
			for _, n := range slices.Sorted(maps.Keys(model)) {
				want[model[n]] = append(want[model[n]], n)
			}
			for hash, numbers := range want {
				if got := numbersOf(&x, hash); !slices.Equal(got, numbers) {
					t.Fatalf("step %d, hash %x: got %d, want %d", step, hash, got, numbers)
				}
			}
		}
		x.remove(12345, 999) // was never there
		if x.n != len(model) {
			t.Error("a number that is not there was removed")
		}
	}
}

func numbersOf(x *index, hash uint32) (all []uint32) {
	for n, place := x.first(hash); n != 0; n, place = x.next(hash, place) {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// Texts keep what was put in, whatever comes and goes beside it.
func TestTextsKeepWhatWasPut(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var ts texts
	kept := map[text]string{}
	for range 20_000 {
		b := make([]byte, random.IntN(1<<random.IntN(11)))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		x := ts.put(b)
		if _, ok := kept[x]; ok {
			t.Fatalf("%x is in use", x)
		}
		if len(b) > 0 {
			kept[x] = string(b[:min(len(b), maxText)])
		} else if x != 0 {
			t.Fatalf("an empty text is %x", x)
		}
		for y, want := range kept {
			if ts.string(y) != want {
				t.Fatalf("%x: got %q, want %q", y, ts.get(y), want)
			}
			if random.IntN(2) == 0 {
				ts.drop(y)
				delete(kept, y)
			}
			if random.IntN(3) == 0 {
				break
			}
		}
	}
	for y, want := range kept {
		if ts.string(y) != want {
			t.Errorf("%x: got %q, want %q", y, ts.get(y), want)
		}
	}
}
