//go:build integration && unix

package integration_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// Every query of every panel is asked as Grafana would ask it, with all models, environments and instances chosen; each must
// have an answer, and the fields that the panel names must be in it, or in the answer about a request that nobody knows.
func TestEveryPanelHasAnAnswer(t *testing.T) {
	f := theFleet(t)
	root, err := repo.Root()
	require.NoError(t, err)
	boards, err := dashboards.Load(root)
	require.NoError(t, err)
	require.NotEmpty(t, boards)
	set := map[string]string{"request": requestWithEverything(t, f), "status": ".*"}
	nobody := map[string]string{"request": "chatcmpl-of-nobody", "status": ".*"}
	for _, d := range boards {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				t.Run(d.UID+"/"+p.Title, func(t *testing.T) {
					frames := f.askLogged(t, interpolated(t, target, set))
					require.True(t, hasValue(frames, p.Chosen()), "the panel is empty")
					for _, name := range p.Chosen() {
						if !hasField(frames, name) {
							require.True(t, hasField(f.askLogged(t, interpolated(t, target, nobody)), name), "the answer has no field %q", name)
						}
					}
				})
			}
		}
	}
}

// requestWithEverything is the id of a request that all three stores know, and whose engine is known. The slowest one is
// sure to have shared its engine: what ran at the scrape before a short request may have been over when that came.
func requestWithEverything(t *testing.T, f *fleet) string {
	t.Helper()
	frames := f.ask(t, f.rangeAll(), map[string]any{"queryType": "requests", "requests": map[string]any{
		"limit": 1, "sort": map[string]any{"column": "e2e", "desc": true}, "filters": []map[string]any{
			{"column": "signals", "op": "=", "value": "trace+logs+metrics"}, {"column": "running", "op": ">", "value": "1"},
			{"column": "caller_service", "op": "not null"}, {"column": "status", "op": "=", "value": "ok"},
		},
	}})
	require.Equal(t, 1, frames[0].Rows())
	return rowsOf(frames[0])[0].text("request_id")
}

// interpolated does what the browser does: a list whose variable is set to All does not narrow, and is left out.
func interpolated(t *testing.T, target dashboards.Target, set map[string]string) map[string]any {
	t.Helper()
	text, err := json.Marshal(target)
	require.NoError(t, err)
	filled := string(text)
	for _, list := range []string{"model", "environment", "instance"} {
		filled = strings.ReplaceAll(filled, `["$`+list+`"]`, `[]`)
	}
	for name, value := range set {
		filled = strings.ReplaceAll(filled, "$"+name, value)
	}
	require.NotContains(t, strings.ReplaceAll(filled, "${datasource}", ""), "$", "a variable that nobody sets")
	var model map[string]any
	require.NoError(t, json.Unmarshal([]byte(filled), &model))
	delete(model, "datasource")
	return model
}

// askLogged asks for the whole window and shows how long a panel would wait.
func (f *fleet) askLogged(t *testing.T, model map[string]any) data.Frames {
	t.Helper()
	q, err := pluginhost.Query("A", model, f.rangeAll())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	response, err := f.plugin.QueryData(ctx, q)
	require.NoError(t, err)
	t.Logf("%s in %s", q.QueryType, time.Since(began).Round(time.Millisecond))
	answer := response.Responses["A"]
	require.NoError(t, answer.Error)
	require.Equal(t, backend.StatusOK, answer.Status)
	return answer.Frames
}

// hasValue reports whether any frame has a value that is known, in one of the fields if some are named; a time alone is none.
func hasValue(frames data.Frames, names []string) bool {
	for _, frame := range frames {
		for _, field := range frame.Fields {
			if field.Type().Time() || len(names) > 0 && !slices.Contains(names, field.Name) {
				continue
			}
			for i := range field.Len() {
				if _, ok := field.ConcreteAt(i); ok {
					return true
				}
			}
		}
	}
	return false
}

func hasField(frames data.Frames, name string) bool {
	for _, frame := range frames {
		if _, at := frame.FieldByName(name); at >= 0 {
			return true
		}
	}
	return false
}
