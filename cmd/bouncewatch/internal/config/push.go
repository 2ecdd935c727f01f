package config

import (
	"net/http"
	"net/url"
	"time"

	client "github.com/prometheus/common/config"
)

// Push is where the metrics of a host go that cannot be scraped.
type Push struct {
	URL             string        `yaml:"url"` // of a receiver of remote write; empty: nowhere
	Interval        time.Duration `yaml:"interval"`
	Job             string        `yaml:"job"`
	Instance        string        `yaml:"instance"` // empty: the name of the host
	BearerTokenFile string        `yaml:"bearer_token_file"`
	Username        string        `yaml:"username"`
	PasswordFile    string        `yaml:"password_file"`
	CAFile          string        `yaml:"ca_file"` // of the receiver's certificate, besides those of the system
}

func defaultPush() Push { return Push{Interval: time.Minute, Job: "bouncewatch"} }

// Secret says whether there is something that others must not hear.
func (p *Push) Secret() bool { return p.BearerTokenFile != "" || p.PasswordFile != "" }

// Client calls the receiver. It reads the files with secrets at each request, so
// that a new one takes effect at once, and follows no redirection: a secret is
// for the host that is named here.
func (p *Push) Client() (*http.Client, error) {
	c := client.HTTPClientConfig{
		EnableHTTP2: true, TLSConfig: client.TLSConfig{CAFile: p.CAFile}, ProxyConfig: client.ProxyConfig{ProxyFromEnvironment: true},
	}
	if p.BearerTokenFile != "" {
		c.Authorization = &client.Authorization{Type: "Bearer", CredentialsFile: p.BearerTokenFile}
	}
	if p.Username != "" {
		c.BasicAuth = &client.BasicAuth{Username: p.Username, PasswordFile: p.PasswordFile}
	}
	return client.NewClientFromConfig(c, "push")
}

func (c *Config) pushFaults(line lines) (faults []fault) {
	p := &c.Push
	add := func(key, text string) {
		faults = append(faults, fault{line("push", key), "push." + key + ": " + text})
	}
	if p.URL != "" {
		switch u, err := url.Parse(p.URL); {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			add("url", "not an address such as https://prometheus.example.com/api/v1/write")
		case u.User != nil:
			add("url", "put the name in username, and the password in a file named in password_file")
		}
	}
	if p.Interval < 5*time.Second || p.Interval > 5*time.Minute {
		add("interval", p.Interval.String()+" is not between 5s and 5m0s") // Prometheus forgets a series after five minutes
	}
	if p.Job == "" {
		add("job", "must not be empty")
	}
	if (p.Username == "") != (p.PasswordFile == "") {
		add("username", "goes with password_file, and neither without the other")
	}
	if p.Username != "" && p.BearerTokenFile != "" {
		add("bearer_token_file", "not together with username")
	}
	return faults
}
