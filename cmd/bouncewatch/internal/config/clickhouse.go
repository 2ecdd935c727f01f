package config

import (
	"net/http"
	"net/url"
	"regexp"
	"time"

	client "github.com/prometheus/common/config"
)

// ClickHouse is where each outcome goes as a row.
type ClickHouse struct {
	URL          string        `yaml:"url"` // of its HTTP interface; empty: nowhere
	Table        string        `yaml:"table"`
	Interval     time.Duration `yaml:"interval"`  // how long rows are collected for one insert
	SpoolMiB     int           `yaml:"spool_mib"` // how much may wait on disk
	Mask         bool          `yaml:"mask"`      // send no local parts of addresses
	Username     string        `yaml:"username"`
	PasswordFile string        `yaml:"password_file"`
	CAFile       string        `yaml:"ca_file"` // of the server's certificate, besides those of the system
}

func defaultClickHouse() ClickHouse {
	return ClickHouse{Table: "mail_events", Interval: 10 * time.Second, SpoolMiB: 1024}
}

// Client calls the server. It reads the password at each request, and follows no
// redirection: it is for the host that is named here.
func (h *ClickHouse) Client() (*http.Client, error) {
	c := client.HTTPClientConfig{
		EnableHTTP2: true, TLSConfig: client.TLSConfig{CAFile: h.CAFile}, ProxyConfig: client.ProxyConfig{ProxyFromEnvironment: true},
	}
	if h.Username != "" {
		c.BasicAuth = &client.BasicAuth{Username: h.Username, PasswordFile: h.PasswordFile}
	}
	return client.NewClientFromConfig(c, "clickhouse")
}

var tableForm = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$`)

func (c *Config) clickHouseFaults(line lines) (faults []fault) {
	h := &c.ClickHouse
	add := func(key, text string) {
		faults = append(faults, fault{line("clickhouse", key), "clickhouse." + key + ": " + text})
	}
	if h.URL != "" {
		switch u, err := url.Parse(h.URL); {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			add("url", "not an address such as http://127.0.0.1:8123")
		case u.User != nil || u.RawQuery != "":
			add("url", "put the name in username, the password in a file named in password_file, and nothing behind a question mark")
		}
	}
	if !tableForm.MatchString(h.Table) {
		add("table", "neither a table nor database.table")
	}
	if h.Interval < time.Second || h.Interval > time.Hour {
		add("interval", h.Interval.String()+" is not between 1s and 1h0m0s")
	}
	if h.SpoolMiB < 16 {
		add("spool_mib", "less than 16")
	}
	if h.Username == "" && h.PasswordFile != "" {
		add("password_file", "not without username")
	}
	return faults
}
