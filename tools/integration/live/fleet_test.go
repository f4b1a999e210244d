//go:build integration && unix

package live

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

const scrapeInterval = 5 * time.Second

// fleet is a simulated deployment that lives, in real stores, with the built plugin in front.
type fleet struct {
	stores   *stack.Stack
	plugin   *pluginhost.Host
	ingested *ingestion
	asked    map[string]*atomic.Int64 // calls that reached Prometheus and Loki
	truth    *truthtest.Recorder
	stop     func() // ends the traffic; what is under way is delivered first
}

// start lets calls arrive at a rate per second.
func start(t testing.TB, rate float64) *fleet {
	t.Helper()
	f := &fleet{
		stores: stacktest.Start(t, stack.Options{ScrapeInterval: scrapeInterval}), ingested: newIngestion(),
		asked: map[string]*atomic.Int64{}, truth: &truthtest.Recorder{},
	}
	sim, err := simulator.New(simulator.Config{
		Seed: 11, Rate: rate, ScrapeInterval: scrapeInterval, Loki: f.stores.Loki.URL, OTLP: f.stores.Jaeger.OTLPHTTP,
		Client: &http.Client{Timeout: 30 * time.Second, Transport: f.ingested}, Recorder: f.truth, EngineDeaths: -1,
	})
	require.NoError(t, err)
	require.NoError(t, f.stores.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(sim.ScrapeTargets(), scrapeInterval)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, sim.Close())
	})
	t.Cleanup(f.stop)
	root, err := repo.Root()
	require.NoError(t, err)
	f.plugin, err = pluginhost.Start(t.Context(), pluginhost.Options{
		Binary: repo.PluginBinary(root), Log: os.Stderr,
		Settings: pluginhost.Stores(f.counted(t, "prometheus", f.stores.Prometheus.URL), f.counted(t, "loki", f.stores.Loki.URL), f.stores.Jaeger.GRPC).
			With("vllm", map[string]any{"scrapeInterval": scrapeInterval.String()}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.plugin.Close() })
	return f
}

// counted stands in front of a store and counts the calls.
func (f *fleet) counted(t testing.TB, store, base string) string {
	target, err := url.Parse(base)
	require.NoError(t, err)
	calls := new(atomic.Int64)
	f.asked[store] = calls
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// calls is how many have reached Prometheus and Loki.
func (f *fleet) calls() int64 { return f.asked["prometheus"].Load() + f.asked["loki"].Load() }

// ingestion notes when a store had taken what the fleet shipped.
type ingestion struct {
	mu    sync.Mutex
	spans map[string]time.Time // engine spans by trace/span
	lines map[string]time.Time // the last line that names a request, by its external id
}

func newIngestion() *ingestion {
	return &ingestion{spans: map[string]time.Time{}, lines: map[string]time.Time{}}
}

// RoundTrip implements http.RoundTripper.
func (n *ingestion) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && response.StatusCode < 300 {
		n.note(r.URL.Path, body, time.Now())
	}
	return response, err
}

func (n *ingestion) note(path string, body []byte, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if strings.HasSuffix(path, "/v1/traces") {
		var request collector.ExportTraceServiceRequest
		if proto.Unmarshal(body, &request) != nil {
			return
		}
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					n.spans[hex.EncodeToString(span.TraceId)+"/"+hex.EncodeToString(span.SpanId)] = at
				}
			}
		}
		return
	}
	raw, err := snappy.Decode(nil, body)
	var request push.PushRequest
	if err != nil || request.Unmarshal(raw) != nil {
		return
	}
	for _, stream := range request.Streams {
		for _, entry := range stream.Entries {
			if e := vllm.ParseLogLine(entry.Line); e.External != "" {
				n.lines[e.External] = at
			}
		}
	}
}

// complete is when the stores had all of a request's evidence.
func (n *ingestion) complete(key, external string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := n.spans[key]
	if line := n.lines[external]; line.After(at) {
		at = line
	}
	return at
}

// finished lists the requests that began within a time and left an engine span.
func (f *fleet) finished(from, to time.Time) []*truth.Record {
	return slices.DeleteFunc(f.truth.Requests(), func(r *truth.Record) bool {
		return r.Evidence.EngineSpan != truth.Emitted || !r.Time.After(from) || !r.Time.Before(to)
	})
}
