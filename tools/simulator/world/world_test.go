package world_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
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
