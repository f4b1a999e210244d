package slo

import "time"

// Preset is an objective that others agreed on.
type Preset struct {
	Name string // model and scenario
	Objective
}

// MLPerf are the limits of MLPerf Inference for its language models. They hold for the 99th percentile of a run
// (target_latency_percentile), where an objective here is held against every request.
// Sources: loadgen/mlperf.conf of mlcommons/inference and inference_rules.adoc of mlcommons/inference_policies, 2026-07-23.
var MLPerf = []Preset{
	preset("Llama 2 70B, server", "*Llama-2-70b*", 2000, 200),
	preset("Llama 2 70B, interactive", "*Llama-2-70b*", 450, 40),
	preset("Llama 3.1 405B, server", "*Llama-3.1-405B*", 6000, 175),
	preset("Llama 3.1 405B, interactive", "*Llama-3.1-405B*", 4500, 80),
	preset("Llama 3.1 8B, server", "*Llama-3.1-8B*", 2000, 100),
	preset("Llama 3.1 8B, interactive", "*Llama-3.1-8B*", 500, 30),
	preset("Mixtral 8x7B, server", "*Mixtral-8x7B*", 2000, 200),
	preset("DeepSeek R1, server", "*DeepSeek-R1", 2000, 80), // without * behind: the distilled models are others
	preset("DeepSeek R1, interactive", "*DeepSeek-R1", 1500, 15),
	preset("GPT-OSS 120B, server", "*gpt-oss-120b*", 3000, 80),
	preset("GPT-OSS 120B, interactive", "*gpt-oss-120b*", 2000, 20),
}

// preset takes milliseconds, as the sources write them.
func preset(name, model string, ttft, tpot time.Duration) Preset {
	return Preset{name, Objective{Model: model, TTFT: ttft * time.Millisecond, TPOT: tpot * time.Millisecond}}
}
