//go:build unix

package stack

import "github.com/llmserving/grafana-vllm-datasource/tools/program"

// Jaeger is the trace store, in memory.
type Jaeger struct {
	*Store
	GRPC     string // host:port of the query service, api_v2 and api_v3
	HTTP     string // base URL of the query service's JSON
	OTLPGRPC string // host:port that takes spans
	OTLPHTTP string // base URL that takes spans, without /v1/traces

	maxTraces int
}

func newJaeger(options Options) (*Jaeger, error) {
	store, err := newStore(program.Jaeger, options, 0, 0, options.OTLPPort, 0)
	if err != nil {
		return nil, err
	}
	j := &Jaeger{
		Store: store, maxTraces: options.MaxTraces,
		GRPC: store.ports[0].Address(), HTTP: store.ports[1].URL(),
		OTLPGRPC: store.ports[2].Address(), OTLPHTTP: store.ports[3].URL(),
	}
	store.command = j.plan
	return j, nil
}

func (j *Jaeger) plan(program.Binary) (command, error) {
	config, err := render("jaeger.yaml.tmpl", struct {
		GRPCPort, HTTPPort, OTLPGRPCPort, OTLPHTTPPort, MaxTraces int
	}{j.ports[0].Number, j.ports[1].Number, j.ports[2].Number, j.ports[3].Number, j.maxTraces})
	return command{config: config, args: []string{"--config", j.configFile()}, ready: j.HTTP + "/api/services"}, err
}
