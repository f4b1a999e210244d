package prometheus

import (
	"context"
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// places are the labels that tell one engine from another, of those that the store has.
func (c *Client) places() []string { return placesOf(c.store.Labels) }

func placesOf(l vllm.LabelNames) []string {
	return slices.DeleteFunc(
		[]string{l.Model, l.Environment, l.Cluster, l.Namespace, l.Pod, l.Instance, l.Service, l.Engine},
		func(label string) bool { return label == "" })
}

// Targets lists the engines that the metrics know in a window: which model runs where.
func (c *Client) Targets(ctx context.Context, w evidence.Window) ([]evidence.Target, []evidence.Call, error) {
	names, calls, err := c.Names(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	running, info := names.Of(vllm.NumRequestsRunning), names.Of(vllm.CacheConfigInfo)
	exprs := make([]string, 0, 2)
	if len(running) > 0 {
		exprs = append(exprs, promql.Aggregate("group", c.places(), "last_over_time("+
			promql.Over(promql.Selector(promql.FullNames(names, running), promql.ScopeMatchers(c.store.Labels, vllm.Scope{})...), w.Duration())+")"))
	}
	if len(running) > 0 && len(info) > 0 { // which has no model_name
		by := append(c.places(), vllm.LabelKVCacheTokens, vllm.LabelGPUBlocks, vllm.LabelBlockSize)
		exprs = append(exprs, promql.Aggregate("group", by,
			"last_over_time("+promql.Over(promql.Selector(promql.FullNames(names, info)), w.Duration())+")"))
	}
	answers := make([]promql.Result, len(exprs))
	asked := make([]evidence.Call, len(exprs))
	errs := Each(ctx, c.concurrent, len(exprs), func(ctx context.Context, i int) (err error) {
		answers[i], asked[i], err = c.Query(ctx, exprs[i], w.To)
		return err
	})
	calls = append(calls, asked...)
	if err := upstream.Join(errs...); err != nil || len(answers) == 0 {
		return nil, calls, err
	}
	tokens := map[evidence.Origin]int64{}
	if len(answers) > 1 {
		for _, s := range answers[1].Series {
			tokens[originOf(c.store.Labels, s.Labels, false)] = cacheTokens(s.Labels)
		}
	}
	targets := make([]evidence.Target, 0, len(answers[0].Series))
	for _, s := range answers[0].Series {
		origin := originOf(c.store.Labels, s.Labels, false)
		place := origin
		place.Model = ""
		known, ok := tokens[place]
		if !ok {
			known = evidence.Unknown
		}
		targets = append(targets, evidence.Target{Origin: origin, KVCacheTokens: known})
	}
	return targets, calls, nil
}

// cacheTokens is the capacity of an engine's KV cache. Older versions do not tell it, but its blocks.
func cacheTokens(labels map[string]string) int64 {
	if tokens, err := strconv.ParseInt(labels[vllm.LabelKVCacheTokens], 10, 64); err == nil {
		return tokens
	}
	blocks, err := strconv.ParseInt(labels[vllm.LabelGPUBlocks], 10, 64)
	size, err2 := strconv.ParseInt(labels[vllm.LabelBlockSize], 10, 64)
	if err != nil || err2 != nil {
		return evidence.Unknown
	}
	return blocks * size
}

// Finished counts, by engine and reason, the requests that finished in a window. The counts are PromQL's increase: scrapes
// rarely fall on the ends of a window, so it extends them, and counts are not whole.
func (c *Client) Finished(
	ctx context.Context, w evidence.Window, scope vllm.Scope,
) ([]evidence.Finished, []evidence.Call, error) {
	names, calls, err := c.Names(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	exposed := names.Of(vllm.RequestSuccess)
	if len(exposed) == 0 {
		return nil, calls, nil
	}
	selector := promql.Selector(promql.FullNames(names, exposed), promql.ScopeMatchers(c.store.Labels, scope)...)
	answer, call, err := c.Query(ctx, promql.Aggregate("sum", append(c.places(), vllm.LabelFinishedReason),
		"increase("+promql.Over(selector, w.Duration())+")"), w.To)
	calls = append(calls, call)
	finished := make([]evidence.Finished, 0, len(answer.Series))
	for _, s := range answer.Series {
		finished = append(finished, evidence.Finished{
			Origin: originOf(c.store.Labels, s.Labels, false),
			Reason: s.Labels[vllm.LabelFinishedReason], Count: s.Samples[0].Value,
		})
	}
	return finished, calls, err
}
