// Package query turns what a panel, Explore or an alert rule sends into one typed, validated Query. After it, no code
// touches raw JSON. It knows Grafana's DataQuery; it must not know any store's language.
package query

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Version of the saved query model. A query without version is taken as 1; a newer one than this is refused, since its
// meaning may have changed.
const Version = 1

// Kind is what a query asks for. The words are saved in dashboards: change one only with a migration.
type Kind string

// The kinds.
const (
	Requests Kind = "requests"
	Request  Kind = "request"
	Models   Kind = "models"
	SLO      Kind = "slo"
	Logs     Kind = "logs"
	Trace    Kind = "trace"
	PromQL   Kind = "promql"
	Coverage Kind = "coverage"

	Annotations Kind = "annotations"
)

// Kinds lists them in the order in which an editor shows them.
var Kinds = []Kind{Requests, Request, Models, SLO, Logs, Trace, Annotations, Coverage, PromQL}

// Alerts reports whether the kind can be evaluated by an alert rule: it must reduce to numbers with stable labels.
func (k Kind) Alerts() bool {
	return k == Requests || k == Models || k == SLO || k == Coverage || k == PromQL
}

// Query is one parsed query. Exactly the spec of its kind is set.
type Query struct {
	RefID     string
	Kind      Kind
	Range     evidence.Window
	Interval  time.Duration // Grafana's suggestion; an alert rule's default is 1 s, so never a step by itself
	FromAlert bool
	Scope     vllm.Scope

	Requests *RequestsSpec
	Request  *RequestSpec
	Models   *models.Spec
	SLO      *attainment.Spec
	Logs     *LogsSpec
	Trace    *TraceSpec
	Coverage *CoverageSpec
	PromQL   *PromQLSpec

	Annotations *AnnotationsSpec
}

// RequestsSpec asks for joined requests: those that pass every filter, in order, at most Limit rows.
type RequestsSpec struct {
	Filters []join.Filter `json:"filters,omitempty"`
	Sort    join.Order    `json:"sort"`            // without a column: DefaultSort
	Limit   int           `json:"limit,omitempty"` // 0 = DefaultRows
	Live    bool          `json:"live,omitempty"`  // the answer goes on as a stream
	// Form other than a table asks for the share of requests that pass the filters, per group: what an alert rule compares.
	Form    models.Form `json:"form,omitempty"`
	GroupBy []string    `json:"groupBy,omitempty"` // of a share; empty = model
}

// DefaultSort puts the slowest request first: why something is slow is what people ask. A request whose duration is not
// known, because it still runs or its span was lost, comes last, the newest of these first.
var DefaultSort = join.Order{Column: "e2e", Desc: true}

// DefaultAlert is what a new alert rule compares: the time to first token that one request in a hundred exceeds, per model.
var DefaultAlert = models.Spec{
	Metrics: []string{"ttft"}, GroupBy: []string{models.ByModel}, Quantiles: []float64{0.99}, Form: models.Numeric,
}

// RequestSpec asks for everything about one request. ID is an external id, a client's X-Request-Id, an internal id or a
// trace id: which one it is, the stores tell.
type RequestSpec struct {
	ID string `json:"id"`
	// Show lists the parts of the answer; empty = all. A panel that draws one part does not fetch the others.
	Show []Part `json:"show,omitempty"`
}

// Part is one part of the answer about one request.
type Part string

// The parts.
const (
	PartSummary    Part = "summary"
	PartPhases     Part = "phases"
	PartTrace      Part = "trace"
	PartLogs       Part = "logs"
	PartEngine     Part = "engine"
	PartNeighbours Part = "neighbours"
)

// Parts lists them in the order of the answer.
var Parts = []Part{PartSummary, PartPhases, PartTrace, PartLogs, PartEngine, PartNeighbours}

// Shows reports whether the answer has that part.
func (s RequestSpec) Shows(part Part) bool { return len(s.Show) == 0 || slices.Contains(s.Show, part) }

// LogsSpec asks for vLLM log lines, newest first unless Oldest.
type LogsSpec struct {
	Levels    []string `json:"levels,omitempty"`
	Process   string   `json:"process,omitempty"`
	Logger    string   `json:"logger,omitempty"`
	RequestID string   `json:"requestId,omitempty"`
	Contains  string   `json:"contains,omitempty"`
	Regex     string   `json:"regex,omitempty"`
	Limit     int      `json:"limit,omitempty"`
	Oldest    bool     `json:"oldest,omitempty"`
	Volume    bool     `json:"volume,omitempty"` // counts by level over time instead of lines
	Live      bool     `json:"live,omitempty"`   // the answer goes on as a stream
	// Where compares the process, the logger and Loki's labels, those of streams and those of single lines.
	Where []vllm.Condition `json:"where,omitempty"`
	// Stream keeps to the streams that have all of these labels.
	Stream map[string]string `json:"stream,omitempty"`
	// Around is the time of a line, in nanoseconds since the epoch: the lines next to it are wanted, before it or, with
	// Oldest, after it, itself included, whatever the range of the query is.
	Around string `json:"around,omitempty"`
}

// TraceSpec asks for one trace.
type TraceSpec struct {
	TraceID string `json:"traceId"`
}

// AnnotationsSpec asks what happened to engines: restarts, deaths, storms and the like.
type AnnotationsSpec struct {
	Events []events.Type `json:"events,omitempty"` // empty = all
	Limit  int           `json:"limit,omitempty"`  // 0 = DefaultEvents
}

// CoverageSpec asks how much of the window the join saw.
type CoverageSpec struct {
	Form models.Form `json:"form,omitempty"`
	// Metric narrows an alert or a series to one number, such as explained_ratio; empty = all (table only).
	Metric string `json:"metric,omitempty"`
}

// PromQLSpec is raw PromQL. $__interval, $__rate_interval, $__range and their relatives are expanded in Go.
type PromQLSpec struct {
	Expr    string `json:"expr"`
	Instant bool   `json:"instant,omitempty"`
	Legend  string `json:"legend,omitempty"` // {{label}} is replaced
	MinStep string `json:"minStep,omitempty"`
}
