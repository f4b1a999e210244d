package world

import "github.com/llmserving/grafana-vllm-datasource/tools/simulator"

func init() {
	Add(
		World{Name: "clean", Doc: "Nothing is odd: the newest vLLM, every line, span and scrape arrives."},
		World{Name: "clean_0_13", Doc: "Nothing is odd: vLLM 0.13, whose ids have no random end.",
			Config: func(c *simulator.Config) { c.VLLMVersion = "0.13.0" }},
		World{Name: "lossy", Doc: "One in a hundred spans and lines is lost on its way.",
			Config: func(c *simulator.Config) { c.LostSpans, c.LostLogs = 0.01, 0.01 }},
	)
}
