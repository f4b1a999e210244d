package world

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	wire "github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// renamed gives vLLM's metrics another prefix.
func renamed(prefix string) func(*rand.Rand) simulator.Pipeline {
	return onScrapes(func() func(scrape, shipScrape) {
		return func(s scrape, pass shipScrape) {
			for i := range s.Samples {
				if name, ok := strings.CutPrefix(s.Samples[i].Name, "vllm:"); ok {
					s.Samples[i].Name = prefix + name
				}
			}
			pass(s)
		}
	})
}

func init() {
	stateless := Undecidable{
		Columns: []string{"running", "waiting", "kv_cache_usage", "model", "engine"}, Why: "Prometheus has nothing of the engines: of which models they are, how many an instance has",
	}
	Add(
		World{Name: "no_metrics", Doc: "Nobody scrapes vLLM; the Prometheus is there for others.", Names: []string{"vllm_metrics", "store_blind"},
			Undecidable: []Undecidable{stateless},
			Pipeline: onScrapes(func() func(scrape, shipScrape) {
				return func(s scrape, pass shipScrape) {
					if s.Job != "vllm" {
						pass(s)
					}
				}
			})},
		World{Name: "metrics_prefix", Doc: "KServe gives vLLM's metrics a prefix of its own, and the data source was told.", Source: "kserve/kserve#5208",
			Pipeline: renamed("kserve_vllm:"), Settings: func(jsonData map[string]any) { set(jsonData, "vllm", "metricPrefix", "kserve_vllm:") }},
		World{Name: "metrics_prefix_untold", Doc: "KServe gives vLLM's metrics a prefix of its own, and nobody told the data source.", Source: "kserve/kserve#5208",
			Names: []string{"vllm_metrics|metric_prefix", "store_blind"}, Undecidable: []Undecidable{stateless},
			Pipeline: renamed("kserve_vllm:")},
		World{Name: "native_histograms", Doc: "Prometheus converts classic histograms to native ones with custom buckets (convert_classic_histograms_to_nhcb) and keeps no classic series.",
			Names:  []string{"histogram_types"},
			Source: "prometheus/prometheus#19520", Pipeline: onScrapes(converted(func(string) bool { return true }))},
		World{Name: "native_histograms_of_some", Doc: "Half of the replicas are scraped by a Prometheus that converts classic histograms to native ones.",
			Source:   "grafana/k8s-monitoring-helm#2586",
			Names:    []string{"histogram_types"},
			Pipeline: onScrapes(converted(func(pod string) bool { return strings.HasSuffix(pod, "-1") }))},
	)
}

// converted turns the classic histograms of some instances into native ones with custom buckets, as Prometheus does while it scrapes.
func converted(instance func(name string) bool) func() func(scrape, shipScrape) {
	return func() func(scrape, shipScrape) {
		return func(s scrape, pass shipScrape) {
			if !instance(s.Labels["instance"]) {
				pass(s)
				return
			}
			histograms := map[string]*classic{}
			for _, sample := range s.Samples {
				if name, ok := strings.CutSuffix(sample.Name, "_bucket"); ok {
					h, labels := histogramOf(histograms, name, sample.Labels)
					if h.labels == nil {
						h.name, h.labels = name, labels
					}
					le, _ := strconv.ParseFloat(bound(sample.Labels), 64) // vLLM's own are numbers
					h.bounds, h.cumulative = append(h.bounds, le), append(h.cumulative, sample.Value)
				}
			}
			s.Samples = slices.DeleteFunc(slices.Clone(s.Samples), func(sample wire.Sample) bool {
				for _, suffix := range []string{"_bucket", "_count", "_sum"} {
					name, ok := strings.CutSuffix(sample.Name, suffix)
					if !ok {
						continue
					}
					h := histograms[identity(name, sample.Labels)]
					if h == nil {
						return false // a summary's
					}
					if suffix == "_sum" {
						h.sum = sample.Value
					}
					return true
				}
				return false
			})
			for _, key := range slices.Sorted(maps.Keys(histograms)) {
				h := histograms[key]
				s.Samples = append(s.Samples, wire.Sample{Name: h.name, Labels: h.labels, Histogram: h.encode})
			}
			pass(s)
		}
	}
}

// classic is one histogram with its buckets.
type classic struct {
	name               string
	labels             []telemetry.Label // without le
	bounds, cumulative []float64         // the last bound is +Inf
	sum                float64
}

func bound(labels []telemetry.Label) string {
	for _, l := range labels {
		if l.Name == "le" {
			return l.Value
		}
	}
	return ""
}

func identity(name string, labels []telemetry.Label) string {
	var b strings.Builder
	b.WriteString(name)
	for _, l := range labels {
		if l.Name != "le" {
			b.WriteString("\x00" + l.Name + "\x00" + l.Value)
		}
	}
	return b.String()
}

func histogramOf(all map[string]*classic, name string, labels []telemetry.Label) (*classic, []telemetry.Label) {
	key := identity(name, labels)
	if all[key] == nil {
		all[key] = &classic{}
	}
	return all[key], slices.DeleteFunc(slices.Clone(labels), func(l telemetry.Label) bool { return l.Name == "le" })
}

// encode writes prometheus.Histogram of the remote write protocol with schema -53: the bounds are its own.
func (h *classic) encode(ms int64) []byte {
	const customBuckets = -53
	var b, deltas, bounds []byte
	before, last := 0.0, int64(0)
	for i, c := range h.cumulative {
		count := int64(c - before)
		deltas = protowire.AppendVarint(deltas, protowire.EncodeZigZag(count-last))
		before, last = c, count
		if !math.IsInf(h.bounds[i], 1) {
			bounds = protowire.AppendFixed64(bounds, math.Float64bits(h.bounds[i]))
		}
	}
	var span []byte
	span = protowire.AppendTag(span, 2, protowire.VarintType)
	span = protowire.AppendVarint(span, uint64(len(h.cumulative)))
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(before))
	b = protowire.AppendTag(b, 3, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(h.sum))
	b = protowire.AppendTag(b, 4, protowire.VarintType)
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(customBuckets))
	b = protowire.AppendTag(b, 11, protowire.BytesType)
	b = protowire.AppendBytes(b, span)
	b = protowire.AppendTag(b, 12, protowire.BytesType)
	b = protowire.AppendBytes(b, deltas)
	b = protowire.AppendTag(b, 15, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(ms)) // #nosec G115 -- after 1970
	b = protowire.AppendTag(b, 16, protowire.BytesType)
	return protowire.AppendBytes(b, bounds)
}
