package query

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/typescript"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var update = flag.Bool("update", false, "rewrite what the frontend reads from the query model")

// TestFrontendReadsThisModel compares what the editors are built from with the Go model: src/query.generated.json with names,
// units and descriptions, and src/query.generated.ts with the types.
func TestFrontendReadsThisModel(t *testing.T) {
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(frontendSchema()))
	requireFile(t, "../../src/query.generated.json", want.String())
	requireFile(t, "../../src/query.generated.ts", frontendTypes())
}

func requireFile(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "go test ./pkg/query -update brings the frontend up to date")
}

// frontendTypes declares the query model in TypeScript.
func frontendTypes() string {
	lists := slices.DeleteFunc(fieldsOf(reflect.TypeFor[vllm.Scope]()), func(field string) bool { return field == "where" })
	enums := []typescript.Enum{
		typescript.EnumOf("queryTypes", "QueryType", Kinds),
		typescript.EnumOf("scopeLists", "ScopeList", lists),
		typescript.EnumOf("conditionOps", "ConditionOp", vllm.Ops),
		typescript.EnumOf("ops", "Op", columnOps),
		typescript.EnumOf("forms", "Form", forms),
		typescript.EnumOf("parts", "Part", Parts),
		typescript.EnumOf("shareMetrics", "ShareMetric", attainment.ShareFigures),
		typescript.EnumOf("promqlFormats", "PromQLFormat", PromQLFormats),
	}
	namer := typescript.Namer{
		Types: map[reflect.Type]string{
			reflect.TypeFor[saved](): "SavedQuery", reflect.TypeFor[figures.Spec](): "ModelsSpec",
			reflect.TypeFor[attainment.Spec](): "SloSpec", reflect.TypeFor[Kind](): "QueryType",
			reflect.TypeFor[vllm.Op](): "ConditionOp", reflect.TypeFor[join.Op](): "Op",
			reflect.TypeFor[figures.Form](): "Form", reflect.TypeFor[Part](): "Part",
			reflect.TypeFor[PromQLFormat](): "PromQLFormat",
		},
		Fields: map[string]string{"RequestsSpec.metric": "ShareMetric"},
	}
	text := typescript.Header("go test ./pkg/query -update")
	for _, enum := range enums {
		text += enum.String()
	}
	return text + namer.Interfaces(reflect.TypeFor[saved]())
}

type kindSchema struct {
	Name   Kind     `json:"name"`
	Alerts bool     `json:"alerts"`
	Fields []string `json:"fields"`
}

type columnSchema struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Unit        string `json:"unit"`
	Description string `json:"description"`
}

type metricSchema struct {
	Name        string `json:"name"`
	Unit        string `json:"unit"`
	Description string `json:"description"`
	ByInstance  bool   `json:"byInstance"`
}

type defaultsSchema struct {
	Rows   int        `json:"rows"`
	Lines  int        `json:"lines"`
	Events int        `json:"events"`
	Sort   join.Order `json:"sort"`

	Target float64 `json:"target"` // of kind slo

	Alert figures.Spec `json:"alert"`
}

type schema struct {
	Version         int                  `json:"version"`
	Kinds           []kindSchema         `json:"kinds"`
	Scope           []string             `json:"scope"`
	Columns         []columnSchema       `json:"columns"`
	Ops             map[string][]join.Op `json:"ops"` // by type of column
	Figures         []figures.Figure     `json:"figures"`
	SLOFigures      []attainment.Figure  `json:"sloFigures"`
	Dimensions      []string             `json:"dimensions"`
	Quantiles       []float64            `json:"quantiles"`
	CoverageMetrics []metricSchema       `json:"coverageMetrics"`
	LogLevels       []vllm.LogLevel      `json:"logLevels"`
	Events          []events.Definition  `json:"events"`
	Defaults        defaultsSchema       `json:"defaults"`
	Limits          map[string]int       `json:"limits"`
}

func frontendSchema() schema {
	s := schema{
		Version: Version, Scope: fieldsOf(reflect.TypeFor[vllm.Scope]()),
		Figures: figures.Figures(), SLOFigures: attainment.Figures(), Dimensions: figures.Dimensions,
		Quantiles: figures.DefaultQuantiles,
		LogLevels: []vllm.LogLevel{
			vllm.LevelCritical, vllm.LevelError, vllm.LevelWarning, vllm.LevelInfo, vllm.LevelDebug, vllm.LevelUnknown,
		},
		Events:   events.Catalogue,
		Ops:      map[string][]join.Op{},
		Defaults: defaultsSchema{DefaultRows, DefaultLines, DefaultEvents, DefaultSort, slo.DefaultTarget, DefaultAlert},
		Limits: map[string]int{
			"scopeValues": MaxScopeValues, "valueLength": MaxValueLength, "filters": MaxFilters,
			"promqlLength": MaxPromQLLength, "events": MaxEvents, "requestIdLength": vllm.MaxRequestIDLength,
		},
	}
	specs := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[saved]()) {
		specs[nameOf(field)] = field.Type
	}
	for _, kind := range Kinds {
		s.Kinds = append(s.Kinds, kindSchema{kind, kind.Alerts(), fieldsOf(specs[string(kind)])})
	}
	for _, c := range join.Columns {
		s.Columns = append(s.Columns, columnSchema{c.Name, typeOf(c), c.Unit, c.Description})
	}
	for _, m := range join.CoverageMetrics {
		s.CoverageMetrics = append(s.CoverageMetrics, metricSchema{m.Name, m.Unit, m.Description, m.ByInstance})
	}
	for _, c := range s.Columns {
		if s.Ops[c.Type] == nil {
			s.Ops[c.Type] = opsOf(c.Name)
		}
	}
	return s
}

func typeOf(c join.Column) string {
	switch {
	case c.Text != nil:
		return "text"
	case c.Number != nil:
		return "number"
	case c.Integer != nil:
		return "integer"
	default:
		return "time"
	}
}

var (
	forms     = []figures.Form{figures.Table, figures.TimeSeries, figures.Numeric}
	columnOps = []join.Op{
		join.Equal, join.NotEqual, join.Match, join.NotMatch, join.Greater, join.GreaterEqual, join.Less, join.LessEqual,
		join.IsNull, join.NotNull,
	}
)

// opsOf tries which comparisons a column takes.
func opsOf(column string) (ops []join.Op) {
	for _, op := range columnOps {
		if _, err := join.CompileFilters([]join.Filter{{Column: column, Op: op, Value: "1"}}); err == nil {
			ops = append(ops, op)
		}
	}
	return ops
}

// fieldsOf lists the JSON fields of a struct.
func fieldsOf(t reflect.Type) (names []string) {
	for _, field := range reflect.VisibleFields(t) {
		names = append(names, nameOf(field))
	}
	return names
}

func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}
