package replycode

import (
	"fmt"
	"hash/fnv"
	"os"
	"sort"
	"strings"
	"testing"
)

// A labelled is a reply with the cause that a person gave it. Rules are written
// on one half; the other half is scored and nothing else. So are the blind ones, of
// which the rules knew none when they were labelled.
type labelled struct {
	reply Reply
	cause Cause
	part  part
}

type part int

const (
	written part = iota
	scored
	blind
)

func readLabelled(tb testing.TB) []labelled { return readFile(tb, "replies.txt") }

func readFile(tb testing.TB, name string) []labelled {
	tb.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	var list []labelled
	var host []byte
	var isBlind bool
	seen := make(map[string]bool)
	for n, line := range strings.Split(string(data), "\n") {
		label, text, ok := strings.Cut(line, "\t")
		switch {
		case line == "" || line[0] == '#':
			continue
		case line == "!blind":
			isBlind = true
			continue
		case line[0] == '@':
			host = []byte(line[1:])
			continue
		case seen[string(host)+line]:
			continue
		}
		seen[string(host)+line] = true
		cause, known := ParseCause(label)
		if !ok || !known {
			tb.Fatalf("%s:%d: %q", name, n+1, line)
		}
		text = strings.NewReplacer(`\n`, "\n", `\\`, `\`).Replace(text)
		code, e := Find([]byte(text))
		hash := fnv.New32a()
		hash.Write([]byte(text))
		of := part(hash.Sum32() >> 7 & 1)
		if isBlind {
			of = blind
		}
		list = append(list, labelled{cause: cause, part: of,
			reply: Reply{Code: code, Enhanced: e, Text: []byte(text), RelayHost: host}})
	}
	return list
}

// What the scored half and the blind ones must keep: these only get stricter.
const (
	leastLabelled   = 3700
	leastRight      = 0.97
	mostWrong       = 0.03
	leastBlindRight = 0.95
	mostBlindWrong  = 0.025
)

func TestLabelled(t *testing.T) {
	list := readLabelled(t)
	if len(list) < leastLabelled {
		t.Errorf("%d labelled replies, want %d", len(list), leastLabelled)
	}
	half := score(list, written)
	for _, l := range half.misses {
		t.Log(l)
	}
	t.Logf("writing half: %v", half)
	f := func(name string, of part, least, most float64) {
		s := score(list, of)
		t.Logf("%s: %v\n%s", name, s, s.table())
		if s.share(s.right) < least || s.share(s.wrong) > most {
			t.Errorf("%s: %v; want at least %.3f right and at most %.3f wrong", name, s, least, most)
		}
	}
	f("scored half", scored, leastRight, mostWrong)
	f("blind", blind, leastBlindRight, mostBlindWrong)
}

// What Postfix, Exim and Sendmail say of themselves is finite, and none may be missed.
func TestOwnMessages(t *testing.T) {
	list := readFile(t, "messages.txt")
	for _, miss := range append(score(list, written).misses, score(list, scored).misses...) {
		t.Error(miss)
	}
}

// A tally is how one part fares. A reply whose cause is not found counts as
// neither right nor wrong.
type tally struct {
	total, right, wrong int
	confused            map[[2]Cause]int // wanted, given
	misses              []string
}

func score(list []labelled, of part) tally {
	s := tally{confused: make(map[[2]Cause]int)}
	for _, l := range list {
		if l.part != of {
			continue
		}
		v := Classify(l.reply)
		s.total++
		s.confused[[2]Cause{l.cause, v.Cause}]++
		switch {
		case v.Cause == l.cause:
			s.right++
			continue
		case v.Cause != UnknownCause:
			s.wrong++
		}
		s.misses = append(s.misses, fmt.Sprintf("%v by %q, want %v: %q", v.Cause, v.Rule, l.cause, l.reply.Text))
	}
	return s
}

func (s tally) share(n int) float64 { return float64(n) / float64(s.total) }

func (s tally) String() string {
	return fmt.Sprintf("%d replies, right %.3f, wrong %.3f", s.total, s.share(s.right), s.share(s.wrong))
}

// table lists for each wanted cause what was given.
func (s tally) table() string {
	var b strings.Builder
	for want := Cause(0); int(want) < NumCauses; want++ {
		var others []string
		for pair, n := range s.confused {
			if pair[0] == want && pair[1] != want {
				others = append(others, fmt.Sprintf("%v %d", pair[1], n))
			}
		}
		sort.Strings(others)
		fmt.Fprintf(&b, "%-18s right %3d  %s\n", want, s.confused[[2]Cause{want, want}], strings.Join(others, ", "))
	}
	return b.String()
}
