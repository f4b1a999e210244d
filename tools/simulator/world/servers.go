package world

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	wire "github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

type (
	scrape     = wire.Scrape
	shipScrape = func(wire.Scrape)
)

// onScrapes is a world's pipeline that changes scrapes alone.
func onScrapes(change func() func(scrape, shipScrape)) func(*rand.Rand) simulator.Pipeline {
	return func(*rand.Rand) simulator.Pipeline { return simulator.Pipeline{Scrape: change()} }
}

// by are two scrapers that scrape in turn, each every 15 s.
func inTurn(scraper func(s scrape, second bool) scrape) (func(*simulator.Config), func(*rand.Rand) simulator.Pipeline) {
	config := func(c *simulator.Config) { c.ScrapeInterval = 7500 * time.Millisecond }
	return config, onScrapes(func() func(scrape, shipScrape) {
		turn := map[string]bool{}
		return func(s scrape, ship shipScrape) {
			key := s.Job + targetOf(s)
			ship(scraper(s, turn[key]))
			turn[key] = !turn[key]
		}
	})
}

func targetOf(s scrape) (key string) {
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		key += "\xff" + name + "=" + s.Labels[name]
	}
	return key
}

// with is a scrape with other labels of its target; "" takes one away.
func with(s scrape, change map[string]string) scrape {
	s.Labels = maps.Clone(s.Labels)
	for name, value := range change {
		if s.Labels[name] = value; value == "" {
			delete(s.Labels, name)
		}
	}
	return s
}

// onResources is a pipeline that changes what processes say of themselves on their spans.
func onResources(change func(key string, value any) (any, bool)) func(spans []*telemetry.Span) []*telemetry.Span {
	made := map[*telemetry.Resource]*telemetry.Resource{}
	return func(spans []*telemetry.Span) []*telemetry.Span {
		for _, s := range spans {
			to := made[s.Resource]
			if to == nil {
				to = &telemetry.Resource{}
				for _, a := range s.Resource.Attributes {
					if value, keep := change(a.Key, a.Value); keep {
						to.Attributes = append(to.Attributes, telemetry.Attribute{Key: a.Key, Value: value})
					}
				}
				made[s.Resource] = to
			}
			s.Resource = to
		}
		return spans
	}
}

// withPrefix renames vLLM's metrics as some collectors do, Ray's among them.
func withPrefix(s scrape, prefix string, labels ...telemetry.Label) scrape {
	samples := slices.Clone(s.Samples)
	for i := range samples {
		if rest, ok := strings.CutPrefix(samples[i].Name, "vllm:"); ok {
			samples[i].Name = prefix + rest
		}
		samples[i].Labels = append(slices.Clone(samples[i].Labels), labels...)
		slices.SortFunc(samples[i].Labels, func(a, b telemetry.Label) int { return strings.Compare(a.Name, b.Name) })
	}
	s.Samples = samples
	return s
}

// state are the cells that come from the engine's metrics at arrival.
var state = []string{"running", "waiting", "kv_cache_usage"}

// onMachines are servers without Kubernetes, each at an address of its own.
func onMachines(address func(model, replica int) string) func(*simulator.Config) {
	return func(c *simulator.Config) {
		n := 0
		eachModel(c, func(m *simulator.Model) {
			model := n
			m.Address = func(replica int) string { return address(model, replica) }
			n++
		})
	}
}

// streamsNameHosts leaves the port off, and IPv6's brackets.
func streamsNameHosts() func(*rand.Rand) simulator.Pipeline {
	return streamsNamed(func(from *telemetry.LogStream) map[string]string {
		host := strings.TrimSuffix(label(from, "instance"), ":8000")
		return map[string]string{"instance": strings.Trim(host, "[]")}
	})
}

