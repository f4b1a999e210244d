package query_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

func parsed(t *testing.T, text string) query.Query {
	t.Helper()
	q, err := query.Parse(query.Sent{
		JSON: []byte(text), TimeRange: evidence.Window{From: time.Unix(0, 0), To: time.Unix(1, 0)},
	}, false, 1000)
	require.NoError(t, err)
	return q
}

func TestChannelsAreSharedByEqualQuestions(t *testing.T) {
	base := `{"queryType": "requests", "scope": {"models": ["a", "b"]}, "requests": {"filters": [
		{"column": "status", "op": "!=", "value": "ok"}, {"column": "e2e", "op": ">", "value": "1s"}], "live": true}}`
	for _, test := range []struct {
		name, other string
		shared      bool
	}{
		{"the same question", base, true},
		{"in another order of models and filters", `{"queryType": "requests", "scope": {"models": ["b", "a", "a"]}, "requests": {"filters": [
			{"column": "e2e", "op": ">", "value": "1s"}, {"column": "status", "op": "!=", "value": "ok"}]}}`, true},
		{"shown in another order, and fewer", `{"queryType": "requests", "scope": {"models": ["a", "b"]}, "requests": {"filters": [
			{"column": "status", "op": "!=", "value": "ok"}, {"column": "e2e", "op": ">", "value": "1s"}], "sort": {"column": "e2e"}, "limit": 5}}`, true},
		{"with what other kinds would ask", `{"queryType": "requests", "refId": "Z", "scope": {"models": ["a", "b"]}, "logs": {"contains": "x"}, "requests": {"filters": [
			{"column": "status", "op": "!=", "value": "ok"}, {"column": "e2e", "op": ">", "value": "1s"}]}}`, true},
		{"of another model", `{"queryType": "requests", "scope": {"models": ["a"]}, "requests": {"filters": [
			{"column": "status", "op": "!=", "value": "ok"}, {"column": "e2e", "op": ">", "value": "1s"}]}}`, false},
		{"with another limit on a filter", `{"queryType": "requests", "scope": {"models": ["a", "b"]}, "requests": {"filters": [
			{"column": "status", "op": "!=", "value": "ok"}, {"column": "e2e", "op": ">", "value": "2s"}]}}`, false},
		{"everything", `{"queryType": "requests"}`, false},
		{"log lines", `{"queryType": "logs"}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			one, err := parsed(t, base).Channel()
			require.NoError(t, err)
			other, err := parsed(t, test.other).Channel()
			require.NoError(t, err)
			require.Equal(t, test.shared, one.Path == other.Path)
			require.Equal(t, test.shared, string(one.JSON) == string(other.JSON))
		})
	}
	lines, err := parsed(t, `{"queryType": "logs", "logs": {"levels": ["error", "info"], "contains": "x", "limit": 5, "oldest": true}}`).Channel()
	require.NoError(t, err)
	others, err := parsed(t, `{"queryType": "logs", "logs": {"levels": ["info", "error"], "contains": "x", "live": true}}`).Channel()
	require.NoError(t, err)
	require.Equal(t, lines, others)
}

func TestAChannelIsAskedOnlyForWhatItIsNamedBy(t *testing.T) {
	channel, err := parsed(t, `{"queryType": "requests", "scope": {"models": ["a"]}}`).Channel()
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9_\-/=.]{1,100}$`), channel.Path, "what Grafana takes, with room for the data source's uid")
	other, err := parsed(t, `{"queryType": "requests"}`).Channel()
	require.NoError(t, err)
	for _, test := range []struct {
		name, path string
		data       string
		wrong      string // part of the error; empty = let in
	}{
		{"its own question", channel.Path, string(channel.JSON), ""},
		{"its own question in other words", channel.Path, `{"scope": {"models": ["a", "a"]}, "requests": {"limit": 7}}`, ""},
		{"the question of another channel", channel.Path, string(other.JSON), "another channel"},
		{"no question is that of the default query", channel.Path, ``, "another channel"},
		{"no JSON", channel.Path, `{`, "not valid"},
		{"a wrong query", channel.Path, `{"queryType": "requests", "requests": {"limit": -1}}`, "requests.limit"},
		{"a kind that cannot be followed", channel.Path, `{"queryType": "promql", "promql": {"expr": "up"}}`, query.ErrNotLive.Error()},
		{"the volume of lines", channel.Path, `{"queryType": "logs", "logs": {"volume": true}}`, query.ErrNotLive.Error()},
		{"a path that is none", "requests/../x", string(channel.JSON), "another channel"},
		{"a flood", channel.Path, `{"queryType": "` + string(make([]byte, 2<<20)) + `"}`, "longer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, err := query.ParseChannel(test.path, json.RawMessage(test.data), 1000)
			if test.wrong != "" {
				require.ErrorContains(t, err, test.wrong)
				return
			}
			require.NoError(t, err)
			again, err := q.Channel()
			require.NoError(t, err)
			require.Equal(t, channel, again)
		})
	}
}
