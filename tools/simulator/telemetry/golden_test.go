package telemetry

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update to make it")
	require.Equal(t, string(want), got)
}

var (
	at     = time.Date(2026, 11, 21, 20, 47, 33, 123456789, time.UTC)
	api    = Process{"APIServer", 1}
	config = engine.Config{MaxModelLen: 4096, MaxNumSeqs: 16, BlockSize: 16, NumGPUBlocks: 1000, PrefixCaching: true, SpeculativeTokens: 2}
)

// TestEveryKindOfLine writes each line once per version that words it differently.
func TestEveryKindOfLine(t *testing.T) {
	for _, version := range []string{"0.8.5", "0.10.1", "0.13.0", "0.32.0"} {
		t.Run(version, func(t *testing.T) {
			v, err := ParseVersion(version)
			require.NoError(t, err)
			var b strings.Builder
			l := &Log{Version: v, Stream: &LogStream{}, Emit: func(line LogLine) { fmt.Fprintf(&b, "%q\n", line.Text) }}
			core := Process{v.EngineProcess(0, 1), 121}
			sampling := Sampling{N: 2, Temperature: 0.7, TopP: 0.95, MaxTokens: 256, LoRA: "sql", LoRAID: 1}
			l.Startup(at, Startup{Model: "m", Port: 8000, Config: config, API: api, Cores: []Process{core}})
			l.Received(at, api, "chatcmpl-req-1", sampling)
			l.Received(at, api, "cmpl-req-1-0", Sampling{N: 1, TopP: 1, MaxTokens: 16})
			l.Added(at, api, "0_chatcmpl-req-1-9bafc963", true)
			l.Added(at, api, "cmpl-req-1-0-9bafc963", false)
			l.Access(at, api, "10.0.0.1:5012", "POST", "/v1/chat/completions", 200, "OK")
			l.Generated(at, api, "chatcmpl-req-1", Output(5, 3), "stop", false)
			l.Generated(at, api, "chatcmpl-req-1", Output(5, 3), "stop", true)
			l.Aborted(at, api, "chatcmpl-req-1-9bafc963")
			l.RequestAborted(at, api, "chatcmpl-req-1")
			l.InternalError(at, api, "cmpl-req-1")
			l.Stats(at, api, 0, Interval{51.24, 12.8, engine.State{Running: 1, Waiting: 3, KVCacheUsage: 0.0375}, 0.5})
			l.SpecDecoding(at, api, Drafts{10, 4, 12, 6, []float64{3, 2, 1}})
			l.EngineDied(at, core, api, []string{"chatcmpl-req-1-9bafc963"})
			l.FailedEngineDead(at, api, "chatcmpl-req-1")
			l.Shutdown(at, api)
			requireGolden(t, "lines-"+version+".txt", b.String())
		})
	}
}

// TestMetricsOfAServerThatHasServedOneRequest is the whole text of a scrape.
func TestMetricsOfAServerThatHasServedOneRequest(t *testing.T) {
	requireGolden(t, "metrics-0.32.0.txt", string(served(Newest).AppendText(nil)))
}

// TestFamiliesOfEachVersion lists the families with their types: names have
// come and gone.
func TestFamiliesOfEachVersion(t *testing.T) {
	for _, version := range []string{"0.8.5", "0.9.2", "0.10.1", "0.12.0", "0.13.0", "0.20.0", "0.32.0"} {
		t.Run(version, func(t *testing.T) {
			v, err := ParseVersion(version)
			require.NoError(t, err)
			var b strings.Builder
			for line := range strings.Lines(string(served(v).AppendText(nil))) {
				if family, ok := strings.CutPrefix(line, "# TYPE vllm:"); ok && !strings.Contains(line, "_created ") {
					b.WriteString(family)
				}
			}
			requireGolden(t, "families-"+version+".txt", b.String())
		})
	}
}

