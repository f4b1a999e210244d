//go:build integration && unix

package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// noRAG is why the application's own panels are silent here.
const noRAG = "no RAG application; tools/integration/rag runs it, and asks the whole board"

// silent are the panels that have nothing to show on the simulated fleet, each for the reason that the panel itself gives. One
// that comes alive fails the test, too: then it goes from the list.
var silent = map[string]string{
	"vllm-health/Alerts firing":                                  "no rules in this Prometheus",
	"vllm-health/Alerts":                                         "no rules in this Prometheus",
	"vllm-kv-cache/Lifetime of KV blocks":                        "vLLM without --kv-cache-metrics",
	"vllm-tokens/Cost per million tokens":                        "no price of a GPU hour",
	"vllm-decoding/Adapters loaded and removed":                  "adapters are named at the start",
	"vllm-gpu/Slowed down by heat or power":                      "off in dcgm-exporter's default list",
	"vllm-gpu/Work per GPU, as vLLM estimates it":                "vLLM without --enable-mfu-metrics",
	"vllm-disaggregation/Hits in external cache":                 "no KV connector",
	"vllm-disaggregation/Time per transfer":                      "no NIXL",
	"vllm-disaggregation/Bytes moved":                            "no NIXL",
	"vllm-disaggregation/Transfers that failed or came too late": "no NIXL",
	"vllm-disaggregation/Bytes stored and loaded":                "no offloading",
	"vllm-disaggregation/Host cache in use":                      "no offloading",
	"vllm-rag/Questions":                                         noRAG,
	"vllm-rag/Without an answer":                                 noRAG,
	"vllm-rag/Question to answer, p95":                           noRAG,
	"vllm-rag/In flight":                                         noRAG,
	"vllm-rag/Mean time by stage":                                noRAG,
	"vllm-rag/First text, as the application sees it":            noRAG,
	"vllm-rag/Similarity of what was found":                      noRAG,
	"vllm-rag/Chunks per question":                               noRAG,
	"vllm-rag/Tokens":                                            noRAG,
	"vllm-rag/Errors by stage":                                   noRAG,
	"vllm-rag/Nothing found":                                     noRAG,
	"vllm-rag/Index":                                             noRAG,
	"vllm-rag/Why answers end":                                   noRAG,
	"vllm-coverage/Refused or lost at the collector":             "no collector",
	"vllm-coverage/Time that scrapes take":                       "history is written, not scraped",
}

// oneModel is chosen on every dashboard after All: the one that does most of what vLLM can do.
var oneModel = dashboards.Choice{"model": "mistralai/Mistral-Small-24B-Instruct-2501", "environment": "production"}

// rareOfOne are the panels that may have nothing to show of that model in a few minutes.
var rareOfOne = map[string]string{
	"vllm-decoding/Requests with an adapter": "it has no adapters",
	"vllm-health/Errors, newest first":       "few of its requests fail",
	"vllm-logs/Failed requests":              "few of its requests fail",
	"vllm-requests/Newest failures":          "few of its requests fail",
	"vllm-requests/Warnings and errors":      "it warns of little else than failures",
}

// Every query of every panel is asked as Grafana would ask it, first with all models, environments and instances chosen, then
// with one: what does not name them is not asked again. None may fail; a panel must have an answer, or be known to have none
// and say why; and the fields that it names must be in the answer, or in the answer about a request that nobody knows.
func TestEveryPanelHasAnAnswer(t *testing.T) {
	f := theFleet(t)
	id := requestWithEverything(t, f, f.rangeAll())
	answers := map[string]data.Frames{} // panels share questions
	for _, pass := range []struct {
		says   string
		choice dashboards.Choice
		part   time.Duration // of the hour
		rare   map[string]string
	}{
		{"all", dashboards.Choice{}, 5 * time.Minute, nil},
		{"one", oneModel, 4 * time.Minute, rareOfOne},
	} {
		ask := func(t *testing.T, target dashboards.Target, request string) data.Frames {
			choice := dashboards.Choice{"request": request, "status": ".*", "contains": ""}
			maps.Copy(choice, pass.choice)
			model, err := target.Asks(choice)
			require.NoError(t, err)
			key, err := json.Marshal(model)
			require.NoError(t, err)
			if answers[string(key)] == nil {
				answers[string(key)] = f.askLogged(t, model, pass.part)
			}
			return answers[string(key)]
		}
		began, before := time.Now(), len(answers)
		eachPanel(t, func(name string, p dashboards.Panel) {
			t.Run(pass.says+"/"+name, func(t *testing.T) {
				var frames data.Frames
				for _, target := range p.Targets {
					frames = append(frames, ask(t, target, id)...)
				}
				require.NotEmpty(t, p.FieldConfig.Defaults.NoValue)
				shows := pluginhost.HasValue(frames, p.Chosen())
				if pass.rare[name] != "" && !shows {
					return
				}
				reason, isSilent := silent[name]
				require.Equal(t, !isSilent, shows, "%s %s", "whether the panel shows anything;", reason)
				if isSilent {
					return
				}
				for _, field := range p.Chosen() {
					if !hasField(frames, field) {
						require.True(t, hasField(ask(t, p.Targets[0], "chatcmpl-of-nobody"), field), "the answer has no field %q", field)
					}
				}
			})
		})
		t.Logf("%s: %d different questions in %s", pass.says, len(answers)-before, time.Since(began).Round(time.Second))
	}
}

