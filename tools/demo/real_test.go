//go:build unix

package demo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
)

func TestARealVLLMHasOneNameEverywhere(t *testing.T) {
	for name, want := range map[string]string{"": "127.0.0.1:8000", "vllm-0": "vllm-0"} {
		options := Options{MetricsURL: "http://127.0.0.1:8000/", Name: name}
		require.NoError(t, options.check())
		require.Equal(t, standardOTLPPort, options.OTLPPort)
		require.Equal(t, simulator.Target{
			Job: "vllm", Address: "127.0.0.1:8000", MetricsPath: "/metrics", Labels: map[string]string{"instance": want},
		}, options.target())
		lines := newShipper("http://127.0.0.1:1", options.Name)
		defer lines.buffer.Close()
		require.Contains(t, fmt.Sprint(lines.stream.Labels), "{instance "+want+"}")
	}
}

func TestOptionsThatDoNotFit(t *testing.T) {
	for want, options := range map[string]Options{
		"give the URL of its /metrics too":       {Log: "vllm.log"},
		"is not the URL of a vLLM's /metrics":    {MetricsURL: "127.0.0.1"},
		"the demo scrapes plain http only":       {MetricsURL: "https://vllm.example/metrics"},
		"a log and a name are those of a real v": {Name: "vllm-0"},
	} {
		require.ErrorContains(t, options.check(), want)
	}
	var simulated Options
	require.NoError(t, simulated.check())
	require.Zero(t, simulated.OTLPPort)
}

func TestThePictureSaysWhyNothingIsScraped(t *testing.T) {
	for targets, want := range map[string]string{
		`{"health":"up"}`: "",
		`{"health":"down","lastError":"Get \"http://127.0.0.1:8000/metrics\": dial tcp 127.0.0.1:8000: connect: connection refused"}`: "not scraped: connection refused",
		`{"health":"unknown","lastError":""}`: "not scraped yet",
		"":                                    "not scraped yet",
		"garbage":                             "Prometheus is not up yet",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"activeTargets":[%s]}}`, targets)
		}))
		require.Equal(t, want, scrapeTrouble(t.Context(), server.URL), targets)
		server.Close()
	}
}
