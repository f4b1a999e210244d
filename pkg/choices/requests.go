package choices

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// maxRecent is how many requests of each sort are offered: more is not a choice but a search, and that is a query.
	maxRecent = 50
	// maxColumnValues is as many values of a column as are worth choosing from; a request id has as many as there are rows.
	maxColumnValues = 200
)

// requestsCatalogue gives the evidence that rows are joined from.
type requestsLister interface {
	Recent(ctx context.Context, window evidence.Window, scope vllm.Scope) (join.Input, error)
}

// recentRequests are the requests that somebody who asks for one is likely to mean.
type recentRequests struct {
	Slowest []recentRequest `json:"slowest"` // the longest e2e first
	Failed  []recentRequest `json:"failed"`  // errors, aborts and rejections, the newest first
}

// recentRequest is what tells one request from another. What is not known is left out.
type recentRequest struct {
	RequestID       string   `json:"requestId,omitempty"`
	ClientRequestID string   `json:"clientRequestId,omitempty"`
	TraceID         string   `json:"traceId,omitempty"`
	Time            int64    `json:"time"` // milliseconds since the epoch
	Model           string   `json:"model,omitempty"`
	Status          string   `json:"status"`
	E2E             *float64 `json:"e2e,omitempty"` // seconds
}

// recent lists the slowest and the failed of the newest requests of a window.
func (c *Lists) recent(ctx context.Context, ask listing) (recentRequests, error) {
	out := recentRequests{Slowest: []recentRequest{}, Failed: []recentRequest{}}
	rows, err := c.rows(ctx, ask, query.DefaultSort)
	if err != nil {
		return out, err
	}
	e2e, _ := join.ColumnNamed("e2e")
	var failed []*join.Request
	for i := range rows {
		r := &rows[i]
		switch r.Status {
		case join.StatusError, join.StatusAborted, join.StatusRejected:
			failed = append(failed, r)
		}
		if len(out.Slowest) < maxRecent && !e2e.Null(r) && nameable(r) {
			out.Slowest = append(out.Slowest, describe(r))
		}
	}
	slices.SortStableFunc(failed, func(a, b *join.Request) int { return b.Time.Compare(a.Time) })
	for _, r := range failed {
		if len(out.Failed) < maxRecent && nameable(r) {
			out.Failed = append(out.Failed, describe(r))
		}
	}
	return out, nil
}

// nameable reports whether a request can be asked for by id: a query refuses ids that are none.
func nameable(r *join.Request) bool {
	return vllm.ComparableRequestID(r.RequestID) || vllm.ComparableRequestID(r.ClientRequestID) || vllm.ComparableRequestID(r.TraceID)
}

func describe(r *join.Request) recentRequest {
	out := recentRequest{Time: r.Time.UnixMilli(), Model: r.Model, Status: string(r.Status)}
	for text, into := range map[string]*string{
		r.RequestID: &out.RequestID, r.ClientRequestID: &out.ClientRequestID, r.TraceID: &out.TraceID,
	} {
		if vllm.ComparableRequestID(text) {
			*into = text
		}
	}
	if r.Span != nil {
		out.E2E = join.NullNumber(&r.Span.E2E)
	}
	return out
}

// columnValues lists what a text column of the row holds among the newest requests of a window, the most frequent first.
func (c *Lists) columnValues(ctx context.Context, name string, ask listing) ([]option, error) {
	column, ok := join.ColumnNamed(name)
	if !ok || column.Text == nil {
		return nil, badParameter{"name", "is no column of text"}
	}
	rows, err := c.rows(ctx, ask, join.Order{})
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for i := range rows {
		if value := join.NullText(column.Text(&rows[i])); value != nil && choosable(*value) {
			counts[*value]++
		}
	}
	options := make([]option, 0, len(counts))
	for value, count := range counts {
		options = append(options, option{Text: value, Value: value, Count: count})
	}
	slices.SortFunc(options, func(a, b option) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return options[:min(len(options), maxColumnValues)], nil
}

// choosable reports whether a filter can carry a value.
func choosable(value string) bool {
	return len(value) <= query.MaxValueLength && !strings.ContainsFunc(value, unicode.IsControl)
}

// rows joins the newest requests of a window. Stores that fail are left out as long as there are rows: a menu is better short than shut.
func (c *Lists) rows(ctx context.Context, ask listing, order join.Order) ([]join.Request, error) {
	in, err := c.requests.Recent(ctx, ask.window, ask.scope)
	if err != nil {
		return nil, err
	}
	rows, total := join.Choose(join.Requests(in).Rows, join.Predicate{}.Within(ask.scope), order, 0)
	if total == 0 {
		return nil, failures(in.Stores)
	}
	return rows, nil
}

// failures joins what went wrong in the stores that are configured; nil when all answered.
func failures(stores []evidence.StoreReport) error {
	var errs []error
	for _, s := range stores {
		if s.Configured {
			errs = append(errs, upstream.Trouble(s))
		}
	}
	return upstream.Join(errs...)
}
