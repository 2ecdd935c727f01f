package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/typo"
	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// selectionFlags are the flags that say which events count, and how times are
// read.
type selectionFlags struct {
	since, until, timezone                                               string
	year                                                                 int
	mtas, directions, statuses, codes, causes, providers, domains, hosts []string
	config                                                               rulesFlag
}

func (s *selectionFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&s.since, "since", "", "only from this `time` on: 2026-11-01, '2026-11-01 13:00', today, yesterday, 36h, 7d, 2w")
	f.StringVar(&s.until, "until", "", "only before this `time`")
	f.StringSliceVar(&s.mtas, "mta", nil, "only of these `servers`: postfix, exim, sendmail")
	f.StringSliceVar(&s.directions, "direction", nil, "only this `direction`: outbound or inbound")
	f.StringSliceVar(&s.statuses, "status", nil, "only these `statuses`: sent, deferred, bounced, expired, rejected, tempfailed")
	f.StringSliceVar(&s.codes, "code", nil, "only these reply `codes` or classes: 550, 5xx, none")
	f.StringSliceVar(&s.causes, "cause", nil, "only these `causes`, as 'bouncewatch causes' lists them")
	f.StringSliceVar(&s.providers, "provider", nil, "only these `receivers`, as 'bouncewatch providers' lists them")
	f.StringSliceVar(&s.domains, "domain", nil, "only these recipient `domains`")
	f.StringSliceVar(&s.hosts, "host", nil, "only of these logging `hosts`")
	f.StringVar(&s.timezone, "timezone", "", "`zone` of times that have none, as in Europe/Berlin (default: of this host)")
	s.config.addFlag(f)
	intFlag(f, &s.year, "year", 0, 1970, "`year` of times that have none (default: from the time of the file)")
}

// A selection is what the flags say: which events count, by which rules their
// causes are found, and how their times are read.
type selection struct {
	*pipeline.Selection
	rules    *replycode.Rules // nil: the built-in ones
	location *time.Location   // of times without a zone
	year     int              // of times without one; 0: by the time of the file
}

// parse reads the flags and the rules, whose providers --provider may name.
func (s *selectionFlags) parse() (selection, error) {
	location, err := s.location()
	if err != nil {
		return selection{}, err
	}
	rules, err := s.config.load()
	if err != nil {
		return selection{}, err
	}
	events, err := s.events(time.Now().In(location))
	return selection{events, rules, location, s.year}, err
}

func (s *selectionFlags) location() (*time.Location, error) {
	if s.timezone == "" {
		return time.Local, nil
	}
	l, err := time.LoadLocation(s.timezone)
	if err != nil {
		return nil, fmt.Errorf("--timezone %q: no such time zone", s.timezone)
	}
	return l, nil
}

func (s *selectionFlags) events(now time.Time) (out *pipeline.Selection, err error) {
	out = &pipeline.Selection{Domains: s.domains, Hosts: s.hosts}
	if out.Since, err = parseTime("--since", s.since, now); err != nil {
		return nil, err
	}
	if out.Until, err = parseTime("--until", s.until, now); err != nil {
		return nil, err
	}
	if !out.Until.IsZero() && !out.Since.Before(out.Until) {
		return nil, fmt.Errorf("--since %s is not before --until %s", s.since, s.until)
	}
	if out.MTAs, err = byName("--mta", s.mtas, logparse.NoMTA+1, logparse.NumMTAs); err != nil {
		return nil, err
	}
	if out.Directions, err = byName("--direction", s.directions, logparse.NoDirection+1, logparse.NumDirections); err != nil {
		return nil, err
	}
	if out.Statuses, err = byName("--status", s.statuses, logparse.NoStatus+1, logparse.NumStatuses); err != nil {
		return nil, err
	}
	if out.Causes, err = byName("--cause", s.causes, 0, replycode.Cause(replycode.NumCauses)); err != nil {
		return nil, err
	}
	if out.Providers, err = byName("--provider", s.providers, 0, replycode.Provider(replycode.ProviderCount())); err != nil {
		return nil, err
	}
	for _, c := range s.codes {
		if !codeForm.MatchString(c) {
			return nil, fmt.Errorf("--code %q: write it as in 550, 5xx or none", c)
		}
		out.Codes = append(out.Codes, c)
	}
	return out, nil
}

