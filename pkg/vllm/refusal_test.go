package vllm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestARefusalIsToldInTheWordsOfAnError(t *testing.T) {
	for text, refused := range map[string]bool{
		"BadRequestError: Error code: 400 - {'error': {'message': 'too long'}}": true,
		"AI_APICallError: Unauthorized":                                         true,
		"AI_APICallError: Forbidden":                                            true,
		"This model's maximum context length is 8192 tokens.":                   true,
		"litellm.ContextWindowExceededError: too long":                          true,
		"HTTP 503":                            true,
		"APITimeoutError: Request timed out.": false,
		"InternalServerError: Error code: 500 - {'error': 'Error'}": false,
		"AbortError: This operation was aborted":                    false,
		"":                                                          false,
	} {
		require.Equal(t, refused, vllm.RefusalInWords(text), text)
	}
}
