//go:build integration && unix

package rag

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/ragapp"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

const (
	model          = "meta-llama/Llama-3.1-8B-Instruct"
	scrapeInterval = 2 * time.Second
	tokenTime      = 40 * time.Millisecond
	// held is how long the network keeps the questions whose id says so, on their way from the application to vLLM.
	held   = 400 * time.Millisecond
	slowly = "slow-"
)

// stage is the application between its askers and a fleet that nobody else calls, all three stores, and the plugin.
type stage struct {
	app    *ragapp.App
	plugin *pluginhost.Host
	stores *stack.Stack
	said   *lines // the application's log
	truth  *truthtest.Recorder
	// quiet ends application and fleet: what they still hold is in the stores then.
	quiet func()
}

func start(t *testing.T) *stage {
	t.Helper()
	if missing := ragapp.MissingHere(); missing != "" {
		t.Skip(missing)
	}
	root, err := repo.Root()
	require.NoError(t, err)
	python, err := ragapp.Python(t.Context(), root, os.Stdout)
	require.NoError(t, err)
	s := &stage{
		stores: stacktest.Start(t, stack.Options{Only: []string{"prometheus", "loki", "jaeger"}, ScrapeInterval: scrapeInterval}),
		said:   &lines{}, truth: &truthtest.Recorder{},
	}
	models := simulator.DefaultModels()[:1]
	models[0].Engine.Step.Base = tokenTime
	sim, err := simulator.New(simulator.Config{
		Seed: 11, MaxRequests: -1, Models: models, ScrapeInterval: scrapeInterval, Recorder: s.truth, EngineDeaths: -1, EnginePauses: -1,
		Loki: s.stores.Loki.URL, OTLP: s.stores.Jaeger.OTLPHTTP,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	s.app, err = ragapp.Start(t.Context(), python, root, map[string]string{
		"RAG_VLLM_URL": network(t, sim.ScrapeTargets()[0].Address) + "/v1", "RAG_MODEL": model, "RAG_CORPUS": root + "/docs/runbooks",
		"OTEL_EXPORTER_OTLP_ENDPOINT": s.stores.Jaeger.OTLPHTTP,
	}, s.said)
	s.quiet = sync.OnceFunc(func() {
		if s.app != nil {
			require.NoError(t, s.app.Close())
		}
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, sim.Close())
	})
	t.Cleanup(s.quiet)
	require.NoError(t, err, s.said.String())
	require.NoError(t, s.stores.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(sim.ScrapeTargets(), scrapeInterval)+fmt.Sprintf(
		"  - job_name: rag-app\n    scrape_interval: %s\n    static_configs: [{targets: [%q]}]\n", scrapeInterval, strings.TrimPrefix(s.app.URL, "http://"))))
	s.plugin, err = pluginhost.Start(t.Context(), pluginhost.Options{
		Binary: repo.PluginBinary(root), Log: os.Stderr,
		Settings: pluginhost.Stores(s.stores.Prometheus.URL, s.stores.Loki.URL, s.stores.Jaeger.GRPC).Patient().
			With("vllm", map[string]any{"scrapeInterval": scrapeInterval.String()}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.plugin.Close() })
	return s
}

// network stands between the application and the fleet, and holds up calls whose id asks for it.
func network(t *testing.T, address string) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	proxy.FlushInterval = -1 // streams
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Request-Id"), slowly) {
			select {
			case <-time.After(held): // a network that is slow, and not a test that waits
			case <-r.Context().Done():
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// trueOf gives the truth about the call with that id; nil while it goes on.
func (s *stage) trueOf(id string) *truth.Record {
	for _, r := range s.truth.Requests() {
		if r.ClientRequestID == id {
			return r
		}
	}
	return nil
}

// lines is the application's output.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// asked is the application's log line of a question.
type asked struct {
	Message   string
	TraceID   string `json:"trace_id"`
	RequestID string `json:"request_id"`
	Outcome   string
	Timings   struct{ Embed, Retrieve, Generate, Total float64 }

	FirstChunk   float64 `json:"time_to_first_chunk"`
	InputTokens  int64   `json:"input_tokens"`
	OutputTokens int64   `json:"output_tokens"`
}

// of gives the line about the question with that id. All lines must be JSON.
func (l *lines) of(t *testing.T, id string) asked {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		var a asked
		require.NoError(t, json.Unmarshal([]byte(line), &a), line)
		if a.Message == "a question was asked" && a.RequestID == id {
			return a
		}
	}
	t.Fatalf("no line about %s:\n%s", id, l)
	return asked{}
}
