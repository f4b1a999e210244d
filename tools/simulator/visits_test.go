package simulator_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
)

const (
	visitedModel = "meta-llama/Llama-3.1-8B-Instruct"
	traceID      = "0af7651916cd43dd8448eb211c80319c"
	parentID     = "b7ad6b7169203331"
	question     = `"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is it slow?"}]`
)

// served is a live fleet that nobody calls but the test.
type served struct {
	url   string
	truth *truthtest.Recorder
	// end stops the fleet and gives the truth.
	end func() []*truth.Record
}

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{truth: &truthtest.Recorder{}}
	sim, err := simulator.New(simulator.Config{Seed: 5, MaxRequests: -1, Recorder: s.truth})
	require.NoError(t, err)
	s.url = "http://" + sim.ScrapeTargets()[0].Address
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	stopped := false
	s.end = func() []*truth.Record {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
			require.NoError(t, sim.Close())
		}
		return s.truth.Requests()
	}
	t.Cleanup(func() { s.end() })
	require.Eventually(t, func() bool {
		response, err := http.Get(s.url + "/health")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}, 30*time.Second, 10*time.Millisecond, "the fleet does not come alive")
	return s
}

// post calls an endpoint as an application does.
func (s *served) post(ctx context.Context, t *testing.T, endpoint, body string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+endpoint, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("X-Request-Id", "ticket-7")
	request.Header.Set("Traceparent", "00-"+traceID+"-"+parentID+"-01")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// said is what all answers have in common.
type said struct {
	ID, Object, Model string
	Choices           []struct {
		Index          int
		Text           string
		Message, Delta struct{ Role, Content string }
		FinishReason   *string `json:"finish_reason"`
	}
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		TotalTokens      int `json:"total_tokens"`
	}
	Error *struct {
		Message, Type string
		Code          int
	}
}

func TestAChatIsAnsweredAndLeavesItsTruth(t *testing.T) {
	s := serve(t)
	response := s.post(t.Context(), t, "/v1/chat/completions", fmt.Sprintf(`{"model": %q, "max_tokens": 12, "ignore_eos": true, %s}`, visitedModel, question))
	var answer said
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "ticket-7", response.Header.Get("X-Request-Id"))
	require.Equal(t, "chatcmpl-ticket-7", answer.ID)
	require.Equal(t, "chat.completion", answer.Object)
	require.Len(t, answer.Choices, 1)
	require.Equal(t, "length", *answer.Choices[0].FinishReason)
	require.Len(t, strings.Fields(answer.Choices[0].Message.Content), 12)
	require.Equal(t, 12, answer.Usage.CompletionTokens)
	require.Equal(t, answer.Usage.TotalTokens, answer.Usage.PromptTokens+12)

	records := s.end()
	require.Len(t, records, 1)
	r := records[0]
	require.Equal(t, truth.StatusOK, r.Status)
	require.Equal(t, "chatcmpl-ticket-7", r.ExternalID)
	require.Equal(t, traceID, r.TraceID)
	require.Equal(t, parentID, r.ParentSpanID)
	require.Equal(t, answer.Usage.PromptTokens, r.PromptTokens)
	require.Equal(t, 12, r.CompletionTokens)
	require.Nil(t, r.Caller, "the caller is not simulated")
	require.Equal(t, truth.None, r.Evidence.CallerSpan)
	require.Equal(t, truth.Emitted, r.Evidence.EngineSpan)
	require.Positive(t, r.Evidence.LogLines)
}

