//go:build integration && unix

package integration_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// TestEveryExampleOfTheDocsHasAnAnswer asks what the pages show, of the stores themselves or through the built plugin: none
// may fail, and each has something in it, or has nothing where its page says why.
func TestEveryExampleOfTheDocsHasAnAnswer(t *testing.T) {
	f := theFleet(t)
	root, err := repo.Root()
	require.NoError(t, err)
	pages, err := docs.Load(root)
	require.NoError(t, err)
	ids := f.idsOfOneRequest(t)
	asked := map[string]int{}
	for _, page := range pages {
		for _, block := range page.Blocks {
			var ask func(*testing.T, docs.Block)
			switch block.Language {
			case "promql":
				ask = f.askPrometheus
				block.Text = strings.ReplaceAll(block.Text, "${__vllm_prefix}", vllm.DefaultMetricPrefix)
			case "logql":
				ask = f.askLoki
			case "http":
				ask = f.askJaeger
			case "json":
				if !strings.Contains(block.Text, `"queryType"`) {
					continue
				}
				ask = f.askPlugin
			default:
				continue
			}
			asked[block.Language]++
			block.Text = ids.Replace(block.Text)
			t.Run(block.Where(), func(t *testing.T) { ask(t, block) })
		}
	}
	t.Log(asked)
}

// idsOfOneRequest replaces the words that stand for ids in examples.
func (f *fleet) idsOfOneRequest(t *testing.T) *strings.Replacer {
	t.Helper()
	id := requestWithEverything(t, f, f.exampleWindow(map[string]any{"queryType": "requests"}))
	frame := f.ask(t, f.rangeAll(), map[string]any{"queryType": "request", "request": map[string]any{"id": id, "show": []string{"summary"}}})[0]
	require.Positive(t, frame.Rows())
	r := grade.Rows(frame)[0]
	return strings.NewReplacer("CLIENT_REQUEST_ID", r.Text("client_request_id"), "REQUEST_ID", id, "TRACE_ID", r.Text("trace_id"))
}

// answered compares what came with what the page promises.
func answered(t *testing.T, block docs.Block, some bool) {
	t.Helper()
	switch {
	case block.Sometimes != "":
		t.Logf("an answer: %t (%s)", some, block.Sometimes)
	case block.Empty != "":
		require.False(t, some, "there is an answer although the page says why there is none (%s):\n%s", block.Empty, block.Text)
	default:
		require.True(t, some, "the answer is empty:\n%s", block.Text)
	}
}

// askPrometheus asks Prometheus itself, over the whole window in steps of a minute: what only now and then is true counts.
func (f *fleet) askPrometheus(t *testing.T, block docs.Block) {
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	f.get(t, f.stores.Prometheus.URL+"/api/v1/query_range", url.Values{
		"query": {block.Text}, "start": {seconds(f.window.From)}, "end": {seconds(f.window.To)}, "step": {"60"},
	}, &answer)
	answered(t, block, len(answer.Data.Result) > 0)
}

// askLoki asks Loki itself. A block of several lines is one query.
func (f *fleet) askLoki(t *testing.T, block docs.Block) {
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	f.get(t, f.stores.Loki.URL+"/loki/api/v1/query_range", url.Values{
		"query": {block.Text}, "start": {seconds(f.window.From)}, "end": {seconds(f.window.To)}, "step": {"60"}, "limit": {"10"},
	}, &answer)
	answered(t, block, len(answer.Data.Result) > 0)
}

// askJaeger sends each line "GET /path?query" to the HTTP API of Jaeger's query service; values are escaped here, as a client
// does, so that the page can be read.
func (f *fleet) askJaeger(t *testing.T, block docs.Block) {
	for lines := bufio.NewScanner(strings.NewReader(block.Text)); lines.Scan(); {
		address, ok := strings.CutPrefix(lines.Text(), "GET ")
		require.True(t, ok, lines.Text())
		where, query, _ := strings.Cut(address, "?")
		values := url.Values{}
		for _, pair := range strings.Split(query, "&") {
			if name, value, ok := strings.Cut(pair, "="); ok {
				values.Set(name, value)
			}
		}
		var answer struct{ Data []json.RawMessage }
		f.get(t, f.stores.Jaeger.HTTP+where, values, &answer)
		answered(t, block, len(answer.Data) > 0)
	}
}

// askPlugin asks through the built plugin, as a panel does and, where the page says so, as an alert rule does.
func (f *fleet) askPlugin(t *testing.T, block docs.Block) {
	var model map[string]any
	require.NoError(t, json.Unmarshal([]byte(block.Text), &model))
	q, err := pluginhost.Query("A", model, f.exampleWindow(model))
	require.NoError(t, err)
	began := time.Now()
	response, err := f.plugin.QueryData(t.Context(), q)
	require.NoError(t, err)
	answer := response.Responses["A"]
	t.Logf("%s in %s: %s", q.QueryType, time.Since(began).Round(time.Millisecond), names(answer.Frames))
	require.NoError(t, answer.Error)
	answered(t, block, pluginhost.HasValue(answer.Frames, nil))
	for _, name := range block.Answer {
		require.True(t, named(answer.Frames, name), "the answer has no frame and no field %q", name)
	}
	if !block.Alert {
		return
	}
	response, err = f.plugin.QueryAlert(t.Context(), q)
	require.NoError(t, err)
	require.NoError(t, response.Responses["A"].Error)
	require.True(t, pluginhost.HasValue(response.Responses["A"].Frames, nil), "an alert rule gets nothing")
}

// exampleWindow is the fleet's hour, or its end for the kinds that join everything: these are what takes long.
func (f *fleet) exampleWindow(model map[string]any) backend.TimeRange {
	window := backend.TimeRange{From: f.window.From, To: f.window.To}
	if kind := model["queryType"]; kind == "requests" || kind == "coverage" || kind == "slo" {
		window.From = window.To.Add(-5 * time.Minute)
	}
	return window
}

// names shows whoever writes a page what an answer looks like.
func names(frames data.Frames) string {
	var all []string
	for _, frame := range frames {
		var fields []string
		for _, field := range frame.Fields {
			fields = append(fields, field.Name)
		}
		all = append(all, fmt.Sprintf("%q (%s)", frame.Name, strings.Join(fields, " ")))
	}
	return strings.Join(all, ", ")
}

func named(frames data.Frames, name string) bool {
	return slices.ContainsFunc(frames, func(frame *data.Frame) bool {
		return frame.Name == name || slices.ContainsFunc(frame.Fields, func(field *data.Field) bool { return field.Name == name })
	})
}

func (f *fleet) get(t *testing.T, address string, query url.Values, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"?"+query.Encode(), nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", text)
	require.NoError(t, json.Unmarshal(text, into))
}

func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