func TestEveryAnnotationOfADashboardHasAnAnswer(t *testing.T) {
	f := theFleet(t)
	asked := map[string]bool{}
	for _, d := range allBoards(t) {
		for _, a := range d.Annotations.List {
			model, err := a.Target.Asks(nil)
			require.NoError(t, err)
			key, err := json.Marshal(model)
			require.NoError(t, err)
			if asked[string(key)] {
				continue
			}
			asked[string(key)] = true
			frames := f.askLogged(t, model, 0)
			require.True(t, hasField(frames, "time") && hasField(frames, "title"), "%s: %s", d.UID, a.Name)
			if a.Name == "Failures" {
				require.True(t, pluginhost.HasValue(frames, []string{"title"}), "the fleet had deaths and restarts")
			}
		}
	}
	require.NotEmpty(t, asked)
}

// A variable without values is a menu with nothing in it.
func TestEveryVariableOfADashboardHasValues(t *testing.T) {
	f := theFleet(t)
	window := f.rangeAll()
	values := map[string]int{}
	for _, d := range allBoards(t) {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			var query struct{ List string }
			require.NoError(t, json.Unmarshal(v.Query, &query))
			if _, known := values[query.List]; !known {
				path := fmt.Sprintf("%s?from=%d&to=%d", query.List, window.From.UnixMilli(), window.To.UnixMilli())
				status, body, err := f.plugin.CallResource(t.Context(), path)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, status, "%s: %s: %s", d.UID, v.Name, body)
				var options []json.RawMessage
				require.NoError(t, json.Unmarshal(body, &options), string(body))
				values[query.List] = len(options)
			}
			require.NotZero(t, values[query.List], "%s: %s", d.UID, v.Name)
		}
	}
	require.NotEmpty(t, values)
}

// eachPanel calls with every panel and its name, uid/title.
func eachPanel(t *testing.T, each func(name string, p dashboards.Panel)) {
	t.Helper()
	for _, d := range allBoards(t) {
		for _, p := range d.Panels {
			if p.Type != "row" {
				each(d.UID+"/"+p.Title, p)
			}
		}
	}
}

func allBoards(t *testing.T) []dashboards.Dashboard {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	boards, err := dashboards.Load(root)
	require.NoError(t, err)
	require.NotEmpty(t, boards)
	return boards
}

// requestWithEverything is the id of a request that all three stores know, and whose engine is known. The slowest one is
// sure to have shared its engine: what ran at the scrape before a short request may have been over when that came.
func requestWithEverything(t *testing.T, f *fleet, window backend.TimeRange) string {
	t.Helper()
	frames := f.ask(t, window, map[string]any{"queryType": "requests", "requests": map[string]any{
		"limit": 1, "sort": map[string]any{"column": "e2e", "desc": true}, "filters": []map[string]any{
			{"column": "signals", "op": "=", "value": "trace+logs+metrics"}, {"column": "running", "op": ">", "value": "1"},
			{"column": "caller_service", "op": "not null"}, {"column": "status", "op": "=", "value": "ok"},
			{"column": "model", "op": "=~", "value": "(?i).*llama.*"}, // whose service stands in the examples of docs/traces.md
		},
	}})
	require.Equal(t, 1, frames[0].Rows())
	return grade.Rows(frames[0])[0].Text("request_id")
}

// askLogged asks and shows how long a panel would wait. Events are rare, and any request may be the chosen one: these are
// looked for in the whole window. Everything else is asked of a part of it, in which much happened: the work grows with it.
func (f *fleet) askLogged(t *testing.T, model map[string]any, part time.Duration) data.Frames {
	t.Helper()
	window := f.rangeAll()
	if kind := model["queryType"]; kind != "annotations" && kind != "request" {
		at := f.preempted(t)
		window = backend.TimeRange{From: at.Add(-part / 2), To: at.Add(part / 2)}
	}
	q, err := pluginhost.Query("A", model, window)
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

// preempted is when the last request came of oneModel's whose row says that its engine preempted meanwhile. The truth would
// not do: of a preempted request whose engine no evidence names, no row can say so.
func (f *fleet) preempted(t *testing.T) time.Time {
	t.Helper()
	f.storm.Do(func() {
		frames := f.ask(t, f.rangeAll(), map[string]any{
			"queryType": "requests",
			"scope":     map[string]any{"models": []string{oneModel["model"]}, "environments": []string{oneModel["environment"]}},
			"requests": map[string]any{
				"limit": 1, "sort": map[string]any{"column": "time", "desc": true}, "filters": []map[string]any{{"column": "preemptions", "op": ">", "value": "0"}},
			},
		})
		require.Equal(t, 1, frames[0].Rows(), "the fleet had storms")
		f.stormAt = grade.Rows(frames[0])[0].Time()
	})
	return f.stormAt
}

func hasField(frames data.Frames, name string) bool {
	for _, frame := range frames {
		if _, at := frame.FieldByName(name); at >= 0 {
			return true
		}
	}
	return false
}