func TestAStreamComesInPiecesThatMakeTheAnswer(t *testing.T) {
	s := serve(t)
	response := s.post(t.Context(), t, "/v1/chat/completions", fmt.Sprintf(
		`{"model": %q, "max_tokens": 20, "n": 2, "ignore_eos": true, "stream": true, "stream_options": {"include_usage": true}, %s}`, visitedModel, question))
	require.Equal(t, "text/event-stream; charset=utf-8", response.Header.Get("Content-Type"))
	var texts [2]strings.Builder
	var finished, chunks, completion int
	lines := bufio.NewScanner(response.Body)
	last := ""
	for lines.Scan() {
		event, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			require.Empty(t, lines.Text())
			continue
		}
		last = event
		var chunk said
		if json.Unmarshal([]byte(event), &chunk) != nil {
			continue
		}
		chunks++
		require.Equal(t, "chat.completion.chunk", chunk.Object)
		if chunk.Usage != nil {
			completion = chunk.Usage.CompletionTokens
		}
		for _, c := range chunk.Choices {
			texts[c.Index].WriteString(c.Delta.Content)
			if c.FinishReason != nil {
				finished++
			}
		}
	}
	require.NoError(t, lines.Err())
	require.Equal(t, "[DONE]", last)
	require.Equal(t, 2, finished)
	require.Equal(t, 40, completion, "usage counts both choices")
	require.Greater(t, chunks, 5)
	for i := range texts {
		require.Len(t, strings.Fields(texts[i].String()), 20)
	}
	require.Len(t, s.end(), 2, "a record per sequence")
}

func TestEachPromptOfABatchIsARequest(t *testing.T) {
	s := serve(t)
	response := s.post(t.Context(), t, "/v1/completions", fmt.Sprintf(`{"model": %q, "max_tokens": 3, "ignore_eos": true, "prompt": ["one", "two"]}`, visitedModel))
	var answer said
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, "text_completion", answer.Object)
	require.Len(t, answer.Choices, 2)
	require.Len(t, strings.Fields(answer.Choices[1].Text), 3)
	var ids []string
	for _, r := range s.end() {
		ids = append(ids, r.ExternalID)
	}
	require.ElementsMatch(t, []string{"cmpl-ticket-7-0", "cmpl-ticket-7-1"}, ids)
}

func TestWhoGoesAwayAborts(t *testing.T) {
	s := serve(t)
	ctx, hangUp := context.WithCancelCause(t.Context())
	response := s.post(ctx, t, "/v1/chat/completions", fmt.Sprintf(`{"model": %q, "max_tokens": 20000, "ignore_eos": true, "stream": true, %s}`, visitedModel, question))
	_, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	gone := errors.New("the reader has gone")
	hangUp(gone)
	_, err = io.ReadAll(response.Body)
	require.Error(t, err)
	require.Eventually(t, func() bool { return len(s.truth.Requests()) == 1 }, 20*time.Second, 10*time.Millisecond, "the call goes on")
	records := s.end()
	require.Len(t, records, 1)
	require.Equal(t, truth.StatusAborted, records[0].Status)
	require.Equal(t, truth.None, records[0].Evidence.EngineSpan, "vLLM leaves none of an abort")
}

func TestVLLMsRefusals(t *testing.T) {
	s := serve(t)
	for name, test := range map[string]struct {
		body, kind, says string
		status           int
	}{
		"a model that nobody serves":   {`{"model": "gpt-4", ` + question + `}`, "NotFoundError", "The model `gpt-4` does not exist.", 404},
		"more than the context holds":  {`{"max_tokens": 40000, ` + question + `}`, "BadRequestError", "maximum context length is 32768 tokens", 400},
		"nothing to answer":            {`{"messages": []}`, "BadRequestError", "messages is empty", 400},
		"a body that is not JSON":      {`model=x`, "BadRequestError", "not JSON", 400},
		"more choices than make sense": {`{"n": 1000, ` + question + `}`, "BadRequestError", "between 1 and 16", 400},
	} {
		response := s.post(t.Context(), t, "/v1/chat/completions", test.body)
		var answer said
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer), name)
		require.Equal(t, test.status, response.StatusCode, name)
		require.Equal(t, test.status, answer.Error.Code, name)
		require.Equal(t, test.kind, answer.Error.Type, name)
		require.Contains(t, answer.Error.Message, test.says, name)
	}
	for _, r := range s.end() {
		require.Equal(t, truth.StatusRejected, r.Status)
	}
	require.Len(t, s.truth.Requests(), 5)
}
