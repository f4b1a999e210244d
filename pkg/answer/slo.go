package answer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// slo answers with how well requests kept the limits of their models. What is taken from the requests needs Jaeger, and is
// better with Loki and Prometheus; what is taken from buckets needs Prometheus alone. A panel keeps the one when the other
// cannot be had.
func (d *Sources) slo(ctx context.Context, q query.Query) (data.Frames, error) {
	spec := q.SLO.WithDefaults()
	steps, length := figures.Grid(spec.Form, q.Range, q.Interval, d.ScrapeInterval(ctx, q.Range))
	grid := attainment.Grid{Times: steps.Times(), Step: steps.Step, Length: length}
	withRequests, withBuckets := spec.Needs()
	if err := d.sloStores(withRequests, withBuckets); err != nil {
		return nil, err
	}
	if len(d.Settings.VLLM.SLO) == 0 {
		return d.withoutLimits(q, spec, grid)
	}
	var requests attainment.Requests
	var buckets attainment.Buckets
	var ofRequests, ofBuckets contribution
	var ask []func()
	if withRequests {
		ask = append(ask, func() { requests, ofRequests = d.countRequests(ctx, q, spec, grid) })
	}
	if withBuckets {
		ask = append(ask, func() { buckets, ofBuckets = d.readBuckets(ctx, q, spec, steps, grid) })
	}
	fetch.Parallel(ask...)
	nothing := (!withRequests || ofRequests.nothing) && (!withBuckets || ofBuckets.nothing)
	if err := upstream.Join(ofRequests.err, ofBuckets.err); err != nil && (q.FromAlert || nothing) {
		return nil, err
	}
	fs := frames.SLO(attainment.Result(spec, grid, requests, buckets), spec, d.Source())
	fs[0].AppendNotices(ofBuckets.notices...)
	fs[0].AppendNotices(ofRequests.notices...)
	return withExecuted(fs, slices.Concat(ofBuckets.stores, ofRequests.stores)), nil
}

// sloStores is the error of figures none of which can be had, whatever limits are set, because their stores are not configured.
func (d *Sources) sloStores(withRequests, withBuckets bool) error {
	if withRequests && d.Jaeger != nil || withBuckets && d.Prometheus != nil {
		return nil
	}
	var errs []error
	if withRequests {
		errs = append(errs, Needs(evidence.Jaeger, sloLosses[evidence.Jaeger]))
	}
	if withBuckets {
		errs = append(errs, Needs(evidence.Prometheus, bucketsLost))
	}
	return upstream.Join(errs...)
}

// bucketsLost says what is missing without Prometheus.
const bucketsLost = "the shares of single limits, which come from histogram buckets"

// heard is what one kind of evidence came to, besides its figures.
type contribution struct {
	stores  []evidence.StoreReport
	notices []data.Notice
	err     error // why it is not whole: an alert rule must not decide on it
	nothing bool  // it has no figure at all
}

// noLimits is why there is no answer, and what to do about it.
const noLimits = "no SLO limits are set: give TTFT, TPOT or E2E for your models under SLO limits in the data source's settings, where those of MLPerf come as presets"

// withoutLimits is the answer of a data source that has none. A rule on it would never fire, so that is its error.
func (d *Sources) withoutLimits(q query.Query, spec attainment.Spec, grid attainment.Grid) (data.Frames, error) {
	if q.FromAlert {
		return nil, fmt.Errorf("%s (%w)", noLimits, ErrNotConfigured)
	}
	fs := frames.SLO(attainment.Result(spec, grid, attainment.Requests{}, attainment.Buckets{}), spec, d.Source())
	fs[0].AppendNotices(information("There is nothing to hold requests against: %s.", noLimits))
	return fs, nil
}

// sloLosses says what is missing from figures of the requests when a store is.
var sloLosses = map[evidence.Store]string{
	evidence.Prometheus: "the models of requests whose spans do not name one, and how many requests the engines counted",
	evidence.Loki:       "requests that were aborted or refused and left no span: attainment looks better than it is",
	evidence.Jaeger:     "attainment and goodput of the requests themselves",
}

