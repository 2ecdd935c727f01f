package doctor

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

func (h *Host) listeners() (findings []Finding) {
	if h.WebConfigFile != "" {
		f := Finding{Check: "web", Subject: h.WebConfigFile, State: Fine, Text: "fine"}
		if err := toolkit.Validate(h.WebConfigFile); err != nil {
			f.State, f.Text = Wrong, err.Error()
			f.Mend = "see https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md"
		}
		findings = append(findings, f)
	}
	for _, address := range h.ListenAddress {
		findings = append(findings, h.listener(address))
	}
	return findings
}

func (h *Host) listener(address string) Finding {
	f := Finding{Check: "listener", Subject: address, State: Fine, Text: "is free"}
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		f.taken(h.WebConfigFile != "")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.State, f.Text, f.Mend = Wrong, "is no address of this host", "ip -brief address; then choose one with --web.listen-address"
	case errors.Is(err, syscall.EACCES):
		f.State, f.Text, f.Mend = Wrong, "needs a privilege", "choose a port above 1023 with --web.listen-address"
	default:
		f.State, f.Text, f.Mend = Wrong, err.Error(), "write it as host:port, as in 127.0.0.1:10550"
	}
	if f.State == Fine && h.WebConfigFile == "" && !loopback(address) {
		f.State, f.Text = Note, f.Text+", and whoever reaches it may read the metrics: there is neither TLS nor a password"
		f.Mend = "set web_config_file, or listen on 127.0.0.1"
	}
	return f
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// taken asks who listens on an address that is in use.
func (f *Finding) taken(secured bool) {
	_, port, _ := net.SplitHostPort(f.Subject)
	f.Mend = "ss -ltnp 'sport = :" + port + "' names it; stop it, or choose another with --web.listen-address"
	status, metrics := ask(f.Subject, secured)
	switch {
	case bytes.Contains(metrics, []byte("bouncewatch_build_info")):
		f.Text, f.Mend = "a bouncewatch serves there", ""
	case status == http.StatusUnauthorized:
		f.State, f.Text = Note, "in use by a server that asks for a password, perhaps by bouncewatch"
	default:
		f.State, f.Text = Wrong, "in use by another program"
	}
}

// answerLimit is more than all metrics take.
const answerLimit = 8 << 20

// ask gets the metrics of whoever listens on this host. The certificate is not
// checked: nothing is sent, and the answer is believed in a report only.
func ask(address string, secured bool) (status int, body []byte) {
	scheme := "http"
	if secured {
		scheme = "https"
	}
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		Proxy: nil, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	resp, err := client.Get(scheme + "://" + reachable(address) + "/metrics")
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, _ = io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	return resp.StatusCode, body
}

// reachable is where a listener on all addresses answers.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return address
}
