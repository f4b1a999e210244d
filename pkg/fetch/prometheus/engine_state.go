package prometheus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// MaxStateSamples bounds what is read of the engines' state at once: 4 million samples of 16 bytes are 64 MB. Four engines with a
	// GPU each, scraped every 15 seconds, have as many in two weeks. Of longer windows the newest part is read.
	MaxStateSamples = 4_000_000
	// maxPieceSamples bounds one answer: a million samples are some 23 MB of JSON and 16 MB when read.
	maxPieceSamples = 1_000_000
	// countAbove is the number of samples per series above which the series are counted before they are read. Below it, what is
	// read stays within MaxStateSamples up to 4,000 series, which are some 400 engines.
	countAbove = 1_000
	// mergeGap joins windows that lie close, in scrapes: reading twenty samples more costs less than a call.
	mergeGap = 20
	// minPiece is the shortest piece, in scrapes, that is still halved when an answer was too large.
	minPiece = 4
)

// EngineState reads the samples of metrics (canonical names of gauges and counters) in windows: every scrape at its own
// time, ascending, in canonical units. A metric with labels of its own, such as a finish reason, has a series for each of
// their values, all with the engine's origin. So have the GPUs of one pod or host: they carry the pod that uses them and
// the scrape address of their exporter, and which engine they belong to is the join's to say.
//
// It costs one call for all of vLLM's metrics and one for the GPUs' (two where the scope names pods) per window; near windows
// are read as one, so that there can be samples between windows, and long ones in pieces. Where all would be more than
// MaxStateSamples, the newest part is read, the same of every metric, and a call's Partial says from when on.
func (c *Client) EngineState(
	ctx context.Context, windows []evidence.Window, scope vllm.Scope, metrics []string,
) ([]evidence.Series, []evidence.Call, error) {
	if windows = evidence.MergeWindows(windows, 0); len(windows) == 0 {
		return nil, nil, nil
	}
	for _, name := range metrics {
		m, ok := vllm.LookupMetric(name)
		if !ok || m.Type != vllm.Gauge && m.Type != vllm.Counter {
			return nil, nil, fmt.Errorf("%q is no gauge or counter of an engine", name)
		}
	}
	hull := evidence.Window{From: windows[0].From, To: windows[len(windows)-1].To}
	names, calls, err := c.Names(ctx, hull)
	if err != nil {
		return nil, calls, err
	}
	scrape, measured := c.ScrapeInterval(ctx, hull)
	calls = append(calls, measured...)
	windows = evidence.MergeWindows(windows, mergeGap*scrape)
	pieces, counted, err := c.pieces(ctx, c.stateSelectors(names, scope, metrics), windows, scrape)
	calls = append(calls, counted...)
	if err != nil {
		return nil, calls, err
	}
	collected := newCollector(names, c.store.Labels, metrics)
	var turn inTurn[[]promql.Result]
	asked := make([][]evidence.Call, len(pieces))
	errs := Each(ctx, c.concurrent, len(pieces), func(ctx context.Context, i int) error {
		answers, calls, err := c.readPiece(ctx, pieces[i].selector, pieces[i].window, minPiece*scrape)
		asked[i] = calls
		turn.done(i, answers, func(answers []promql.Result) {
			for _, answer := range answers {
				collected.add(answer)
			}
		})
		return err
	})
	calls = append(calls, slices.Concat(asked...)...)
	if err := upstream.Join(errs...); err != nil {
		return nil, calls, err
	}
	return collected.series(scope), calls, nil
}

// inTurn hands on what arrives in any order in the order of its numbers, from 0 on, and keeps only what came before its turn.
type inTurn[T any] struct {
	mu    sync.Mutex
	next  int
	early map[int]T
}

