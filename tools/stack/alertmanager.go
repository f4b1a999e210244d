//go:build unix

package stack

import "github.com/llmserving/grafana-vllm-datasource/tools/program"

// Alertmanager is told of alerts by Prometheus and by Loki's ruler.
type Alertmanager struct {
	*Store
	URL string // base URL

	file string // its configuration, with templates beside it
}

func newAlertmanager(options Options) (*Alertmanager, error) {
	store, err := newStore(program.Alertmanager, options, 0)
	if err != nil {
		return nil, err
	}
	a := &Alertmanager{Store: store, URL: store.ports[0].URL(), file: options.Alertmanager}
	store.command = a.plan
	return a, nil
}

func (a *Alertmanager) plan(program.Binary) (command, error) {
	return command{args: []string{
		"--config.file=" + a.file, "--storage.path=" + a.dir + "/data", "--web.listen-address=" + a.ports[0].Address(),
		"--cluster.listen-address=", "--log.level=warn", // one alone needs no gossip
	}, ready: a.URL + "/-/ready"}, nil
}
