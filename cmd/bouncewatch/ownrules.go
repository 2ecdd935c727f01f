package main

import (
	"cmp"
	"os"

	"github.com/spf13/pflag"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A rulesFlag is --config of a command that takes nothing of it but rules and
// providers.
type rulesFlag struct{ file string }

func (r *rulesFlag) addFlag(f *pflag.FlagSet) {
	f.StringVar(&r.file, "config", "", "configuration `file` with own rules and providers (default $"+configVariable+"; none is needed)")
}

// load returns nil, the built-in rules, where no file is named.
func (r *rulesFlag) load() (*replycode.Rules, error) {
	file := cmp.Or(r.file, os.Getenv(configVariable))
	if file == "" {
		return nil, nil
	}
	c, err := config.Load(file)
	if err != nil {
		return nil, configError{err}
	}
	return c.Compile()
}
