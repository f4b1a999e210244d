//go:build integration && unix

package worlds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

// atPlaces are the worlds in which names of places are not what they seem.
var atPlaces = []string{
	"clean", "two_clusters", "two_environments", "two_clusters_untold", "two_clusters_one_scraped", "scraped_twice", "ha_replicas", "ipv6", "host_only_streams", "pod_comes_back",
}

// TestACellDoesNotDependOnTheScope asks for every row, and for those of single places: each row is the same.
func TestACellDoesNotDependOnTheScope(t *testing.T) {
	for _, name := range atPlaces {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := world.Named(name)
			require.NoError(t, err)
			s := stage(t, w)
			ask := func(scope map[string]any) *data.Frame {
				return s.ask(t, map[string]any{"queryType": "requests", "version": 1, "scope": scope, "requests": map[string]any{"limit": 50_000}})[0]
			}
			all := ask(nil)
			for list, column := range map[string]string{"environments": "environment", "clusters": "cluster", "pods": "pod", "instances": "instance", "namespaces": "namespace"} {
				of := rowsBy(all, column)
				for i, value := range slices.Sorted(keysOf(of)) {
					if value == "" || i > 2 {
						continue
					}
					got := rowsBy(ask(map[string]any{list: []string{value}}), column)
					require.Empty(t, differences(of[value], got[value]), "%s %s", column, value)
				}
			}
		})
	}
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// rowsBy sorts rows, each as text of its cells, by the value of a column.
func rowsBy(frame *data.Frame, column string) map[string][]string {
	out := map[string][]string{}
	for i, row := range grade.Rows(frame) {
		var cells []string
		for _, f := range frame.Fields {
			v, known := f.ConcreteAt(i)
			if !known {
				v = "–"
			}
			cells = append(cells, fmt.Sprintf("%s=%v", f.Name, v))
		}
		out[row.Text(column)] = append(out[row.Text(column)], strings.Join(cells, " "))
	}
	for _, rows := range out {
		slices.Sort(rows)
	}
	return out
}

// differences are up to three rows that only one side has.
func differences(want, got []string) (out []string) {
	for _, pair := range []struct {
		mark      string
		from, not []string
	}{{"only of all: ", want, got}, {"only in scope: ", got, want}} {
		for _, row := range pair.from {
			if _, found := slices.BinarySearch(pair.not, row); !found && len(out) < 3 {
				out = append(out, pair.mark+row)
			}
		}
	}
	return out
}

// TestFiguresCountEveryEngineOnce compares figures of worlds that scrape otherwise with what was finished, and what ran, in truth.
// GPUs are compared with those of the same fleet in a world where nothing is odd.
func TestFiguresCountEveryEngineOnce(t *testing.T) {
	metrics := []string{"request_rate", "running", "waiting", "gpus", "gpu_power", "gpu_memory_used", "energy_per_generated_token"}
	figuresOf := func(t *testing.T, s *scene) map[string]map[string]float64 {
		q, err := pluginhost.Query("A", map[string]any{"queryType": "models", "version": 1, "models": map[string]any{"metrics": metrics}},
			backend.TimeRange{From: s.window.From, To: s.window.To})
		require.NoError(t, err)
		response, err := s.plugin.QueryData(t.Context(), q)
		require.NoError(t, err)
		require.NoError(t, response.Responses["A"].Error)
		frame := response.Responses["A"].Frames[0]
		out := map[string]map[string]float64{}
		for _, row := range grade.Rows(frame) {
			out[row.Text("model")] = map[string]float64{}
			for _, m := range metrics {
				if v, ok := row.Number(m); ok {
					out[row.Text("model")][m] = v
				}
			}
		}
		return out
	}
	clean, err := world.Named("clean")
	require.NoError(t, err)
	usual := figuresOf(t, stage(t, clean))
	for _, name := range []string{"scraped_twice", "ha_replicas", "ray_serve", "two_clusters", "two_clusters_unlabelled", "pod_comes_back", "rollout"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := world.Named(name)
			require.NoError(t, err)
			s := stage(t, w)
			finished, running, waiting := map[string]float64{}, byEngine{}, byEngine{}
			for _, r := range s.truth.Requests() {
				if r.Evidence.Counted && r.End.Before(s.window.To) {
					finished[r.Model]++
				}
			}
			scrapers := 1
			if name == "scraped_twice" || name == "ha_replicas" {
				scrapers = 2
			}
			for _, r := range s.truth.Scrapes() {
				if !r.Time.After(s.window.To) {
					running.add(r, r.Running)
					waiting.add(r, r.Waiting)
				}
			}
			figures := figuresOf(t, s)
			require.Len(t, figures, 3)
			rounds := s.window.To.Sub(s.window.From).Seconds() / s.config.ScrapeInterval.Seconds() / float64(scrapers)
			for model, f := range figures {
				require.InEpsilon(t, finished[model], f["request_rate"]*s.window.To.Sub(s.window.From).Seconds(), 0.12, model)
				for metric, of := range map[string]byEngine{"running": running, "waiting": waiting} {
					low, high := of.seen(model, scrapers)
					require.GreaterOrEqual(t, f[metric], 0.85*low/rounds-0.05, "%s of %s", metric, model)
					require.LessOrEqual(t, f[metric], 1.15*high/rounds+0.05, "%s of %s", metric, model)
				}
				for _, m := range []string{"gpus", "gpu_power", "gpu_memory_used", "energy_per_generated_token"} {
					if v, ok := f[m]; ok && name != "two_clusters" {
						require.InEpsilon(t, usual[model][m], v, 0.25, "%s of %s", m, model)
					}
				}
			}
			if name == "scraped_twice" || name == "ha_replicas" {
				require.NotZero(t, figures["Qwen/Qwen3-32B"]["gpu_power"])
			}
		})
	}
}

