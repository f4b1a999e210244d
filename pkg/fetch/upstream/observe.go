package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/tracing"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// The calls to the stores. Stages are few and fixed (see WithStage), outcomes are "ok" or a Kind. Registered once for the
// process: instances come and go with each change of settings.
var (
	callSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vllm_datasource_store_call_duration_seconds",
		Help:    "Duration of single calls to a store, until the answer was read.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"store", "stage", "outcome"})
	callBytes = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vllm_datasource_store_response_bytes",
		Help:    "Size of single answers of a store, after decompression.",
		Buckets: prometheus.ExponentialBuckets(1<<10, 4, 10), // 1 KiB … 256 MiB, the default ceiling
	}, []string{"store", "stage"})
)

type (
	stageKey struct{}
	bytesKey struct{}
)

// WithStage names what the calls made with ctx are for: a constant of the calling package, such as "query_range". It
// becomes a label and a span name, so nothing that comes from a user or a store may be in it.
func WithStage(ctx context.Context, stage string) context.Context {
	return context.WithValue(ctx, stageKey{}, stage)
}

func stageOf(ctx context.Context) string {
	if stage, ok := ctx.Value(stageKey{}).(string); ok {
		return stage
	}
	return "other"
}

// CountBytes lets the calls made with ctx add the size of their answers to n, for the report of what a query cost.
func CountBytes(ctx context.Context, n *atomic.Int64) context.Context {
	return context.WithValue(ctx, bytesKey{}, n)
}

// Observe records a finished call. Client does it by itself; a client over another protocol calls it once a call.
func Observe(ctx context.Context, store evidence.Store, started time.Time, bytes int64, err error) {
	outcome := "ok"
	if err != nil {
		outcome = kindOf(err)
	}
	stage := stageOf(ctx)
	callSeconds.WithLabelValues(string(store), stage, outcome).Observe(time.Since(started).Seconds())
	if err == nil {
		callBytes.WithLabelValues(string(store), stage).Observe(float64(bytes))
	}
	if n, ok := ctx.Value(bytesKey{}).(*atomic.Int64); ok {
		n.Add(bytes)
	}
}

// meter holds each answer to the store's ceiling and observes it when its body is closed. The ceiling comes on top of
// Grafana's own (response_limit), so the smaller of the two holds.
func meter(store settings.Store) httpclient.Middleware {
	return httpclient.NamedMiddlewareFunc("vllm-meter", func(_ httpclient.Options, next http.RoundTripper) http.RoundTripper {
		return httpclient.RoundTripperFunc(func(req *http.Request) (*http.Response, error) {
			ctx, started := req.Context(), time.Now()
			res, err := next.RoundTrip(req)
			if err != nil {
				Observe(ctx, store.Name, started, 0, FromNetwork(store, err))
				return res, err
			}
			body := &meteredBody{ReadCloser: res.Body}
			if store.MaxResponse > 0 {
				body.ReadCloser = httpclient.MaxBytesReader(res.Body, store.MaxResponse)
			}
			if res.StatusCode >= http.StatusBadRequest {
				body.err = &Error{Kind: kindOfStatus(res.StatusCode)}
			}
			body.closed = func() {
				Observe(ctx, store.Name, started, body.bytes, FromNetwork(store, body.err))
			}
			res.Body = body
			return res, nil
		})
	})
}

// meteredBody counts what is read and remembers the first error. One goroutine reads and closes it.
type meteredBody struct {
	io.ReadCloser
	bytes  int64
	err    error
	closed func() // nil after the first Close
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && b.err == nil {
		b.err = err
	}
	return n, err
}

func (b *meteredBody) Close() error {
	if b.closed != nil {
		b.closed()
		b.closed = nil
	}
	return b.ReadCloser.Close()
}

// startSpan begins the span of one call with its answer. The SDK's own span of the HTTP exchange becomes its child.
func startSpan(ctx context.Context, store evidence.Store) (context.Context, trace.Span) {
	stage := stageOf(ctx)
	return tracing.DefaultTracer().Start(ctx, string(store)+" "+stage,
		trace.WithAttributes(attribute.String("store", string(store)), attribute.String("stage", stage)))
}

func endSpan(span trace.Span, err error) { _ = tracing.Error(span, err) }
