package host

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/tracing"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental/concurrent"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// maxConcurrentQueries is how many queries of one request run at a time; each asks up to three stores by itself.
const maxConcurrentQueries = 4

// fromAlertHeader is set by Grafana's rule evaluation; it comes as a plain key, without the http_ prefix.
const fromAlertHeader = "FromAlert"

// QueryData answers every refID by itself: one that fails leaves the others alone.
func (d *Datasource) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	fromAlert := req.Headers[fromAlertHeader] == "true"
	asking, account, err := d.openAccount(upstream.WithIdentity(ctx, req.GetHTTPHeaders()), req.PluginContext, fromAlert)
	if err != nil {
		return busy(req, err), nil
	}
	var held atomic.Int64 // bytes of the answers
	defer func() { closeAccount(ctx, account, held.Load()) }()
	return concurrent.QueryData(asking, req, func(ctx context.Context, q concurrent.Query) backend.DataResponse {
		response, bytes := d.answer(ctx, q.DataQuery, fromAlert)
		held.Add(bytes)
		return response
	}, maxConcurrentQueries)
}

// busy is the answer to every query of a request that found no place.
func busy(req *backend.QueryDataRequest, err error) *backend.QueryDataResponse {
	out := backend.NewQueryDataResponse()
	for _, q := range req.Queries {
		response := failed(err, nil)
		observeQuery()(kindOf(q), response)
		out.Responses[q.RefID] = response
	}
	return out
}

// answer runs one query, and says how many bytes its answer holds. A panic anywhere in it is that query's error, and ours.
func (d *Datasource) answer(ctx context.Context, raw backend.DataQuery, fromAlert bool) (response backend.DataResponse, held int64) {
	ctx, broken := guard.Watch(ctx)
	kind, done := kindOf(raw), observeQuery()
	defer func() {
		if err := broken(); err != nil {
			response = failed(err, nil)
		}
		done(kind, response)
	}()
	defer guard.Recover(ctx, new(error))
	q, err := query.Parse(query.Sent{
		RefID: raw.RefID, QueryType: raw.QueryType, Interval: raw.Interval, JSON: raw.JSON,
		TimeRange: evidence.Window{From: raw.TimeRange.From, To: raw.TimeRange.To},
	}, fromAlert, d.Settings.Limits.Requests)
	if err != nil {
		return backend.ErrDataResponseWithSource(backend.StatusBadRequest, backend.ErrorSourceDownstream, err.Error()), 0
	}
	kind = q.Kind
	ctx, span := tracing.DefaultTracer().Start(ctx, "vllm."+string(q.Kind), trace.WithAttributes(
		attribute.Bool("alert", fromAlert), attribute.Float64("range_seconds", q.Range.Duration().Seconds()),
	))
	defer span.End()
	frames, err := d.kinds[q.Kind](upstream.WithQuestion(ctx), q)
	if err == nil {
		frames, err = labelled(frames, q.FromAlert)
	}
	if fit, bytes, tooMuch := answer.Charged(ctx, frames, fromAlert); tooMuch == nil {
		frames, held = fit, bytes
	} else if frames = nil; err == nil {
		err = tooMuch
	}
	if err != nil {
		_ = tracing.Error(span, err)
		return failed(err, frames), held
	}
	return backend.DataResponse{Frames: frames, Status: backend.StatusOK}, held
}

// failed turns an error into a response: a store's failure with the store's own status, a wrong field as a bad request,
// everything else as a mistake of ours.
func failed(err error, frames data.Frames) backend.DataResponse {
	var field *query.FieldError
	if errors.As(err, &field) || errors.Is(err, answer.ErrNotConfigured) {
		return backend.DataResponse{Error: err, Status: backend.StatusBadRequest, ErrorSource: backend.ErrorSourceDownstream, Frames: frames}
	}
	status, source := upstream.StatusAndSource(err)
	return backend.DataResponse{Error: err, Status: status, ErrorSource: source, Frames: frames}
}
