package prometheus

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// loadSteps is into how many steps a window is divided to see how its traffic is spread: fine enough to find one busy hour of
// a day, few enough to cost a panel nothing.
const loadSteps = 120

// minLoadStep holds at least two scrapes of Prometheus' own default interval.
const minLoadStep = 2 * time.Minute

// FinishedOver counts the requests that finished in each step of a window, all engines together.
func (c *Client) FinishedOver(ctx context.Context, w evidence.Window, scope vllm.Scope) (evidence.Load, []evidence.Call, error) {
	step := max(w.Duration()/loadSteps, minLoadStep).Truncate(time.Second)
	load := evidence.Load{From: w.From, Step: step}
	names, calls, err := c.Names(ctx, w)
	exposed := names.Of(vllm.RequestSuccess)
	if err != nil || len(exposed) == 0 {
		return load, calls, err
	}
	selector := promql.Selector(promql.FullNames(names, exposed), promql.ScopeMatchers(c.store.Labels, scope)...)
	answer, call, err := c.QueryRange(ctx, promql.Aggregate("sum", nil, "increase("+promql.Over(selector, step)+")"),
		promql.Range{From: w.From.Add(step), To: w.To.Add(step), Step: step})
	calls = append(calls, call)
	load.Counts = make([]float64, int(w.Duration()/step)+1)
	for _, s := range answer.Series {
		for _, p := range s.Samples {
			if i := (time.UnixMilli(p.UnixMilli).Sub(w.From) - step/2) / step; i >= 0 && i < time.Duration(len(load.Counts)) {
				load.Counts[i] += p.Value
			}
		}
	}
	return load, calls, err
}
