// Package config is the configuration of bouncewatch watch.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Config is what the configuration file may say. The environment goes before it
// (see ApplyEnvironment), and flags before both.
type Config struct {
	Logs          []string      `yaml:"logs"`            // files or globs to follow; empty: find the usual ones
	OldDirs       []string      `yaml:"old_dirs"`        // directories that rotated files are moved into
	StateDir      string        `yaml:"state_dir"`       // where positions and counts are kept; empty: see README
	ListenAddress []string      `yaml:"listen_address"`  // host:port of the metrics
	WebConfigFile string        `yaml:"web_config_file"` // TLS and authentication, as in every exporter
	FromStart     bool          `yaml:"from_start"`      // read logs from their beginning at the first start
	Poll          time.Duration `yaml:"poll"`            // how often files are looked at
	RotateWait    time.Duration `yaml:"rotate_wait"`     // how long a rotated file is still read
}

// Default is the configuration without a file.
func Default() Config {
	return Config{
		ListenAddress: []string{"127.0.0.1:10550"},
		Poll:          250 * time.Millisecond,
		RotateWait:    time.Minute,
	}
}

// Load reads a configuration file on top of the defaults. Its error joins all
// faults in the order of their lines, one line of text each, with file and line.
func Load(path string) (Config, error) {
	c, _, err := Read(path)
	return c, err
}

// Read is Load, and returns the keys that the file has.
func Read(path string) (c Config, given []string, err error) {
	c = Default()
	data, err := os.ReadFile(path)
	if err != nil {
		return c, nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return c, nil, joined(path, decodeFaults(err))
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var faults []fault
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) { // an empty file says nothing
		faults = decodeFaults(err)
	}
	line := lineOf(&root)
	for _, key := range Keys() {
		if line(key) > 0 {
			given = append(given, key)
		}
	}
	return c, given, joined(path, append(faults, c.faults(line)...))
}

// A fault is what is wrong in a line of the file; line 0 is the whole file.
type fault struct {
	line int
	text string
}

func joined(path string, faults []fault) error {
	slices.SortStableFunc(faults, func(a, b fault) int { return a.line - b.line })
	var all []error
	for _, f := range faults {
		all = append(all, fmt.Errorf("%s:%d: %s", path, max(f.line, 1), f.text))
	}
	return errors.Join(all...)
}

var (
	atLine     = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	unknownKey = regexp.MustCompile(`^field (.*) not found in type .*$`)
)

// decodeFaults rewrites the messages of the yaml package.
func decodeFaults(err error) (faults []fault) {
	texts := []string{err.Error()}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		texts = typed.Errors
	}
	for _, text := range texts {
		f := fault{text: strings.TrimPrefix(text, "yaml: ")}
		if m := atLine.FindStringSubmatch(text); m != nil {
			f.line, _ = strconv.Atoi(m[1])
			f.text = m[2]
		}
		if m := unknownKey.FindStringSubmatch(f.text); m != nil {
			f.text = fmt.Sprintf("unknown key %q%s", m[1], suggestion(m[1]))
		}
		faults = append(faults, f)
	}
	return faults
}

// allKeys are the keys of the file.
var allKeys = func() map[string]bool {
	keys := map[string]bool{}
	for _, key := range Keys() {
		keys[key] = true
	}
	return keys
}()

// suggestion names the key that was probably meant.
func suggestion(key string) string {
	if best := closest(key); best != "" {
		return ": did you mean " + best + "?"
	}
	return ""
}

// closest is the key that is a few typing errors away, "" if none is.
func closest(key string) string {
	best, bestDistance := "", 1+len(key)/3
	for k := range allKeys {
		if d := distance(strings.ToLower(strings.ReplaceAll(key, "-", "_")), k); d <= bestDistance && (d < bestDistance || best == "" || k < best) {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the number of edits between a and b, a swap of neighbours being
// one (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// lineOf finds the lines of the top level keys.
func lineOf(root *yaml.Node) func(key string) int {
	lines := map[string]int{}
	if len(root.Content) > 0 {
		top := root.Content[0].Content
		for i := 0; i+1 < len(top); i += 2 {
			lines[top[i].Value] = top[i].Line
		}
	}
	return func(key string) int { return lines[key] }
}

func (c *Config) faults(line func(key string) int) (faults []fault) {
	add := func(key, format string, args ...any) {
		faults = append(faults, fault{line(key), key + ": " + fmt.Sprintf(format, args...)})
	}
	if c.Poll < 10*time.Millisecond || c.Poll > time.Minute {
		add("poll", "%v is not between 10ms and 1m0s", c.Poll)
	}
	if c.RotateWait < time.Second {
		add("rotate_wait", "%v is under 1s", c.RotateWait)
	}
	if len(c.ListenAddress) == 0 {
		add("listen_address", "at least one is needed")
	}
	return faults
}
