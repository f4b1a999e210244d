//go:build unix

package stack

import (
	"embed"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"text/template"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

//go:embed config/*.tmpl
var configFiles embed.FS

var configs = template.Must(template.ParseFS(configFiles, "config/*.tmpl"))

func render(name string, values any) (string, error) {
	var b strings.Builder
	err := configs.ExecuteTemplate(&b, name, values)
	return b.String(), err
}

// Prometheus is the metric store.
type Prometheus struct {
	*Store
	URL         string // base URL
	RemoteWrite string // where to push samples, also of the past

	interval            string
	rules, ruleInterval string // the file; "" is none
	alertmanager        string // base URL; "" is none

	mu      sync.Mutex
	scrape  string // the scrape_configs section that is wanted
	applied string // the one that the server has been told
}

func newPrometheus(options Options, alertmanager string) (*Prometheus, error) {
	store, err := newStore(program.Prometheus, options, 0)
	if err != nil {
		return nil, err
	}
	url := store.ports[0].URL()
	p := &Prometheus{
		Store: store, URL: url, RemoteWrite: url + "/api/v1/write",
		rules: options.PrometheusRules, ruleInterval: options.RuleInterval.String(), alertmanager: alertmanager,
		interval: options.ScrapeInterval.String(), scrape: "scrape_configs: []\n",
	}
	store.command, store.afterStart = p.plan, p.reload
	return p, nil
}

func (p *Prometheus) plan(binary program.Binary) (command, error) {
	config, err := p.config()
	args := []string{
		"--config.file=" + p.configFile(), "--storage.tsdb.path=" + p.dir + "/data",
		"--web.listen-address=" + p.ports[0].Address(), "--log.level=warn",
		"--enable-feature=exemplar-storage", "--web.enable-remote-write-receiver",
	}
	// Our own builds carry no version; Debian's 2.42 knows no OTLP.
	if binary.Version == "" || program.AtLeast(binary.Version, "3.0") {
		args = append(args, "--web.enable-otlp-receiver")
	}
	return command{config: config, args: args, ready: p.URL + "/-/ready"}, err
}

// config renders the file that the server is about to read.
func (p *Prometheus) config() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied = p.scrape
	return render("prometheus.yml.tmpl", struct {
		ScrapeInterval, OutOfOrder, ScrapeConfigs string
		Rules, RuleInterval, Alertmanager         string
	}{
		p.interval, "30d", p.applied,
		p.rules, p.ruleInterval, strings.TrimPrefix(p.alertmanager, "http://"),
	})
}

// SetScrapeConfigs replaces what Prometheus scrapes, whether it runs already
// or comes up later. The text is a scrape_configs section, as
// simulator.ScrapeConfigs writes it.
func (p *Prometheus) SetScrapeConfigs(text string) error {
	p.mu.Lock()
	p.scrape = text
	p.mu.Unlock()
	if process := p.runningProcess(); process != nil {
		return p.reload(process)
	}
	// Before it answers, SIGHUP would end it; afterStart sees to the rest.
	return nil
}

// reload makes a running server read what has changed since it last read.
func (p *Prometheus) reload(process *child.Process) error {
	p.mu.Lock()
	unchanged := p.applied == p.scrape
	p.mu.Unlock()
	if unchanged {
		return nil
	}
	config, err := p.config()
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.configFile(), []byte(config), 0o644); err != nil {
		return err
	}
	if err := process.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("reload prometheus: %w", err)
	}
	return nil
}
