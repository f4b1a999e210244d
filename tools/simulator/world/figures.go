package world

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	wire "github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

func init() {
	Add(
		World{Name: "custom_buckets", Doc: "Half of the replicas run with --custom-histogram-buckets, which leave out the bounds at the SLO's limits.",
			Names: []string{"histogram_bounds"}, Pipeline: onScrapes(func() func(scrape, shipScrape) {
				return func(s scrape, pass shipScrape) {
					if strings.HasSuffix(s.Labels["pod"], "-1") || strings.HasSuffix(s.Labels["instance"], "1:8000") {
						s.Samples = slices.DeleteFunc(s.Samples, func(sample wire.Sample) bool {
							at, err := strconv.ParseFloat(bound(sample.Labels), 64)
							return err == nil && slices.Contains([]float64{0.05, 1, 20}, at)
						})
					}
					pass(s)
				}
			})},
		World{Name: "prefix_vllm_underscore", Doc: "A collector that knows no colon writes vllm_ for vllm:, and the data source was told.", Source: "llm-d/llm-d-autoscaling#877",
			Pipeline: renamed("vllm_"), Settings: func(jsonData map[string]any) { set(jsonData, "vllm", "metricPrefix", "vllm_") }},
		World{Name: "first_burst", Doc: "The web server's counters of refused and failed answers begin with a burst, as their first value: no scrape saw them before.",
			Pipeline: func(*rand.Rand) simulator.Pipeline { return burst() }},
	)
}

// burst holds the series of answers other than 2xx back for some scrapes of each server: they are born in the middle.
func burst() simulator.Pipeline {
	const late = 20 // scrapes
	scraped := map[string]int{}
	return simulator.Pipeline{Scrape: func(s wire.Scrape, next func(wire.Scrape)) {
		server := s.Job + s.Labels["instance"] + s.Labels["pod"]
		if scraped[server]++; scraped[server] < late {
			s.Samples = slices.DeleteFunc(s.Samples, func(sample wire.Sample) bool {
				return sample.Name == "http_requests_total" && !slices.ContainsFunc(sample.Labels, func(l telemetry.Label) bool { return l.Name == "status" && l.Value == "2xx" })
			})
		}
		next(s)
	}}
}
