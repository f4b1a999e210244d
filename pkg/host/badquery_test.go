package host

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/query/querytest"
)

func TestNothingIsSentForABadQuery(t *testing.T) {
	stores := newTrio(t)
	for name, bad := range querytest.BadQueries {
		t.Run(name, func(t *testing.T) {
			answer := stores.askOne(t, bad.Alert, bad.JSON)
			require.Zero(t, stores.asked())
			require.ErrorContains(t, answer.Error, bad.Field+": ")
			require.Equal(t, backend.StatusBadRequest, answer.Status)
			require.Equal(t, backend.ErrorSourceDownstream, answer.ErrorSource)
			require.Empty(t, answer.Frames)
		})
	}
}

func TestABadQueryLeavesTheOthersOfItsPanelAlone(t *testing.T) {
	stores := newTrio(t)
	answer, err := stores.ask(t.Context(), false, map[string]string{
		"A": `{"queryType":"requests"}`, "B": `{"queryType":"requests","requests":{"limit":-1}}`, "C": `]`,
	})
	require.NoError(t, err)
	require.NoError(t, answer.Responses["A"].Error)
	require.True(t, filled(answer.Responses["A"], "ttft"))
	require.ErrorContains(t, answer.Responses["B"].Error, "requests.limit: -1 is negative")
	require.ErrorContains(t, answer.Responses["C"].Error, "the query is not valid")
}

// textFields are all fields of a query that hold text, but for promql.expr, which is PromQL by design.
var textFields = []string{
	`{"queryType":%s}`,
	`{"scope":{"models":[%s]}}`, `{"scope":{"environments":[%s]}}`, `{"scope":{"namespaces":[%s]}}`, `{"scope":{"pods":[%s]}}`,
	`{"scope":{"instances":[%s]}}`, `{"scope":{"engines":[%s]}}`, `{"scope":{"services":[%s]}}`,
	`{"queryType":"models","scope":{"models":["a",%s],"engines":["0",%[1]s]}}`, `{"queryType":"logs","scope":{"pods":["a",%s]}}`,
	`{"requests":{"sort":{"column":%s}}}`, `{"requests":{"filters":[{"column":%s,"op":"="}]}}`, `{"requests":{"filters":[{"column":"model","op":%s}]}}`,
	`{"requests":{"filters":[{"column":"model","op":"=","value":%s}]}}`, `{"requests":{"filters":[{"column":"model","op":"=~","value":%s}]}}`,
	`{"requests":{"filters":[{"column":"model","op":"!=","values":["a",%s]}]}}`,
	`{"scope":{"where":[{"key":%s,"op":"=","values":["a"]}]}}`, `{"scope":{"where":[{"key":"pod","op":%s,"values":["a"]}]}}`,
	`{"scope":{"where":[{"key":"pod","op":"!=","values":["a",%s]}]}}`, `{"scope":{"where":[{"key":"environment","op":"=~","values":[%s,"b"]}]}}`,
	`{"queryType":"models","scope":{"where":[{"key":"engine","op":"!~","values":[%s]},{"key":"model","op":"!=","values":[%[1]s]}]}}`,
	`{"queryType":"logs","scope":{"where":[{"key":"engine","op":"=","values":[%s]},{"key":"pod","op":"!=","values":[%[1]s]}]}}`,
	`{"queryType":"logs","logs":{"where":[{"key":%s,"op":"=","values":["a"]}]}}`,
	`{"queryType":"logs","logs":{"where":[{"key":"process","op":"!=","values":["a",%s]},{"key":"logger","op":"=","values":[%[1]s]}]}}`,
	`{"queryType":"logs","logs":{"volume":true,"where":[{"key":"container","op":"!~","values":[%s,"b"]}]}}`,
	`{"queryType":"logs","logs":{"stream":{"container":%s},"around":"1787227200000000000"}}`, `{"queryType":"logs","logs":{"stream":{%s:"a"}}}`,
	`{"queryType":"logs","logs":{"around":%s}}`,
	`{"queryType":"request","request":{"id":%s}}`, `{"queryType":"request","request":{"id":"a","show":[%s]}}`,
	`{"queryType":"models","models":{"metrics":[%s]}}`, `{"queryType":"models","models":{"groupBy":[%s]}}`, `{"queryType":"models","models":{"form":%s}}`,
	`{"queryType":"logs","logs":{"levels":[%s]}}`, `{"queryType":"logs","logs":{"process":%s}}`, `{"queryType":"logs","logs":{"logger":%s}}`,
	`{"queryType":"logs","logs":{"requestId":%s}}`, `{"queryType":"logs","logs":{"contains":%s}}`, `{"queryType":"logs","logs":{"regex":%s}}`,
	`{"queryType":"logs","logs":{"volume":true,"contains":%s,"regex":%[1]s}}`,
	`{"queryType":"trace","trace":{"traceId":%s}}`,
	`{"queryType":"coverage","coverage":{"form":%s}}`, `{"queryType":"coverage","coverage":{"metric":%s}}`,
	`{"queryType":"promql","promql":{"expr":"up","legend":%s}}`, `{"queryType":"promql","promql":{"expr":"up","minStep":%s}}`,
}

// hostile texts try to leave the string that they are put into. The word in them must not get out.
var hostile = []string{
	`escaped"} |= "escaped`, "escaped`} | line_format `escaped", `escaped\`, `escaped\"} or vector(1) # `, `escaped"}) or (escaped{x="`,
	"escaped\n# ", `${escaped}`, `escaped' or '1'='1`, `<script>escaped</script>`, `../../escaped?x=y&query=z`, "escaped\u202e\u2028",
}

// quoted are the strings of PromQL and LogQL.
var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")

func TestHostileTextIsRefusedOrStaysWithinItsQuotes(t *testing.T) {
	for _, field := range textFields {
		t.Run(field, func(t *testing.T) {
			stores := newTrio(t)
			for _, text := range hostile {
				value, err := json.Marshal(text)
				require.NoError(t, err)
				before := stores.asked()
				answer := stores.askOne(t, false, fmt.Sprintf(field, value))
				if answer.Error != nil {
					require.Equal(t, backend.StatusBadRequest, answer.Status, answer.Error)
					require.Equal(t, before, stores.asked(), "refused, so nothing is sent")
				}
			}
			for _, store := range stores.stores {
				for _, text := range store.texts {
					require.NotContains(t, quoted.ReplaceAllString(text, ""), "escaped", text)
				}
			}
		})
	}
}
