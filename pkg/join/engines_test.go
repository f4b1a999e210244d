package join_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// machine is an engine that somebody runs: how many requests it works on, how many it finished, how many tokens it made, by
// seconds. Its numbers are those of its own, whoever scrapes it.
type machine struct{ load, perSecond, before float64 }

func (m machine) running(t float64) float64 { return m.load + math.Floor(math.Mod(t, 7)) }
func (m machine) usage(t float64) float64   { return m.load/100 + math.Mod(t, 60)/600 }
func (m machine) finished(t float64) float64 {
	return math.Floor(m.before + m.perSecond*t)
}
func (m machine) tokens(t float64) float64 { return math.Floor(97 * (m.before + m.perSecond*t)) }

// scraped is what one scrape job sees of a machine, every 15 s from some second on.
func scraped(m machine, o evidence.Origin, from, to, phase float64, labels ...evidence.Label) []evidence.Series {
	if o.Model == "" {
		o.Model, o.Engine = "llama", "0"
	}
	var out []evidence.Series
	for metric, value := range map[string]func(float64) float64{
		vllm.NumRequestsRunning: m.running, vllm.KVCacheUsage: m.usage, vllm.RequestSuccess: m.finished, vllm.GenerationTokens: m.tokens,
	} {
		s := evidence.Series{Metric: metric, Origin: &o, Rest: labels}
		if metric == vllm.RequestSuccess {
			s.Part = "stop"
		}
		for t := from + phase; t < to; t += 15 {
			s.Samples = append(s.Samples, evidence.Sample{UnixMilli: at(t).UnixMilli(), Value: value(t)})
		}
		out = append(out, s)
	}
	return out
}

func label(name, value string) evidence.Label { return evidence.Label{Name: name, Value: value} }

// worldOf joins one request at 300 s at a place with all that the scrape jobs of an hour saw.
func worldOf(place evidence.Origin, jobs ...[]evidence.Series) join.Joined {
	in := join.Input{
		Window: evidence.Window{From: at(0), To: at(600)}, StaleAfter: 37500 * time.Millisecond,
		Spans: []evidence.RequestSpan{span("chatcmpl-a", 300, &place)},
	}
	for _, series := range jobs {
		in.Series = append(in.Series, series...)
	}
	return join.Requests(in)
}

func checks(j join.Joined) (names []string) {
	for _, f := range j.Report.Findings {
		names = append(names, f.Check)
	}
	return names
}

