package simulator_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
)

var pipelineStart = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// simulated is ten minutes of a fleet behind these pipelines.
func simulated(t *testing.T, change func(*simulator.Config), pipelines ...simulator.Pipeline) (*stores, *truthtest.Recorder) {
	t.Helper()
	s, recorded := newStores(t), &truthtest.Recorder{}
	config := s.config()
	config.Recorder, config.Pipelines = recorded, pipelines
	if change != nil {
		change(&config)
	}
	sim, err := simulator.New(config)
	require.NoError(t, err)
	defer sim.Close()
	require.NoError(t, sim.Backfill(t.Context(), simulator.Window{From: pipelineStart, To: pipelineStart.Add(10 * time.Minute), Drain: true}))
	return s, recorded
}

func TestALineThatAPipelineDoesNotShipIsLostInTheTruth(t *testing.T) {
	_, whole := simulated(t, nil)
	s, recorded := simulated(t, nil, simulator.Pipeline{Line: func(l telemetry.LogLine, ship func(telemetry.LogLine)) {
		if !strings.Contains(l.Text, "Added request") {
			ship(l)
		}
	}})
	require.NotContains(t, strings.Join(s.lines, "\n"), "Added request")
	lost := 0
	for i, r := range recorded.Requests() {
		before := whole.Requests()[i].Evidence
		require.Equal(t, before.LogLines, r.Evidence.LogLines+r.Evidence.LogLinesLost)
		require.Equal(t, before.ErrorLines, r.Evidence.ErrorLines)
		lost += r.Evidence.LogLinesLost
	}
	require.Positive(t, lost)
}

func TestACopyOfALineIsNoFurtherLine(t *testing.T) {
	twice := simulator.Pipeline{Line: func(l telemetry.LogLine, ship func(telemetry.LogLine)) { ship(l); ship(l) }}
	none := simulator.Pipeline{Line: func(telemetry.LogLine, func(telemetry.LogLine)) {}}
	once, whole := simulated(t, nil)
	s, recorded := simulated(t, nil, twice, twice)
	require.Len(t, s.lines, 4*len(once.lines))
	require.Equal(t, whole.Requests(), recorded.Requests())

	_, recorded = simulated(t, nil, twice, none)
	for i, r := range recorded.Requests() {
		require.LessOrEqual(t, r.Evidence.LogLines, 0, "a line is lost once, not once a copy")
		require.Equal(t, whole.Requests()[i].Evidence.LogLines, r.Evidence.LogLines+r.Evidence.LogLinesLost)
	}
}

func TestAPipelineDecidesOnWholeTracesAndTheTruthSaysWhichSpansWentOn(t *testing.T) {
	_, whole := simulated(t, nil)
	var traces int
	s, recorded := simulated(t, nil, simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
		traces++
		for _, span := range spans {
			require.Equal(t, spans[0].TraceID, span.TraceID)
		}
		if traces%2 == 0 {
			return nil
		}
		return spans
	}})
	engine, callers := 0, 0
	for i, r := range recorded.Requests() {
		before := whole.Requests()[i].Evidence
		if before.EngineSpan != truth.Emitted {
			require.Equal(t, before.EngineSpan, r.Evidence.EngineSpan)
		}
		if r.Evidence.EngineSpan == truth.Emitted {
			engine++
			if before.CallerSpan == truth.Emitted && r.Caller.TraceID == r.TraceID {
				require.Equal(t, truth.Emitted, r.Evidence.CallerSpan, "a trace goes as a whole")
				callers++
			}
		}
	}
	require.Equal(t, s.spans["llm_request"], engine)
	require.Positive(t, callers)
	require.Less(t, engine, len(recorded.Requests())*2/3)
}

func TestAPipelineChangesScrapes(t *testing.T) {
	var mu sync.Mutex
	instances := map[string]int{}
	twoJobs := simulator.Pipeline{Scrape: func(s ship.Scrape, ship func(ship.Scrape)) {
		ship(s)
		s.Job += "-again"
		ship(s)
	}}
	count := simulator.Pipeline{Scrape: func(s ship.Scrape, _ func(ship.Scrape)) {
		mu.Lock()
		defer mu.Unlock()
		instances[s.Job]++
		if s.Up {
			require.NotEmpty(t, s.Samples)
		}
	}}
	s, _ := simulated(t, func(c *simulator.Config) { c.Rate = 1 }, twoJobs, count)
	require.Equal(t, instances["vllm"], instances["vllm-again"])
	require.Equal(t, instances["dcgm"], instances["dcgm-again"])
	require.Positive(t, instances["vllm"])
	require.Zero(t, s.writes, "the last pipeline ships nothing")
}

// What an index by start time makes of spans that share a microsecond (Jaeger on Cassandra) depends on how often that happens. In
// the recording of 0.13 only the sequences of one prompt do, in that of 0.32 all of a call: it reads the clock once.
func TestOnlyRequestsThatShareTheirArrivalInVLLMArriveInTheSameMicrosecond(t *testing.T) {
	for version, siblings := range map[string]func(*truth.Record) string{
		"0.13.0": func(r *truth.Record) string { return r.ExternalID },
		"0.32.0": func(r *truth.Record) string { return r.ResponseID },
	} {
		recorded := &truthtest.Recorder{}
		sim, err := simulator.New(simulator.Config{Seed: 3, Rate: 20, Profile: simulator.Mixed, Listen: "off", VLLMVersion: version, Recorder: recorded})
		require.NoError(t, err)
		require.NoError(t, sim.Backfill(context.Background(), simulator.Window{From: pipelineStart, To: pipelineStart.Add(20 * time.Minute), Drain: true}))
		require.NoError(t, sim.Close())
		type moment struct {
			service string
			at      int64
		}
		calls := map[moment]map[string]bool{}
		spans, same := 0, 0
		for _, r := range recorded.Requests() {
			if r.Evidence.EngineSpan != truth.Emitted {
				continue
			}
			spans++
			m := moment{r.Service, r.Time.UnixMicro()}
			if calls[m] == nil {
				calls[m] = map[string]bool{}
			}
			if len(calls[m]) > 0 {
				same++
			}
			calls[m][siblings(r)] = true
		}
		several := 0
		for _, of := range calls {
			if len(of) > 1 {
				several++
			}
		}
		t.Logf("%s: of %d spans %d share a microsecond with another, %d times with one that vLLM would not let share it", version, spans, same, several)
		require.LessOrEqual(t, several, 3, "chance: some 10 a second in a million microseconds")
	}
}
