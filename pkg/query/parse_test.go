package query_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

var hour = backend.TimeRange{
	From: time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
}

func parse(json string, alert bool) (query.Query, error) {
	return query.Parse(backend.DataQuery{RefID: "A", TimeRange: hour, JSON: []byte(json)}, alert, 50_000)
}

func TestAnEmptyQueryShowsTheNewestRequests(t *testing.T) {
	for _, json := range []string{``, `{}`, `{"queryType":"requests"}`, `{"queryType":"requests","requests":{}}`} {
		q, err := parse(json, false)
		require.NoError(t, err, json)
		require.Equal(t, query.Requests, q.Kind)
		require.Equal(t, join.Order{Column: "time", Desc: true}, q.Requests.Sort)
		require.Equal(t, query.DefaultRows, q.Requests.Limit)
	}
}

func TestQueryTypeOfTheEnvelopeCounts(t *testing.T) {
	q, err := query.Parse(backend.DataQuery{QueryType: "coverage", TimeRange: hour}, false, 100)
	require.NoError(t, err)
	require.Equal(t, query.Coverage, q.Kind)
}

func TestBadQueriesNameTheFieldThatIsWrong(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for name, c := range map[string]struct {
		json  string
		alert bool
		field string
	}{
		"unknown kind":                        {json: `{"queryType":"sql"}`, field: "queryType"},
		"a version from the future":           {json: `{"version":99}`, field: "version"},
		"rows cannot alert":                   {json: `{"queryType":"requests"}`, alert: true, field: "queryType"},
		"logs cannot alert":                   {json: `{"queryType":"logs"}`, alert: true, field: "queryType"},
		"negative limit":                      {json: `{"requests":{"limit":-1}}`, field: "requests.limit"},
		"a limit above the data source's own": {json: `{"requests":{"limit":1000000000}}`, field: "requests.limit"},
		"sort by an unknown column":           {json: `{"requests":{"sort":{"column":"password"}}}`, field: "requests.sort.column"},
		"filter on an unknown column":         {json: `{"requests":{"filters":[{"column":"x","op":"="}]}}`, field: "requests"},
		"filter with an unknown op":           {json: `{"requests":{"filters":[{"column":"e2e","op":"~~","value":"1"}]}}`, field: "requests"},
		"text op on a number":                 {json: `{"requests":{"filters":[{"column":"e2e","op":"=~","value":"1"}]}}`, field: "requests"},
		"number op on a text":                 {json: `{"requests":{"filters":[{"column":"model","op":">","value":"1"}]}}`, field: "requests"},
		"a duration that is none":             {json: `{"requests":{"filters":[{"column":"e2e","op":">","value":"soon"}]}}`, field: "requests"},
		"an infinite number":                  {json: `{"requests":{"filters":[{"column":"e2e","op":">","value":"Inf"}]}}`, field: "requests"},
		"a broken expression":                 {json: `{"requests":{"filters":[{"column":"model","op":"=~","value":"("}]}}`, field: "requests"},
		"an endless filter value":             {json: `{"requests":{"filters":[{"column":"model","op":"=","value":"` + long + `"}]}}`, field: "requests.filters[0]"},
		"a control character in a scope":      {json: `{"scope":{"models":["a\u0000b"]}}`, field: "scope.models"},
		"a scope with endless values":         {json: `{"scope":{"pods":["` + long + `"]}}`, field: "scope.pods"},
		"too many scope values":               {json: `{"scope":{"pods":[` + strings.Repeat(`"p",`, 500) + `"p"]}}`, field: "scope.pods"},
		"no request id":                       {json: `{"queryType":"request","request":{"id":" "}}`, field: "request.id"},
		"a request id with LogQL in it":       {json: `{"queryType":"request","request":{"id":"x\"} |= \"y"}}`, field: "request.id"},
		"a request id with white space":       {json: `{"queryType":"request","request":{"id":"a b"}}`, field: "request.id"},
		"a part that no answer has":           {json: `{"queryType":"request","request":{"id":"a","show":["logs","all"]}}`, field: "request.show"},
		"an endless request id":               {json: `{"queryType":"request","request":{"id":"` + long + `"}}`, field: "request.id"},
		"a trace id with a path in it":        {json: `{"queryType":"trace","trace":{"traceId":"../../api"}}`, field: "trace.traceId"},
		"a trace id that is all zero":         {json: `{"queryType":"trace","trace":{"traceId":"0000"}}`, field: "trace.traceId"},
		"a log level that is none":            {json: `{"queryType":"logs","logs":{"levels":["loud"]}}`, field: "logs.levels"},
		"a hostile process":                   {json: `{"queryType":"logs","logs":{"process":"x\"}"}}`, field: "logs.process"},
		"a hostile logger":                    {json: "{\"queryType\":\"logs\",\"logs\":{\"logger\":\"`|\"}}", field: "logs.logger"},
		"a hostile id in logs":                {json: `{"queryType":"logs","logs":{"requestId":"\"or\""}}`, field: "logs.requestId"},
		"a broken log expression":             {json: `{"queryType":"logs","logs":{"regex":"["}}`, field: "logs.regex"},
		"negative log limit":                  {json: `{"queryType":"logs","logs":{"limit":-5}}`, field: "logs.limit"},
		"no expression":                       {json: `{"queryType":"promql","promql":{"expr":""}}`, field: "promql.expr"},
		"an endless expression":               {json: `{"queryType":"promql","promql":{"expr":"` + strings.Repeat("a", 30_000) + `"}}`, field: "promql.expr"},
		"a step that is none":                 {json: `{"queryType":"promql","promql":{"expr":"up","minStep":"-1s"}}`, field: "promql.minStep"},
		"an unknown figure":                   {json: `{"queryType":"models","models":{"metrics":["speed"]}}`, field: "models"},
		"an unknown dimension":                {json: `{"queryType":"models","models":{"groupBy":["user"]}}`, field: "models"},
		"a quantile of one":                   {json: `{"queryType":"models","models":{"quantiles":[1]}}`, field: "models"},
		"two figures in an alert":             {json: `{"queryType":"models","models":{"metrics":["running","waiting"]}}`, alert: true, field: "models"},
		"an unknown coverage number":          {json: `{"queryType":"coverage","coverage":{"metric":"luck"}}`, field: "coverage.metric"},
		"an alert on all coverage numbers":    {json: `{"queryType":"coverage"}`, alert: true, field: "coverage.metric"},
		"an unknown coverage form":            {json: `{"queryType":"coverage","coverage":{"form":"pie"}}`, field: "coverage.form"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.json, c.alert)
			var field *query.FieldError
			require.True(t, errors.As(err, &field), "%v", err)
			require.Equal(t, c.field, field.Field)
			require.Less(t, len(err.Error()), 1000, "a message does not repeat what was sent at length")
		})
	}
}

