//go:build unix

package attack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// invented is a model that a client made up.
const invented = "<https://evil|Reset your password> <!channel>"

func TestAttackAlerts(t *testing.T) {
	try(t, "alerts",
		attack{
			name:  "a caller's span with an invented model",
			tried: "one gateway span to vLLM with status 404 and a model that is a link and a mention; every rule of Grafana's is evaluated, and the SLO board's table",
			holds: "no label of any rule holds the text, VLLMRequestsFailed does not fire, and the board holds the request to no limits",
			run:   func(t *testing.T) { inventedModels(t, 1) },
		},
		attack{
			name:  "five hundred invented models",
			tried: "the same with 500 spans, each of another model",
			holds: "they are one instance, other, with a notice that says how many names it holds",
			run:   func(t *testing.T) { inventedModels(t, 500) },
		},
		attack{
			name:  "a label that breaks lines and turns the direction of writing",
			tried: "an engine's model with line breaks, escape sequences and invisible characters, asked by every rule",
			holds: "a label is one line of visible characters",
			run:   hostileLabels,
		},
		attack{
			name:  "a rule with more instances than anybody can read",
			tried: "a store answers a rule with 1,001 series",
			holds: "the rule is an error that says so, and gets no part of them",
			run:   tooManyInstances,
		},
		attack{
			name:  "messages of Alertmanager and Grafana by their templates",
			tried: "links, mentions, markup, control characters, templates and 10,000 characters in every label and annotation",
			holds: "nothing that Slack, PagerDuty or a mail program takes for more than text",
			test:  "tools/alerts.TestAMessageHasNothingThatItsChannelTakesForMoreThanText",
		},
		attack{
			name:  "messages of a real Alertmanager",
			tried: "the same labels are posted to it; Slack, PagerDuty and a mail server are sinks",
			holds: "every message arrives, and as text alone",
			test:  "tools/integration/alerts.TestNobodyElseWritesIntoAMessage",
		},
		attack{
			name:  "messages of a real Grafana",
			tried: "the same by its engine of templates and its notifiers of Slack and mail, where a Grafana is found",
			holds: "every message arrives, and as text alone",
			test:  "tools/integration/alerts.TestNobodyElseWritesIntoAMessageOfGrafana",
		},
	)
}

// refusedCall is a gateway's span of a request that no engine saw.
func refusedCall(i int, name string) model.Span {
	return model.Span{
		TraceID: model.NewTraceID(7, uint64(i)+1), SpanID: model.NewSpanID(uint64(i) + 1), OperationName: "chat " + name,
		StartTime: at(0).Add(time.Duration(i) * time.Millisecond), Duration: 50 * time.Millisecond, Process: &model.Process{ServiceName: plain.caller},
		Tags: []model.KeyValue{
			model.String(vllm.TagSpanKind, "client"), model.String(vllm.CallerOperationName, "chat"), model.String(vllm.CallerRequestModel, name),
			model.String(vllm.CallerProvider, vllm.Provider), model.Int64(vllm.CallerHTTPStatus, http.StatusNotFound),
		},
	}
}

// withRefused adds refused calls to what a sound Jaeger finds.
func withRefused(t *testing.T, stores *stores, names []string) {
	t.Helper()
	stores.jaeger.instead(func(c *call) ([][]byte, error) {
		messages, err := stores.told.jaeger(c)
		if err == nil && c.path == "/jaeger.api_v2.QueryService/FindTraces" {
			for i, name := range names {
				text, err := (&api_v2.SpansResponseChunk{Spans: []model.Span{refusedCall(i, name)}}).Marshal()
				require.NoError(t, err)
				messages = append(messages, text)
			}
		}
		return messages, err
	})
}

func limited(stores *stores) pluginhost.Settings {
	return stores.settings().With("vllm", map[string]any{"slo": []any{map[string]any{"model": "*", "e2e": "10s"}}})
}

// rules asks every question of Grafana's own rules, and gives the answers by rule and question.
func rules(t *testing.T, host *pluginhost.Host) map[string]backend.DataResponse {
	t.Helper()
	out := map[string]backend.DataResponse{}
	for _, rule := range alerts.ManagedAlerts() {
		for i, question := range rule.Ask {
			answer, err := host.QueryAlert(t.Context(), asked(t, "A", question))
			require.NoError(t, err)
			out[fmt.Sprintf("%s.%c", rule.Name, 'A'+i)] = answer.Responses["A"]
		}
	}
	return out
}

