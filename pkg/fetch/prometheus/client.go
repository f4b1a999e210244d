package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	queryPath      = "/api/v1/query"
	queryRangePath = "/api/v1/query_range"
	labelsPath     = "/api/v1/labels"

	labelValuesPath = "/api/v1/label/:name/values"
)

// beside is how much longer than a query's range what is asked about it may be: rows at the ends of a range need what is beside them.
const beside = 24 * time.Hour

// Client asks one Prometheus. It is safe for concurrent use.
type Client struct {
	transport  *upstream.Client // bounds and counts answers, makes every error an *upstream.Error
	v1         v1.API
	store      settings.Store
	engines    settings.VLLM
	concurrent int // calls of one query at the same time
	kept
}

// New makes the client of a store. Engines says how vLLM's metrics are named and how often they are scraped.
func New(transport *upstream.Client, store settings.Store, engines settings.VLLM, limits settings.Limits) *Client {
	if engines.MetricPrefix == "" {
		engines.MetricPrefix = vllm.DefaultMetricPrefix
	}
	return &Client{
		transport: transport, v1: v1.NewAPI(transport), store: store, engines: engines,
		concurrent: max(limits.ConcurrentCall, 1), kept: newKept(store),
	}
}

// Labels are the store's names for the places of a row.
func (c *Client) Labels() vllm.LabelNames { return c.store.Labels }

// Concurrency is how many calls one query may have running.
func (c *Client) Concurrency() int { return c.concurrent }

// Query evaluates an expression at one moment. Native histograms in its answer are left out, with a remark.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) (promql.Result, evidence.Call, error) {
	answer, call, err := c.QueryHistograms(ctx, expr, at)
	return answer.Floats(), call, err
}

// QueryHistograms is Query with native histograms.
func (c *Client) QueryHistograms(ctx context.Context, expr string, at time.Time) (promql.Result, evidence.Call, error) {
	return c.query(upstream.WithStage(ctx, "query"), queryPath, expr, url.Values{"query": {expr}, "time": {unixSeconds(at)}})
}

// QueryRange evaluates an expression at every step of a range. Native histograms in its answer are left out, with a remark.
func (c *Client) QueryRange(ctx context.Context, expr string, r promql.Range) (promql.Result, evidence.Call, error) {
	answer, call, err := c.QueryRangeHistograms(ctx, expr, r)
	return answer.Floats(), call, err
}

// QueryRangeHistograms is QueryRange with native histograms.
func (c *Client) QueryRangeHistograms(ctx context.Context, expr string, r promql.Range) (promql.Result, evidence.Call, error) {
	if r.Step <= 0 || r.To.Sub(r.From) > evidence.MaxRange+beside {
		return promql.Result{}, evidence.Call{Store: evidence.Prometheus, Text: expr}, fmt.Errorf("a range of %s in steps of %s is not asked for", r.To.Sub(r.From), r.Step)
	}
	return c.query(upstream.WithStage(ctx, "query_range"), queryRangePath, expr, url.Values{
		"query": {expr}, "start": {unixSeconds(r.From)}, "end": {unixSeconds(r.To)},
		"step": {strconv.FormatFloat(r.Step.Seconds(), 'f', -1, 64)},
	})
}

// query posts a query and decodes its answer. Not through v1.API, whose decoder takes more than ten times as long a sample
// (BenchmarkDecode).
func (c *Client) query(ctx context.Context, path, expr string, form url.Values) (promql.Result, evidence.Call, error) {
	var answer promql.Result
	call, err := c.record(ctx, expr, func(ctx context.Context) (int, []string, error) {
		err := c.post(ctx, path, form, func(body io.Reader) (err error) {
			answer, err = decode(ctx, body)
			return c.unread(ctx, err)
		})
		if err != nil {
			return 0, nil, err
		}
		if answer.Type == "" && path == queryRangePath { // cut before it was said
			answer.Type = "matrix"
		}
		answer.Warnings, answer.Partial = c.words(ctx, answer.Warnings), c.words(ctx, answer.Partial)
		return len(answer.Series), answer.Partial, nil
	})
	return answer, call, err
}

