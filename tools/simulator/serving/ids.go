package serving

import (
	"fmt"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// idsOf gives the id of the response and the ids of its prompts, as the serving code of each endpoint makes them (read in vLLM
// 0.10.2 to 0.33). own is an id of vLLM's, for the endpoint that does not look at the client's.
func idsOf(v telemetry.Version, endpoint, base, own string, prompts int) (response string, external func(n int) string) {
	numbered := func(response string) func(int) string {
		return func(n int) string { return fmt.Sprintf("%s-%d", response, n) }
	}
	switch endpoint {
	case traffic.Completions:
		response = "cmpl-" + base
	case traffic.Embeddings:
		response = "embd-" + base
	case traffic.Classify:
		response = "classify-" + base
	case traffic.Score:
		response = "score-" + base
	case traffic.Rerank:
		if response = "score-" + base; !v.Since(18, 0) {
			response = "rerank-" + base
		}
	case traffic.Pooling:
		if response = "pooling-" + base; !v.Since(18, 0) {
			response = "pool-" + base
		}
	case traffic.Responses:
		response = "resp_" + own
		return response, func(n int) string { return fmt.Sprintf("%s_%d", response, n) }
	case traffic.BatchChat:
		response = "chatcmpl-" + base
		return response, func(n int) string { return fmt.Sprintf("%s_%d", response, n) }
	case traffic.Transcriptions, traffic.Translations:
		if response = "transcribe-" + base; endpoint == traffic.Translations {
			response = "translate-" + base
		}
		if prompts > 1 && v.Since(18, 0) {
			return response, numbered(response)
		}
		if prompts > 1 {
			return response, func(n int) string { return fmt.Sprintf("%s_%d", response, n) }
		}
		return response, func(int) string { return response }
	default:
		response = "chatcmpl-" + base
		return response, func(int) string { return response }
	}
	return response, numbered(response)
}

// logsOutputs says that an endpoint's answers are logged, with the response's id.
func logsOutputs(endpoint string) bool {
	return endpoint == traffic.ChatCompletions || endpoint == traffic.Messages || endpoint == traffic.Responses
}
