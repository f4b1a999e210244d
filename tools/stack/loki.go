//go:build unix

package stack

import (
	"os"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

// Loki is the log store.
//
// Lines older than some hours are not visible until flushed: after pushing the
// past, POST /flush and ask until they are there.
type Loki struct {
	*Store
	URL string // base URL

	options      Options
	alertmanager string // base URL; "" is none
}

func newLoki(options Options, alertmanager string) (*Loki, error) {
	store, err := newStore(program.Loki, options, 0, 0)
	if err != nil {
		return nil, err
	}
	l := &Loki{Store: store, URL: store.ports[0].URL(), options: options, alertmanager: alertmanager}
	store.command = l.plan
	return l, nil
}

func (l *Loki) plan(program.Binary) (command, error) {
	files := map[string][]byte{}
	if l.options.LokiRules != "" {
		rules, err := os.ReadFile(l.options.LokiRules)
		if err != nil {
			return command{}, err
		}
		files["rules/fake/rules.yml"] = rules // the tenant of a Loki that knows none
	}
	config, err := render("loki.yaml.tmpl", struct {
		Dir                            string
		HTTPPort, GRPCPort, MaxEntries int
		MultiTenant                    bool
		Rules                          bool
		RuleInterval, Alertmanager     string
	}{
		l.dir, l.ports[0].Number, l.ports[1].Number, l.options.MaxEntries, l.options.MultiTenant,
		l.options.LokiRules != "", l.options.RuleInterval.String(), l.alertmanager,
	})
	return command{config: config, files: files, args: []string{"-config.file=" + l.configFile()}, ready: l.URL + "/ready"}, err
}
