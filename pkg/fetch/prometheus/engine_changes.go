package prometheus

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// maxChangeSteps is how many steps a window is looked at in: a minute or less each up to three days, and less than half
	// of what Prometheus allows.
	maxChangeSteps = 5_000
	// maxDowntime is how long an instance may have been away for its last value still to count as the one before: longer
	// than the largest models take to load.
	maxDowntime = 30 * time.Minute
)

// ChangesAsk says which changes are looked for.
type ChangesAsk struct {
	Starts, Sleep bool
	// Preemptions looks for times with at least so many preemptions per second, taken over PreemptionsOver or, where scrapes
	// or steps are longer, over a whole step; 0 does not look.
	Preemptions     float64
	PreemptionsOver time.Duration
}

// EngineChanges finds where the metrics of engines changed in a window. Prometheus compares each step with the one before
// and answers with the changes alone.
func (c *Client) EngineChanges(ctx context.Context, w evidence.Window, scope vllm.Scope, ask ChangesAsk) (evidence.EngineChanges, []evidence.Call, error) {
	names, calls, err := c.Names(ctx, w)
	if err != nil {
		return evidence.EngineChanges{}, calls, err
	}
	scrape, more := c.ScrapeInterval(ctx, w)
	calls = append(calls, more...)
	step := promql.Step(w.Duration()/maxChangeSteps, 0, scrape, w.Duration())
	found := evidence.EngineChanges{Step: step, PreemptingOver: max(ask.PreemptionsOver, promql.RateWindow(step, scrape))}
	plan := changePlan{client: c, names: names, scope: scope, step: step}
	if ask.Starts {
		plan.starts(&found)
	}
	if ask.Sleep {
		plan.sleep(&found)
	}
	if ask.Preemptions > 0 {
		plan.preemptions(&found, ask.Preemptions)
	}
	asked, err := plan.run(ctx, w)
	for _, list := range []*[]evidence.Series{&found.Starts, &found.Resets, &found.Returns, &found.Sleep, &found.Preempting} {
		*list = merged(*list)
	}
	return found, append(calls, asked...), err
}

// changePlan is what will be asked of one window.
type changePlan struct {
	client *Client
	names  promql.Names
	scope  vllm.Scope
	step   time.Duration
	asks   []changeAsk
}

// changeAsk is one expression and where its answer goes.
type changeAsk struct {
	expr   string
	before bool // asked at the window's beginning only, for what was there before
	into   *[]evidence.Series
	metric string
	value  func(labels map[string]string, v float64) float64 // nil = as it is
}

func (p *changePlan) ask(into *[]evidence.Series, metric, expr string, before bool, value func(map[string]string, float64) float64) {
	p.asks = append(p.asks, changeAsk{expr: expr, before: before, into: into, metric: metric, value: value})
}

// selector matches a metric of vLLM's in scope; ok is false when the store does not have it.
func (p *changePlan) selector(canonical string, more ...promql.Matcher) (text string, ok bool) {
	exposed := p.names.Of(canonical)
	if len(exposed) == 0 {
		return "", false
	}
	full := []string{p.names.Full(exposed[0])}
	return promql.Selector(full, append(promql.ScopeMatchers(p.client.store.Labels, p.scope), more...)...), true
}

// starts looks for new start times of processes that serve one of vLLM's metrics, and for counters that fell where no start
// time is exposed.
func (p *changePlan) starts(found *evidence.EngineChanges) {
	running, ok := p.selector(vllm.NumRequestsRunning)
	if !ok {
		return
	}
	server := p.client.store.Labels
	server.Model, server.Engine = "", ""
	place := placesOf(server)
	beside := func(running string) string {
		return " and " + promql.LabelList("on", place) + " " + promql.Aggregate("group", place, running)
	}
	started := promql.Selector([]string{vllm.ProcessStartTime}, promql.ScopeMatchers(server, p.scope)...)
	p.ask(&found.Starts, vllm.ProcessStartTime, "("+p.fresh(started)+")"+beside(running), false, nil)
	p.ask(&found.Starts, vllm.ProcessStartTime, p.last(started)+beside(p.last(running)), true, nil)
	if counter, ok := p.selector(vllm.GenerationTokens); ok {
		before := "last_over_time(" + promql.Over(counter, maxDowntime) + p.stepBefore() + ")"
		p.ask(&found.Resets, vllm.GenerationTokens, "("+counter+" < "+before+") unless "+promql.LabelList("on", place)+" "+started, false, nil)
	}
	p.returns(found, place, started)
}

