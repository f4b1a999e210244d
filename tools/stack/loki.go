//go:build unix

package stack

import "github.com/llmserving/grafana-vllm-datasource/tools/program"

// Loki is the log store.
//
// Lines older than some hours are not visible until flushed: after pushing the
// past, POST /flush and ask until they are there.
type Loki struct {
	*Store
	URL string // base URL

	options Options
}

func newLoki(options Options) (*Loki, error) {
	store, err := newStore(program.Loki, options, 0, 0)
	if err != nil {
		return nil, err
	}
	l := &Loki{Store: store, URL: store.ports[0].URL(), options: options}
	store.command = l.plan
	return l, nil
}

func (l *Loki) plan(program.Binary) (command, error) {
	config, err := render("loki.yaml.tmpl", struct {
		Dir                            string
		HTTPPort, GRPCPort, MaxEntries int
		MultiTenant                    bool
	}{l.dir, l.ports[0].Number, l.ports[1].Number, l.options.MaxEntries, l.options.MultiTenant})
	return command{config: config, args: []string{"-config.file=" + l.configFile()}, ready: l.URL + "/ready"}, err
}
