package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
)

// stores are the three servers, as far as they take things in.
type stores struct {
	*httptest.Server
	mu      sync.Mutex
	lines   []string
	spans   map[string]int // by name
	writes  int
	flushed bool
	first   time.Time // of all spans
	last    time.Time
}

func newStores(t *testing.T) *stores {
	s := &stores{spans: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /loki/api/v1/push", s.push)
	mux.HandleFunc("POST /flush", func(http.ResponseWriter, *http.Request) { s.flushed = true })
	mux.HandleFunc("POST /v1/traces", s.traces)
	mux.HandleFunc("POST /api/v1/write", func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.writes++
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *stores) push(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	raw, err := snappy.Decode(nil, body)
	var request push.PushRequest
	if err == nil {
		err = request.Unmarshal(raw)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stream := range request.Streams {
		for _, entry := range stream.Entries {
			s.lines = append(s.lines, entry.Line)
		}
	}
}

func (s *stores) traces(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range request.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, span := range ss.Spans {
				s.spans[span.Name]++
				start := time.Unix(0, int64(span.StartTimeUnixNano))
				if s.first.IsZero() || start.Before(s.first) {
					s.first = start
				}
				if start.After(s.last) {
					s.last = start
				}
			}
		}
	}
}

func (s *stores) config() simulator.Config {
	return simulator.Config{
		Seed: 3, Rate: 4, MaxRequests: 200, Profile: simulator.Steady, Listen: "off",
		PrometheusRemoteWrite: s.URL + "/api/v1/write", Loki: s.URL, OTLP: s.URL,
	}
}

func TestBackfillDeliversEverythingWithItsOwnTime(t *testing.T) {
	s := newStores(t)
	config := s.config()
	recorded, file := &truthtest.Recorder{}, &bytes.Buffer{}
	config.Recorder, config.Truth = recorded, file
	sim, err := simulator.New(config)
	require.NoError(t, err)
	defer sim.Close()
	from := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	require.NoError(t, sim.Backfill(t.Context(), simulator.Window{From: from, To: from.Add(10 * time.Minute), Drain: true}))

	emitted := 0
	for _, r := range recorded.Requests() {
		if r.Evidence.EngineSpan == truth.Emitted {
			emitted++
		}
		require.NotEqual(t, truth.StatusUnfinished, r.Status)
	}
	require.Positive(t, emitted)
	require.Equal(t, emitted, s.spans["llm_request"])
	require.Equal(t, sim.Stats().LogLines, len(s.lines))
	require.Positive(t, s.writes)
	require.True(t, s.flushed, "old lines are visible in Loki")
	require.True(t, s.first.After(from.Add(-time.Minute)) && s.last.Before(from.Add(15*time.Minute)))
	for _, store := range sim.Stats().Stores {
		require.Zero(t, store.Dropped)
		require.Empty(t, store.LastError)
	}
	require.Equal(t, len(recorded.Requests()), strings.Count(file.String(), `"kind":"request"`))
	for line := range strings.Lines(file.String()) {
		require.True(t, json.Valid([]byte(line)))
	}
}

func TestScrapesLieOnAGridOfTheirOwnForEachTarget(t *testing.T) {
	config := newStores(t).config()
	recorded := &truthtest.Recorder{}
	config.Recorder = recorded
	sim, err := simulator.New(config)
	require.NoError(t, err)
	defer sim.Close()
	from := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	require.NoError(t, sim.Backfill(t.Context(), simulator.Window{From: from, To: from.Add(time.Minute)}))
	require.NoError(t, sim.Backfill(t.Context(), simulator.Window{From: from.Add(time.Minute), To: from.Add(2 * time.Minute)}))
	last := map[string]time.Time{}
	for _, s := range recorded.Scrapes() {
		key := s.Instance + "/" + s.Engine
		if previous, ok := last[key]; ok {
			require.Equal(t, 15*time.Second, s.Time.Sub(previous), "also across two backfills")
		}
		last[key] = s.Time
	}
	require.Len(t, last, 8)
}

// clock is a time of day that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After lets the time pass at once.
func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done
}

