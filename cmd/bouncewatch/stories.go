package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/story"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// storyFlags are those of the commands that follow messages.
type storyFlags struct {
	limit     int
	maxAge    time.Duration
	selection selectionFlags
}

func (o *storyFlags) addFlags(f *pflag.FlagSet, limit int) {
	intFlag(f, &o.limit, "limit", limit, 1, "messages to follow at the same time; more are given up, oldest first, and counted")
	durationFlag(f, &o.maxAge, "max-age", 6*24*time.Hour, time.Second, "give up a message that nothing is said of for so long: a day more than the queue lifetime")
	o.selection.addFlags(f)
}

// follow shows all lines of the inputs to the tracker, in the order of time. As
// with readAll, the returned inputError says only that there was a fault.
func (o *storyFlags) follow(cmd *cobra.Command, args []string, selected *selection, t *story.Tracker) error {
	t.Limit, t.MaxAge = o.limit, o.maxAge
	readErr := readInTime(cmd, args, selected, pipeline.Pipeline{Classifier: replycode.NewClassifier(selected.rules), Listener: t})
	t.Close()
	for _, e := range []struct {
		how  story.Ending
		text string
	}{
		{story.Crowded, "messages were given up because more than --limit were open at the same time"},
		{story.TooOld, "messages were given up because nothing was said of them for longer than --max-age"},
		{story.Reused, "messages lost their queue id to another: the lines about their end are missing"},
	} {
		if n := t.Ended[e.how]; n > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "bouncewatch: note: %d %s\n", n, e.text)
		}
	}
	return readErr
}

// byTime sorts logs by the time of their first line. A rotated log has a greater
// name than the one that follows it. What has no time comes as the names do.
func byTime(files []string, calendar func(file string) logparse.Calendar) []string {
	first := map[string]time.Time{}
	for _, file := range files {
		first[file] = firstTime(file, calendar(file))
	}
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b string) int { return first[a].Compare(first[b]) })
	return files
}

// firstTime is the zero Time for standard input and for what cannot be read: reading
// it will say why.
func firstTime(file string, calendar logparse.Calendar) time.Time {
	if file == "-" {
		return time.Time{}
	}
	r, err := tailer.Open(file, tailer.Options{})
	if err != nil {
		return time.Time{}
	}
	defer r.Close()
	block, _ := r.Next()
	return pipeline.FirstTime(block.Data, calendar)
}

// keep is nil where the selection selects everything, so that messages without an
// event are selected, too.
func (s *selection) keep() func(*pipeline.Seen) bool {
	if s.All() {
		return nil
	}
	return s.Keep
}
