package replycode

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func replyOf(text string) Reply {
	code, e := Find([]byte(text))
	return Reply{Code: code, Enhanced: e, Text: []byte(text)}
}

// Each rule's example is decided by that rule.
func TestRuleExamples(t *testing.T) {
	set := loadRules()
	if len(set.rules) < 250 {
		t.Errorf("only %d rules", len(set.rules))
	}
	for i := range set.rules {
		r := &set.rules[i]
		if r.tier == tierMark {
			continue
		}
		v := Classify(replyOf(r.example))
		if v.Rule != r.id || v.Cause != r.cause {
			t.Errorf("%s: example %q gives %v by %s, want %v", r.id, r.example, v.Cause, v.Rule, r.cause)
		}
	}
}

type labelled struct {
	Text, Code, Enhanced, Relay, Cause string
}

// The least share of right and the most of wrong causes on the labelled replies.
const (
	leastRight = 0.9
	mostWrong  = 0.09
)

func TestLabelled(t *testing.T) {
	data, err := os.ReadFile("testdata/labelled.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	right, wrong, total := 0, 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var l labelled
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		code, _ := ParseCode([]byte(l.Code))
		e, _ := ParseEnhanced([]byte(l.Enhanced))
		v := Classify(Reply{Code: code, Enhanced: e, Text: []byte(l.Text), RelayHost: []byte(l.Relay)})
		total++
		switch {
		case v.Cause.String() == l.Cause:
			right++
		case v.Cause != UnknownCause:
			wrong++
			fallthrough
		default:
			t.Logf("%v by %q, want %s: %q", v.Cause, v.Rule, l.Cause, l.Text)
		}
	}
	t.Logf("%d replies: right %.3f, wrong %.3f", total, float64(right)/float64(total), float64(wrong)/float64(total))
	if float64(right) < leastRight*float64(total) || float64(wrong) > mostWrong*float64(total) {
		t.Errorf("right %d wrong %d of %d", right, wrong, total)
	}
}
