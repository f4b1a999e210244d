package models

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Price is what a GPU costs.
type Price struct {
	GPUHour  float64 // 0 = not known
	Currency string  // as it is to be shown; empty = not said
}

// Fetch answers a valid spec for a window. Interval is the panel's suggestion for the step of a time series. When some
// queries fail, the error says which, and the Result still holds the other figures.
func Fetch(
	ctx context.Context, client *prometheus.Client, spec Spec, w evidence.Window, interval time.Duration, scope vllm.Scope,
	price Price,
) (Result, []evidence.Call, error) {
	explicit := len(spec.Metrics) > 0
	spec = spec.WithDefaults()
	group, err := GroupLabels(client.Labels(), spec.GroupBy)
	if err != nil {
		return Result{}, nil, err
	}
	names, calls, err := client.NamesOnce(ctx, w)
	if err != nil {
		return Result{}, calls, err
	}

	scrape, measured := client.ScrapeInterval(ctx, w)
	calls = append(calls, measured...)
	grid, window := Grid(spec.Form, w, interval, scrape)
	p := plan{
		names: names, labels: client.Labels(), scope: scope, group: group, window: window, whole: spec.Form != TimeSeries,
		slots: slotsOf(window, scrape, spec.Form != TimeSeries), fresh: promql.StaleAfter(scrape),
	}
	columns := columnsOf(spec)
	asked, notices := p.queries(columns)
	ask := func(asked []query) ([]promql.Result, []error) {
		answers := make([]promql.Result, len(asked))
		made := make([]evidence.Call, len(asked))
		errs := prometheus.Each(ctx, client.Concurrency(), len(asked), func(ctx context.Context, i int) (err error) {
			if spec.Form == TimeSeries {
				answers[i], made[i], err = client.QueryRangeHistograms(ctx, asked[i].expr, grid)
			} else {
				answers[i], made[i], err = client.QueryHistograms(ctx, asked[i].expr, grid.To)
			}
			return err
		})
		calls = append(calls, slices.DeleteFunc(made, func(c evidence.Call) bool { return c.Text == "" })...) // never begun
		return answers, errs
	}
	answers, errs := ask(asked)

	if price.GPUHour == 0 {
		price.GPUHour = math.NaN()
		notices = append(notices, withoutPrice(columns)...)
	}
	t := newTable(p, grid, price.GPUHour)
	file := func(asked []query, answers []promql.Result) {
		for i, q := range asked {
			t.add(q.need, answers[i])
			for _, warning := range answers[i].Warnings {
				notices = append(notices, "Prometheus: "+warning)
			}
		}
	}
	file(asked, answers)
	uneven, counted, err := client.Uneven(ctx, names, histogramsOf(asked), w)
	calls, errs = append(calls, counted...), append(errs, err)
	if unusual := t.unusual(asked, uneven, err != nil); len(unusual) > 0 {
		more := p.asks(unusual)
		answers, failed := ask(more)
		file(more, answers)
		errs = append(errs, failed...)
		notices = append(notices, t.sharedBounds(unusual, uneven)...)
	}
	result := t.result(spec, columns)
	result.Currency = price.Currency
	if !explicit {
		notices = slices.DeleteFunc(notices, isMissing) // a table of everything shows what there is
	}
	if f := names.Copies().Found; f.Unclear+f.Sharing > 0 {
		notices = append(notices, doubled(f))
	}
	slices.Sort(notices)
	result.Notices = append(slices.Compact(notices), result.Notices...)
	return result, calls, upstream.Join(errs...)
}

// doubled says that figures may count engines that they should not, or one of several.
func doubled(f servers.SeriesFound) string {
	if finding, ok := f.Finding(); ok && f.Unclear > 0 {
		return strings.TrimSuffix(finding.Found, ".") + "; figures add them up"
	}
	return fmt.Sprintf("%d names of servers have the series of several servers at the same time: figures per instance mix them", f.Sharing)
}

// GroupLabels translates dimensions to the store's labels.
func GroupLabels(labels vllm.LabelNames, dimensions []string) ([]string, error) {
	byName := map[string]string{
		ByModel: labels.Model, ByEnvironment: labels.Environment, ByCluster: labels.Cluster, ByNamespace: labels.Namespace,
		ByPod: labels.Pod, ByInstance: labels.Instance, ByEngine: labels.Engine,
	}
	group := make([]string, len(dimensions))
	for i, d := range dimensions {
		if group[i] = byName[d]; group[i] == "" {
			return nil, fmt.Errorf("groupBy: the data source names no Prometheus label for %s", d)
		}
	}
	return group, nil
}

// Grid gives the times of the answer, and the window over which rates and means are taken: around each step of a series,
// the whole range in a table.
func Grid(form Form, w evidence.Window, interval, scrape time.Duration) (promql.Range, time.Duration) {
	if form != TimeSeries {
		return promql.Range{From: w.To, To: w.To, Step: w.Duration()}, max(w.Duration(), 4*scrape)
	}
	step := promql.Step(interval, 0, scrape, w.Duration())
	return promql.Align(w.From, w.To, step), promql.RateWindow(step, scrape)
}

// query is one need and its text.
type query struct {
	need need
	expr string
}

// missing begins the reason why a figure is empty that a table of everything does not mention.
const (
	missing = "the store has no "
	noPrice = "the data source has no price of a GPU hour"
)

func isMissing(notice string) bool {
	return strings.Contains(notice, missing) || strings.Contains(notice, noPrice)
}

// withoutPrice says of the columns that are money why they are empty.
func withoutPrice(columns []column) (notices []string) {
	for _, c := range columns {
		if c.Unit == Money {
			notices = append(notices, c.Metric+": "+noPrice)
		}
	}
	return notices
}

// queries lists what the columns need, each once, in a stable order.
func (p plan) queries(columns []column) ([]query, []string) {
	var queries []query
	var notices []string
	done := map[need]bool{}
	for _, c := range columns {
		for _, n := range c.needs {
			if done[n] || n.kind == seen && !p.whole {
				continue
			}
			done[n] = true
			expr, ok := p.expression(n)
			if ok {
				queries = append(queries, query{n, expr})
				continue
			}
			if n.kind == seen {
				continue // the figure says itself what it lacks
			}
			notices = append(notices, c.Metric+": "+p.whyNot(n))
		}
	}
	return queries, notices
}

// histogramsOf are the metrics whose buckets are read.
func histogramsOf(asked []query) (metrics []string) {
	for _, q := range asked {
		if q.need.kind == buckets {
			metrics = append(metrics, q.need.metric)
		}
	}
	return metrics
}

// asks writes needs that can be had.
func (p plan) asks(needs []need) (queries []query) {
	for _, n := range needs {
		if expr, ok := p.expression(n); ok {
			queries = append(queries, query{n, expr})
		}
	}
	return queries
}

// whyNot says why a need has no query.
func (p plan) whyNot(n need) string {
	if len(p.names.Of(n.metric)) > 0 {
		return "it is known of an instance and not of its single engines: leave engine out of groupBy"
	}
	return missing + p.names.Today(n.metric)
}