// byEngine are the values of a gauge at an engine's scrapes, in order, by model and engine.
type byEngine map[string]map[string][]float64

func (e byEngine) add(r *truth.Scrape, value int) {
	if e[r.Model] == nil {
		e[r.Model] = map[string][]float64{}
	}
	key := fmt.Sprint(r.Cluster, r.Environment, r.Instance, r.Engine)
	e[r.Model][key] = append(e[r.Model][key], float64(value))
}

// seen is the least and the most that a sum over the scrapes of a model's engines may be when each scraper saw every n-th scrape, and
// any of them is asked about an engine: such short requests run that two scrapers see different numbers.
func (e byEngine) seen(model string, scrapers int) (low, high float64) {
	for _, values := range e[model] {
		sums := make([]float64, scrapers)
		for n, v := range values {
			sums[n%scrapers] += v
		}
		low, high = low+slices.Min(sums), high+slices.Max(sums)
	}
	return low, high
}

// TestEventsAreToldOfTheirServers holds annotations against the ends and beginnings of servers in truth.
func TestEventsAreToldOfTheirServers(t *testing.T) {
	for _, name := range []string{"clean", "ipv6", "host_only_streams", "pod_comes_back", "pod_comes_back+no_start_time", "two_clusters", "scraped_twice"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := world.Named(name)
			require.NoError(t, err)
			config := w.Config
			w.Config = func(c *simulator.Config) {
				if config != nil {
					config(c)
				}
				c.EngineDeaths = 5
			}
			s := stage(t, w)
			deaths, restarts := map[string]int{}, map[string]int{}
			for _, e := range s.truth.Events() {
				switch e.Event {
				case truth.EventEngineDead:
					deaths[e.Model]++
				case truth.EventReady:
					if e.Time.Sub(s.window.From) > time.Second { // all begin with the window
						restarts[e.Model]++
					}
				}
			}
			require.NotEmpty(t, deaths)
			for model, n := range deaths {
				frame := s.ask(t, map[string]any{"queryType": "annotations", "version": 1, "scope": map[string]any{"models": []string{model}},
					"annotations": map[string]any{"events": []string{"engine_death", "restart"}}})[0]
				kinds := map[string]int{}
				kind, _ := frame.FieldByName("type")
				for i := range frame.Rows() {
					v, _ := kind.ConcreteAt(i)
					kinds[fmt.Sprint(v)]++
				}
				require.Equal(t, n, kinds["engine_death"], "deaths of %s", model)
				require.Equal(t, restarts[model], kinds["restart"], "restarts of %s", model)
			}
		})
	}
}