func init() {
	twice, byJobs := inTurn(func(s scrape, second bool) scrape {
		if second && s.Job == "vllm" {
			s = with(s, map[string]string{"container": "", "endpoint": "http"})
			s.Job = "kubernetes-service-endpoints"
		}
		return s
	})
	redundant, byReplicas := inTurn(func(s scrape, second bool) scrape {
		return with(s, map[string]string{"prometheus_replica": map[bool]string{false: "prometheus-k8s-0", true: "prometheus-k8s-1"}[second]})
	})
	clusters := func(c *simulator.Config) {
		eachModel(c, func(m *simulator.Model) {
			m.Clusters, m.SameNames, m.Environments, m.Replicas = []string{"eu-1", "us-1"}, true, []string{"production"}, 2
		})
	}
	Add(
		World{Name: "scraped_twice", Doc: "Two jobs of one Prometheus find the same servers and scrape them at different seconds.",
			Source: "saidsef/grafana-loki-on-k8s#271", Names: []string{"series_per_engine"}, Config: twice, Pipeline: byJobs},
		World{Name: "ha_replicas", Doc: "Two redundant Prometheus servers write to one store that does not deduplicate; prometheus_replica says whose a series is.",
			Source: "thanos-community/helm-charts#105", Names: []string{"series_per_engine"}, Config: redundant, Pipeline: byReplicas},
		World{Name: "ray_serve", Doc: "Ray Serve runs four replicas of each model behind one metrics address; WorkerId and ReplicaId tell them apart, and names begin with ray_vllm_.",
			Source: "ray-project/ray#59071", Names: []string{"series_per_engine"},
			Settings: func(jsonData map[string]any) { section(jsonData, "vllm")["metricPrefix"] = "ray_vllm_" },
			Config: func(c *simulator.Config) {
				onMachines(func(int, int) string { return "ray-head:8000" })(c)
				eachModel(c, func(m *simulator.Model) { m.Replicas, m.Engines = 4, 1 })
			},
			Pipeline: onScrapes(func() func(scrape, shipScrape) {
				var round time.Time
				n := 0
				return func(s scrape, ship shipScrape) {
					if s.Job != "vllm" {
						return // Ray brings metrics of its own for GPUs
					}
					if s.At.Sub(round) >= 15*time.Second {
						round, n = s.At, 0
					}
					n++
					worker := telemetry.Label{Name: "WorkerId", Value: fmt.Sprintf("%056x", n*7919)}
					ship(withPrefix(s, "ray_vllm_", worker, telemetry.Label{Name: "ReplicaId", Value: fmt.Sprintf("r%05d", n*31)}))
				}
			}),
			Undecidable: []Undecidable{
				{Columns: state, Why: "no span says which of four replicas behind one address worked on its request"},
				{Columns: []string{"model"}, Why: "three models share the address, and the span names none"},
			}},
		World{Name: "ipv6", Doc: "Machines with IPv6 addresses alone, without Kubernetes; log streams name the address without port and brackets.",
			Source:   "vllm-project/vllm#18210",
			Config:   onMachines(func(model, replica int) string { return fmt.Sprintf("[2001:db8:%d::%x]:8000", model+1, replica+1) }),
			Pipeline: streamsNameHosts()},
		World{Name: "host_only_streams", Doc: "Machines without Kubernetes: metrics and spans name host and port, log streams the host alone.",
			Config:   onMachines(func(model, replica int) string { return fmt.Sprintf("gpu-%d%d.example.com:8000", model, replica) }),
			Pipeline: streamsNameHosts()},
		World{Name: "pod_comes_back", Doc: "A pod whose engine died comes back under its name, with another address; metrics name the address as instance.",
			Config: func(c *simulator.Config) { c.EngineDeaths = 4 },
			Pipeline: onScrapes(func() func(scrape, shipScrape) {
				addresses, began := map[string]int{}, map[string]float64{}
				next := 1
				return func(s scrape, ship shipScrape) {
					if s.Job != "vllm" {
						ship(s)
						return
					}
					pod := targetOf(s)
					for _, sample := range s.Samples {
						if sample.Name == "process_start_time_seconds" && sample.Value != began[pod] {
							began[pod], addresses[pod] = sample.Value, next
							next++
						}
					}
					if s.Up || addresses[pod] > 0 {
						ship(with(s, map[string]string{"instance": fmt.Sprintf("10.0.%d.%d:8000", addresses[pod]/200, addresses[pod]%200+1)}))
					}
				}
			})},
		World{Name: "rollout", Doc: "A Deployment is changed: pods of other names replace every pod in the middle of the range, and the old ones finish their requests and end.",
			Config: func(c *simulator.Config) {
				eachModel(c, func(m *simulator.Model) { m.Rollout = 6 * time.Minute })
			}},
		World{Name: "no_start_time", Doc: "Several API servers share a port, so that no process_start_time_seconds is exposed.",
			Pipeline: onScrapes(func() func(scrape, shipScrape) {
				return func(s scrape, ship shipScrape) {
					s.Samples = slices.DeleteFunc(slices.Clone(s.Samples), func(v wire.Sample) bool { return strings.HasPrefix(v.Name, "process_") })
					ship(s)
				}
			})},
		World{Name: "two_clusters_untold", Doc: "Two clusters run the same namespaces and pods; metrics and lines say which, spans do not.",
			Config: clusters, Names: []string{"shared_names"},
			Pipeline: func(*rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: onResources(func(key string, value any) (any, bool) { return value, key != "k8s.cluster.name" })}
			},
			Undecidable: []Undecidable{
				{Columns: append(slices.Clone(state), "cluster", "model", "engine"), Why: "the span names a pod that both clusters have"},
			}},
		World{Name: "two_clusters_one_scraped", Doc: "Two clusters run the same namespaces and pods; the Prometheus is that of one of them, and its series name none.",
			Config: clusters, Names: []string{"shared_names"},
			Pipeline: onScrapes(func() func(scrape, shipScrape) {
				return func(s scrape, ship shipScrape) {
					if s.Labels["cluster"] == "eu-1" {
						ship(with(s, map[string]string{"cluster": ""}))
					}
				}
			}),
			Undecidable: []Undecidable{
				{Columns: append(slices.Clone(state), "model", "engine"), Why: "the metrics may be those of either cluster's pod"},
			}},
		World{Name: "two_clusters_unlabelled", Doc: "Two clusters run the same namespaces and pods behind one Prometheus, whose jobs do not say which; their addresses differ.",
			Config: clusters, Names: []string{"shared_names"},
			Pipeline: onScrapes(func() func(scrape, shipScrape) {
				return func(s scrape, ship shipScrape) {
					if s.Job != "vllm" {
						return
					}
					second := map[string]int{"eu-1": 0, "us-1": 9}[s.Labels["cluster"]]
					ship(with(s, map[string]string{"cluster": "", "instance": fmt.Sprintf("10.%d.0.%d:8000", second, 1+len(s.Labels["pod"])%7)}))
				}
			}),
			Undecidable: []Undecidable{
				{Columns: append(slices.Clone(state), "model", "engine"), Why: "the metrics of a pod's name are those of two pods"},
			}},
	)
}

// section is a part of the data source's jsonData.
func section(jsonData map[string]any, name string) map[string]any {
	part, ok := jsonData[name].(map[string]any)
	if !ok {
		part = map[string]any{}
		jsonData[name] = part
	}
	return part
}