// returns looks for pods under addresses that they had not before.
func (p *changePlan) returns(found *evidence.EngineChanges, place []string, started string) {
	labels := p.client.store.Labels
	if labels.Pod == "" || labels.Instance == "" {
		return
	}
	counter, ok := p.selector(vllm.GenerationTokens, promql.Matcher{Label: labels.Pod, Op: "!=", Value: ""})
	if !ok {
		return
	}
	labels.Service = ""
	at := placesOf(labels)
	labels.Instance = ""
	pod := placesOf(labels)
	before := "last_over_time(" + promql.Over(counter, maxDowntime) + p.stepBefore() + ")"
	p.ask(&found.Returns, vllm.GenerationTokens, "("+counter+" unless "+promql.LabelList("on", at)+" "+before+" and "+promql.LabelList("on", pod)+" "+before+") unless "+
		promql.LabelList("on", place)+" "+started, false, nil)
}

// sleep looks for sleep states that became true.
func (p *changePlan) sleep(found *evidence.EngineChanges) {
	state, ok := p.selector(vllm.EngineSleepState)
	if !ok {
		return
	}
	level := func(labels map[string]string, _ float64) float64 {
		return float64(slices.Index(vllm.SleepStates, labels[vllm.LabelSleepState]))
	}
	p.ask(&found.Sleep, vllm.EngineSleepState, "("+state+" == 1) unless ("+state+p.stepBefore()+" == 1)", false, level)
	p.ask(&found.Sleep, vllm.EngineSleepState, p.last(state)+" == 1", true, level)
}

func (p *changePlan) preemptions(found *evidence.EngineChanges, perSecond float64) {
	if counter, ok := p.selector(vllm.NumPreemptions); ok {
		rate := promql.Aggregate("sum", p.client.places(), "rate("+promql.Over(counter, found.PreemptingOver)+")")
		p.ask(&found.Preempting, vllm.NumPreemptions, rate+" >= "+strconv.FormatFloat(perSecond, 'f', -1, 64), false, nil)
	}
}

// fresh keeps a selector's values that were not there, or were others, one step before.
func (p *changePlan) fresh(selector string) string {
	return selector + " unless (" + selector + " == " + selector + p.stepBefore() + ")"
}

func (p *changePlan) stepBefore() string { return " offset " + promql.Duration(p.step) }

// last is a series' last value, also while its instance is away.
func (p *changePlan) last(selector string) string {
	return "last_over_time(" + promql.Over(selector, maxDowntime) + ")"
}

func (p *changePlan) run(ctx context.Context, w evidence.Window) ([]evidence.Call, error) {
	answers, calls := make([]promql.Result, len(p.asks)), make([]evidence.Call, len(p.asks))
	grid := promql.Align(w.From, w.To, p.step)
	errs := Each(ctx, p.client.concurrent, len(p.asks), func(ctx context.Context, i int) (err error) {
		if p.asks[i].before {
			answers[i], calls[i], err = p.client.Query(ctx, p.asks[i].expr, grid.From.Add(-p.step))
		} else {
			answers[i], calls[i], err = p.client.QueryRange(ctx, p.asks[i].expr, grid)
		}
		return err
	})
	for i, ask := range p.asks {
		for _, s := range answers[i].Series {
			origin := originOf(p.client.store.Labels, s.Labels, false)
			if ask.value != nil {
				for j := range s.Samples {
					s.Samples[j].Value = ask.value(s.Labels, s.Samples[j].Value)
				}
			}
			*ask.into = append(*ask.into, evidence.Series{Metric: ask.metric, Origin: &origin, Samples: s.Samples})
		}
	}
	return slices.DeleteFunc(calls, func(c evidence.Call) bool { return c.Text == "" }), upstream.Join(errs...)
}

// merged puts the samples of one origin into one series, ascending.
func merged(series []evidence.Series) []evidence.Series {
	at := map[evidence.Origin]int{}
	var out []evidence.Series
	for _, s := range series {
		i, known := at[*s.Origin]
		if !known {
			at[*s.Origin] = len(out)
			out = append(out, s)
			continue
		}
		out[i].Samples = append(out[i].Samples, s.Samples...)
	}
	for _, s := range out {
		slices.SortStableFunc(s.Samples, func(a, b evidence.Sample) int { return cmp.Compare(a.UnixMilli, b.UnixMilli) })
	}
	return out
}