// list asks for the values of a label, or for the labels, of the series in a window. Not through v1.API, which does not know
// VictoriaMetrics' isPartial.
func (c *Client) list(ctx context.Context, text, label string, w evidence.Window, more url.Values) ([]string, evidence.Call, error) {
	var names []string
	call, err := c.record(ctx, text, func(ctx context.Context) (int, []string, error) {
		form := url.Values{"start": {unixSeconds(w.From)}, "end": {unixSeconds(w.To)}}
		maps.Copy(form, more)
		var partial []string
		read := func(body io.Reader) (err error) {
			names, partial, err = decodeNames(ctx, body)
			return c.unread(ctx, err)
		}
		var err error
		if label == "" {
			err = c.post(ctx, labelsPath, form, read)
		} else {
			// A name with other than letters, digits and underscores is escaped in a path, as Prometheus 3 reads it.
			name := model.EscapeName(label, model.ValueEncodingEscaping)
			err = c.get(ctx, c.transport.URL(labelValuesPath, map[string]string{"name": name}), form.Encode(), read)
		}
		if err != nil {
			return 0, nil, err
		}
		slices.Sort(names)
		return len(names), partial, nil
	})
	return names, call, err
}

// unread makes the error of an answer that cannot be read the store's.
func (c *Client) unread(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, memory.ErrBusy) {
		return err
	}
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		return e
	}
	return upstream.BadAnswer(upstream.Asked(ctx, c.store), err)
}

func (c *Client) get(ctx context.Context, u *url.URL, query string, read func(io.Reader) error) error {
	u.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	return c.transport.Read(ctx, req, read)
}

// post sends a form, since expressions outgrow URLs; where POST is refused (read-only proxies) it asks with GET.
func (c *Client) post(ctx context.Context, path string, form url.Values, read func(io.Reader) error) error {
	u, encoded := c.transport.URL(path, nil), form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(encoded))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header["Idempotency-Key"] = nil // queries change nothing: lets net/http retry on a stale connection
	err = c.transport.Read(ctx, req, read)
	if errors.Is(err, upstream.ErrUnsupported) || errors.Is(err, upstream.ErrForbidden) {
		return c.get(ctx, u, encoded, read)
	}
	return err
}

// record runs a call and notes what it cost. Ask returns the rows of the answer, and the store's words on what is missing.
func (c *Client) record(ctx context.Context, text string, ask func(context.Context) (int, []string, error)) (evidence.Call, error) {
	var bytes atomic.Int64
	started := time.Now()
	rows, partial, err := ask(upstream.CountBytes(ctx, &bytes))
	err = c.classify(ctx, err)
	call := evidence.Call{
		Store: evidence.Prometheus, Text: text, Duration: time.Since(started), Bytes: bytes.Load(), Rows: rows,
		Partial: partialText(c.words(ctx, partial)),
	}
	if err != nil {
		call.Err = err.Error()
	}
	return call, err
}

// classify makes client_golang's own errors ours: it finds fault with bodies, upstream with everything before them.
func (c *Client) classify(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*v1.Error](err); ok {
		return upstream.BadAnswer(upstream.Asked(ctx, c.store), e)
	}
	if errors.Is(err, memory.ErrBusy) {
		return err
	}
	return upstream.FromNetwork(upstream.Asked(ctx, c.store), err)
}

// Ping asks the cheapest question there is, and then for the version, which Prometheus' kin may not tell: it can be empty.
func (c *Client) Ping(ctx context.Context) (version string, err error) {
	answer, _, err := c.Query(ctx, "1+1", time.Now())
	if err != nil {
		return "", err
	}
	if len(answer.Series) != 1 || len(answer.Series[0].Samples) != 1 || answer.Series[0].Samples[0].Value != 2 {
		return "", upstream.BadAnswer(c.store, errors.New("1+1 is not 2 there"))
	}
	info, err := c.v1.Buildinfo(upstream.WithStage(ctx, "buildinfo"))
	if err != nil {
		return "", nil // queries work, so the store does
	}
	return upstream.Words(ctx, c.store, info.Version, maxVersion), nil
}

// maxVersion is, in bytes, as much of a version as is shown.
const maxVersion = 60

// words makes the store's remarks fit to be shown, each once.
func (c *Client) words(ctx context.Context, remarks []string) (out []string) {
	for _, text := range remarks {
		if text = upstream.Words(ctx, c.store, text, maxPartial); text != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// unixSeconds writes a time as the API wants it, exact to the millisecond (what Prometheus itself keeps).
func unixSeconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}
