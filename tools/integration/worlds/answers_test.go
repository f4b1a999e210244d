//go:build integration && unix

package worlds_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

// hostile are worlds in which what a row says may hang on evidence elsewhere in the window, or on ids that are hard to ask for.
var hostile = []string{"ids_reused", "ids_blanks", "ids_joined", "ids_hex", "ids_unicode", "ids_endpoints", "ids_reused+log_clock_early_3s", "beam_search"}

// thorough is how many questions are asked: few in the check, which must end soon, and many where VLLM_THOROUGH is set.
func thorough(few, many int) int {
	if os.Getenv("VLLM_THOROUGH") != "" {
		return many
	}
	return few
}

// TestTheSameQuestionGivesTheSameRows asks real stores for parts of a window in many ways, and holds each row against the same row
// of the whole answer, cell by cell.
func TestTheSameQuestionGivesTheSameRows(t *testing.T) {
	for _, name := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := world.Named(name)
			require.NoError(t, err)
			s := stage(t, w)
			random := rand.New(rand.NewPCG(9, 9)) // #nosec G404 -- the same seed must give the same questions
			whole := s.rows(t, map[string]any{"limit": 50_000}, nil)
			require.Greater(t, len(whole), 800)
			s.sameRows(t, whole, random, thorough(8, 30))
		})
	}
}

// TestTheSameQuestionGivesTheSameRowsOfManyRequests does so where there are more requests than are read whole for every question.
func TestTheSameQuestionGivesTheSameRowsOfManyRequests(t *testing.T) {
	w, err := world.Named("ids_reused")
	require.NoError(t, err)
	config := w.Config
	w.Config = func(c *simulator.Config) {
		config(c)
		c.Rate = 2.2
	}
	s := stageFor(t, w, 110*time.Minute)
	whole := s.rows(t, map[string]any{"limit": 50_000}, nil)
	require.Greater(t, len(whole), 12_000)
	s.sameRows(t, whole, rand.New(rand.NewPCG(9, 9)), thorough(3, 12)) // #nosec G404 -- the same seed must give the same questions
}

// sameRows asks so many questions and compares their rows with those of the whole answer.
func (s *scene) sameRows(t *testing.T, whole []map[string]any, random *rand.Rand, questions int) {
	t.Helper()
	byKey := map[string]map[string]any{}
	for _, row := range whole {
		byKey[rowKey(row)] = row
	}
	for range questions {
		question, scope := s.question(random)
		for i, row := range s.rows(t, question, scope) {
			want, known := byKey[rowKey(row)]
			require.True(t, known, "%v in %v: row %d is not in the whole answer: %v", question, scope, i, row)
			for column, cell := range want {
				require.True(t, reflect.DeepEqual(cell, row[column]), "%v in %v: %s of %v is %v instead of %v", question, scope, column, row["request_id"], row[column], cell)
			}
		}
	}
}

// question is one that a dashboard may ask.
func (s *scene) question(random *rand.Rand) (requests, scope map[string]any) {
	columns := []string{"time", "e2e", "ttft", "prompt_tokens", "log_lines", "request_id", "status", "cached_tokens", "queue"}
	requests = map[string]any{
		"limit": []int{1, 10, 100, 1000}[random.IntN(4)],
		"sort":  map[string]any{"column": columns[random.IntN(len(columns))], "desc": random.IntN(2) == 0},
	}
	switch random.IntN(5) {
	case 0:
		requests["filters"] = []map[string]any{{"column": "e2e", "op": ">", "value": fmt.Sprint(random.IntN(15))}}
	case 1:
		requests["filters"] = []map[string]any{{"column": "status", "op": "!=", "value": "ok"}}
	case 2:
		requests["filters"] = []map[string]any{{"column": "request_id", "op": "=~", "value": ".*[13579].*"}}
	}
	if random.IntN(3) == 0 {
		records := s.truth.Requests()
		r := records[random.IntN(len(records))]
		scope = map[string]any{"models": []string{r.Model}}
		if random.IntN(2) == 0 {
			scope = map[string]any{"pods": []string{r.Pod}}
		}
	}
	return requests, scope
}

// rows asks for requests and gives each row as its cells.
func (s *scene) rows(t *testing.T, requests, scope map[string]any) []map[string]any {
	t.Helper()
	question := map[string]any{"queryType": "requests", "version": 1, "requests": requests}
	if scope != nil {
		question["scope"] = scope
	}
	return cells(s.ask(t, question)[0])
}

func cells(frame *data.Frame) []map[string]any {
	rows, _ := frame.RowLen()
	out := make([]map[string]any, rows)
	for i := range out {
		out[i] = map[string]any{}
		for _, f := range frame.Fields {
			v, _ := f.ConcreteAt(i)
			out[i][f.Name] = v
			if f.NilAt(i) {
				out[i][f.Name] = nil
			}
		}
	}
	return out
}

func rowKey(row map[string]any) string {
	return fmt.Sprint(row["time"], row["request_id"], row["trace_id"], row["span_id"])
}

// TestARequestIsFoundByEachOfItsIDs asks for single requests of every endpoint by each spelling of their ids.
func TestARequestIsFoundByEachOfItsIDs(t *testing.T) {
	for _, name := range []string{
		"ids_endpoints", "ids_endpoints_0_13", "ids_batch_chat", "ids_joined", "ids_hex", "ids_digits", "ids_blanks", "ids_quotes", "ids_commas", "ids_pipes",
		"ids_unicode", "ids_colons", "ids_behind_envoy", "ids_behind_litellm", "beam_search",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := world.Named(name)
			require.NoError(t, err)
			s := stage(t, w)
			random := rand.New(rand.NewPCG(7, 7)) // #nosec G404 -- the same seed must give the same questions
			seen := map[string]int{}
			records := s.truth.Requests()
			random.Shuffle(len(records), func(i, k int) { records[i], records[k] = records[k], records[i] })
			for _, r := range records {
				kind := r.Endpoint + string(r.Status)
				if r.Evidence.EngineSpan != truth.Emitted || seen[kind] >= thorough(1, 3) || r.Evidence.LogLines == 0 {
					continue
				}
				seen[kind]++
				for what, id := range map[string]string{"external": r.ExternalID, "internal": r.InternalID, "response": r.ResponseID, "client": r.ClientRequestID, "trace": r.TraceID} {
					if id == "" || what == "internal" && strings.HasPrefix(name, "beam") {
						continue
					}
					if what == "client" && r.Endpoint == traffic.Responses && r.ParentSpanID == "" {
						continue // vLLM never saw it, and the span that it lost its caller on cannot tell
					}
					frames := s.ask(t, map[string]any{"queryType": "request", "version": 1, "request": map[string]any{"id": id, "show": []string{"summary", "logs"}}})
					rows := cells(frames[0])
					found := slices.ContainsFunc(rows, func(row map[string]any) bool { return row["span_id"] == r.SpanID })
					require.True(t, found, "%s id %q of %s %s, response %q, client %q: %d rows", what, id, r.Endpoint, r.ExternalID, r.ResponseID, r.ClientRequestID, len(rows))
					for _, row := range rows { // nobody else's
						own := r.ResponseID != "" && strings.HasPrefix(fmt.Sprint(row["request_id"]), r.ResponseID) || row["trace_id"] == r.TraceID || row["client_request_id"] == r.ClientRequestID && r.ClientRequestID != "" || row["request_id"] == r.ExternalID
						require.True(t, own, "%s id %q brings up %v of client %v", what, id, row["request_id"], row["client_request_id"])
					}
				}
			}
			require.NotEmpty(t, seen)
		})
	}
}
