package servers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// readings are pairs of seconds and value.
func readings(pairs ...float64) (out []evidence.Sample) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, evidence.Sample{UnixMilli: int64(pairs[i] * 1000), Value: pairs[i+1]})
	}
	return out
}

func TestCountersTellCopiesFromEngines(t *testing.T) {
	for name, c := range map[string]struct {
		a, b []evidence.Sample
		want servers.Relation
	}{
		"read in turn":                   {readings(0, 10, 15, 40, 30, 70), readings(7, 22, 22, 55, 37, 80), servers.Copies},
		"read at the same moments":       {readings(0, 10, 15, 40, 30, 70), readings(0, 10, 15, 40, 30, 70), servers.Copies},
		"read within the same second":    {readings(0, 10, 15, 40, 30, 70), readings(0.6, 12, 15.7, 41, 30.5, 72), servers.Copies},
		"a new process under both":       {readings(0, 900, 15, 950, 30, 5, 45, 40), readings(7, 920, 22, 970, 37, 20, 52, 60), servers.Copies},
		"another engine":                 {readings(0, 10, 15, 40, 30, 70), readings(7, 500, 22, 540, 37, 590), servers.Different},
		"another engine that is idle":    {readings(0, 10, 15, 40, 30, 70), readings(7, 3, 22, 3, 37, 3), servers.Different},
		"nothing was counted yet":        {readings(0, 0, 15, 0, 30, 0), readings(7, 0, 22, 0, 37, 0), servers.Unclear},
		"one after the other":            {readings(0, 10, 15, 40, 30, 70), readings(45, 5, 60, 9, 75, 30), servers.Sequent},
		"one takes over within a scrape": {readings(0, 10, 15, 40, 30, 70), readings(28, 5, 43, 9, 58, 30), servers.Sequent},
		"one of them is empty":           {readings(0, 10), nil, servers.Sequent},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, servers.CompareCounters(c.a, c.b))
			require.Equal(t, c.want, servers.CompareCounters(c.b, c.a))
		})
	}
}

func TestGaugesTellEnginesWhereTheyLieApart(t *testing.T) {
	far := readings(0, 1, 15, 2, 30, 1, 45, 2, 60, 1)
	for name, c := range map[string]struct {
		a, b []evidence.Sample
		want servers.Relation
	}{
		"both stand still and agree": {readings(0, 3, 15, 3, 30, 3), readings(7, 3, 22, 3, 37, 3), servers.Copies},
		"both move":                  {readings(0, 3, 15, 9, 30, 4), readings(7, 6, 22, 7, 37, 5), servers.Unclear},
		"they lie apart":             {far, readings(7, 20, 22, 21, 37, 20, 52, 21), servers.Different},
		"one after the other":        {readings(0, 3, 15, 9), readings(30, 6, 45, 7), servers.Sequent},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, servers.CompareGauges(c.a, c.b)) })
	}
}

func TestTheReadingsOfCopiesAreThoseOfOneEngine(t *testing.T) {
	o := &evidence.Origin{Instance: "10.0.0.1:8000"}
	of := func(job, metric string, samples []evidence.Sample) *evidence.Series {
		return &evidence.Series{Metric: metric, Origin: o, Samples: samples, Rest: []evidence.Label{{Name: "job", Value: job}}}
	}
	engines := servers.Settle(map[string][]*evidence.Series{
		vllm.NumRequestsRunning: {of("a", vllm.NumRequestsRunning, readings(0, 1, 15, 2, 30, 3)), of("b", vllm.NumRequestsRunning, readings(7, 4, 22, 5))},
		// The answer to b's scrape of second 22 took until second 16 of a's: what a read at 30 is lower than what b read then.
		vllm.GenerationTokens: {of("a", vllm.GenerationTokens, readings(0, 10, 15, 40, 30, 70)), of("b", vllm.GenerationTokens, readings(7, 22, 29.5, 71))},
	})
	require.Len(t, engines, 1)
	require.Equal(t, readings(0, 1, 7, 4, 15, 2, 22, 5, 30, 3), engines[0].Series[vllm.NumRequestsRunning][0].Samples)
	require.Equal(t, readings(0, 10, 7, 22, 15, 40, 29.5, 71), engines[0].Series[vllm.GenerationTokens][0].Samples)
	require.Equal(t, []string{"job"}, engines[0].Labels)
}
