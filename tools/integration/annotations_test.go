//go:build integration && unix

package integration_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// The process of a simulated server began this long before it was ready, and its last start-up line is written just before.
const (
	processBefore = 42 * time.Second
	readyBefore   = 5 * time.Second
)

// TestAnnotationsTellWhatHappenedAndNothingElse holds the events of an overloaded fleet whose engines die against the truth, in
// a real Prometheus and Loki.
func TestAnnotationsTellWhatHappenedAndNothingElse(t *testing.T) {
	f, err := fill(t.Context(), 40*time.Minute, 0.01, func(c *simulator.Config) {
		c.Profile, c.Rate, c.EngineDeaths, c.OTLP = simulator.Overload, 2, 3, ""
	})
	t.Cleanup(func() {
		if f != nil && f.plugin != nil {
			require.NoError(t, f.plugin.Close())
			require.NoError(t, f.stores.Close())
		}
	})
	require.NoError(t, err)
	adapters := f.sleepAndAdapters(t)
	frame := f.ask(t, f.rangeAll(), map[string]any{"queryType": "annotations", "annotations": map[string]any{"limit": 1000}})[0]
	require.Empty(t, frame.Meta.Notices)
	t.Logf("%d events, by:\n%s", frame.Rows(), frame.Meta.ExecutedQueryString)

	found := map[string][]time.Time{} // by type and instance
	var storms []region
	for _, r := range grade.Rows(frame) {
		require.NotEmpty(t, r.Text("model"), "%s of %s", r.Text("type"), r.Text("instance"))
		if r.Text("type") == string(events.PreemptionStorm) {
			storms = append(storms, region{r.Text("instance"), r.Text("engine"), r.Time(), r.End()})
			continue
		}
		key := r.Text("type") + " of " + r.Text("instance")
		found[key] = append(found[key], r.Time())
	}

	deaths, began := 0, map[string]bool{}
	expect := func(kind events.Type, instance string, from, to time.Time) {
		t.Helper()
		key := string(kind) + " of " + instance
		i := slices.IndexFunc(found[key], func(at time.Time) bool { return !at.Before(from) && !at.After(to) })
		require.GreaterOrEqual(t, i, 0, "%s between %s and %s, there is %v", key, from, to, found[key])
		found[key] = slices.Delete(found[key], i, i+1)
	}
	known := f.known.Events()
	slices.SortFunc(known, func(a, b *truth.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range known {
		switch e.Event {
		case truth.EventEngineDead:
			deaths++
			expect(events.EngineDeath, e.Instance, e.Time, e.Time.Add(time.Second))
		case truth.EventReady:
			expect(events.Ready, e.Instance, e.Time.Add(-readyBefore), e.Time)
			process := e.Time.Add(-processBefore)
			if began[e.Instance] {
				expect(events.Restart, e.Instance, process.Add(-time.Second), process.Add(time.Second))
			} else {
				expect(events.Start, e.Instance, process.Add(-time.Second), process.Add(time.Second))
			}
			began[e.Instance] = true
		}
	}
	for _, e := range adapters {
		expect(e.kind, e.instance, e.at, e.at.Add(time.Millisecond))
	}
	for key, times := range found {
		require.Empty(t, times, "%s did not happen", key)
	}
	require.GreaterOrEqual(t, deaths, 3, "the fleet has deaths to find")

	certain, possible := f.storms(1.3), f.storms(0.7)
	t.Logf("%d deaths, %d servers; %d storms for certain, %d at most, %d found", deaths, len(began), len(certain), len(possible), len(storms))
	require.NotEmpty(t, certain, "the fleet has storms to find")
	for _, want := range certain {
		require.True(t, slices.ContainsFunc(storms, want.overlaps), "no storm is found where there was one: %v", want)
	}
	for _, got := range storms {
		require.True(t, slices.ContainsFunc(possible, got.overlaps), "a storm is found where there was none: %v", got)
		require.GreaterOrEqual(t, got.to.Sub(got.from), events.StormOver)
	}

	model := known[0].Model
	for _, r := range grade.Rows(f.ask(t, f.rangeAll(), map[string]any{
		"queryType": "annotations", "annotations": map[string]any{"events": []string{"out_of_memory", "restart"}}, "scope": map[string]any{"models": []string{model}},
	})[0]) {
		require.Equal(t, model, r.Text("model"))
		require.Contains(t, []string{"engine_death", "restart"}, r.Text("type"), "the deaths were for want of memory")
		require.True(t, r.Text("type") == "restart" || strings.Contains(r.Text("tags"), "out_of_memory"))
	}
}

// written is an event that this test wrote.
type written struct {
	kind     events.Type
	instance string
	at       time.Time
}

// sleepAndAdapters writes what the simulated servers never do, in a pod's own log.
func (f *fleet) sleepAndAdapters(t *testing.T) []written {
	t.Helper()
	pod := f.known.Events()[0].Instance
	stream := &telemetry.LogStream{}
	for _, label := range []string{"instance", "namespace", "pod"} {
		stream.Labels = append(stream.Labels, telemetry.Label{Name: label, Value: pod})
	}
	stream.Labels[1].Value = "llm-production"
	// Log streams must be those that the data source looks into.
	stream.Labels = append([]telemetry.Label{{Name: "container", Value: "vllm"}}, stream.Labels...)
	start := f.window.From.Add(10 * time.Minute)
	var out []written
	var lines []telemetry.LogLine
	for i, said := range []struct {
		kind events.Type
		line string
	}{
		{events.LoRALoad, "(APIServer pid=1) INFO 11-21 12:00:00 [serving_models.py:1] Loaded new LoRA adapter: name 'sql', path '/adapters/sql'"},
		{events.Sleep, "(EngineCore_DP0 pid=120) INFO 11-21 12:00:00 [abstract.py:312] It took 1.028313 seconds to fall asleep."},
		{events.Wake, "(EngineCore_DP0 pid=120) INFO 11-21 12:00:00 [abstract.py:330] It took 0.405755 seconds to wake up tags {'weights', 'kv_cache'}."},
		{events.LoRAUnload, "(APIServer pid=1) INFO 11-21 12:00:00 [serving_models.py:1] Removed LoRA adapter: name 'sql'"},
		{"", "(APIServer pid=1) INFO 11-21 12:00:00 [request_logger.py:108] Removed LoRA adapter: name 'a model says so'"},
		{"", "(APIServer pid=1) INFO 11-21 12:00:00 [request_logger.py:65] Received request chatcmpl-x: prompt: 'CUDA out of memory', params: None"},
	} {
		at := start.Add(time.Duration(i) * time.Minute)
		lines = append(lines, telemetry.LogLine{Stream: stream, Time: at, Text: said.line})
		if said.kind != "" {
			out = append(out, written{said.kind, pod, at})
		}
	}
	client := &http.Client{Timeout: 30 * time.Second}
	require.NoError(t, ship.Loki{URL: f.stores.Loki.URL, Client: client}.Send(t.Context(), lines))
	return out
}

// region is a time of an engine's.
type region struct {
	instance, engine string
	from, to         time.Time
}

func (r region) overlaps(other region) bool {
	return r.instance == other.instance && r.engine == other.engine && r.from.Before(other.to) && other.from.Before(r.to)
}

// storms are the times in which the engines' own counters rose by so many times the threshold within a minute.
func (f *fleet) storms(factor float64) (storms []region) {
	type moment struct {
		at    time.Time
		count float64
	}
	counters := map[region][]moment{}
	for _, s := range f.known.Scrapes() {
		key := region{instance: s.Instance, engine: s.Engine}
		counters[key] = append(counters[key], moment{s.Time, s.Preemptions})
	}
	for key, scrapes := range counters {
		for i, last := range scrapes {
			first := i
			for first > 0 && scrapes[first].at.After(last.at.Add(-events.StormOver)) && scrapes[first-1].count <= scrapes[first].count {
				first--
			}
			if last.count-scrapes[first].count >= factor*events.StormPerSecond*events.StormOver.Seconds() {
				storms = append(storms, region{key.instance, key.engine, scrapes[first].at, last.at})
			}
		}
	}
	return storms
}

func (r region) String() string {
	return fmt.Sprintf("%s/%s %s to %s", r.instance, r.engine, r.from.Format(time.TimeOnly), r.to.Format(time.TimeOnly))
}
