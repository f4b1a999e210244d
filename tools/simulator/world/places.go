package world

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// streamsNamed is a world in which the streams of lines have other labels than metrics and spans have names.
func streamsNamed(change func(from *telemetry.LogStream) map[string]string) func(*rand.Rand) simulator.Pipeline {
	return onLines(func(*rand.Rand) func(line, ship) {
		other := streams(func(from *telemetry.LogStream) *telemetry.LogStream { return relabelled(from, change(from)) })
		return func(l line, ship ship) {
			l.Stream = other(l.Stream)
			ship(l)
		}
	})
}

var nameless = Undecidable{
	Columns: []string{"instance", "namespace", "pod", "model"}, Of: withoutSpan,
	Why: "the stream names what no other store knows, and the request has no span",
}

func init() {
	Add(
		World{Name: "logs_name_namespace_and_pod", Doc: "The agent's label pod is namespace/pod, and there is no other name.", Names: []string{"instance_naming"},
			Pipeline: streamsNamed(func(from *telemetry.LogStream) map[string]string {
				return map[string]string{"pod": label(from, "namespace") + "/" + label(from, "pod"), "instance": "", "container": ""}
			})},
		World{Name: "logs_name_containers", Undecidable: []Undecidable{nameless}, Doc: "Docker's log driver names a stream by the container's id.", Names: []string{"instance_naming"},
			Pipeline: streamsNamed(func(from *telemetry.LogStream) map[string]string {
				h := fnv.New64a()
				_, _ = h.Write([]byte(label(from, "environment") + label(from, "pod"))) // never fails
				return map[string]string{"pod": "", "instance": "", "namespace": "", "container": "", "container_id": fmt.Sprintf("%016x%016x", h.Sum64(), h.Sum64()*31)}
			})},
		World{Name: "logs_name_hosts", Undecidable: []Undecidable{nameless}, Doc: "journald names a stream by the host, as the node exporter does.", Names: []string{"instance_naming"},
			Pipeline: streamsNamed(func(from *telemetry.LogStream) map[string]string {
				return map[string]string{"pod": "", "namespace": "", "container": "", "instance": "", "host": "gpu" + label(from, "pod")[len("vllm"):]}
			})},
		World{Name: "two_clusters", Doc: "Two clusters run the same namespaces and pods behind one Prometheus, one Loki and one Jaeger; a label says which.",
			Config: func(c *simulator.Config) {
				eachModel(c, func(m *simulator.Model) {
					m.Clusters, m.SameNames, m.Environments, m.Replicas = []string{"eu-1", "us-1"}, true, []string{"production"}, 2
				})
			}},
		World{Name: "two_environments", Doc: "Two environments run the same namespace and pods; a label says which.",
			Config: func(c *simulator.Config) {
				eachModel(c, func(m *simulator.Model) {
					m.SameNames, m.Environments, m.Replicas = true, []string{"production", "staging"}, 2
				})
			}},
		World{Name: "scrape_every_minute", Names: []string{"scrape_interval?"}, Doc: "Prometheus scrapes every minute, as it does by default, and nobody told the data source.", Source: "lxc/incus#416",
			Config: func(c *simulator.Config) { c.ScrapeInterval = time.Minute }},
		World{Name: "scrape_interval_set_wrong", Doc: "Prometheus scrapes every minute, and the data source was told 15 s.", Source: "lxc/incus#416",
			Names: []string{"scrape_interval"}, Settings: func(jsonData map[string]any) { set(jsonData, "vllm", "scrapeInterval", "15s") },
			Undecidable: []Undecidable{{
				Columns: []string{"running", "waiting", "kv_cache_usage"}, Why: "by the interval that was set, a sample of 40 s ago says nothing of now",
			}},
			Config: func(c *simulator.Config) { c.ScrapeInterval = time.Minute }},
	)
}

// set sets one setting of a section of the data source's jsonData, and leaves the others.
func set(jsonData map[string]any, section, key string, value any) {
	changed := map[string]any{key: value}
	if before, ok := jsonData[section].(map[string]any); ok {
		for name, old := range before {
			if name != key {
				changed[name] = old
			}
		}
	}
	jsonData[section] = changed
}

func eachModel(c *simulator.Config, change func(*simulator.Model)) {
	if len(c.Models) == 0 {
		c.Models = simulator.DefaultModels()
	}
	for i := range c.Models {
		change(&c.Models[i])
	}
}