func TestSeriesOfOneEngineAtTheSameTime(t *testing.T) {
	address := evidence.Origin{Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}
	pod := evidence.Origin{Namespace: "llm", Pod: "llama-0"}
	node := evidence.Origin{Instance: "10.0.0.1:8080"}
	busy, calm := machine{load: 20, perSecond: 2, before: 5000}, machine{load: 2, perSecond: 2, before: 5003} // dealt out in turn
	east, west := evidence.Origin{Cluster: "east", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}, evidence.Origin{Cluster: "west", Namespace: "llm", Pod: "llama-0", Instance: "10.9.0.1:8000"}
	both := [][]evidence.Series{scraped(busy, east, 0, 600, 0), scraped(calm, west, 0, 600, 3)}
	unlabelled := evidence.Origin{Namespace: "llm", Pod: "llama-0", Instance: "10.9.0.1:8000"}
	of := func(m machine, second float64) float64 { return m.usage(second) }
	unknown := math.NaN()
	for name, c := range map[string]struct {
		place   evidence.Origin
		jobs    [][]evidence.Series
		usage   float64
		counted float64 // finished requests between the first and the last scrape that count; NaN where nothing can be said
		checks  []string
	}{
		"one": {pod, [][]evidence.Series{scraped(busy, address, 0, 600, 0)}, of(busy, 300), 2, nil},
		"two jobs scrape it at different seconds": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 600, 0, label("job", "pods")), scraped(busy, address, 0, 600, 6, label("job", "services"))},
			of(busy, 300), 2, []string{"series_per_engine"},
		},
		"two jobs, of which one names no pod": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 600, 0, label("job", "pods")), scraped(busy, evidence.Origin{Instance: "10.0.0.1:8000"}, 0, 600, 6, label("job", "static"))},
			of(busy, 300), 2, []string{"series_per_engine"},
		},
		"two Prometheus servers whose data nobody deduplicates": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 600, 0, label("prometheus_replica", "a")), scraped(busy, address, 0, 600, 7, label("prometheus_replica", "b"))},
			of(busy, 300), 2, []string{"series_per_engine"},
		},
		"the label of these is called replica": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 600, 0, label("replica", "0")), scraped(busy, address, 0, 600, 7, label("replica", "1"))},
			of(busy, 300), 2, []string{"series_per_engine"},
		},
		"a label that came in the middle": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 200, 0), scraped(busy, address, 200, 600, 10, label("team", "search"))},
			of(busy, 300), 2, nil,
		},
		"a cluster that was named from some moment on": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 200, 0), scraped(busy, east, 200, 600, 10)}, of(busy, 300), 2, nil,
		},
		"a pod that came back with another address": {
			pod, [][]evidence.Series{scraped(calm, unlabelled, 0, 200, 0), scraped(busy, address, 210, 600, 0)}, of(busy, 300), 2, nil,
		},
		"four replicas behind one address": {
			node, [][]evidence.Series{
				scraped(busy, node, 0, 600, 0, label("ReplicaId", "r1"), label("WorkerId", "w1")), scraped(calm, node, 0, 600, 0, label("ReplicaId", "r2"), label("WorkerId", "w2")),
				scraped(busy, node, 0, 600, 0, label("ReplicaId", "r3"), label("WorkerId", "w3")), scraped(calm, node, 0, 600, 0, label("ReplicaId", "r4"), label("WorkerId", "w4")),
			}, unknown, 8, []string{"series_per_engine"},
		},
		"the span names its replica": {
			evidence.Origin{Instance: "10.0.0.1:8080", Pod: "r2"}, [][]evidence.Series{
				scraped(busy, evidence.Origin{Instance: "10.0.0.1:8080"}, 0, 600, 0, label("ReplicaId", "r1")), scraped(calm, evidence.Origin{Instance: "10.0.0.1:8080"}, 0, 600, 0, label("ReplicaId", "r2")),
			}, of(calm, 300), 4, []string{"series_per_engine"},
		},
		"a replica that took over": {
			node, [][]evidence.Series{scraped(calm, node, 0, 200, 0, label("WorkerId", "w1")), scraped(busy, node, 210, 600, 0, label("WorkerId", "w2"))},
			of(busy, 300), 2, nil,
		},
		"two machines that a label called replica tells apart": {
			node, [][]evidence.Series{scraped(busy, node, 0, 600, 0, label("replica", "0")), scraped(calm, node, 0, 600, 0, label("replica", "1"))},
			unknown, 4, []string{"series_per_engine"},
		},
		"two machines that nothing tells apart": {
			node, [][]evidence.Series{scraped(busy, node, 0, 600, 0, label("zone", "a")), scraped(calm, node, 0, 600, 0, label("zone", "b"))},
			unknown, unknown, []string{"series_per_engine"},
		},
		"a pod in two clusters, and the span says which": {west, both, of(calm, 288), 4, nil},
		"a pod in two clusters, and the span does not say": {
			pod, both, unknown, unknown, []string{"shared_names"},
		},
		"a pod in two clusters that no label tells apart": {
			pod, [][]evidence.Series{scraped(busy, address, 0, 600, 0), scraped(calm, unlabelled, 0, 600, 3)}, unknown, unknown, []string{"shared_names"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			joined := worldOf(c.place, c.jobs...)
			require.Len(t, joined.Rows, 1)
			require.Equal(t, c.checks, checks(joined))
			if math.IsNaN(c.usage) {
				require.True(t, math.IsNaN(joined.Rows[0].KVCacheUsage), "kv_cache_usage %v", joined.Rows[0].KVCacheUsage)
				require.Equal(t, 1, joined.Report.EngineUndecided)
			} else {
				require.InDelta(t, c.usage, joined.Rows[0].KVCacheUsage, 0.03)
			}
			rate := unknown
			for i, e := range joined.Report.ByInstance {
				if i == 0 {
					rate = 0
				}
				rate += e.Counted / e.To.Sub(e.From).Seconds()
			}
			if math.IsNaN(c.counted) {
				require.True(t, math.IsNaN(rate) || len(c.checks) > 0, "counted %v", rate)
				return
			}
			require.InDelta(t, c.counted, rate, 0.1)
		})
	}
}

func TestTheOrderOfSeriesDoesNotDecide(t *testing.T) {
	address := evidence.Origin{Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"}
	m := machine{load: 20, perSecond: 2, before: 5000}
	a, b := scraped(m, address, 0, 600, 0, label("job", "pods")), scraped(m, address, 0, 600, 6, label("job", "services"))
	seen := map[string]bool{}
	for range 20 { // the series come out of a map
		for _, jobs := range [][][]evidence.Series{{a, b}, {b, a}} {
			r := worldOf(evidence.Origin{Pod: "llama-0"}, jobs...)
			seen[fmt.Sprintf("%v %v %v", r.Rows[0].Running, r.Rows[0].KVCacheUsage, r.Report.Explained.Counted)] = true
		}
	}
	require.Len(t, seen, 1)
}

func TestAServerThatNamesNoClusterMayBeAnothersWhereOthersAreNotAskedFor(t *testing.T) {
	busy := machine{load: 20, perSecond: 2, before: 5000}
	for name, c := range map[string]struct {
		pod      string
		narrowed []vllm.Place
		known    bool
	}{
		"nothing is narrowed":                  {"llama-0", nil, true},
		"the cluster is narrowed":              {"llama-0", []vllm.Place{vllm.Cluster}, false},
		"another place is":                     {"llama-0", []vllm.Place{vllm.Environment}, true},
		"a pod's name that Kubernetes made up": {"llama-7d9f8b6c5d-x2x4z", []vllm.Place{vllm.Cluster}, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := join.Input{
				Window: evidence.Window{From: at(0), To: at(600)}, StaleAfter: 37500 * time.Millisecond, Narrowed: c.narrowed,
				Spans:  []evidence.RequestSpan{span("chatcmpl-a", 300, &evidence.Origin{Cluster: "east", Namespace: "llm", Pod: c.pod})},
				Series: scraped(busy, evidence.Origin{Namespace: "llm", Pod: c.pod, Instance: "10.0.0.1:8000"}, 0, 600, 0),
			}
			joined := join.Requests(in)
			require.Equal(t, c.known, !math.IsNaN(joined.Rows[0].KVCacheUsage))
			require.Equal(t, c.known, joined.Report.EngineUndecided == 0)
		})
	}
}
