package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/typo"
)

// EnvironmentPrefix begins the name of every variable: the key poll is
// BOUNCEWATCH_POLL. Lists are separated by commas.
const EnvironmentPrefix = "BOUNCEWATCH_"

// Variable is the name of the environment variable that sets key.
func Variable(key string) string { return EnvironmentPrefix + strings.ToUpper(key) }

// ApplyEnvironment sets what the environment says on top of c and returns the
// keys it set. An empty variable counts as unset: containers pass those on. Its
// error has a line for each fault.
func (c *Config) ApplyEnvironment(lookup func(name string) (string, bool)) (set []string, err error) {
	var faults []fault
	before := *c
	fields := reflect.ValueOf(c).Elem()
	for i, key := range Keys() {
		text, ok := lookup(Variable(key))
		if !ok || text == "" {
			continue
		}
		if err := setField(fields.Field(i), text); err != nil {
			faults = append(faults, fault{text: fmt.Sprintf("%s: %v", key, err)})
			continue
		}
		set = append(set, key)
	}
	for _, f := range c.faults(func(...any) int { return 0 }) {
		if key, _, _ := strings.Cut(f.text, ":"); slices.Contains(set, key) {
			faults = append(faults, f)
		}
	}
	if len(faults) > 0 {
		*c = before
		return nil, environmentError(faults)
	}
	return set, nil
}

type environmentError []fault

func (e environmentError) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		key, text, _ := strings.Cut(f.text, ":")
		lines[i] = "environment: " + Variable(key) + ":" + text
	}
	return strings.Join(lines, "\n")
}

func setField(field reflect.Value, text string) error {
	switch v := field.Addr().Interface().(type) {
	case *string:
		*v = text
	case *[]string:
		*v = splitList(text)
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*v = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		*v = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is no duration such as 250ms or 1m", text)
		}
		*v = d
	default:
		return errors.New("can only be set in the configuration file")
	}
	return nil
}

func splitList(text string) (list []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// MistypedVariables are warnings about variables of environ that look like ours,
// set nothing, and are close to one that would. Others are left alone: for a
// service named bouncewatch Kubernetes sets BOUNCEWATCH_SERVICE_HOST,
// BOUNCEWATCH_PORT and more.
func MistypedVariables(environ []string) (warnings []string) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		key, ours := strings.CutPrefix(name, EnvironmentPrefix)
		key = strings.ToLower(key)
		if !ours || key == "config" || key == "port" || slices.Contains(Keys(), key) {
			continue
		}
		if meant := typo.Closest(key, Keys()); meant != "" {
			warnings = append(warnings, fmt.Sprintf("%s sets nothing: did you mean %s?", name, Variable(meant)))
		}
	}
	slices.Sort(warnings)
	return warnings
}
