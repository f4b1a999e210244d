package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/pkg/wellformed"
)

// saved is the JSON as it stands in dashboards. The tests write it as TypeScript: src/query.generated.ts.
type saved struct {
	Version   int             `json:"version"`
	QueryType Kind            `json:"queryType"`
	Scope     vllm.Scope      `json:"scope"`
	Requests  RequestsSpec    `json:"requests"`
	Request   RequestSpec     `json:"request"`
	Models    figures.Spec    `json:"models"`
	SLO       attainment.Spec `json:"slo"`
	Logs      LogsSpec        `json:"logs"`
	Trace     TraceSpec       `json:"trace"`
	Coverage  CoverageSpec    `json:"coverage"`
	PromQL    PromQLSpec      `json:"promql"`

	Annotations AnnotationsSpec `json:"annotations"`
}

// Sent is one query as Grafana sends it.
type Sent struct {
	RefID, QueryType string // QueryType is what the JSON says, if it says none
	Interval         time.Duration
	TimeRange        evidence.Window
	JSON             json.RawMessage
}

// Parse decodes and validates one query. maxRows is the data source's own limit. Errors are *FieldError wherever a field
// is to blame; nothing has been sent to a store then.
func Parse(q Sent, fromAlert bool, maxRows int) (Query, error) {
	var s saved
	malformed := wellformed.JSON(q.JSON)
	if malformed != nil && !errors.Is(malformed, wellformed.ErrNUL) { // of a NUL the field can say more, where it looks for one
		return Query{}, fmt.Errorf("the query is not valid: %w", malformed)
	}
	if len(bytes.TrimSpace(q.JSON)) > 0 {
		if err := json.Unmarshal(q.JSON, &s); err != nil {
			return Query{}, fmt.Errorf("the query is not valid: %w", cleanJSONError(err))
		}
	}
	if s.QueryType == "" {
		s.QueryType = Kind(q.QueryType)
	}
	if foreign(s.QueryType) {
		if t, ok := prometheusTarget(q.JSON); ok {
			s.QueryType, s.PromQL = PromQL, t.spec()
		}
	}
	if s.QueryType == "" {
		// A new query is saved empty until its editor is touched, and means what the editor shows.
		if fromAlert {
			s.QueryType, s.Models = Models, DefaultAlert
		} else {
			s.QueryType = Requests
		}
	}
	if s.Version > Version {
		return Query{}, wrong("version", "%d is newer than this plugin's %d: update the plugin", s.Version, Version)
	}
	out := Query{
		RefID: q.RefID, Kind: s.QueryType, Interval: q.Interval, FromAlert: fromAlert,
		Range: evidence.Window{From: q.TimeRange.From.UTC(), To: q.TimeRange.To.UTC()}, Scope: s.Scope,
	}
	if err := out.checkRange(); err != nil {
		return Query{}, err
	}
	if err := CheckScope(s.Scope); err != nil {
		return Query{}, err
	}
	if fromAlert && !out.Kind.Alerts() && out.Kind.known() {
		return Query{}, wrong("queryType", "%q gives rows, not numbers: an alert rule can use requests, models, slo, coverage or promql", out.Kind)
	}
	if err := out.take(&s, maxRows); err != nil {
		return Query{}, err
	}
	if malformed != nil {
		return Query{}, fmt.Errorf("the query is not valid: %w", malformed)
	}
	return out, nil
}

// prometheusTarget reads a query that has an expression where Grafana's Prometheus data source keeps it. A target that does
// not decode is none.
func prometheusTarget(query []byte) (t target, ok bool) {
	if len(bytes.TrimSpace(query)) == 0 || json.Unmarshal(query, &t) != nil {
		return target{}, false
	}
	return t, strings.TrimSpace(t.Expr) != ""
}

// take checks the spec of the query's kind and keeps only that.
func (q *Query) take(s *saved, maxRows int) error {
	switch q.Kind {
	case Requests:
		q.Requests = &s.Requests
		return q.Requests.check(maxRows, q.FromAlert)
	case Request:
		q.Request = &s.Request
		return q.Request.check()
	case Models:
		q.Models = &s.Models
		return q.checkModels()
	case SLO:
		q.SLO = &s.SLO
		return q.checkSLO()
	case Logs:
		q.Logs = &s.Logs
		return q.Logs.check()
	case Trace:
		q.Trace = &s.Trace
		return q.Trace.check()
	case Coverage:
		q.Coverage = &s.Coverage
		return q.Coverage.check(q.FromAlert)
	case Annotations:
		q.Annotations = &s.Annotations
		return q.Annotations.check()
	case PromQL:
		q.PromQL = &s.PromQL
		return q.PromQL.check()
	default:
		return wrong("queryType", "%q is none of %s", clip(string(q.Kind)), listed(Kinds))
	}
}

func (q *Query) checkRange() error {
	if err := q.Range.Askable(); err != nil {
		return &FieldError{"timeRange", err}
	}
	// A panel's suggestion is a part of its range. What is longer, or none, is a mistake or worse: no step follows from it.
	q.Interval = min(max(q.Interval, 0), q.Range.Duration())
	return nil
}

func (k Kind) known() bool {
	for _, other := range Kinds {
		if k == other {
			return true
		}
	}
	return false
}
