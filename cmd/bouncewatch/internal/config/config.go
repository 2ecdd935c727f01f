// Package config is the configuration of bouncewatch watch.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/typo"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
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

	MessageLimit         int           `yaml:"message_limit"`         // messages to follow at the same time; 0: none
	MessageMaxAge        time.Duration `yaml:"message_max_age"`       // how long nothing may be said of a message
	SuspiciousUnknown    int           `yaml:"suspicious_unknown"`    // recipients without a mailbox, of a sender in an hour
	SuspiciousRecipients int           `yaml:"suspicious_recipients"` // recipients of a sender in an hour, if that is sudden

	Push       Push       `yaml:"push"`       // where the metrics go besides /metrics
	ClickHouse ClickHouse `yaml:"clickhouse"` // where each outcome goes as a row

	Rules     []replycode.OwnRule     `yaml:"rules"`     // tried before the built-in ones
	Providers []replycode.OwnProvider `yaml:"providers"` // besides the built-in ones
}

// Default is the configuration without a file.
func Default() Config {
	return Config{
		ListenAddress: []string{"127.0.0.1:10550"},
		Poll:          250 * time.Millisecond,
		RotateWait:    time.Minute,

		MessageLimit: 10_000, MessageMaxAge: 6 * 24 * time.Hour,
		SuspiciousUnknown: 20, SuspiciousRecipients: 500,

		Push: defaultPush(), ClickHouse: defaultClickHouse(),
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
	f, err := open(path)
	if err != nil {
		return Default(), nil, err
	}
	for _, key := range Keys() {
		if f.line(key) > 0 {
			given = append(given, key)
		}
	}
	return f.config, given, joined(path, f.faults)
}

// A file is a configuration file with what is wrong in it.
type file struct {
	config Config
	line   lines
	faults []fault
}

func open(path string) (*file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, joined(path, decodeFaults(err))
	}
	f := &file{config: Default(), line: linesOf(&root)}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f.config); err != nil && !errors.Is(err, io.EOF) { // an empty file says nothing
		f.faults = decodeFaults(err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil && len(more.Content) > 0 {
		f.faults = append(f.faults, fault{more.Content[0].Line, `a second document: what is behind "---" would not be read`})
	}
	f.faults = append(f.faults, f.config.faults(f.line)...)
	return f, nil
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
	unknownKey = regexp.MustCompile(`^field (.*) not found in type (.*)$`)
	unfitValue = regexp.MustCompile("^cannot unmarshal !!([a-z]+)(?: `(.*)`)? into (.*)$")
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
			f.text = fmt.Sprintf("unknown key %q%s", m[1], typo.Hint(strings.ReplaceAll(m[1], "-", "_"), keysOf[m[2]]))
		}
		if m := unfitValue.FindStringSubmatch(f.text); m != nil {
			f.text = unfit(m[1], m[2], m[3])
		}
		faults = append(faults, f)
	}
	return faults
}

// unfit says what is wrong with a value, of a kind of YAML, where one of a type of
// Go belongs.
func unfit(kind, value, wanted string) string {
	given := strconv.Quote(value)
	switch kind {
	case "map":
		given = "keys with values"
	case "seq":
		given = "a list"
	}
	switch {
	case wanted == "time.Duration":
		return given + " is no duration such as 250ms or 1m"
	case wanted == "bool":
		return given + " is neither true nor false"
	case wanted == "int":
		return given + " is no whole number"
	case wanted == "string" && kind == "map":
		return `not one text: put quotes around a text with ": " in it`
	case wanted == "string":
		return given + " where one text belongs"
	case strings.HasPrefix(wanted, "[]"):
		return given + " where a list belongs"
	}
	return given + " where keys with values belong"
}

// keysOf are the keys of the file and of what its lists hold, by type.
var keysOf = map[string][]string{
	"config.Config":         Keys(),
	"config.Push":           keys(reflect.TypeFor[Push]()),
	"config.ClickHouse":     keys(reflect.TypeFor[ClickHouse]()),
	"replycode.OwnRule":     keys(reflect.TypeFor[replycode.OwnRule]()),
	"replycode.OwnProvider": keys(reflect.TypeFor[replycode.OwnProvider]()),
}

// Keys are the keys of the file, in the order of Config.
func Keys() []string { return keys(reflect.TypeFor[Config]()) }

func keys(t reflect.Type) (all []string) {
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		all = append(all, key)
	}
	return all
}

// lines is the line of what stands at a path of keys and indices: of the
// innermost part that there is, 0 without the first.
type lines func(path ...any) int

func linesOf(root *yaml.Node) lines {
	return func(path ...any) (line int) {
		if len(root.Content) == 0 {
			return 0
		}
		for node := root.Content[0]; len(path) > 0; path = path[1:] {
			at, next := child(node, path[0])
			if next == nil {
				break
			}
			line, node = at.Line, next
		}
		return line
	}
}

// child is what stands under a key or index, and where that begins.
func child(node *yaml.Node, at any) (start, value *yaml.Node) {
	switch at := at.(type) {
	case int:
		if node.Kind == yaml.SequenceNode && at < len(node.Content) {
			return node.Content[at], node.Content[at]
		}
	case string:
		if node.Kind != yaml.MappingNode {
			return nil, nil
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == at {
				return node.Content[i], node.Content[i+1]
			}
		}
	}
	return nil, nil
}

func (c *Config) faults(line lines) (faults []fault) {
	add := func(key, format string, args ...any) {
		faults = append(faults, fault{line(key), key + ": " + fmt.Sprintf(format, args...)})
	}
	if c.Poll < 10*time.Millisecond || c.Poll > time.Minute {
		add("poll", "%v is not between 10ms and 1m0s", c.Poll)
	}
	if c.RotateWait < time.Second {
		add("rotate_wait", "%v is under 1s", c.RotateWait)
	}
	if c.MessageLimit != 0 && (c.MessageLimit < 100 || c.MessageLimit > 1_000_000) {
		add("message_limit", "%d is neither 0 nor between 100 and 1000000", c.MessageLimit)
	}
	if c.MessageMaxAge < time.Hour {
		add("message_max_age", "%v is under 1h", c.MessageMaxAge)
	}
	if c.SuspiciousUnknown < 1 {
		add("suspicious_unknown", "%d is under 1", c.SuspiciousUnknown)
	}
	if c.SuspiciousRecipients < 1 {
		add("suspicious_recipients", "%d is under 1", c.SuspiciousRecipients)
	}
	if len(c.ListenAddress) == 0 {
		add("listen_address", "at least one is needed")
	}
	faults = append(faults, eachFault(line, "listen_address", c.ListenAddress, CheckAddress)...)
	faults = append(faults, eachFault(line, "logs", c.Logs, tailer.CheckPath)...)
	faults = append(faults, c.pushFaults(line)...)
	faults = append(faults, c.clickHouseFaults(line)...)
	return append(faults, c.ruleFaults(line)...)
}

// eachFault checks the items of a list.
func eachFault(line lines, key string, list []string, check func(string) error) (faults []fault) {
	for i, item := range list {
		if err := check(item); err != nil {
			faults = append(faults, fault{line(key, i), fmt.Sprintf("%s[%d]: %v", key, i, err)})
		}
	}
	return faults
}

// CheckAddress refuses what would be taken for any port of all addresses of the host.
func CheckAddress(address string) error {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return fmt.Errorf("%q is not host:port, as in 127.0.0.1:10550", address)
	}
	return nil
}