// values are the numbers of an answer by the model of their labels.
func values(fs data.Frames) map[string]float64 {
	out := map[string]float64{}
	for _, frame := range fs {
		for _, field := range frame.Fields {
			if field.Len() > 0 && field.Type().Numeric() {
				if v, err := field.NullableFloatAt(0); err == nil && v != nil {
					out[field.Labels["model"]] = *v
				}
			}
		}
	}
	return out
}

func inventedModels(t *testing.T, n int) {
	stores := newStores(t)
	var names []string
	for i := range n {
		names = append(names, fmt.Sprint(invented, i))
	}
	withRefused(t, stores, names)
	host := start(t, limited(stores))
	answers, instances := rules(t, host), 0
	for name, answer := range answers {
		if answer.Error != nil {
			require.NotContains(t, answer.Error.Error(), "evil", name)
		}
		for _, frame := range answer.Frames {
			for _, field := range frame.Fields {
				require.NotContains(t, fmt.Sprint(field.Labels), "evil", name)
				instances++
			}
			text, err := json.Marshal(frame)
			require.NoError(t, err)
			require.NotContains(t, string(text), "evil", name)
		}
	}
	require.NoError(t, answers["VLLMRequestsFailed.A"].Error)
	shares, failed := values(answers["VLLMRequestsFailed.A"].Frames), values(answers["VLLMRequestsFailed.B"].Frames)
	require.Zero(t, shares[plain.model])
	if n < 3 {
		require.Equal(t, map[string]float64{plain.model: 0}, shares)
		require.LessOrEqual(t, failed["other"], 2.0, "the rule asks for more")
	} else {
		require.Equal(t, map[string]float64{plain.model: 0, "other": 1}, shares)
		require.Equal(t, map[string]float64{plain.model: 0, "other": float64(n)}, failed)
	}
	require.Contains(t, notices(answers["VLLMRequestsFailed.A"].Frames), fmt.Sprintf("only clients give: %d, in %d requests", n, n))

	board := ask(t, host, map[string]any{"queryType": "slo", "slo": map[string]any{"metrics": []any{"burn_rate", "not_judged"}}})
	require.NoError(t, board.Error)
	models, _ := board.Frames[0].FieldByName("model")
	burn, _ := board.Frames[0].FieldByName("burn_rate")
	var rows []string
	for i := range models.Len() {
		rows = append(rows, models.At(i).(string))
		if rows[i] == "other" {
			v, err := burn.NullableFloatAt(i)
			require.NoError(t, err)
			require.Nil(t, v, "no budget burns")
		}
	}
	require.True(t, slices.Contains(rows, "other") && len(rows) == 2, "%v", rows)
	figure(t, "%d instances of %d questions", instances, len(answers))
}

func notices(fs data.Frames) (text string) {
	for _, frame := range fs {
		if frame.Meta != nil {
			for _, n := range frame.Meta.Notices {
				text += n.Text + "\n"
			}
		}
	}
	return text
}

func hostileLabels(t *testing.T) {
	stores := newStores(t)
	stores.told.model = "llama\r\n\x1b[31m\u202e\u200bevil\u2028x"
	labels := 0
	for name, answer := range rules(t, start(t, limited(stores))) {
		for _, frame := range answer.Frames {
			for _, field := range frame.Fields {
				for _, value := range field.Labels {
					labels++
					require.NotRegexp(t, `[\pC\x{2028}\x{2029}]`, value, name)
				}
			}
		}
	}
	require.NotZero(t, labels)
	figure(t, "%d labels", labels)
}

func tooManyInstances(t *testing.T) {
	stores := newStores(t)
	stores.prometheus.instead(func(w http.ResponseWriter, r *http.Request) {
		var all []any
		for i := range frames.MaxInstances + 1 {
			all = append(all, map[string]any{"metric": map[string]string{"pod": fmt.Sprint(i)}, "value": []any{now.Unix(), "1"}})
		}
		_, _ = w.Write([]byte(found("vector", all...))) // who is gone needs no answer
	})
	answer, err := start(t, stores.settings()).QueryAlert(t.Context(), asked(t, "A", map[string]any{
		"queryType": "promql", "promql": map[string]any{"expr": "up", "instant": true},
	}))
	require.NoError(t, err)
	require.ErrorContains(t, answer.Responses["A"].Error, "1001 instances are more than the 1000")
	require.Empty(t, answer.Responses["A"].Frames)
}
