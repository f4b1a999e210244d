//go:build integration && unix

package integration_test

import (
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// kept is what really became of one model's requests.
type kept struct {
	requests, met, missed, failed, ttft, tpot, e2e float64
	tokens                                         float64
	withinTTFT                                     float64 // share of those that began to answer
}

// TestSLOFiguresAreThoseOfTheTruth asks kind slo about a time whose evidence is all there: attainment and goodput of the
// requests must be exactly those that the simulator knows, and the share of a single limit, which is a bound of a bucket here,
// nearly. It is all of the fleet's life: of a request without a span nothing tells to the millisecond when it began, so that at
// an edge in the midst of traffic evidence and truth may differ.
func TestSLOFiguresAreThoseOfTheTruth(t *testing.T) {
	f := wholeFleet(t)
	window := f.rangeAll()
	known := f.keptBetween(window)
	frame := f.ask(t, window, map[string]any{"queryType": "slo", "slo": map[string]any{"target": 0.9}})[0]
	for _, n := range frame.Meta.Notices {
		t.Log("notice:", n.Text)
	}
	require.Len(t, grade.Rows(frame), len(known))
	seconds := window.Duration().Seconds()
	for _, r := range grade.Rows(frame) {
		model := r.Text("model")
		want := known[model]
		require.Positive(t, want.met, model)
		require.Positive(t, want.missed, "%s: limits that nobody misses show nothing", model)
		for name, value := range map[string]float64{
			"requests": want.requests, "met": want.met, "missed": want.missed, "failed": want.failed,
			"ttft_missed": want.ttft, "tpot_missed": want.tpot, "e2e_missed": want.e2e,
			"not_judged":     want.requests - want.met - want.missed,
			"attainment":     want.met / (want.met + want.missed),
			"burn_rate":      want.missed / (want.met + want.missed) / (1 - 0.9),
			"goodput":        want.met / seconds,
			"goodput_tokens": want.tokens / seconds,
		} {
			got, ok := r.Number(name)
			require.True(t, ok, "%s of %s", name, model)
			require.InDelta(t, value, got, 1e-9*(1+value), "%s of %s", name, model)
		}
		within, _ := r.Number("ttft_attainment")
		bound, _ := r.Number("ttft_bound")
		t.Logf("%s: %.0f requests, attainment %.4f, of TTFT alone %.4f (%.4f by the requests)", model, want.requests, want.met/(want.met+want.missed), within, want.withinTTFT)
		require.Equal(t, 0.25, bound, "the limit is a bound")
		require.InDelta(t, want.withinTTFT, within, 0.03, "counters are read at scrapes, and requests begin between them")
		joint, _ := r.Number("burn_rate")
		worst, _ := r.Number("worst_limit_burn_rate")
		require.LessOrEqual(t, worst, joint+0.5, "all limits jointly are missed at least as often as any of them")
	}

	series := f.ask(t, window, map[string]any{"queryType": "slo", "slo": map[string]any{"metrics": []string{"goodput"}, "form": "timeseries"}})
	require.Len(t, series, len(known))
	alert := f.ask(t, window, map[string]any{"queryType": "slo", "slo": map[string]any{"metrics": []string{"missed"}, "form": "numeric"}})
	require.Len(t, alert, len(known))
	for _, frame := range alert {
		value, ok := frame.Fields[0].ConcreteAt(0)
		require.True(t, ok)
		require.Equal(t, known[frame.Fields[0].Labels["model"]].missed, value)
	}
}

// keptBetween judges the truth by sloLimits, row by row. A figure that does not exist breaks no limit.
func (f *fleet) keptBetween(window backend.TimeRange) map[string]*kept {
	limit := func(name string) float64 {
		d, err := time.ParseDuration(sloLimits[0][name].(string))
		if err != nil {
			panic(err)
		}
		return d.Seconds()
	}
	above := func(took *float64, name string) bool { return took != nil && *took > limit(name) }
	out := map[string]*kept{}
	answered := map[string]float64{}
	for _, r := range grade.Expect(f.known.Requests()) {
		if !r.Proven || r.Time.Before(window.From) || !r.Time.Before(window.To) {
			continue
		}
		k := out[r.Model]
		if k == nil {
			k = &kept{}
			out[r.Model] = k
		}
		k.requests++
		if r.TTFT != nil {
			answered[r.Model]++
			if !above(r.TTFT, "ttft") {
				k.withinTTFT++
			}
		}
		ttft, tpot, e2e := above(r.TTFT, "ttft"), r.CompletionTokens > 1 && above(r.TPOT, "tpot"), above(r.E2E, "e2e")
		switch {
		case r.Status != truth.StatusOK && !grade.FailureUntold(r.Record):
			k.missed++
			k.failed++
		case ttft || tpot || e2e:
			k.missed++
			for missed, count := range map[*float64]bool{&k.ttft: ttft, &k.tpot: tpot, &k.e2e: e2e} {
				if count {
					*missed++
				}
			}
		default:
			k.met++
			k.tokens += float64(r.CompletionTokens)
		}
	}
	for model, k := range out {
		k.withinTTFT /= answered[model]
	}
	return out
}
