package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// A limited is the value of a flag that makes no sense below a least one.
type limited[T int | time.Duration] struct {
	value *T
	least T
	kind  string
	parse func(text string) (T, error)
}

// intFlag adds a flag for a whole number from least on.
func intFlag(f *pflag.FlagSet, p *int, name string, value, least int, usage string) {
	*p = value
	f.Var(&limited[int]{p, least, "int", strconv.Atoi}, name, usage)
}

// durationFlag adds a flag for a time from least on.
func durationFlag(f *pflag.FlagSet, p *time.Duration, name string, value, least time.Duration, usage string) {
	*p = value
	f.Var(&limited[time.Duration]{p, least, "duration", time.ParseDuration}, name, usage)
}

// Set is what pflag calls with the text on the command line.
func (l *limited[T]) Set(text string) error {
	v, err := l.parse(text)
	if err != nil {
		return fmt.Errorf("no %s", map[string]string{"int": "whole number", "duration": "duration such as 36h or 30m"}[l.kind])
	}
	if v < l.least {
		return fmt.Errorf("at least %v is needed", l.least)
	}
	*l.value = v
	return nil
}

// Type is the kind of value, for the help.
func (l *limited[T]) Type() string { return l.kind }

// String is the value.
func (l *limited[T]) String() string {
	if l.value == nil {
		return ""
	}
	return fmt.Sprint(*l.value)
}
