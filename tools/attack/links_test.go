//go:build unix

package attack

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/links"
)

func TestAttackLinks(t *testing.T) {
	try(t, "stored injection through links",
		attack{
			name:  "ids, models and lines that would end a link's JSON, URL or markup",
			tried: "a client's request id, a model, a pod, a caller and a log line are such texts; every kind of query is asked of the built plugin",
			holds: "a frame's links are queries of this data source with no text of a store in them",
			run:   linksOfFrames,
		},
		attack{
			name:  "a log line with a link in HTML, told as an annotation",
			tried: "a traceback that holds an anchor to another site is what an engine died of",
			holds: "title and text of the annotation, which Grafana draws as HTML, hold no markup",
			test:  "pkg/frames.TestAnAnnotationHoldsNoMarkup",
		},
		attack{
			name:  "a text in a cell that a dashboard links from",
			tried: "every address in every dashboard is filled with 70 hostile texts, as Grafana does",
			holds: "the same page, the same parameters, the text whole in its own one",
			test:  "tools/dashboards.TestAValueFromAStoreChangesNothingButItsOwnParameterOfALink",
		},
		attack{
			name:  "a model's name in the links of alert rules",
			tried: "both links of every rule of Grafana's, with the same texts as the model",
			holds: "the dashboard, the data source and the filters of the rule, the model whole in var-model",
			test:  "tools/alerts.TestLinksOfRulesKeepTheModelInItsParameter",
		},
		attack{
			name:  "labels that Slack, PagerDuty or mail reads as links, mentions or lines",
			tried: "every text of Alertmanager's, the operator's and Grafana's configuration, written by Alertmanager's own template package",
			holds: "as many lines and links as without them, no markup, each link with the text whole in its own parameter",
			test:  "tools/alerts.TestMessagesHoldWhatClientsWroteAsTextAlone",
		},
		attack{
			name:  "a label that a page's notifier would read as a template",
			tried: "PagerDuty details about labels with braces, quotes and colons",
			holds: "no detail is YAML, which is what would be evaluated again",
			test:  "tools/alerts.TestNoDetailOfAPageIsYAML",
		},
		attack{
			name:  "a template that writes a label into JSON or markup",
			tried: "every template in every file of provisioning and deploy is read",
			holds: "labels stand in addresses only as {{ urlquery }} of one whole parameter, and no link leads to Explore",
			test:  "tools/alerts.TestNoTemplateWritesALabelIntoStructuredText",
		},
	)
}

// filled is all that a link of a frame may hold besides our own constants: a cell, as a whole value.
var filled = regexp.MustCompile(`^\$\{__(value\.raw|data\.fields\.\w+)\}$`)

func linksOfFrames(t *testing.T) {
	s := newStores(t)
	host := start(t, s.settings())
	seen, rows := 0, 0
	for i, text := range links.Hostile {
		if i%9 != 1 { // as many as fit a few seconds
			continue
		}
		s.told = telemetry{model: text, pod: text, service: plain.service, request: text, caller: text, said: text}
		require.NoError(t, host.Configure(s.settings())) // what the one before has learnt is not asked again
		var queries []backend.DataQuery
		for _, kind := range []string{"requests", "models", "slo", "logs", "annotations", "coverage"} {
			queries = append(queries, asked(t, kind, map[string]any{"queryType": kind}))
		}
		queries = append(queries,
			asked(t, "request", map[string]any{"queryType": "request", "request": map[string]any{"id": traceID(0)}}),
			asked(t, "trace", map[string]any{"queryType": "trace", "trace": map[string]any{"traceId": traceID(0)}}))
		response, err := host.QueryData(t.Context(), queries...)
		require.NoError(t, err)
		for _, answer := range response.Responses {
			for _, frame := range answer.Frames {
				seen, rows = seen+linksOf(t, frame, text), rows+frame.Rows()
			}
		}
	}
	require.Positive(t, seen)
	figure(t, "%d links, %d rows", seen, rows)
}

// linksOf counts the links of a frame and requires each of them to be one of ours.
func linksOf(t *testing.T, frame *data.Frame, text string) (seen int) {
	t.Helper()
	for _, field := range frame.Fields {
		if field.Config == nil {
			continue
		}
		for _, link := range field.Config.Links {
			seen++
			require.Empty(t, link.URL)
			require.NotContains(t, link.Title, "$")
			require.NotNil(t, link.Internal)
			written, err := json.Marshal(link.Internal)
			require.NoError(t, err)
			var target any
			require.NoError(t, json.Unmarshal(written, &target))
			each(target, func(value string) {
				if filled.MatchString(value) {
					return
				}
				require.NotContains(t, value, "$", "a cell is a whole value")
				if len(text) > 5 {
					require.NotContains(t, value, text, "what a store said is filled in by Grafana, value by value")
				}
			})
		}
	}
	return seen
}

// each calls f with every string of a JSON value.
func each(value any, f func(string)) {
	switch value := value.(type) {
	case string:
		f(value)
	case []any:
		for _, one := range value {
			each(one, f)
		}
	case map[string]any:
		for _, one := range value {
			each(one, f)
		}
	}
}
