package query

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Bounds on what a viewer may send, each with its reason. Any viewer may send any query.
const (
	// DefaultRows is what a table shows without becoming slow to scroll.
	DefaultRows = 1000
	// DefaultLines is Grafana's own default for log panels.
	DefaultLines = 1000
	// DefaultEvents is what still can be told apart on a graph.
	DefaultEvents = 200
	// MaxEvents is what a dashboard can draw: each is a marker of its own on every panel.
	MaxEvents = 1000
	// MaxScopeValues keeps a selector within the URL and query length that the stores accept.
	MaxScopeValues = 200
	// MaxValueLength is far above any label value, id or column text that means something.
	MaxValueLength = 1024
	// MaxFilters is more than the row has columns, and than streams have labels.
	MaxFilters = 50
	// AroundReach is how far from a line the lines next to it are looked for: an idle engine writes one in minutes.
	AroundReach = 2 * time.Hour
	// MaxPromQLLength is Prometheus' own practical ceiling for a readable expression.
	MaxPromQLLength = 20_000
	// MaxRange is 400 days: no deployment's raw telemetry is kept longer, and durations stay far from overflow.
	MaxRange = 400 * 24 * time.Hour
)

// FieldError names the field of the query that is wrong.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

func wrong(field, format string, args ...any) error {
	return &FieldError{Field: field, Err: fmt.Errorf(format, args...)}
}

// saved is the JSON as it stands in dashboards. src/types.ts mirrors it; a test holds the two together.
type saved struct {
	Version   int             `json:"version"`
	QueryType Kind            `json:"queryType"`
	Scope     vllm.Scope      `json:"scope"`
	Requests  RequestsSpec    `json:"requests"`
	Request   RequestSpec     `json:"request"`
	Models    models.Spec     `json:"models"`
	SLO       attainment.Spec `json:"slo"`
	Logs      LogsSpec        `json:"logs"`
	Trace     TraceSpec       `json:"trace"`
	Coverage  CoverageSpec    `json:"coverage"`
	PromQL    PromQLSpec      `json:"promql"`

	Annotations AnnotationsSpec `json:"annotations"`
}