// countRequests joins all requests of the window and counts those that kept their limits. Without spans there would be
// failures alone, so then there are no figures.
func (d *Sources) countRequests(ctx context.Context, q query.Query, spec attainment.Spec, grid attainment.Grid) (attainment.Requests, contribution) {
	if d.Jaeger == nil {
		err := Needs(evidence.Jaeger, sloLosses[evidence.Jaeger])
		return attainment.Requests{}, contribution{err: err, nothing: true, notices: []data.Notice{information("%s.", err)}}
	}
	in, err := d.Fetcher.Requests(ctx, fetch.Ask{Window: grid.Window(), Scope: q.Scope})
	out := contribution{stores: in.Stores, err: upstream.Join(err, incomplete(in.Stores))}
	for _, s := range in.Stores {
		switch {
		case !s.Configured:
			out.notices = append(out.notices, information("%s is not configured. Missing: %s.", s.Store.Title(), sloLosses[s.Store]))
		default:
			if err := upstream.Trouble(s); err != nil {
				out.notices = append(out.notices, frames.Missing(err, sloLosses[s.Store]))
			}
		}
		if s.Truncated {
			out.notices = append(out.notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: s.Reason + " Shares are of what was read; counts and rates are not known."})
		}
	}
	traces := saidBy(in.Stores, evidence.Jaeger)
	if err != nil || traces.Err != nil && len(in.Spans) == 0 {
		out.nothing = true
		return attainment.Requests{}, out
	}
	joined := d.joined(in, q.Scope)
	known := joined.Known()
	samples, calls, err := d.survey(ctx, joined, known, grid.Window(), q.Scope)
	out.stores = append(out.stores, calls)
	if err := upstream.Trouble(calls); err != nil {
		out.notices = append(out.notices, frames.Missing(err, "whether the spans that were kept are like the others"))
	}
	for _, f := range joined.Report.Findings {
		out.notices = append(out.notices, warning("%s", strings.TrimSpace(f.Found+" "+f.Fix)))
	}
	requests := attainment.Count(joined.Rows, attainment.Asked{
		Objectives: d.Settings.VLLM.SLO, GroupBy: spec.GroupBy, Samples: samples, Known: known, Fewest: fewest(q),
	}, grid)
	requests.AddStuck(joined.Report.Stuck, spec.GroupBy, grid)
	requests.Whole = traces.Err == nil && !traces.Truncated
	out.err = upstream.Join(out.err, err, upstream.Trouble(calls), blind(joined.Report, false), downstream(requests.Decidable()))
	return requests, out
}

// readBuckets asks for the shares of single limits.
func (d *Sources) readBuckets(
	ctx context.Context, q query.Query, spec attainment.Spec, steps promql.Range, grid attainment.Grid,
) (attainment.Buckets, contribution) {
	const lost = bucketsLost
	if d.Prometheus == nil {
		err := Needs(evidence.Prometheus, lost)
		return attainment.Buckets{}, contribution{err: err, nothing: true, notices: []data.Notice{information("%s.", err)}}
	}
	buckets, calls, err := fetch.Buckets(ctx, d.Prometheus, spec, d.Settings.VLLM.SLO, q.Scope, steps, grid)
	report := evidence.StoreReport{Store: evidence.Prometheus, Configured: true, Calls: calls, Err: err}
	out := contribution{
		stores: []evidence.StoreReport{report}, err: upstream.Trouble(report), nothing: err != nil && buckets.Empty(),
	}
	if out.err != nil {
		out.notices = []data.Notice{frames.Missing(out.err, lost)}
	}
	return buckets, out
}

func saidBy(stores []evidence.StoreReport, store evidence.Store) (r evidence.StoreReport) {
	if i := slices.IndexFunc(stores, func(s evidence.StoreReport) bool { return s.Store == store }); i >= 0 {
		r = stores[i]
	}
	return r
}

func information(format string, args ...any) data.Notice {
	return data.Notice{Severity: data.NoticeSeverityInfo, Text: fmt.Sprintf(format, args...)}
}
