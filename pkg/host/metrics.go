package host

import (
	"errors"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// Our own metrics, beside those of single store calls in package upstream. Grafana serves them at
// /metrics/plugins/llmserving-vllm-datasource. Registered once for the process: instances come and go.
var (
	querySeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vllm_datasource_query_duration_seconds",
		Help:    "Duration of queries by kind and outcome (ok, refused, busy, downstream, plugin), from the request to the frames.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"kind", "outcome"})
)

// observeQuery starts the clock of one query; the function that it gives stops it, and counts what the answer says.
func observeQuery() func(query.Kind, backend.DataResponse) {
	started := time.Now()
	return func(kind query.Kind, response backend.DataResponse) {
		querySeconds.WithLabelValues(string(kind), outcome(response)).Observe(time.Since(started).Seconds())
	}
}

// The outcomes of a query beside the two sources of errors, "downstream" and "plugin".
const (
	outcomeOK      = "ok"
	outcomeRefused = "refused" // by us, before a store was asked: the query is not valid
	outcomeBusy    = "busy"    // by us: others hold what there is
)

// outcome is what an answer counts as.
func outcome(response backend.DataResponse) string {
	_, ofStore := errors.AsType[*upstream.Error](response.Error)
	switch {
	case response.Error == nil:
		return outcomeOK
	case errors.Is(response.Error, memory.ErrBusy):
		return outcomeBusy
	case response.Status == backend.StatusBadRequest && !ofStore && !errors.Is(response.Error, answer.ErrNotConfigured):
		return outcomeRefused
	default:
		return string(response.ErrorSource)
	}
}

// unknownKind stands for all words that are no kind: what a query may say must not become a label.
const unknownKind query.Kind = "unknown"

// kindOf is the kind that a query which was not parsed yet names.
func kindOf(raw backend.DataQuery) query.Kind {
	if kind := query.Kind(raw.QueryType); slices.Contains(query.Kinds, kind) {
		return kind
	}
	return unknownKind
}
