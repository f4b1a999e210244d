package host

import (
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// adding sends the sound answer with one more field in it.
func adding(field string) func(exchange) error {
	return func(e exchange) error {
		c := e.(*httpCall)
		return c.body(strings.TrimSuffix(strings.TrimSpace(c.found(c.r, false)), "}") + "," + field + "}")
	}
}

// A store that is many (Thanos, Cortex, VictoriaMetrics) answers with what the others know when one of them does not answer,
// and says so in a field beside the data.
func TestAPartialAnswerIsAnErrorInRulesAndANoticeInPanels(t *testing.T) {
	for name, field := range map[string]string{
		"Thanos":          `"warnings":["receive series from Addr: 10.8.1.12:10901: rpc error: code = Unavailable"]`,
		"VictoriaMetrics": `"isPartial":true`,
	} {
		t.Run(name, func(t *testing.T) {
			stores := newTrio(t)
			stores.stores[evidence.Prometheus].fail(fault{instead: adding(field)})
			answers, err := stores.askAll(t.Context())
			require.NoError(t, err)
			for _, q := range questions {
				t.Run(q.name, func(t *testing.T) {
					answer := answers[q.alert].Responses[q.name]
					depends := slices.Contains(append(slices.Clone(q.needs), q.uses...), evidence.Prometheus)
					switch {
					case q.alert && depends:
						require.ErrorContains(t, answer.Error, "Prometheus answered only in part: ")
						require.Equal(t, backend.StatusBadGateway, answer.Status)
						require.Equal(t, backend.ErrorSourceDownstream, answer.ErrorSource)
					case depends:
						require.NoError(t, answer.Error)
						require.True(t, warned(answer, evidence.Prometheus), "%v", warnings(answer))
						require.Contains(t, strings.Join(warnings(answer), " "), "Prometheus answered only in part: ")
					case q.counts: // how many stores failed: the rule that tells of it must not fail itself
						require.NoError(t, answer.Error)
					default:
						require.NoError(t, answer.Error)
						require.Empty(t, warnings(answer))
					}
				})
			}
		})
	}
}

func TestRemarksOnAnExpressionAreNoReasonToWarn(t *testing.T) {
	for name, field := range map[string]string{
		"infos of Prometheus 3":     `"infos":["PromQL info: metric might not be a counter"]`,
		"warnings of Prometheus 2":  `"warnings":["PromQL info: metric might not be a counter"]`,
		"a flag that is not raised": `"isPartial":false`,
	} {
		t.Run(name, func(t *testing.T) {
			stores := newTrio(t)
			stores.stores[evidence.Prometheus].fail(fault{instead: adding(field)})
			answers, err := stores.askAll(t.Context())
			require.NoError(t, err)
			for _, q := range questions {
				answer := answers[q.alert].Responses[q.name]
				require.NoError(t, answer.Error, q.name)
				for _, text := range warnings(answer) {
					require.NotContains(t, text, "only in part", q.name)
				}
			}
		})
	}
}
