package world

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	carry "github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// scrapes is a pipeline that changes the samples of each scrape.
func scrapes(change func(s carry.Scrape) []carry.Sample) func(*rand.Rand) simulator.Pipeline {
	return func(*rand.Rand) simulator.Pipeline {
		return simulator.Pipeline{Scrape: func(s carry.Scrape, next func(carry.Scrape)) {
			s.Samples = change(s)
			next(s)
		}}
	}
}

// every second instance, by its name.
func second(s carry.Scrape) bool {
	name := cmp.Or(s.Labels["pod"], s.Labels["instance"])
	sum := 0
	for _, b := range []byte(name) {
		sum += int(b)
	}
	return sum%2 == 1
}

// named renames vLLM's metrics; with it goes what the operator sets, if he does.
func named(prefix string) func(*rand.Rand) simulator.Pipeline {
	return scrapes(func(s carry.Scrape) []carry.Sample {
		for i := range s.Samples {
			if name, ok := strings.CutPrefix(s.Samples[i].Name, "vllm:"); ok {
				s.Samples[i].Name = prefix + name
			}
		}
		return s.Samples
	})
}

func prefixSet(prefix string) func(map[string]any) {
	return func(jsonData map[string]any) { set(jsonData, "vllm", "metricPrefix", prefix) }
}

// fromMetrics are the cells that come from Prometheus.
var fromMetrics = []string{"running", "waiting", "kv_cache_usage", "preemptions", "gpu_utilization", "gpu_memory_used", "model", "engine"}

func init() {
	Add(
		World{Name: "nhcb", Doc: "Prometheus converts classic histograms to native ones (convert_classic_histograms_to_nhcb).", Source: "prometheus/prometheus#19520",
			Names: []string{"histogram_types"}, Pipeline: scrapes(func(s carry.Scrape) []carry.Sample { return toNative(s.Samples) })},
		World{Name: "mixed_histograms", Doc: "One of two scrape jobs converts classic histograms to native ones.", Source: "grafana/k8s-monitoring-helm#2586",
			Names: []string{"histogram_types"}, Pipeline: scrapes(func(s carry.Scrape) []carry.Sample {
				if second(s) {
					return toNative(s.Samples)
				}
				return s.Samples
			})},
		World{Name: "custom_buckets", Doc: "Half of the replicas run with --custom-histogram-buckets, which leave out the bounds at the SLO's limits.",
			Names: []string{"histogram_bounds"}, Pipeline: scrapes(func(s carry.Scrape) []carry.Sample {
				if !second(s) {
					return s.Samples
				}
				return slices.DeleteFunc(s.Samples, func(sample carry.Sample) bool {
					bound, err := strconv.ParseFloat(labelled(sample.Labels, "le"), 64)
					return err == nil && slices.Contains([]float64{0.05, 1, 20}, bound)
				})
			})},
		World{Name: "prefix_kserve", Doc: "KServe's metrics begin with kserve_vllm:, and the data source was told.", Source: "kserve/kserve#5208",
			Pipeline: named("kserve_vllm:"), Settings: prefixSet("kserve_vllm:")},
		World{Name: "prefix_vllm_underscore", Doc: "A collector writes vllm_ for vllm:, and the data source was told.", Source: "llm-d/llm-d-autoscaling#877",
			Pipeline: named("vllm_"), Settings: prefixSet("vllm_")},
		World{Name: "prefix_not_set", Doc: "KServe's metrics begin with kserve_vllm:, and nobody told the data source.", Source: "kserve/kserve#5208",
			Names: []string{"metric_prefix", "vllm_metrics"}, Pipeline: named("kserve_vllm:"),
			Undecidable: []Undecidable{{Columns: fromMetrics, Why: "the metrics' prefix is not set, which Save & test says"}}},
	)
}

func labelled(labels []telemetry.Label, name string) string {
	for _, l := range labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// classic is one classic histogram of a scrape.
type classic struct {
	name       string
	labels     []telemetry.Label // without le
	bounds     []float64
	cumulative []float64
	sum, count float64
}

// toNative makes native histograms with custom buckets of classic ones, as Prometheus does: one series of the family's name, and
// none with a suffix.
func toNative(samples []carry.Sample) (out []carry.Sample) {
	families := map[string]bool{}
	for _, s := range samples {
		if family, ok := strings.CutSuffix(s.Name, "_bucket"); ok {
			families[family] = true
		}
	}
	found := map[string]*classic{}
	var order []*classic
	for _, s := range samples {
		family, part := s.Name, ""
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if name, ok := strings.CutSuffix(s.Name, suffix); ok && families[name] {
				family, part = name, suffix
			}
		}
		if part == "" {
			out = append(out, s)
			continue
		}
		labels := slices.DeleteFunc(slices.Clone(s.Labels), func(l telemetry.Label) bool { return l.Name == "le" })
		key := family
		for _, l := range labels {
			key += "\x00" + l.Name + "\x00" + l.Value
		}
		c := found[key]
		if c == nil {
			c = &classic{name: family, labels: labels}
			found[key], order = c, append(order, c)
		}
		switch part {
		case "_sum":
			c.sum = s.Value
		case "_count":
			c.count = s.Value
		default:
			if bound, err := strconv.ParseFloat(labelled(s.Labels, "le"), 64); err == nil && !math.IsInf(bound, 1) {
				c.bounds, c.cumulative = append(c.bounds, bound), append(c.cumulative, s.Value)
			}
		}
	}
	for _, c := range order {
		out = append(out, carry.Sample{Name: c.name, Labels: c.labels, Histogram: c.encoded})
	}
	return out
}

// encoded is prometheus.Histogram of the remote write protocol with schema -53, which is custom buckets.
func (c *classic) encoded(ms int64) (b []byte) {
	number := func(field protowire.Number, v uint64) {
		b = protowire.AppendTag(b, field, protowire.VarintType)
		b = protowire.AppendVarint(b, v)
	}
	packed := func(field protowire.Number, content []byte) {
		b = protowire.AppendTag(b, field, protowire.BytesType)
		b = protowire.AppendBytes(b, content)
	}
	number(1, uint64(c.count)) // #nosec G115 -- counts are not below zero
	b = protowire.AppendTag(b, 3, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(c.sum))
	number(4, protowire.EncodeZigZag(-53))
	span := protowire.AppendTag(nil, 1, protowire.VarintType)
	span = protowire.AppendVarint(span, 0)
	span = protowire.AppendTag(span, 2, protowire.VarintType)
	span = protowire.AppendVarint(span, uint64(len(c.bounds)+1))
	packed(11, span)
	var deltas, values []byte
	below, before := 0.0, int64(0)
	for i := range len(c.bounds) + 1 {
		reached := c.count
		if i < len(c.bounds) {
			reached = c.cumulative[i]
			values = protowire.AppendFixed64(values, math.Float64bits(c.bounds[i]))
		}
		in := int64(reached - below)
		deltas = protowire.AppendVarint(deltas, protowire.EncodeZigZag(in-before))
		below, before = reached, in
	}
	packed(12, deltas)
	number(15, uint64(ms)) // #nosec G115 -- after 1970
	packed(16, values)
	return b
}
