package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Price is what a GPU costs.
type Price struct {
	GPUHour  float64 // 0 = not known
	Currency string  // as it is to be shown; empty = not said
}

// Window is over what figures are taken.
type Window struct {
	Range    evidence.Window
	Interval time.Duration // the panel's suggestion for the step of a time series
	Scrape   time.Duration // how often engines are scraped
}

// Calculation says which queries the figures of a Spec need, and computes the figures from the results. It asks nothing itself.
//
// The order of calls: Queries, Add, BoundsQueries, AddBounds where there are any, Result.
type Calculation struct {
	spec     Spec
	explicit bool // metrics were named
	plan     plan
	grid     promql.Range
	columns  []column
	queries  []Query
	unusual  []need
	table    *table
	currency string
	notices  []string
}

// Query is one PromQL query of a Calculation.
type Query struct {
	Expr string
	need need
}

// NewCalculation takes a valid spec; group are the store's labels of its dimensions.
func NewCalculation(
	spec Spec, w Window, names promql.Names, labels vllm.LabelNames, scope vllm.Scope, group []string, price Price,
) *Calculation {
	c := &Calculation{explicit: len(spec.Metrics) > 0, spec: spec.WithDefaults(), currency: price.Currency}
	var window time.Duration
	c.grid, window = Grid(c.spec.Form, w.Range, w.Interval, w.Scrape)
	whole := c.spec.Form != TimeSeries
	c.plan = plan{
		names: names, labels: labels, scope: scope, group: group, window: window, whole: whole,
		slots: slotsOf(window, w.Scrape, whole), fresh: promql.StaleAfter(w.Scrape),
	}
	c.columns = columnsOf(c.spec)
	c.queries, c.notices = c.plan.queries(c.columns)
	if price.GPUHour == 0 {
		price.GPUHour = math.NaN()
		c.notices = append(c.notices, withoutPrice(c.columns)...)
	}
	c.table = newTable(c.plan, c.grid, price.GPUHour)
	return c
}

// Grid is at which times the queries are to be asked: all of it for a time series, else its end alone.
func (c *Calculation) Grid() promql.Range { return c.grid }

// Queries lists what is to be asked first, each once, in a stable order.
func (c *Calculation) Queries() []Query { return c.queries }

// Histograms are the canonical names of the metrics whose buckets are read.
func (c *Calculation) Histograms() []string { return histogramsOf(c.queries) }

// Add takes the results of queries, one each in the same order; a query that failed has the zero Result.
func (c *Calculation) Add(queries []Query, results []promql.Result) {
	for i, q := range queries {
		c.table.add(q.need, results[i])
		for _, warning := range results[i].Warnings {
			c.notices = append(c.notices, "Prometheus: "+warning)
		}
	}
}

// BoundsQueries lists what is to be asked of histograms whose replicas may have different bounds: uneven are those that do,
// unknown says that it could not be found out. It reports whether there is any such histogram; AddBounds must follow then.
func (c *Calculation) BoundsQueries(uneven map[string]bool, unknown bool) (queries []Query, unusual bool) {
	c.unusual = c.table.unusual(c.queries, uneven, unknown)
	return c.plan.asks(c.unusual), len(c.unusual) > 0
}

// AddBounds takes the results of BoundsQueries.
func (c *Calculation) AddBounds(queries []Query, results []promql.Result, uneven map[string]bool) {
	c.Add(queries, results)
	c.notices = append(c.notices, c.table.sharedBounds(c.unusual, uneven)...)
}

// Result computes all figures.
func (c *Calculation) Result() Result {
	result := c.table.result(c.spec, c.columns)
	result.Currency = c.currency
	notices := slices.Clone(c.notices)
	if !c.explicit {
		notices = slices.DeleteFunc(notices, isMissing) // a table of everything shows what there is
	}
	if f := c.plan.names.Copies().Found; f.Unclear+f.Sharing > 0 {
		notices = append(notices, doubled(f))
	}
	slices.Sort(notices)
	result.Notices = append(slices.Compact(notices), result.Notices...)
	return result
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
func (p plan) queries(columns []column) ([]Query, []string) {
	var queries []Query
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
				queries = append(queries, Query{Expr: expr, need: n})
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
func histogramsOf(asked []Query) (metrics []string) {
	for _, q := range asked {
		if q.need.kind == buckets {
			metrics = append(metrics, q.need.metric)
		}
	}
	return metrics
}

// asks writes needs that can be had.
func (p plan) asks(needs []need) (queries []Query) {
	for _, n := range needs {
		if expr, ok := p.expression(n); ok {
			queries = append(queries, Query{Expr: expr, need: n})
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