// done brings number i. Use is called with it when those before it were used, one call at a time.
func (t *inTurn[T]) done(i int, what T, use func(T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.early == nil {
		t.early = map[int]T{}
	}
	t.early[i] = what
	for {
		what, there := t.early[t.next]
		if !there {
			return
		}
		delete(t.early, t.next)
		t.next++
		use(what)
	}
}

// stateSelectors writes one selector for vLLM's metrics, and those of the GPUs; one for each metric where the store takes no
// pattern for names.
func (c *Client) stateSelectors(names promql.Names, scope vllm.Scope, metrics []string) []string {
	var engines, gpus []string
	for _, name := range metrics {
		m, _ := vllm.LookupMetric(name)
		exposed := names.Of(name)
		if m.GPU() && len(exposed) > 0 {
			gpus = append(gpus, names.Full(exposed[0])) // of two exporters on one host, one is enough
			continue
		}
		for _, e := range exposed {
			engines = append(engines, names.Full(e))
		}
	}
	return append(names.Selectors(engines, promql.ScopeMatchers(c.store.Labels, scope)...), gpuSelectors(names, c.store.Labels.Pod, scope, gpus)...)
}

// gpuSelectors finds the GPUs that series keeps: those whose user's pod is in scope, and those that name none. The user's pod
// stands in one of two labels (see originOf), so there is a selector for either, and no series that both find.
//
// No other place narrows: GPUs have no model, and the join also gives a GPU to the instance on its host, whatever namespace,
// cluster or environment it names: the exporter's, or those of a scrape job that labels otherwise than the engines'.
func gpuSelectors(names promql.Names, label string, scope vllm.Scope, gpus []string) []string {
	conditions := scope.Of(vllm.Pod)
	if label == "" || len(conditions) == 0 {
		return names.Selectors(gpus)
	}
	exported := exportedLabel(label)
	plain, renamed := []promql.Matcher{{Label: exported, Op: "=", Value: ""}}, []promql.Matcher{{Label: exported, Op: "!=", Value: ""}}
	for _, c := range conditions {
		op, text := c.Matcher()
		renamed = append(renamed, promql.Matcher{Label: exported, Op: op, Value: text})
		switch {
		case c.HoldsWithout():
			plain = append(plain, promql.Matcher{Label: label, Op: op, Value: text})
		case op == "=":
			plain = append(plain, promql.Matcher{Label: label, Op: "=~", Value: regexp.QuoteMeta(text) + "|"})
		case !c.Op.Negative():
			plain = append(plain, promql.Matcher{Label: label, Op: op, Value: "(?:" + text + ")|"})
		} // an expression that leaves out the empty text cannot be widened to it: series tests what else is found
	}
	return append(names.Selectors(gpus, plain...), names.Selectors(gpus, renamed...)...)
}

// piece is what one call reads.
type piece struct {
	selector string
	window   evidence.Window
}

// pieces cuts the windows of each selector so that an answer stays within maxPieceSamples, in time order, and leaves out the
// oldest part of what would be more than MaxStateSamples.
func (c *Client) pieces(
	ctx context.Context, selectors []string, windows []evidence.Window, scrape time.Duration,
) (pieces []piece, calls []evidence.Call, err error) {
	scrapes := int64(0)
	for _, w := range windows {
		scrapes += int64(w.Duration() / scrape)
	}
	series := make([]float64, len(selectors))
	if scrapes > countAbove {
		hull, all := evidence.Window{From: windows[0].From, To: windows[len(windows)-1].To}, 0.0
		for i, selector := range selectors {
			var call evidence.Call
			series[i], call, err = c.count(ctx, selector, hull)
			calls = append(calls, call)
			if err != nil {
				return nil, calls, err
			}
			all += series[i]
		}
		if float64(scrapes)*all > MaxStateSamples {
			windows = newest(windows, time.Duration(MaxStateSamples/all*float64(scrape)))
			calls[len(calls)-1].Partial = leftOut(all, scrapes, windows)
		}
	}
	for i, selector := range selectors {
		for _, w := range windows {
			n := math.Ceil(float64(w.Duration()/scrape) * series[i] / maxPieceSamples)
			for _, part := range cut(w, max(int(n), 1)) {
				pieces = append(pieces, piece{selector, part})
			}
		}
	}
	return pieces, calls, nil
}

// newest gives the newest part of windows, in time order: as much as is long together, in whole seconds.
func newest(windows []evidence.Window, long time.Duration) (out []evidence.Window) {
	long = long.Truncate(time.Second)
	for i := len(windows) - 1; i >= 0 && long > 0; i-- {
		w := windows[i]
		if w.Duration() > long {
			w.From = w.To.Add(-long)
		}
		long -= w.Duration()
		out = append(out, w)
	}
	slices.Reverse(out)
	return out
}

// leftOut says that only the newest part of the engines' state was read, and what to do about it.
func leftOut(series float64, scrapes int64, read []evidence.Window) string {
	since := "at all"
	if len(read) > 0 {
		since = "before " + read[0].From.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("the engines' state was not read %s, since %.0f series of %d scrapes are more than the %d samples that one query may hold: "+
		"take a shorter range, or name a model, a pod or an instance", since, series, scrapes, MaxStateSamples)
}

// count tells how many series there were at the busiest of nine moments of a window: engines come and go.
func (c *Client) count(ctx context.Context, selector string, w evidence.Window) (float64, evidence.Call, error) {
	r := promql.Range{From: w.From, To: w.To, Step: max(w.Duration()/8, time.Second)}
	answer, call, err := c.QueryRange(ctx, "count("+selector+")", r)
	most := 0.0
	for _, s := range answer.Series {
		for _, sample := range s.Samples {
			most = max(most, sample.Value)
		}
	}
	return most, call, err
}

// readPiece reads one window by an instant query with a range selector, which answers with the samples themselves. An
// answer too large for us or for the store is asked for in halves, down to least.
func (c *Client) readPiece(ctx context.Context, selector string, w evidence.Window, least time.Duration) ([]promql.Result, []evidence.Call, error) {
	// A range selector is open on the left and closed on the right; a Window the other way. Times have whole milliseconds.
	answer, call, err := c.Query(ctx, promql.Over(selector, w.Duration()), w.To.Add(-time.Millisecond))
	switch {
	case err == nil:
		for i := range answer.Series { // Prometheus 2 is closed on the left, too
			answer.Series[i].Samples = trimBefore(answer.Series[i].Samples, w.From.UnixMilli())
		}
		return []promql.Result{answer}, []evidence.Call{call}, nil
	case !tooMuch(err) || w.Duration() < 2*least:
		return nil, []evidence.Call{call}, err
	}
	var answers []promql.Result
	calls := []evidence.Call{call}
	for _, half := range cut(w, 2) {
		more, asked, err := c.readPiece(ctx, selector, half, least)
		answers, calls = append(answers, more...), append(calls, asked...)
		if err != nil {
			return nil, calls, err
		}
	}
	return answers, calls, nil
}

// tooMuch reports whether less would be answered: our ceiling of bytes, or Prometheus' of samples.
func tooMuch(err error) bool {
	return errors.Is(err, upstream.ErrTooLarge) ||
		errors.Is(err, upstream.ErrRefused) && strings.Contains(err.Error(), "too many samples")
}

// cut divides a window into n parts of whole milliseconds.
func cut(w evidence.Window, n int) []evidence.Window {
	parts := make([]evidence.Window, 0, max(n, 1))
	length := max(w.Duration()/time.Duration(max(n, 1)), time.Millisecond).Truncate(time.Millisecond)
	for from := w.From; from.Before(w.To); {
		to := from.Add(length)
		if len(parts) == max(n, 1)-1 || to.After(w.To) {
			to = w.To
		}
		parts = append(parts, evidence.Window{From: from, To: to})
		from = to
	}
	return parts
}

func trimBefore(samples []evidence.Sample, unixMilli int64) []evidence.Sample {
	i, _ := slices.BinarySearchFunc(samples, unixMilli, func(s evidence.Sample, ms int64) int {
		return cmp.Compare(s.UnixMilli, ms)
	})
	return samples[i:]
}

// collector brings pieces together into series of canonical metrics.
type collector struct {
	labels  vllm.LabelNames
	exposed map[string]alias                     // by full name
	origins map[evidence.Origin]*evidence.Origin // one of each, to be shared
	found   map[seriesKey]*evidence.Series
	order   []seriesKey
	rests   map[string][]evidence.Label // one of each, to be shared
}

// alias is what a full name stands for.
type alias struct {
	metric string
	rank   int // 0 is the newest name
	factor float64
	gpu    bool
	parts  []string // labels of the metric's own
}

type seriesKey struct {
	metric string
	rank   int
	labels string // all but the name
}

func newCollector(names promql.Names, labels vllm.LabelNames, metrics []string) *collector {
	c := &collector{
		labels: labels, exposed: map[string]alias{}, origins: map[evidence.Origin]*evidence.Origin{},
		found: map[seriesKey]*evidence.Series{}, rests: map[string][]evidence.Label{},
	}
	for _, name := range metrics {
		m, _ := vllm.LookupMetric(name)
		for rank, e := range m.Names {
			c.exposed[names.Full(e)] = alias{metric: name, rank: rank, factor: e.Factor(), gpu: m.GPU(), parts: m.Labels}
		}
	}
	return c
}

// add appends the samples of an answer, whose times must follow those of the answers before it.
func (c *collector) add(answer promql.Result) {
	for _, s := range answer.Series {
		a, ok := c.exposed[s.Labels[model.MetricNameLabel]]
		if !ok || len(s.Samples) == 0 {
			continue
		}
		if a.factor != 1 {
			for i := range s.Samples {
				s.Samples[i].Value *= a.factor
			}
		}
		key := seriesKey{metric: a.metric, rank: a.rank, labels: identity(s.Labels)}
		if known, ok := c.found[key]; ok {
			known.Samples = append(known.Samples, s.Samples...)
			continue
		}
		origin := originOf(c.labels, s.Labels, a.gpu)
		if c.origins[origin] == nil {
			c.origins[origin] = &origin
		}
		c.found[key] = &evidence.Series{
			Metric: a.metric, Origin: c.origins[origin], Samples: s.Samples, Part: partOf(s.Labels, a.parts), Rest: c.rest(s.Labels, a.parts),
		}
		c.order = append(c.order, key)
	}
}

// series gives what was collected, without series that the same engine also exposes under a newer name, and without
// GPUs that are known to be used by a pod out of scope.
func (c *collector) series(scope vllm.Scope) []evidence.Series {
	out := make([]evidence.Series, 0, len(c.order))
	inScope := scope.Test(vllm.Pod)
	for _, key := range c.order {
		newer := key
		for newer.rank--; newer.rank >= 0 && c.found[newer] == nil; newer.rank-- {
		}
		s := c.found[key]
		if newer.rank >= 0 || s.Origin.Pod != "" && inScope != nil && !inScope(s.Origin.Pod) {
			continue
		}
		out = append(out, *s)
	}
	return out
}

// partOf names the values of a metric's own labels.
func partOf(labels map[string]string, own []string) string {
	values := make([]string, len(own))
	for i, name := range own {
		values[i] = labels[name]
	}
	return strings.Join(values, "\xff")
}

// rest lists the labels that are neither places nor the metric's own.
func (c *collector) rest(labels map[string]string, own []string) []evidence.Label {
	var rest []evidence.Label
	places := placesOf(c.labels)
	for name, value := range labels {
		if name != model.MetricNameLabel && name != "" && !slices.Contains(own, name) && (name == c.labels.Service || !slices.Contains(places, name)) {
			rest = append(rest, evidence.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(rest, func(a, b evidence.Label) int { return strings.Compare(a.Name, b.Name) })
	var key strings.Builder
	for _, l := range rest {
		key.WriteString(l.Name + "\xff" + l.Value + "\xff")
	}
	if known, ok := c.rests[key.String()]; ok {
		return known
	}
	c.rests[key.String()] = rest
	return rest
}

// identity is a text that is equal for equal labels, the name aside.
func identity(labels map[string]string) string {
	keys := make([]string, 0, len(labels))
	for k := range labels {
		if k != model.MetricNameLabel {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k + "\xff" + labels[k] + "\xff") // 0xff is in no UTF-8 text
	}
	return b.String()
}

// originOf reads the places of a row from a series' labels. A GPU's own pod and namespace stand under exported_… where the
// scrape kept the exporter's.
func originOf(names vllm.LabelNames, labels map[string]string, gpu bool) evidence.Origin {
	at := func(name string) string {
		if name == "" {
			return ""
		}
		if gpu && labels[exportedLabel(name)] != "" {
			return labels[exportedLabel(name)]
		}
		return labels[name]
	}
	return evidence.Origin{
		Service: at(names.Service), Environment: at(names.Environment), Cluster: at(names.Cluster), Namespace: at(names.Namespace),
		Pod: at(names.Pod), Instance: at(names.Instance), Model: at(names.Model), Engine: at(names.Engine),
	}
}

// exportedLabel is where Prometheus puts a label of an exporter that the target has too, unless the scrape honors labels.
func exportedLabel(name string) string { return "exported_" + name }
