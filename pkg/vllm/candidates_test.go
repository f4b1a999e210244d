package vllm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestCandidatesHaveTheRequestOfEveryEndpoint(t *testing.T) {
	for asked, wanted := range map[string][]string{
		"user_42": {
			"chatcmpl-user_42", "chatcmpl-user_42_0", "cmpl-user_42-0", "cmpl-user_42-1", "embd-user_42-0", "classify-user_42-0",
			"score-user_42-0", "rerank-user_42-0", "pool-user_42-0", "pooling-user_42-0", "generative-scoring-user_42-0",
			"decision-user_42-0", "generate-tokens-user_42", "transcribe-user_42", "transcribe-user_42-0", "transcribe-user_42_0",
			"translate-user_42", "user_42",
		},
		"cmpl-B":                {"cmpl-B-0", "cmpl-B-1"},
		"cmpl-req-1":            {"cmpl-req-1", "cmpl-req-1-0"},
		"resp_0123":             {"resp_0123_0", "resp_0123_1"},
		"chatcmpl-job-1a2b3c4d": {"chatcmpl-job-1a2b3c4d", "chatcmpl-job"},
		"2_chatcmpl-x-1a2b3c4d": {"chatcmpl-x", "2_chatcmpl-x-1a2b3c4d"},
		"é":                     {"chatcmpl-é", "chatcmpl-Ã©"},
		"a b":                   {"chatcmpl-a b"},
		"score-B-0":             {"score-B-0"},
		"transcribe-tape":       {"transcribe-tape", "transcribe-tape-0"},
		"chatcmpl-batch":        {"chatcmpl-batch", "chatcmpl-batch_0"},
		"late":                  {"score-late-0"},
	} {
		require.Subset(t, vllm.Candidates(asked), wanted, asked)
	}
	require.NotContains(t, vllm.Candidates("job-1a2b3c4d"), "chatcmpl-job", "what a client sent is no name of the engine's")
	require.Less(t, len(vllm.Candidates("x")), 30, "each is a search")
}

func TestNumberedCandidatesGoOn(t *testing.T) {
	for id, want := range map[string]string{"cmpl-B-3": "cmpl-B-4", "chatcmpl-B_0": "chatcmpl-B_1", "resp_1_9": "resp_1_10", "transcribe-B-0": "transcribe-B-1"} {
		next, ok := vllm.NextNumbered(id)
		require.True(t, ok, id)
		require.Equal(t, want, next)
	}
	for _, id := range []string{"chatcmpl-B", "B-1", "generate-tokens-B-1"} {
		_, ok := vllm.NextNumbered(id)
		require.False(t, ok, id)
	}
}
