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
// on one half; the other half is scored and nothing else.
type labelled struct {
	reply  Reply
	cause  Cause
	scored bool
}

func readLabelled(tb testing.TB) []labelled {
	tb.Helper()
	data, err := os.ReadFile("testdata/replies.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var list []labelled
	var host []byte
	seen := make(map[string]bool)
	for n, line := range strings.Split(string(data), "\n") {
		name, text, ok := strings.Cut(line, "\t")
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '@':
			host = []byte(line[1:])
			continue
		case seen[string(host)+line]:
			continue
		}
		seen[string(host)+line] = true
		cause, known := ParseCause(name)
		if !ok || !known {
			tb.Fatalf("replies.txt:%d: %q", n+1, line)
		}
		text = strings.NewReplacer(`\n`, "\n", `\\`, `\`).Replace(text)
		code, e := Find([]byte(text))
		hash := fnv.New32a()
		hash.Write([]byte(text))
		list = append(list, labelled{cause: cause, scored: hash.Sum32()>>7&1 == 1,
			reply: Reply{Code: code, Enhanced: e, Text: []byte(text), RelayHost: host}})
	}
	return list
}

// What the scored half must keep: these only get stricter.
const (
	leastLabelled = 1100
	leastRight    = 0.97
	mostWrong     = 0.03
)

func TestLabelled(t *testing.T) {
	list := readLabelled(t)
	if len(list) < leastLabelled {
		t.Errorf("%d labelled replies, want %d", len(list), leastLabelled)
	}
	written := score(list, false)
	for _, l := range written.misses {
		t.Log(l)
	}
	t.Logf("writing half: %v", written)
	scored := score(list, true)
	t.Logf("scored half: %v\n%s", scored, scored.table())
	if scored.share(scored.right) < leastRight || scored.share(scored.wrong) > mostWrong {
		t.Errorf("scored half: %v; want at least %.3f right and at most %.3f wrong", scored, leastRight, mostWrong)
	}
}

// A tally is how one half fares. A reply whose cause is not found counts as
// neither right nor wrong.
type tally struct {
	total, right, wrong int
	confused            map[[2]Cause]int // wanted, given
	misses              []string
}

func score(list []labelled, scored bool) tally {
	s := tally{confused: make(map[[2]Cause]int)}
	for _, l := range list {
		if l.scored != scored {
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
