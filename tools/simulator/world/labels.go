package world

import (
	"math/rand/v2"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	carry "github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
)

// otlpLabels are the labels of a target as an OTLP collector names them, when Prometheus translates nothing.
var otlpLabels = map[string]string{
	"pod": "k8s.pod.name", "namespace": "k8s.namespace.name", "environment": "deployment.environment.name",
}

func init() {
	Add(World{
		Name: "utf8_labels", Doc: "Prometheus keeps the names of OTLP's attributes as labels, dots included.", Source: "grafana/grafana#97445",
		Pipeline: func(*rand.Rand) simulator.Pipeline {
			return simulator.Pipeline{Scrape: func(s carry.Scrape, next func(carry.Scrape)) {
				renamed := map[string]string{}
				for name, value := range s.Labels {
					if otlp, ok := otlpLabels[name]; ok {
						name = otlp
					}
					renamed[name] = value
				}
				s.Labels = renamed
				next(s)
			}}
		},
		Settings: func(jsonData map[string]any) {
			store, _ := jsonData["prometheus"].(map[string]any)
			labels := map[string]any{}
			for place, name := range otlpLabels {
				labels[place] = name
			}
			store["labels"] = labels
		},
	})
}
