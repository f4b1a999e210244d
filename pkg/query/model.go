// Package query turns what a panel, Explore or an alert rule sends into one typed, validated Query. After it, no code
// touches raw JSON. It knows Grafana's DataQuery; it must not know any store's language.
package query

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
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
	Models   *figures.Spec
	SLO      *attainment.Spec
	Logs     *LogsSpec
	Trace    *TraceSpec
	Coverage *CoverageSpec
	PromQL   *PromQLSpec

	Annotations *AnnotationsSpec
}
