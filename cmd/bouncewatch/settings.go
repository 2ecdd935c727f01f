package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/config"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// configVariable names the configuration file where --config does not.
const configVariable = config.EnvironmentPrefix + "CONFIG"

// settings are the flags that stand for keys of the configuration: those of
// watch, and of the commands that tell what watch would do.
type settings struct {
	file    string
	logs    []string
	flags   config.Config
	changed func(flag string) bool
}

// settingFlags are the flags that set a key, by key. Logs are arguments.
var settingFlags = map[string]string{
	"state_dir": "state-dir", "from_start": "from-start",
	"listen_address": "web.listen-address", "web_config_file": "web.config.file",
}

func (s *settings) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.file, "config", "", "configuration `file` (default $"+configVariable+"; none is needed)")
	f.StringVar(&s.flags.StateDir, "state-dir", "", "`directory` of counts and positions (default $STATE_DIRECTORY, else bouncewatch in $XDG_STATE_HOME or ~/.local/state)")
	f.BoolVar(&s.flags.FromStart, "from-start", false, "at the first start read the logs from their beginning, not from their end")
	f.StringArrayVar(&s.flags.ListenAddress, "web.listen-address", config.Default().ListenAddress, "`address` to serve on; may be given more than once")
	f.StringVar(&s.flags.WebConfigFile, "web.config.file", "", "`file` with TLS and authentication settings, as of every exporter")
}

// given keeps what the command line said.
func (s *settings) given(cmd *cobra.Command, args []string) {
	s.logs, s.changed = args, cmd.Flags().Changed
	s.file = cmp.Or(s.file, os.Getenv(configVariable))
}

// An origin says where the value of a key comes from.
type origin map[string]string

// config is the configuration as it was written: the defaults, under the file,
// under the environment, under the flags.
func (s *settings) config() (config.Config, origin, error) {
	c, from := config.Default(), origin{}
	if s.file != "" {
		loaded, given, err := config.Read(s.file)
		if err != nil {
			return c, from, err
		}
		c = loaded
		for _, key := range given {
			from[key] = s.file
		}
	}
	set, err := c.ApplyEnvironment(os.LookupEnv)
	for _, key := range set {
		from[key] = "$" + config.Variable(key)
	}
	s.applyFlags(&c, from)
	return c, from, err
}

func (s *settings) applyFlags(c *config.Config, from origin) {
	if len(s.logs) > 0 {
		c.Logs, from["logs"] = s.logs, "arguments"
	}
	for key, flag := range settingFlags {
		if !s.changed(flag) {
			continue
		}
		from[key] = "--" + flag
		switch key {
		case "state_dir":
			c.StateDir = s.flags.StateDir
		case "from_start":
			c.FromStart = s.flags.FromStart
		case "listen_address":
			c.ListenAddress = s.flags.ListenAddress
		case "web_config_file":
			c.WebConfigFile = s.flags.WebConfigFile
		}
	}
}

// effective is the configuration with what was left open decided: the state
// directory, and the logs, of which none may be found.
func (s *settings) effective() (config.Config, origin, error) {
	c, from, err := s.config()
	if err != nil {
		return c, from, configError{err}
	}
	if c.StateDir == "" {
		c.StateDir, from["state_dir"] = defaultStateDir()
	}
	if len(c.Logs) == 0 {
		c.Logs, from["logs"] = present(usualLogs), "found on this host"
		if len(c.Logs) == 0 && hasJournal() {
			c.Logs = []string{tailer.JournalSource}
		}
	}
	return c, from, nil
}

// toFollow is the effective configuration, if there is a log to follow.
func (s *settings) toFollow() (config.Config, error) {
	c, _, err := s.effective()
	if err == nil && len(c.Logs) == 0 {
		err = inputError{fmt.Errorf("no log to follow: none of %s is there, and no systemd journal; name one, as in: bouncewatch watch /path/to/mail.log", strings.Join(usualLogs, ", "))}
	}
	return c, err
}

// hasJournal says whether the systemd journal keeps entries and can be read by
// means of journalctl (systemd-journald.service(8), "Storage").
func hasJournal() bool {
	if _, err := exec.LookPath("journalctl"); err != nil {
		return false
	}
	for _, dir := range []string{"/var/log/journal", "/run/log/journal"} {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return true
		}
	}
	return false
}

// usualLogs are where Debian, Red Hat, SUSE and BSD, and Exim's packages, log.
var usualLogs = []string{"/var/log/mail.log", "/var/log/maillog", "/var/log/mail", "/var/log/exim4/mainlog", "/var/log/exim/mainlog", "/var/log/exim/main.log", "/var/log/exim_mainlog"}

// present are the regular files among paths. Links to the same file count once.
func present(paths []string) (found []string) {
	var infos []os.FileInfo
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil || !info.Mode().IsRegular() ||
			slices.ContainsFunc(infos, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			continue
		}
		infos, found = append(infos, info), append(found, p)
	}
	return found
}

// defaultStateDir is the directory that systemd made for the unit, else one of
// the user's own (XDG Base Directory Specification).
func defaultStateDir() (dir, from string) {
	if dirs := os.Getenv("STATE_DIRECTORY"); dirs != "" {
		first, _, _ := strings.Cut(dirs, ":")
		return first, "$STATE_DIRECTORY"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "bouncewatch"), "$XDG_STATE_HOME"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "/var/lib/bouncewatch", "default"
	}
	return filepath.Join(home, ".local", "state", "bouncewatch"), "default"
}
