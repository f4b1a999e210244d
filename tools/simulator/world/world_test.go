package world_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

func TestEachWorldIsAFleetWhoseTruthAddsUp(t *testing.T) {
	for _, name := range world.Names() {
		t.Run(name, func(t *testing.T) {
			w, err := world.Named(name)
			require.NoError(t, err)
			known := simulated(t, w)
			require.NotEmpty(t, known.Requests())
			for _, column := range w.Undecidable {
				require.NotEmpty(t, column.Columns)
				require.NotEmpty(t, column.Why)
			}
			for _, r := range known.Requests() {
				require.GreaterOrEqual(t, r.Evidence.LogLines, 0)
				require.GreaterOrEqual(t, r.Evidence.LogLinesLost, 0)
			}
		})
	}
}

func TestTheSameSeedIsTheSameWorld(t *testing.T) {
	w, err := world.Named("traces_tail_slow+lines_late_30s")
	require.NoError(t, err)
	require.Equal(t, simulated(t, w).Requests(), simulated(t, w).Requests())
}

func TestWorldsCompose(t *testing.T) {
	w, err := world.Named("log_clock_late_7s+lines_twice")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"log_skew", "duplicate_lines"}, w.Names)
	config := simulator.Config{Seed: 1}
	w.Apply(&config)
	require.Len(t, config.Pipelines, 2)
	_, err = world.Named("clean+nowhere")
	require.ErrorContains(t, err, "nowhere")
}

func simulated(t *testing.T, w world.World) *truthtest.Recorder {
	t.Helper()
	known := &truthtest.Recorder{}
	config := simulator.Config{Seed: 5, Rate: 4, Listen: "off", Recorder: known}
	w.Apply(&config)
	sim, err := simulator.New(config)
	require.NoError(t, err)
	from := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	require.NoError(t, sim.Backfill(t.Context(), simulator.Window{From: from, To: from.Add(time.Minute), Drain: true}))
	require.NoError(t, sim.Close())
	return known
}

// A rollout that left old pods in service, or their series open, would hide what figures make of it.
func TestARolloutReplacesEveryPod(t *testing.T) {
	w, err := world.Named("rollout")
	require.NoError(t, err)
	known := &truthtest.Recorder{}
	scraped, gone := map[string][]time.Time{}, map[string]time.Time{}
	config := simulator.Config{Seed: 5, Rate: 4, Listen: "off", Recorder: known, EngineDeaths: 4, ScrapeInterval: 15 * time.Second,
		Pipelines: []simulator.Pipeline{{Scrape: func(s ship.Scrape, _ func(ship.Scrape)) {
			if target := s.Job + " " + s.Labels["instance"]; s.Gone {
				require.NotContains(t, gone, target, "a series ends once")
				gone[target] = s.At
			} else {
				scraped[target] = append(scraped[target], s.At)
			}
		}}}}
	w.Apply(&config)
	sim, err := simulator.New(config)
	require.NoError(t, err)
	from := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	require.NoError(t, sim.Backfill(t.Context(), simulator.Window{From: from, To: from.Add(12 * time.Minute), Drain: true}))
	require.NoError(t, sim.Close())

	change := from.Add(6 * time.Minute)
	require.Len(t, scraped, 24, "two jobs, three models, two pods before and two after")
	require.Len(t, gone, 12)
	for target, times := range scraped {
		end, ended := gone[target]
		if !ended {
			require.False(t, times[0].Before(change), target)
			continue
		}
		require.True(t, times[0].Before(change), target)
		require.True(t, end.After(change), target)
		require.Equal(t, 15*time.Second, end.Sub(times[len(times)-1]), "%s ends at the scrape after its last", target)
	}
	before, after := 0, 0
	for _, r := range known.Requests() {
		if r.Pod == "" {
			continue // no server was up
		}
		if _, old := gone["vllm "+r.Pod]; old {
			before++
			require.True(t, r.Time.Before(change.Add(5*time.Second)), "%s came to %s", r.Time, r.Pod)
			require.False(t, r.End.After(gone["vllm "+r.Pod]), "%s outlived %s", r.ExternalID, r.Pod)
			continue
		}
		after++
		require.False(t, r.Time.Before(change), r.Pod)
	}
	require.Positive(t, before)
	require.Positive(t, after)
}
