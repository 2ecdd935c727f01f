package demo

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A Scene is what the biggest receiver does with our mail.
type Scene int

// The scenes: Google takes our mail, defers most of it, refuses most of it.
const (
	Calm Scene = iota
	Slow
	Block
	numScenes
)

var sceneNames = [numScenes]string{"calm", "slow", "block"}

// A kind is something that happens to mail, with the truth about it.
type kind struct {
	weight                   int
	status, provider, mx     string
	code, enhanced           string // "" where no reply exists, or none of that sort
	cause, stage             string
	text                     []string // the lines of the reply, without codes
	scenes                   [numScenes]bool
	inbound, expired, silent bool
}

//go:embed kinds.tsv
var kindsTable string

// kinds are the rows of the table.
var kinds = func() (all []kind) {
	for line := range strings.Lines(kindsTable) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			all = append(all, parseKind(line))
		}
	}
	return all
}()

const numColumns = 10

// parseKind panics at a row that is wrong: the table is part of the program.
func parseKind(line string) kind {
	f := strings.Split(line, "\t")
	if len(f) != numColumns {
		panic("kinds.tsv: " + line)
	}
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	weight, err := strconv.Atoi(f[1])
	if err != nil {
		panic(fmt.Sprintf("kinds.tsv: %s: %v", line, err))
	}
	k := kind{
		weight: weight, status: f[2], provider: f[3], mx: f[4], code: f[5], enhanced: f[6], cause: f[7], stage: f[8],
		text: strings.Split(f[9], "|"), inbound: f[4] == "" && f[2] != "expired", expired: f[2] == "expired",
		silent: f[5] == "",
	}
	for s, name := range sceneNames {
		k.scenes[s] = f[0] == name || f[0] == "always"
	}
	return k
}

// first may happen to new mail, again to mail of a provider that was deferred.
func first(k *kind) bool { return !k.expired }

func again(provider string) func(*kind) bool {
	return func(k *kind) bool { return !k.inbound && k.provider == provider }
}

// pick is one of the kinds that may happen, by their weights.
func pick(r *rand.Rand, s Scene, may func(*kind) bool) *kind {
	total := 0
	for i := range kinds {
		if k := &kinds[i]; k.scenes[s] && may(k) {
			total += k.weight
		}
	}
	at := r.IntN(total)
	for i := range kinds {
		k := &kinds[i]
		if !k.scenes[s] || !may(k) {
			continue
		}
		if at -= k.weight; at < 0 {
			return k
		}
	}
	return nil // cannot be: the sum of the weights is over at
}
