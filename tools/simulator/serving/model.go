package serving

import (
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

// Model is one served model: how it is deployed, and how fast its engines are.
type Model struct {
	Name     string // served name, the label model_name
	Service  string // service.name of its spans
	Short    string // stem of pod names
	Replicas int    // pods
	// Rollout, if positive, is the virtual time at which pods of other names replace all of them, as when a Deployment is changed: the
	// old ones get no further request, finish theirs and are gone.
	Rollout time.Duration
	// Engines is --data-parallel-size. Pods run with --api-server-count 1: vLLM's
	// default of one API server per engine has no stats lines, _created or process_*.
	Engines      int
	Environments []string // pod i belongs to Environments[i % len]
	// Clusters are named by label and resource attribute: pod i belongs to Clusters[i % len]. None names none.
	Clusters []string
	// SameNames counts the pods of each cluster and environment for themselves, so that they are called alike.
	SameNames bool
	// Address makes the replicas servers on machines of their own, without Kubernetes: their telemetry names this address, such as
	// gpu-7:8000, and neither pod nor namespace.
	Address func(replica int) string
	LoRAs   []string // adapters; a request may name one as its model
	// NameOnSpans adds gen_ai.request.model to the resource, as an operator
	// may by OTEL_RESOURCE_ATTRIBUTES; without it no span names the model.
	NameOnSpans bool
	// Router puts a production-stack router between callers and pods.
	Router bool
	GPU    string // modelName in DCGM
	Engine engine.Config
}

// pods is how many pods there are in all: those of before a rollout, then those of after.
func (m Model) pods() int {
	if m.Rollout > 0 {
		return 2 * m.Replicas
	}
	return m.Replicas
}

// DefaultModels are three models that differ in size, length, deployment and
// in how a request's model can be found out.
func DefaultModels() []Model {
	return []Model{
		{
			Name: "meta-llama/Llama-3.1-8B-Instruct", Service: "vllm-llama-3-1-8b", Short: "llama-3-1-8b",
			Replicas: 2, Engines: 1, Environments: []string{"production"},
			LoRAs: []string{"sql-assistant", "support-tone"}, NameOnSpans: true, GPU: "NVIDIA L40S",
			Engine: engine.Config{
				MaxModelLen: 32768, MaxNumSeqs: 32, MaxNumBatchedTokens: 4096,
				BlockSize: 16, NumGPUBlocks: 6144, PrefixCaching: true,
				Step: engine.StepTime{
					Base: 9 * time.Millisecond, PerSequence: 60 * time.Microsecond,
					PerPrefill: 30 * time.Microsecond, PerKVToken: 40 * time.Nanosecond,
				},
			},
		},
		{
			Name: "Qwen/Qwen3-32B", Service: "vllm-qwen3-32b", Short: "qwen3-32b",
			Replicas: 2, Engines: 2, Environments: []string{"production"}, GPU: "NVIDIA H100 80GB HBM3",
			Engine: engine.Config{
				MaxModelLen: 16384, MaxNumSeqs: 24, MaxNumBatchedTokens: 4096,
				BlockSize: 16, NumGPUBlocks: 2000, PrefixCaching: true,
				Step: engine.StepTime{
					Base: 19 * time.Millisecond, PerSequence: 90 * time.Microsecond,
					PerPrefill: 55 * time.Microsecond, PerKVToken: 80 * time.Nanosecond,
				},
			},
		},
		{
			Name: "mistralai/Mistral-Small-24B-Instruct-2501", Service: "vllm-mistral-small-24b", Short: "mistral-small-24b",
			Replicas: 2, Engines: 1, Environments: []string{"production", "staging"}, Router: true, GPU: "NVIDIA H100 80GB HBM3",
			Engine: engine.Config{
				MaxModelLen: 8192, MaxNumSeqs: 24, MaxNumBatchedTokens: 2048,
				BlockSize: 16, NumGPUBlocks: 2048, PrefixCaching: true,
				SpeculativeTokens: 3, SpeculativeAcceptance: 0.65,
				Step: engine.StepTime{
					Base: 14 * time.Millisecond, PerSequence: 80 * time.Microsecond,
					PerPrefill: 45 * time.Microsecond, PerKVToken: 60 * time.Nanosecond,
				},
			},
		},
	}
}

// Validate finds what would stop an engine for good.
func (m Model) Validate() error {
	c := m.Engine
	switch {
	case m.Name == "" || m.Short == "" || m.Service == "":
		return fmt.Errorf("model %q: name, short name and service are needed", m.Name)
	case m.Replicas < 1 || m.Engines < 1 || len(m.Environments) == 0:
		return fmt.Errorf("model %s: needs replicas, engines and an environment", m.Name)
	case c.BlockSize < 1 || c.MaxNumSeqs < 1 || c.MaxNumBatchedTokens < c.MaxNumSeqs:
		return fmt.Errorf("model %s: block size and max_num_seqs must be positive, max_num_batched_tokens at least max_num_seqs", m.Name)
	case c.MaxModelLen < 2048:
		return fmt.Errorf("model %s: max_model_len under 2048 leaves no room for the traffic's prompts", m.Name)
	case (c.NumGPUBlocks-1)*c.BlockSize < c.MaxModelLen+c.SpeculativeTokens:
		// vLLM refuses to start: one request could never finish.
		return fmt.Errorf("model %s: %d KV blocks of %d cannot hold one request of %d tokens", m.Name, c.NumGPUBlocks, c.BlockSize, c.MaxModelLen)
	}
	return nil
}
