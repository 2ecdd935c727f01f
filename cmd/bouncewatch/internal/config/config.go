// Package config is the configuration of bouncewatch watch.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"gopkg.in/yaml.v3"
)

// Config is what the configuration file may say. Flags go before it.
type Config struct {
	Logs          []string      `yaml:"logs"`           // files or globs to follow; empty: find the usual ones
	StateDir      string        `yaml:"state_dir"`      // where positions and counts are kept; empty: see README
	ListenAddress []string      `yaml:"listen_address"` // host:port of the metrics
	WebConfigFile string        `yaml:"web_config_file"`
	FromStart     bool          `yaml:"from_start"`  // read logs from their beginning at the first start
	Poll          time.Duration `yaml:"poll"`        // how often files are looked at
	RotateWait    time.Duration `yaml:"rotate_wait"` // how long a rotated file is still read
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
// faults, each with file and line.
func Load(path string) (Config, error) {
	c := Default()
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err = dec.Decode(&c)
	if errors.Is(err, io.EOF) { // an empty file says nothing
		return c, nil
	}
	return c, errors.Join(faults(path, err), c.validate(path))
}

var unknownKey = regexp.MustCompile(`^line (\d+): field (.*) not found in type .*$`)

// faults rewrites the decoder's messages as file:line: what is wrong.
func faults(path string, err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	var all []error
	for _, s := range typed.Errors {
		if m := unknownKey.FindStringSubmatch(s); m != nil {
			all = append(all, fmt.Errorf("%s:%s: unknown key %q", path, m[1], m[2]))
			continue
		}
		all = append(all, fmt.Errorf("%s: %s", path, s))
	}
	return errors.Join(all...)
}

func (c *Config) validate(path string) error {
	var all []error
	if c.Poll < 10*time.Millisecond || c.Poll > time.Minute {
		all = append(all, fmt.Errorf("%s: poll: %v is not between 10ms and 1m", path, c.Poll))
	}
	if c.RotateWait < time.Second {
		all = append(all, fmt.Errorf("%s: rotate_wait: %v is under 1s", path, c.RotateWait))
	}
	if len(c.ListenAddress) == 0 {
		all = append(all, fmt.Errorf("%s: listen_address: at least one is needed", path))
	}
	return errors.Join(all...)
}