// reference is the time that years are inferred from.
func (s *selection) reference(file string) time.Time {
	if s.year != 0 {
		return time.Date(s.year, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	if info, err := os.Stat(file); err == nil {
		return info.ModTime()
	}
	return time.Now()
}

func (s *selection) calendar(file string) logparse.Calendar {
	return logparse.Calendar{Location: s.location, Reference: s.reference(file)}
}

// pipeline shows what is selected to visit.
func (s *selection) pipeline(visit func(*pipeline.Seen)) pipeline.Pipeline {
	return pipeline.Pipeline{Classifier: replycode.NewClassifier(s.rules), Keep: s.Keep, Visit: visit}
}

// batch counts what is selected.
func (s *selection) batch(stdin io.Reader, workers int) *pipeline.Batch {
	return &pipeline.Batch{
		Stdin: stdin, Workers: workers, Selection: s.Selection, Rules: s.rules,
		Location: s.location, Reference: s.reference,
	}
}

var codeForm = regexp.MustCompile(`^([2-5][0-9][0-9]|[2-5]xx|none)$`)

// byName finds the values from first to below limit that have these names.
func byName[T interface {
	~uint8
	String() string
}](flag string, names []string, first, limit T) (found []T, err error) {
	known := namesOf(first, limit)
	for _, name := range names {
		i := slices.Index(known, strings.ToLower(name))
		if i < 0 {
			return nil, unknownName(flag, name, known)
		}
		found = append(found, first+T(i))
	}
	return found, nil
}

func namesOf[T interface {
	~uint8
	String() string
}](first, limit T) (names []string) {
	for v := first; v < limit; v++ {
		names = append(names, v.String())
	}
	return names
}

// valuesOf are the words that a flag may have, for a shell that completes them; nil
// where it takes any.
func valuesOf(f *pflag.Flag) []string {
	if c, ok := f.Value.(*choice); ok {
		return c.known
	}
	switch f.Name {
	case "mta":
		return namesOf(logparse.NoMTA+1, logparse.NumMTAs)
	case "direction":
		return namesOf(logparse.NoDirection+1, logparse.NumDirections)
	case "status":
		return namesOf(logparse.NoStatus+1, logparse.NumStatuses)
	case "cause":
		return namesOf(0, replycode.Cause(replycode.NumCauses))
	case "provider":
		return namesOf(0, replycode.Provider(replycode.ProviderCount()))
	}
	return nil
}

// unknownName says what was probably meant, and where all names are.
func unknownName(flag, name string, known []string) error {
	hint := typo.Hint(name, known)
	switch flag {
	case "--cause":
		hint = cmp.Or(hint, " is unknown:") + " bouncewatch causes lists them"
	case "--provider":
		hint = cmp.Or(providerHint(name), hint, " is unknown:") + " bouncewatch providers lists them"
	default:
		hint = ": known are " + strings.Join(known, ", ")
	}
	return fmt.Errorf("%s %q%s", flag, name, hint)
}

// providerHint is for a provider that is named as its customers do: gmail, or
// gmail.com.
func providerHint(name string) string {
	for _, p := range replycode.Providers() {
		for _, domain := range p.Domains {
			label, _, _ := strings.Cut(domain, ".")
			if strings.EqualFold(name, domain) || strings.EqualFold(name, label) {
				return ": did you mean " + p.Name + "?"
			}
		}
	}
	return ""
}

var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

var agoForm = regexp.MustCompile(`^([0-9]{1,6})([mhdw])$`)

// parseTime reads a moment; days are those of now's zone.
func parseTime(flag, s string, now time.Time) (time.Time, error) {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "":
		return time.Time{}, nil
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	if m := agoForm.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return time.Time{}, err
		}
		switch m[2] {
		case "m":
			return now.Add(-time.Duration(n) * time.Minute), nil
		case "h":
			return now.Add(-time.Duration(n) * time.Hour), nil
		case "w":
			n *= 7
		}
		return now.AddDate(0, 0, -n), nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: write it as in 2026-11-01, '2026-11-01 13:00', today, yesterday, 36h, 7d or 2w", flag, s)
}