func TestWhatIsNotTheQueryModelIsRefusedWithoutGoTypes(t *testing.T) {
	for _, json := range []string{`[]`, `{"requests":{"limit":"many"}}`, `{"scope":"all"}`, `{`, `{"requests":{"limit":1e99}}`} {
		_, err := parse(json, false)
		require.Error(t, err, json)
		require.NotContains(t, err.Error(), "query.saved", json)
	}
}

func TestRangesThatAreNone(t *testing.T) {
	for name, r := range map[string]backend.TimeRange{
		"ends before it begins": {From: hour.To, To: hour.From},
		"empty":                 {From: hour.To, To: hour.To},
		"longer than any store": {From: hour.From.AddDate(-10, 0, 0), To: hour.To},
	} {
		_, err := query.Parse(backend.DataQuery{TimeRange: r}, false, 100)
		require.ErrorContains(t, err, "timeRange", name)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"queryType":"requests","requests":{"filters":[{"column":"e2e","op":">","value":"500ms"}]}}`,
		`{"queryType":"request","request":{"id":"chatcmpl-1"}}`, `{"queryType":"models","models":{"form":"timeseries"}}`} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, json []byte, alert bool) {
		q, err := query.Parse(backend.DataQuery{TimeRange: hour, JSON: json}, alert, 1000)
		if err == nil && q.Kind == query.Requests && (q.Requests.Limit <= 0 || q.Requests.Limit > 1000) {
			t.Fatalf("limit %d", q.Requests.Limit)
		}
	})
}
