//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// A truth is what must have been counted, by sample.
type truth struct {
	mta     string
	samples map[string]int
	refused int // mails
	taken   int
	missing []string // what no server tried
	shown   map[string]int
	tried   map[string]int
}

// compare waits until bouncewatch has counted what the receiver answered, and
// says what differs when the time is over.
func (t *trial) compare(w *watcher) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		got, err := w.metrics()
		if err != nil {
			return err
		}
		want, err := t.truth()
		if err != nil {
			return err
		}
		differences := want.differences(got)
		if len(differences) == 0 {
			want.print()
			return nil
		}
		if time.Now().After(t.limit) {
			return errors.New("bouncewatch and the receiver differ:\n" + strings.Join(differences, "\n"))
		}
		<-ticker.C
	}
}

func (t *trial) truth() (*truth, error) {
	log, err := os.ReadFile(t.path(t.server.log))
	if err != nil {
		return nil, err
	}
	lines := linesByDomain(string(log))
	w := &truth{mta: t.server.mta, samples: map[string]int{}, shown: map[string]int{}, tried: map[string]int{}}
	for _, d := range t.cases {
		w.add(d, lines[d.domain])
	}
	return w, nil
}

// linesByDomain are the lines of the log about each recipient.
func linesByDomain(log string) map[string]string {
	by := map[string]string{}
	for line := range strings.Lines(log) {
		_, after, found := strings.Cut(line, "someone@")
		if end := strings.Index(after, ".example"); found && end > 0 {
			by[after[:end]+".example"] += line
		}
	}
	return by
}

func (w *truth) sample(metric, label, value, code string) string {
	labels := []string{fmt.Sprintf("class=%q", code[:1]+"xx"), `direction="outbound"`, fmt.Sprintf("%s=%q", label, value), fmt.Sprintf("mta=%q", w.mta)}
	slices.Sort(labels)
	return "bouncewatch_" + metric + "{" + strings.Join(labels, ",") + "}"
}

// add counts a dialogue: what the receiver answered, as far as the server wrote
// it down. Sendmail does not always.
func (w *truth) add(d *dialogue, lines string) {
	d.mu.Lock()
	n := d.answered
	d.mu.Unlock()
	if n == 0 {
		w.missing = append(w.missing, d.stage+" "+d.code)
	}
	if d.stage == "" {
		w.taken += n
	} else {
		w.refused += n
	}
	w.tried[d.stage] += n
	if !holds(lines, d.code) {
		n = 0
	}
	w.samples[w.sample("replies_total", "code", d.code, d.code)] += n
	w.shown[d.stage] += n
	if d.enhanced != "" && holds(lines, d.enhanced) {
		w.samples[w.sample("enhanced_codes_total", "enhanced", d.enhanced, d.code)] += n
	}
}

// holds says that the word is in the text, with no digit or dot beside it.
func holds(text, word string) bool {
	for {
		before, after, found := strings.Cut(text, word)
		if !found {
			return false
		}
		if !strings.HasSuffix(before, ".") && (before == "" || !digit(before[len(before)-1])) && (after == "" || !digit(after[0]) && after[0] != '.') {
			return true
		}
		text = after
	}
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func (w *truth) differences(got map[string]int) (lines []string) {
	for _, sample := range slices.Sorted(maps.Keys(w.samples)) {
		if got[sample] != w.samples[sample] {
			lines = append(lines, fmt.Sprintf("%s: counted %d, answered %d", sample, got[sample], w.samples[sample]))
		}
	}
	if len(w.missing) > 0 {
		lines = append(lines, fmt.Sprintf("the receiver was not asked for %v", w.missing))
	}
	events := map[string]int{}
	for _, status := range []string{"sent", "deferred", "bounced", "expired"} {
		events[status] = got[fmt.Sprintf("bouncewatch_events_total{direction=\"outbound\",mta=%q,status=%q}", w.mta, status)]
	}
	if failed := events["deferred"] + events["bounced"] + events["expired"]; failed != w.refused {
		lines = append(lines, fmt.Sprintf("failed mails: counted %d, refused %d", failed, w.refused))
	}
	if events["sent"] < w.taken { // its own bounces are delivered, too
		lines = append(lines, fmt.Sprintf("sent mails: counted %d, taken %d", events["sent"], w.taken))
	}
	for sample, n := range got {
		if n > 0 && strings.HasPrefix(sample, "bouncewatch_lines_total{") && strings.Contains(sample, `result="unparsed"`) {
			lines = append(lines, fmt.Sprintf("%s: %d lines were not understood", sample, n))
		}
	}
	return lines
}

// print says how many refusals there were and how many the log shows the code of.
func (w *truth) print() {
	fmt.Printf("%s: %d refused and %d taken, all counted\n", w.mta, w.refused, w.taken)
	for _, stage := range stages {
		fmt.Printf("| %s | %s | %d | %d |\n", w.mta, stage, w.tried[stage], w.shown[stage])
	}
	fmt.Printf("| %s | taken | %d | %d |\n", w.mta, w.tried[""], w.shown[""])
}
