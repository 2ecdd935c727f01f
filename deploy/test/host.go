package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A host runs the three programs on ports of its own.
type host struct {
	root, dir, log                         string
	bouncewatch, prometheus, alertmanager  *process
	exporterAt, prometheusAt, alertAddress string
}

// A process and what it says.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer
}

func newHost(ctx context.Context, dir string) (*host, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	h := &host{root: strings.TrimSpace(string(root)), dir: dir, log: filepath.Join(dir, "mail.log")}
	for _, address := range []*string{&h.exporterAt, &h.prometheusAt, &h.alertAddress} {
		if *address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	return h, os.WriteFile(h.log, nil, 0o600)
}

// freeAddress is one that nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (h *host) start(ctx context.Context) error {
	if err := h.build(ctx); err != nil {
		return err
	}
	if err := h.configure(); err != nil {
		return err
	}
	var err error
	if h.bouncewatch, err = h.run(ctx, filepath.Join(h.dir, "bouncewatch"), "watch", "--state-dir", filepath.Join(h.dir, "state"), "--web.listen-address", h.exporterAt, h.log); err != nil {
		return err
	}
	if h.alertmanager, err = h.run(ctx, "prometheus-alertmanager", "--config.file", filepath.Join(h.root, "deploy/alertmanager/alertmanager.yml"),
		"--storage.path", filepath.Join(h.dir, "alerts"), "--web.listen-address", h.alertAddress, "--cluster.listen-address", ""); err != nil {
		return err
	}
	if h.prometheus, err = h.run(ctx, "prometheus", "--config.file", filepath.Join(h.dir, "prometheus.yml"), "--enable-feature", "exemplar-storage", "--web.enable-remote-write-receiver",
		"--storage.tsdb.path", filepath.Join(h.dir, "data"), "--web.listen-address", h.prometheusAt); err != nil {
		return err
	}
	for _, address := range []string{h.exporterAt, h.alertAddress, h.prometheusAt} {
		if err := h.until(ctx, address+" is ready", func() error { return get(ctx, "http://"+address+"/-/ready", nil) }); err != nil {
			return err
		}
	}
	return nil
}

// build makes the program.
func (h *host) build(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", filepath.Join(h.dir, "bouncewatch"), "./cmd/bouncewatch")
	build.Dir = h.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// The rules wait for minutes, a test does not: they are evaluated each second
// and fire at once. Their queries stay as they are.
var waiting = regexp.MustCompile(`(?m)^ +(for|keep_firing_for|interval): .*\n`)

func (h *host) configure() error {
	for _, name := range []string{"recording.rules.yml", "alerts.rules.yml"} {
		data, err := os.ReadFile(filepath.Join(h.root, "deploy/prometheus", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(h.dir, name), waiting.ReplaceAll(data, nil), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(h.dir, "prometheus.yml"), fmt.Appendf(nil, `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [recording.rules.yml, alerts.rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: bouncewatch, static_configs: [{targets: [%q]}]}]
`, h.alertAddress, h.exporterAt), 0o600)
}

func (h *host) run(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = h.dir, &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (on Debian: apt-get install prometheus prometheus-alertmanager)", err)
	}
	return p, nil
}

// end lets a process leave in order and waits for it.
func (p *process) end() {
	if p == nil || p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

func (h *host) stop() {
	for _, p := range []*process{h.prometheus, h.alertmanager, h.bouncewatch} {
		p.end()
	}
}

// showLogs is for after a failure, when nothing runs any more.
func (h *host) showLogs() {
	for _, p := range []*process{h.bouncewatch, h.prometheus, h.alertmanager} {
		if p != nil {
			fmt.Fprintf(os.Stderr, "--- %s\n%s", filepath.Base(p.cmd.Path), p.output.Bytes())
		}
	}
}

// write appends to the log, as a mail server does.
func (h *host) write(text string) {
	f, err := os.OpenFile(h.log, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		panic(err) // the test's own temporary file
	}
}

// until asks again every 100 ms until there is no error.
func (h *host) until(ctx context.Context, what string, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// eventually waits for a query to have a result.
func (h *host) eventually(ctx context.Context, expr string) error {
	return h.until(ctx, expr, func() error {
		var answer struct{ Result []any }
		if err := h.ask(ctx, "query", map[string]string{"query": expr}, &answer); err != nil {
			return err
		}
		if len(answer.Result) == 0 {
			return errors.New("no result")
		}
		return nil
	})
}

// ask calls the API of Prometheus.
func (h *host) ask(ctx context.Context, path string, params map[string]string, data any) error {
	values := url.Values{}
	for k, v := range params {
		values.Set(k, v)
	}
	answer := struct {
		Error string
		Data  any
	}{Data: data}
	if err := get(ctx, "http://"+h.prometheusAt+"/api/v1/"+path+"?"+values.Encode(), &answer); err != nil {
		return fmt.Errorf("%w %s", err, answer.Error)
	}
	return nil
}

// An alert as both programs describe it.
type alert struct{ Labels, Annotations map[string]string }

func (a alert) String() string { return fmt.Sprint(a.Labels) }

func (a alert) has(labels map[string]string) bool {
	for name, value := range labels {
		if a.Labels[name] != value {
			return false
		}
	}
	return true
}

func (a alert) says(text string) error {
	if !strings.Contains(a.Annotations["description"], text) {
		return fmt.Errorf("the alert says %q, not %q", a.Annotations["description"], text)
	}
	return nil
}

// alerts are those that fire at Prometheus.
func (h *host) alerts(ctx context.Context) ([]alert, error) {
	var data struct{ Alerts []alert }
	err := h.ask(ctx, "alerts", nil, &data)
	return data.Alerts, err
}

// received are those that Alertmanager has.
func (h *host) received(ctx context.Context) (all []alert, err error) {
	err = get(ctx, "http://"+h.alertAddress+"/api/v2/alerts", &all)
	return all, err
}

// get decodes an answer in JSON, also that of a fault.
func get(ctx context.Context, address string, into any) error {
	body, err := fetch(ctx, address)
	if into != nil && len(body) > 0 {
		err = errors.Join(err, json.Unmarshal(body, into))
	}
	return err
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return body, err
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