// Parse decodes and validates one query. maxRows is the data source's own limit. Errors are *FieldError wherever a field
// is to blame; nothing has been sent to a store then.
func Parse(q backend.DataQuery, fromAlert bool, maxRows int) (Query, error) {
	var s saved
	if len(bytes.TrimSpace(q.JSON)) > 0 {
		if err := json.Unmarshal(q.JSON, &s); err != nil {
			return Query{}, fmt.Errorf("the query is not valid: %w", cleanJSONError(err))
		}
	}
	if s.QueryType == "" {
		s.QueryType = Kind(q.QueryType)
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
	return out, out.take(&s, maxRows)
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
	if !q.Range.From.Before(q.Range.To) {
		return wrong("timeRange", "it ends before it begins")
	}
	if q.Range.Duration() > MaxRange {
		return wrong("timeRange", "longer than %d days", int(MaxRange.Hours()/24))
	}
	return nil
}

// CheckScope refuses what no scope can mean.
func CheckScope(s vllm.Scope) error {
	for field, values := range map[string][]string{
		"models": s.Models, "environments": s.Environments, "namespaces": s.Namespaces, "pods": s.Pods,
		"instances": s.Instances, "engines": s.Engines, "services": s.Services,
	} {
		if err := checkValues(values); err != nil {
			return &FieldError{"scope." + field, err}
		}
	}
	return checkConditions("scope.where", s.Where, func(c vllm.Condition) error {
		if !slices.Contains(vllm.Places, vllm.Place(c.Key)) {
			return fmt.Errorf("%q is none of %s", clip(c.Key), listed(vllm.Places))
		}
		return nil
	})
}

// checkConditions checks all but the keys, which the caller knows.
func checkConditions(field string, conditions []vllm.Condition, check func(vllm.Condition) error) error {
	if len(conditions) > MaxFilters {
		return wrong(field, "%d conditions are more than %d", len(conditions), MaxFilters)
	}
	for i, c := range conditions {
		if err := cmp.Or(check(c), checkText(string(c.Op)), checkValues(c.Values), c.Check()); err != nil {
			return &FieldError{fmt.Sprintf("%s[%d]", field, i), err}
		}
	}
	return nil
}

func checkValues(values []string) error {
	if len(values) > MaxScopeValues {
		return fmt.Errorf("%d values are more than %d", len(values), MaxScopeValues)
	}
	for _, v := range values {
		if err := checkText(v); err != nil {
			return err
		}
	}
	return nil
}

func (s *RequestsSpec) check(maxRows int, fromAlert bool) error {
	if err := cmp.Or(s.Form.Check(), models.CheckGroups(s.GroupBy)); err != nil {
		return &FieldError{"requests", err}
	}
	if fromAlert && s.Form != models.TimeSeries {
		s.Form = models.Numeric
	}
	s.Form, s.GroupBy = cmp.Or(s.Form, models.Table), models.InOrder(s.GroupBy)
	if s.Form != models.Table && len(s.Filters) == 0 {
		return wrong("requests.filters", "the share of requests that pass is compared: give a filter, such as unaccounted > 1s")
	}

	if s.Limit < 0 {
		return wrong("requests.limit", "%d is negative", s.Limit)
	}
	if s.Limit > maxRows {
		return wrong("requests.limit", "%d is more than this data source's limit of %d requests", s.Limit, maxRows)
	}
	if s.Limit == 0 {
		s.Limit = min(DefaultRows, maxRows)
	}
	if _, ok := join.ColumnNamed(s.Sort.Column); !ok && s.Sort.Column != "" {
		return wrong("requests.sort.column", "the request row has no column %q", clip(s.Sort.Column))
	}
	if s.Sort.Column == "" {
		s.Sort = DefaultSort
	}
	if len(s.Filters) > MaxFilters {
		return wrong("requests.filters", "%d filters are more than %d", len(s.Filters), MaxFilters)
	}
	for i, f := range s.Filters {
		if err := checkValues(f.Values); err != nil {
			return &FieldError{fmt.Sprintf("requests.filters[%d]", i), err}
		}
		for _, text := range []string{f.Column, f.Value, string(f.Op)} {
			if err := checkText(text); err != nil {
				return &FieldError{fmt.Sprintf("requests.filters[%d]", i), err}
			}
		}
	}
	if _, err := join.CompileFilters(s.Filters); err != nil {
		return &FieldError{"requests", err}
	}
	return nil
}

func (s *RequestSpec) check() error {
	s.ID = strings.TrimSpace(s.ID)
	if s.ID == "" {
		return wrong("request.id", "empty: give a request id, an X-Request-Id or a trace id")
	}
	if !vllm.ValidRequestID(s.ID) {
		return wrong("request.id", "%q is not a request id: it has characters that no id has, or more than %d", clip(s.ID), vllm.MaxRequestIDLength)
	}
	for _, part := range s.Show {
		if !slices.Contains(Parts, part) {
			return wrong("request.show", "%q is none of %s", clip(string(part)), listed(Parts))
		}
	}
	return nil
}

func (q *Query) checkModels() error {
	if err := q.Models.Validate(); err != nil {
		return &FieldError{"models", err}
	}
	if q.FromAlert {
		spec, err := q.Models.ForAlert()
		if err != nil {
			return &FieldError{"models", err}
		}
		q.Models = &spec
	}
	return nil
}

func (q *Query) checkSLO() error {
	if err := q.SLO.Validate(); err != nil {
		return &FieldError{"slo", err}
	}
	if q.FromAlert {
		spec, err := q.SLO.ForAlert()
		if err != nil {
			return &FieldError{"slo", err}
		}
		q.SLO = &spec
	}
	return nil
}

// logWord is what process, logger and level names are made of.
var logWord = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{0,128}$`)

// LogWord reports whether a logs query takes a text as the name of a process or a logger.
func LogWord(text string) bool { return logWord.MatchString(text) }

func (s *LogsSpec) check() error {
	if s.Limit < 0 {
		return wrong("logs.limit", "%d is negative", s.Limit)
	}
	if s.Limit == 0 {
		s.Limit = DefaultLines
	}
	if s.RequestID != "" && !vllm.ValidRequestID(s.RequestID) {
		return wrong("logs.requestId", "%q is not a request id", clip(s.RequestID))
	}
	if !logWord.MatchString(s.Process) {
		return wrong("logs.process", "%q is not a process name such as EngineCore_DP0", clip(s.Process))
	}
	if !logWord.MatchString(s.Logger) {
		return wrong("logs.logger", "%q is not a file name such as async_llm.py", clip(s.Logger))
	}
	for _, level := range s.Levels {
		switch vllm.LogLevel(level) {
		case vllm.LevelDebug, vllm.LevelInfo, vllm.LevelWarning, vllm.LevelError, vllm.LevelCritical, vllm.LevelUnknown:
		default:
			return wrong("logs.levels", "%q is none of debug, info, warning, error, critical, unknown", clip(level))
		}
	}
	if err := checkText(s.Contains); err != nil {
		return &FieldError{"logs.contains", err}
	}
	if err := checkText(s.Regex); err != nil {
		return &FieldError{"logs.regex", err}
	}
	if _, err := regexp.Compile(s.Regex); err != nil {
		return &FieldError{"logs.regex", err}
	}
	return s.checkPlace()
}

// lokiLabel is what Loki takes for the name of a label.
var lokiLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,127}$`)