func TestALiveFleetCanBeScraped(t *testing.T) {
	s := newStores(t)
	config := s.config()
	config.Listen, config.Clock = "", &clock{now: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)}
	config.PrometheusRemoteWrite = ""
	sim, err := simulator.New(config)
	require.NoError(t, err)
	defer sim.Close()
	targets := sim.ScrapeTargets()
	require.Len(t, targets, 12)

	status, _ := get(t, targets[0])
	require.Equal(t, http.StatusServiceUnavailable, status, "not live yet")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sim.Run(ctx) }()
	require.Eventually(t, func() bool { return sim.Stats().Requests >= 200 }, 30*time.Second, time.Millisecond)
	for _, target := range targets {
		status, text := get(t, target)
		require.Equal(t, http.StatusOK, status, target.MetricsPath)
		want := "vllm:request_success_total{"
		if target.Job == "dcgm" {
			want = "DCGM_FI_DEV_GPU_UTIL{"
		}
		require.Contains(t, text, want)
	}
	status, text := get(t, simulator.Target{Address: targets[0].Address, MetricsPath: "/targets/vllm"})
	require.Equal(t, http.StatusOK, status)
	var discovered []struct {
		Targets []string
		Labels  map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &discovered))
	require.Len(t, discovered, 6)
	require.Equal(t, []string{targets[0].Address}, discovered[0].Targets)
	require.Equal(t, targets[0].MetricsPath, discovered[0].Labels["__metrics_path__"])
	require.Equal(t, targets[0].Labels["pod"], discovered[0].Labels["pod"])
	cancel()
	require.NoError(t, <-done)
	status, _ = get(t, targets[0])
	require.Equal(t, http.StatusServiceUnavailable, status, "live no longer")
}

func get(t *testing.T, target simulator.Target) (status int, text string) {
	t.Helper()
	response, err := http.Get("http://" + target.Address + target.MetricsPath)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestScrapeConfigsGiveEachTargetItsPathAndLabels(t *testing.T) {
	text := simulator.ScrapeConfigs([]simulator.Target{
		{Job: "vllm", Address: "127.0.0.1:1", MetricsPath: "/a", Labels: map[string]string{"pod": "p", "instance": "i"}},
		{Job: "vllm", Address: "127.0.0.1:1", MetricsPath: "/b"},
		{Job: "dcgm", Address: "127.0.0.1:1", MetricsPath: "/c", HonorLabels: true},
	}, 5*time.Second)
	require.Equal(t, `scrape_configs:
  - job_name: vllm
    scrape_interval: 5s
    scrape_timeout: 5s
    static_configs:
      - targets: ["127.0.0.1:1"]
        labels:
          __metrics_path__: "/a"
          instance: "i"
          pod: "p"
      - targets: ["127.0.0.1:1"]
        labels:
          __metrics_path__: "/b"
  - job_name: dcgm
    scrape_interval: 5s
    scrape_timeout: 5s
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:1"]
        labels:
          __metrics_path__: "/c"
`, text)
}

func TestBadConfigurationsAreNamed(t *testing.T) {
	for _, c := range []struct {
		says   string
		config simulator.Config
	}{
		{"unknown profile", simulator.Config{Profile: "wild"}},
		{"lost share", simulator.Config{LostLogs: 2}},
		{"rate", simulator.Config{Rate: -1}},
		{"scrape interval", simulator.Config{ScrapeInterval: time.Millisecond}},
		{"vLLM version", simulator.Config{VLLMVersion: "0.5"}},
		{"model", simulator.Config{Models: []simulator.Model{{}}}},
	} {
		t.Run(c.says, func(t *testing.T) {
			_, err := simulator.New(c.config)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAnEmptyWindowIsRefused(t *testing.T) {
	sim, err := simulator.New(simulator.Config{Listen: "off"})
	require.NoError(t, err)
	defer sim.Close()
	now := time.Unix(1000, 0)
	require.ErrorContains(t, sim.Backfill(t.Context(), simulator.Window{From: now, To: now}), "empty")
}
