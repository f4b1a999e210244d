package fetch

import (
	"context"
	"errors"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ErrNoStore is the error of a question that none of the configured stores can answer.
var ErrNoStore = errors.New("no store that tells of these events (Prometheus or Loki) is configured")

// Events gathers what tells of some types of events in a window. A store that none of them needs is not asked, and stands in no
// report. The only error is that no store answered; everything less stands in Input.Stores.
func (f *Fetcher) Events(ctx context.Context, window evidence.Window, scope vllm.Scope, types []events.Type) (events.Input, error) {
	in := events.Input{Window: window, Scope: scope}
	wanted := func(any ...events.Type) bool {
		return slices.ContainsFunc(any, func(t events.Type) bool { return slices.Contains(types, t) })
	}
	ask := prometheus.ChangesAsk{
		Starts: wanted(events.Restart, events.Start), Sleep: wanted(events.Sleep, events.Wake), PreemptionsOver: events.StormOver,
	}
	if wanted(events.PreemptionStorm) {
		ask.Preemptions = events.StormPerSecond
	}
	lines := events.Lines(types)
	needsMetrics := ask.Starts || ask.Sleep || ask.Preemptions > 0
	metrics := evidence.StoreReport{Store: evidence.Prometheus, Configured: f.Metrics != nil}
	logs := evidence.StoreReport{Store: evidence.Loki, Configured: f.Logs != nil}
	Parallel(
		func() {
			if f.Metrics != nil {
				metrics = f.engineChanges(ctx, &in, ask, needsMetrics)
			}
		},
		func() {
			if f.Logs != nil && len(lines) > 0 {
				in.Lines, logs = f.Logs.EngineLines(ctx, window, scope.Without(vllm.Pod, vllm.Instance), lines) // the store may name servers otherwise
			}
		},
	)
	if err := ctx.Err(); err != nil {
		return events.Input{}, err
	}
	var failures []error
	answered := false
	for _, asked := range []struct {
		report evidence.StoreReport
		tells  bool // of some of the events, not only of their places
		half   bool // it gave something before it failed
	}{
		{metrics, needsMetrics, false}, {logs, len(lines) > 0, len(in.Lines) > 0},
	} {
		if asked.tells || asked.report.Configured && len(asked.report.Calls) > 0 {
			in.Stores = append(in.Stores, asked.report)
		}
		if asked.tells && asked.report.Configured {
			answered = answered || asked.report.Err == nil || asked.half
			failures = append(failures, asked.report.Err)
		}
	}
	switch {
	case len(failures) == 0:
		return events.Input{}, ErrNoStore
	case !answered:
		return events.Input{}, upstream.Join(failures...)
	}
	return in, nil
}

// engineChanges asks Prometheus which server is where, and for what changed there.
func (f *Fetcher) engineChanges(ctx context.Context, in *events.Input, ask prometheus.ChangesAsk, changes bool) evidence.StoreReport {
	report := evidence.StoreReport{Store: evidence.Prometheus, Configured: true}
	targets, calls, err := f.Metrics.Targets(ctx, evidence.Window{From: in.Window.From.Add(-f.StaleAfter(ctx, in.Window)), To: in.Window.To})
	in.Targets, report.Calls, report.Err = targets, calls, err
	if changes && !upstream.Silent(err) {
		found, calls, err := f.Metrics.EngineChanges(ctx, in.Window, inWordsOf(targets, in.Scope), ask)
		in.Changes, report.Calls = found, append(report.Calls, calls...)
		report.Err = upstream.Join(report.Err, err)
	}
	return report
}
