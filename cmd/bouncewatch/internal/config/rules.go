package config

import (
	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/typo"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// Compile makes Rules of the rules and providers of a Config without faults; nil
// where it has none.
func (c *Config) Compile() (*replycode.Rules, error) {
	if len(c.Rules)+len(c.Providers) == 0 {
		return nil, nil
	}
	return replycode.NewRules(c.Rules, c.Providers)
}

// Check is Load, and runs the examples of the rules if nothing is wrong with
// rules and providers themselves. It returns how many examples there are.
func Check(path string) (examples int, err error) {
	f, err := open(path)
	if err != nil {
		return 0, err
	}
	for i := range f.config.Rules {
		examples += len(f.config.Rules[i].Expect)
	}
	if len(f.config.ruleFaults(f.line)) == 0 {
		rules, err := f.config.Compile()
		if err != nil {
			return 0, err
		}
		f.faults = append(f.faults, f.config.placed(rules.Unmet(), f.line)...)
	}
	return examples, joined(path, f.faults)
}

func (c *Config) ruleFaults(line lines) []fault {
	return c.placed(replycode.CheckRules(c.Rules, c.Providers), line)
}

// placed adds lines to faults, and what was probably meant.
func (c *Config) placed(found []replycode.Fault, line lines) (faults []fault) {
	for _, f := range found {
		faults = append(faults, fault{line(f.Path...), f.Error() + typo.Hint(f.Value, c.namesAt(f.Path))})
	}
	return faults
}

// namesAt are the names that may stand at a place, nil where any text may.
func (c *Config) namesAt(path []any) (names []string) {
	switch path[len(path)-1] {
	case "cause":
		for _, info := range replycode.Causes()[1:] {
			names = append(names, info.Name)
		}
	case "provider":
		for _, info := range replycode.Providers()[1:] {
			names = append(names, info.Name)
		}
		for _, p := range c.Providers {
			names = append(names, p.Name)
		}
	}
	return names
}
