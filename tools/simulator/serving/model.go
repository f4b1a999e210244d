package serving

import "github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"

// Model is one served model: how it is deployed, and how fast its engines are.
type Model struct {
	Name         string   // served name, the label model_name
	Service      string   // service.name of its spans
	Short        string   // stem of pod names
	Replicas     int      // pods
	Engines      int      // data-parallel engines per pod
	Environments []string // pod i belongs to Environments[i % len]
	LoRAs        []string // adapters; a request may name one as its model
	// NameOnSpans adds gen_ai.request.model to the resource, as an operator
	// may by OTEL_RESOURCE_ATTRIBUTES; without it no span names the model.
	NameOnSpans bool
	// Router puts a production-stack router between callers and pods.
	Router bool
	GPU    string // modelName in DCGM
	Engine engine.Config
}
