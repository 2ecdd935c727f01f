package demo

import (
	_ "embed"
	"fmt"
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

// String is the scene's name in the table of kinds.
func (s Scene) String() string { return sceneNames[s] }

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

// weights are the sums of the weights by scene.
var weights = func() (sums [numScenes]int) {
	for _, k := range kinds {
		for s, in := range k.scenes {
			if in {
				sums[s] += k.weight
			}
		}
	}
	return sums
}()

// pick is the kind at a place in the sum of weights.
func pick(s Scene, at int) *kind {
	for i := range kinds {
		k := &kinds[i]
		if !k.scenes[s] {
			continue
		}
		if at < k.weight {
			return k
		}
		at -= k.weight
	}
	return nil
}