// checkPlace checks which streams and lines are asked for by label, and around which time.
func (s *LogsSpec) checkPlace() error {
	if err := checkConditions("logs.where", s.Where, func(c vllm.Condition) error {
		if !lokiLabel.MatchString(c.Key) {
			return fmt.Errorf("%q is no label", clip(c.Key))
		}
		if whole := c.Op == vllm.Is || c.Op == vllm.IsNot; !whole && (c.Key == "process" || c.Key == "logger") {
			return fmt.Errorf("op %q does not apply to %s (use =, !=; or an expression over the whole line)", c.Op, c.Key)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(s.Stream) > MaxFilters {
		return wrong("logs.stream", "%d labels are more than %d", len(s.Stream), MaxFilters)
	}
	for name, value := range s.Stream {
		if !lokiLabel.MatchString(name) {
			return wrong("logs.stream", "%q is no label", clip(name))
		}
		if err := checkText(value); err != nil {
			return &FieldError{"logs.stream", err}
		}
	}
	if _, err := strconv.ParseUint(s.Around, 10, 62); s.Around != "" && err != nil {
		return wrong("logs.around", "%q is no time in nanoseconds since the epoch", clip(s.Around))
	}
	return nil
}

// AroundWindow is where the lines next to the one at Around are looked for, its own nanosecond included.
func (s *LogsSpec) AroundWindow() evidence.Window {
	nanoseconds, _ := strconv.ParseInt(s.Around, 10, 64) // checked
	at := time.Unix(0, nanoseconds).UTC()
	if s.Oldest {
		return evidence.Window{From: at, To: at.Add(AroundReach)}
	}
	return evidence.Window{From: at.Add(-AroundReach), To: at.Add(1)}
}

var hexID = regexp.MustCompile(`^[0-9a-fA-F]{1,32}$`)

func (s *TraceSpec) check() error {
	s.TraceID = strings.TrimSpace(s.TraceID)
	if !hexID.MatchString(s.TraceID) || strings.Trim(s.TraceID, "0") == "" {
		return wrong("trace.traceId", "%q is not a trace id: up to 32 hexadecimal digits", clip(s.TraceID))
	}
	s.TraceID = strings.ToLower(s.TraceID)
	return nil
}

func (s *CoverageSpec) check(fromAlert bool) error {
	switch s.Form {
	case "":
		s.Form = models.Table
	case models.Table, models.TimeSeries, models.Numeric:
	default:
		return wrong("coverage.form", "%q is none of table, timeseries, numeric", clip(string(s.Form)))
	}
	if fromAlert && s.Form == models.Table {
		s.Form = models.Numeric
	}
	if s.Metric != "" {
		if _, ok := join.CoverageMetricNamed(s.Metric); !ok {
			return wrong("coverage.metric", "%q is none of %s", clip(s.Metric), strings.Join(join.CoverageMetricNames(), ", "))
		}
	} else if s.Form == models.Numeric || fromAlert {
		return wrong("coverage.metric", "an alert compares one number: choose one of %s", strings.Join(join.CoverageMetricNames(), ", "))
	}
	return nil
}

func (s *AnnotationsSpec) check() error {
	if s.Limit < 0 || s.Limit > MaxEvents {
		return wrong("annotations.limit", "%d is not between 1 and %d", s.Limit, MaxEvents)
	}
	if s.Limit == 0 {
		s.Limit = DefaultEvents
	}
	for _, t := range s.Events {
		if _, ok := events.Lookup(t); !ok {
			return wrong("annotations.events", "%q is none of %s", clip(string(t)), listed(events.Types()))
		}
	}
	if len(s.Events) == 0 {
		s.Events = events.Types()
	}
	return nil
}

func (s *PromQLSpec) check() error {
	if strings.TrimSpace(s.Expr) == "" {
		return wrong("promql.expr", "empty")
	}
	if len(s.Expr) > MaxPromQLLength {
		return wrong("promql.expr", "longer than %d characters", MaxPromQLLength)
	}
	if err := checkText(s.Legend); err != nil {
		return &FieldError{"promql.legend", err}
	}
	if s.MinStep != "" {
		if d, err := time.ParseDuration(s.MinStep); err != nil || d <= 0 || d > MaxRange {
			return wrong("promql.minStep", "%q is not a duration such as 15s", clip(s.MinStep))
		}
	}
	return nil
}

// checkText refuses what no name, value or expression holds: control characters and texts without end.
func checkText(s string) error {
	if len(s) > MaxValueLength {
		return fmt.Errorf("longer than %d characters", MaxValueLength)
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return fmt.Errorf("%q holds a control character or is not UTF-8", clip(s))
		}
	}
	return nil
}

// clip shortens what a message quotes.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// cleanJSONError keeps encoding/json's account of field and type, without Go's type names.
func cleanJSONError(err error) error {
	if t, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Errorf("%s: a %s does not belong here", t.Field, t.Value)
	}
	return err
}

func (k Kind) known() bool {
	for _, other := range Kinds {
		if k == other {
			return true
		}
	}
	return false
}

func listed[Word ~string](words []Word) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}
