package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// A choice is the value of a flag that takes one of some words.
type choice struct {
	value *string
	known []string
}

// choiceFlag adds a flag for one of the known words, of which the first is the
// default.
func choiceFlag(f *pflag.FlagSet, p *string, name, usage string, known ...string) {
	*p = known[0]
	f.Var(&choice{p, known}, name, usage)
}

// formatFlag adds --format, langFlag adds --lang.
func formatFlag(f *pflag.FlagSet, p *string, known ...string) {
	choiceFlag(f, p, "format", "`format`: "+strings.Join(known, ", "), known...)
}

func langFlag(f *pflag.FlagSet, p *string) {
	choiceFlag(f, p, "lang", "`language` of texts, meanings and advice: en or zh", "en", "zh")
}

// Set is what pflag calls with the text on the command line.
func (c *choice) Set(text string) error {
	if !slices.Contains(c.known, text) {
		return fmt.Errorf("known are %s", strings.Join(c.known, ", "))
	}
	*c.value = text
	return nil
}

// Type is the kind of value, for the help.
func (c *choice) Type() string { return "string" }

// String is the value.
func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}
