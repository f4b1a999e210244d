package join_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// A quiet hour and a store behind a wrong tenant answer alike. What the others have tells them apart.
func TestAStoreThatHasNothingOfWhatOthersCountIsBlind(t *testing.T) {
	origin := evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
	counted := func(n float64) []evidence.Series { return []evidence.Series{success(origin, 0, 0, n)} }
	spans := func(n int) (out []evidence.RequestSpan) {
		for i := range n {
			out = append(out, span("chatcmpl-"+string(rune('a'+i)), float64(i), podA))
		}
		return out
	}
	lines := func(n int) (out []evidence.RequestEvent) {
		for i := range n {
			out = append(out, line(vllm.LogReceived, "chatcmpl-"+string(rune('a'+i)), float64(i), podA))
		}
		return out
	}
	nothing := func(stores ...evidence.Store) []evidence.Store { return stores }
	for name, c := range map[string]struct {
		in      join.Input
		nothing []evidence.Store
		blind   []evidence.Store
	}{
		"a quiet hour":                                   {nothing: nothing(evidence.Loki, evidence.Jaeger)},
		"engines counted, and nobody saw":                {join.Input{Series: counted(50)}, nothing(evidence.Loki, evidence.Jaeger), nothing(evidence.Loki, evidence.Jaeger)},
		"engines counted, and Loki has nothing":          {join.Input{Series: counted(20), Spans: spans(20)}, nothing(evidence.Loki), nothing(evidence.Loki)},
		"few requests, which may all be on their way":    {join.Input{Series: counted(5)}, nothing(evidence.Jaeger), nil},
		"spans are there, and no metrics":                {join.Input{Spans: spans(20)}, nothing(evidence.Prometheus), nothing(evidence.Prometheus)},
		"lines are there, and neither spans nor metrics": {join.Input{Events: lines(20)}, nothing(evidence.Prometheus, evidence.Jaeger), nothing(evidence.Prometheus, evidence.Jaeger)},
		"every store has something":                      {join.Input{Series: counted(20), Spans: spans(20), Events: lines(20)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Window = evidence.Window{From: at(-1), To: at(60)}
			for _, s := range []evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger} {
				c.in.Stores = append(c.in.Stores, evidence.StoreReport{Store: s, Configured: true, Nothing: slices.Contains(c.nothing, s)})
			}
			report := join.Requests(c.in).Report
			require.Equal(t, c.blind, report.Blind)
			metric, _ := join.CoverageMetrics.Find("stores_blind")
			require.Equal(t, float64(len(c.blind)), metric.Value(report, join.Explained{}))
			i := slices.IndexFunc(report.Findings, func(f evidence.Finding) bool { return f.Check == join.StoreBlind })
			require.Equal(t, len(c.blind) > 0, i >= 0, "a notice says so")
		})
	}
}

func TestBlindStoresAreCountedOnceEach(t *testing.T) {
	report := join.Report{
		Stores: []evidence.StoreReport{
			{Store: evidence.Prometheus, Configured: true, Calls: []evidence.Call{{Partial: "store b is down"}}},
			{Store: evidence.Loki, Configured: true, Err: errors.New("down")},
			{Store: evidence.Jaeger, Configured: true, Nothing: true},
		},
		Blind: []evidence.Store{evidence.Jaeger},
	}
	metric, _ := join.CoverageMetrics.Find("stores_blind")
	require.Equal(t, 3.0, metric.Value(report, join.Explained{}))
	require.True(t, metric.OfStores(), "it is known when stores fail")
}
