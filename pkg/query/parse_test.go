package query_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query/querytest"
)

var hour = evidence.Window{
	From: time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
}

func parse(json string, alert bool) (query.Query, error) {
	return query.Parse(query.Sent{RefID: "A", TimeRange: hour, JSON: []byte(json)}, alert, 50_000)
}

func TestAnEmptyQueryShowsTheSlowestRequests(t *testing.T) {
	for _, json := range []string{``, `{}`, `{"queryType":"requests"}`, `{"queryType":"requests","requests":{}}`,
		`{"queryType":"requests","requests":{"sort":{}}}`, `{"queryType":"requests","requests":{"sort":{"desc":false}}}`} {
		q, err := parse(json, false)
		require.NoError(t, err, json)
		require.Equal(t, query.Requests, q.Kind)
		require.Equal(t, join.Order{Column: "e2e", Desc: true}, q.Requests.Sort)
		require.Equal(t, query.DefaultRows, q.Requests.Limit)
	}
}

func TestAnEmptyQueryOfAnAlertRuleIsWhatItsEditorShows(t *testing.T) {
	q, err := parse(`{"refId":"A"}`, true)
	require.NoError(t, err)
	require.Equal(t, query.Models, q.Kind)
	require.Equal(t, &query.DefaultAlert, q.Models)
}

func TestQueryTypeOfTheEnvelopeCounts(t *testing.T) {
	q, err := query.Parse(query.Sent{QueryType: "coverage", TimeRange: hour}, false, 100)
	require.NoError(t, err)
	require.Equal(t, query.Coverage, q.Kind)
}

func TestBadQueriesNameTheFieldThatIsWrong(t *testing.T) {
	for name, c := range querytest.BadQueries {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.JSON, c.Alert)
			var field *query.FieldError
			require.True(t, errors.As(err, &field), "%v", err)
			require.Equal(t, c.Field, field.Field)
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
	for name, r := range map[string]evidence.Window{
		"ends before it begins": {From: hour.To, To: hour.From},
		"empty":                 {From: hour.To, To: hour.To},
		"longer than any store": {From: hour.From.AddDate(-10, 0, 0), To: hour.To},
	} {
		_, err := query.Parse(query.Sent{TimeRange: r}, false, 100)
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
		q, err := query.Parse(query.Sent{TimeRange: hour, JSON: json}, alert, 1000)
		if err == nil && q.Kind == query.Requests && (q.Requests.Limit <= 0 || q.Requests.Limit > 1000) {
			t.Fatalf("limit %d", q.Requests.Limit)
		}
	})
}