func served(v Version) *ServerMetrics {
	s := NewServerMetrics(v, "m", config, 1, 2, at)
	m := s.Engines[0]
	sequence := &engine.Sequence{
		PromptTokens: 100, MaxTokens: 256, CachedTokens: 32, Generated: 11, Finish: engine.Stop,
		QueuedAt: 0, ScheduledAt: time.Second, FirstTokenAt: 3 * time.Second, LastTokenAt: 4 * time.Second,
	}
	m.Step(&engine.StepResult{
		ScheduledTokens: 69, GeneratedTokens: 1, FirstTokens: []*engine.Sequence{sequence}, Preemptions: 1,
		CacheQueries: 100, CacheHits: 32, Drafts: 1, DraftTokens: 2, AcceptedPerPos: []int{1, 0},
		InterToken: []engine.InterToken{{Latency: 20 * time.Millisecond, Count: 3}},
	}, engine.State{Running: 1, Waiting: 2, KVCacheUsage: 0.25})
	m.FirstToken(3100 * time.Millisecond)
	m.Finished(sequence, Phases{TTFT: 3100 * time.Millisecond, E2E: 4100 * time.Millisecond, Queue: time.Second, Prefill: 2 * time.Second, Decode: time.Second})
	m.ParentFinished(1, 11)
	s.HTTP("/v1/chat/completions", "POST", 200, 4100*time.Millisecond, 500, 0)
	s.Adapters(map[string]int{"sql": 1, "chat": 1}, map[string]int{}, at)
	return s
}

func TestGPUMetrics(t *testing.T) {
	g := &GPU{UUID: "GPU-1", Model: "NVIDIA H100", Hostname: "node", Pod: "pod-0", Namespace: "ns", TotalMiB: 100, UsedMiB: 90, IdleWatts: 70, MaxWatts: 700}
	g.Advance(0.5, 10)
	requireGolden(t, "gpu.txt", string(NewGPUMetrics([]*GPU{g}).AppendText(nil)))
}

func TestTheRequestSpanLeavesOutWhatPythonCallsFalse(t *testing.T) {
	for _, c := range []struct {
		name        string
		temperature float64
		version     string
		keys        int
		scope       string
	}{
		{"greedy", 0, "0.32.0", 12, "vllm.tracing.otel"},
		{"sampled", 0.7, "0.32.0", 13, "vllm.tracing.otel"},
		{"an older scope", 0.7, "0.13.0", 13, "vllm.llm_engine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := ParseVersion(c.version)
			require.NoError(t, err)
			s := RequestSpan(v, &Resource{}, Request{ID: "chatcmpl-1", Sampling: Sampling{N: 3, Temperature: c.temperature, TopP: 1, MaxTokens: 5}})
			require.Len(t, s.Attributes, c.keys)
			require.Equal(t, c.scope, s.Scope)
			require.Equal(t, Attribute{"gen_ai.request.n", int64(1)}, s.Attributes[c.keys-1])
			for _, a := range s.Attributes {
				require.NotEqual(t, "gen_ai.request.model", a.Key, "no span names the model")
			}
		})
	}
}

func TestFloatsAreWrittenAsPythonWritesThem(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", 0.0375: "0.0375", 2560: "2560.0", 123456: "123456.0", 1000000: "1e+06",
		1.795294052033114e9: "1.795294052033114e+09", 15032385536: "1.5032385536e+10", 0.00001: "1e-05", -2: "-2.0",
	} {
		require.Equal(t, want, pythonFloat(v))
	}
}

func TestVersionsBeforeV1AreRefused(t *testing.T) {
	for _, s := range []string{"0.7.3", "1.0", "new"} {
		_, err := ParseVersion(s)
		require.ErrorContains(t, err, s)
	}
	v, err := ParseVersion("")
	require.NoError(t, err)
	require.Equal(t, Newest, v)
}

func BenchmarkAppendText(b *testing.B) {
	s := served(Newest)
	var text []byte
	for b.Loop() {
		text = s.AppendText(text[:0])
	}
}
