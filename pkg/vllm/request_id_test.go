package vllm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestSpellingsOfOneRequest(t *testing.T) {
	for _, c := range []struct {
		internal, external, response, client string
	}{
		{"chatcmpl-req-42-9f3c1a7e", "chatcmpl-req-42", "chatcmpl-req-42", "req-42"},
		{"0_chatcmpl-req-42-9f3c1a7e", "chatcmpl-req-42", "chatcmpl-req-42", "req-42"},
		{"cmpl-req-42-0-9f3c1a7e", "cmpl-req-42-0", "cmpl-req-42", "req-42"},
		{"cmpl-B-10-00000000", "cmpl-B-10", "cmpl-B", "B"},
		{"cmpl-req-1-0-0-12345678", "cmpl-req-1-0-0", "cmpl-req-1-0", "req-1-0"},
		{"chatcmpl-b_3-9f3c1a7e", "chatcmpl-b_3", "chatcmpl-b_3", "b_3"}, // a client's own, until a batch is proven
		{"chatcmpl-user_42-9f3c1a7e", "chatcmpl-user_42", "chatcmpl-user_42", "user_42"},
		{"cmpl-job7_1-0-9f3c1a7e", "cmpl-job7_1-0", "cmpl-job7_1", "job7_1"},
		{"chatcmpl-req_12345", "chatcmpl-req_12345", "chatcmpl-req_12345", "req_12345"},
		{"chatcmpl-a_b_c-00c0ffee", "chatcmpl-a_b_c", "chatcmpl-a_b_c", "a_b_c"},
		{"chatcmpl-job-1a2b3c4d-9f3c1a7e", "chatcmpl-job-1a2b3c4d", "chatcmpl-job-1a2b3c4d", "job-1a2b3c4d"},
		{"score-x-1-0-9f3c1a7e", "score-x-1-0", "score-x-1", "x-1"},
		{"rerank-x-1-12", "rerank-x-1-12", "rerank-x-1", "x-1"},
		{"pool-x-0", "pool-x-0", "pool-x", "x"},
		{"pooling-x-0-9f3c1a7e", "pooling-x-0", "pooling-x", "x"},
		{"classify-abc-0-0-9f3c1a7e", "classify-abc-0-0", "classify-abc-0", "abc-0"},
		{"embd-e-prompt-1-chunk-12-aaaaaaaa", "embd-e-prompt-1-chunk-12", "embd-e", "e"},
		{"transcribe-tape-7-9f3c1a7e", "transcribe-tape-7", "transcribe-tape-7", "tape-7"}, // one piece has no number
		{"translate-tape-9f3c1a7e", "translate-tape", "translate-tape", "tape"},
		{"generate-tokens-t-1-9f3c1a7e", "generate-tokens-t-1", "generate-tokens-t-1", "t-1"},
		{"decision-d-2-9f3c1a7e", "decision-d-2", "decision-d", "d"},
		{"chatcmpl-a|b, c\\d 100%-9f3c1a7e", "chatcmpl-a|b, c\\d 100%", "chatcmpl-a|b, c\\d 100%", "a|b, c\\d 100%"},
		{"chatcmpl-caf\u00c3\u00a9-9f3c1a7e", "chatcmpl-caf\u00c3\u00a9", "chatcmpl-caf\u00c3\u00a9", "café"}, // a header in UTF-8
		{"chatcmpl-café-9f3c1a7e", "chatcmpl-café", "chatcmpl-café", "café"},
		{"resp_0123456789abcdef_0-9f3c1a7e", "resp_0123456789abcdef_0", "resp_0123456789abcdef", ""},
		{"chatcmpl-x-NOTHEX12", "chatcmpl-x-NOTHEX12", "chatcmpl-x-NOTHEX12", "x-NOTHEX12"}, // before 0.14: no suffix
		{"1_cmpl-a-0", "cmpl-a-0", "cmpl-a", "a"},
		{"embd-e-2-aaaaaaaa", "embd-e-2", "embd-e", "e"},
		{"cmpl-beam-b702ceda0c207dcf-beam-0-8196971f", "cmpl-beam-b702ceda0c207dcf-beam-0", "cmpl-beam", "beam"},
		{"chatcmpl-b-b702ceda0c207dcf-beam-11", "chatcmpl-b-b702ceda0c207dcf-beam-11", "chatcmpl-b", "b"}, // before 0.14
		{"cmpl-x-beam-0-12345678", "cmpl-x-beam-0", "cmpl-x-beam", "x-beam"},                              // a client's own
		{`chatcmpl-we"ird id-9e8deac0`, `chatcmpl-we"ird id`, `chatcmpl-we"ird id`, `we"ird id`},
	} {
		external, _ := vllm.ExternalFromInternal(c.internal)
		require.Equal(t, c.external, external, c.internal)
		require.Equal(t, c.response, vllm.ResponseID(external), c.internal)
		client, ok := vllm.ClientRequestID(external)
		require.Equal(t, c.client, client, c.internal)
		require.Equal(t, c.client != "", ok, c.internal)
	}
}

func TestAGatewaysOwnIDIsNotTakenApart(t *testing.T) {
	client, ok := vllm.ClientRequestID("3f2b-router-id")
	require.False(t, ok)
	require.Equal(t, "3f2b-router-id", client)
	require.Equal(t, "3_x", vllm.ExternalFromChild("3_x"), "only vLLM's own words follow a child prefix")
}

func TestAChildKnowsItsPlace(t *testing.T) {
	for id, want := range map[string]int{"0_chatcmpl-x-9f3c1a7e": 0, "12_cmpl-x-0": 12} {
		n, ok := vllm.ChildOrdinal(id)
		require.True(t, ok, id)
		require.Equal(t, want, n, id)
	}
	for _, id := range []string{"chatcmpl-x", "chatcmpl-3_x", "3_x", "_chatcmpl-x", "99999999999999999999_chatcmpl-x", ""} {
		_, ok := vllm.ChildOrdinal(id)
		require.False(t, ok, id)
	}
}

func TestPlainIDsShowTheirEnd(t *testing.T) {
	for _, id := range []string{"", " ", "a b", "a\nb", "a\"b", "a`b", "a|b", "a{b}", "a\\b", "é", strings.Repeat("a", 257)} {
		require.False(t, vllm.PlainRequestID(id), "%q", id)
	}
	for _, id := range []string{"chatcmpl-1", "req/2:3@host=x+y.z~_%", strings.Repeat("a", 256)} {
		require.True(t, vllm.PlainRequestID(id), "%q", id)
	}
}

func TestOneOfSeveralHasTwoReadings(t *testing.T) {
	for id, want := range map[string]string{
		"chatcmpl-b_3": "chatcmpl-b 3", "transcribe-tape-7": "transcribe-tape 7", "translate-tape_0": "translate-tape 0",
	} {
		response, n, ok := vllm.SeveralOf(id)
		require.True(t, ok, id)
		require.Equal(t, want, fmt.Sprint(response, " ", n), id)
	}
	for _, id := range []string{"chatcmpl-b", "chatcmpl-b_03", "chatcmpl-b-3", "cmpl-b_3", "chatcmpl-_3", "chatcmpl-b_99999999999999999999", "b_3", "resp_1_0"} {
		_, _, ok := vllm.SeveralOf(id)
		require.False(t, ok, id)
	}
}

func TestWhatAClientSentInUTF8ComesBack(t *testing.T) {
	for _, sent := range []string{"café", "日本-1", "naïve ü", "👩\u200d💻", "à"} {
		require.Equal(t, sent, vllm.SentText(vllm.HeaderText(sent)))
		require.True(t, vllm.ComparableRequestID("chatcmpl-"+vllm.HeaderText(sent)), "%q", sent)
	}
	for _, raw := range []string{"plain", "é", "日本", "Ã and more ü"} { // no header can have been read so
		require.Equal(t, raw, vllm.SentText(raw))
	}
}

func TestAnyTextOfOneLineMayBeCompared(t *testing.T) {
	for _, id := range []string{"a b", `a"b`, "a{b}", "é", strings.Repeat("a", 1024)} {
		require.True(t, vllm.ComparableRequestID(id), "%q", id)
	}
	for _, id := range []string{"", "a\nb", "a\x00b", "a\x1b[0m", "a\xff", strings.Repeat("a", 1025)} {
		require.False(t, vllm.ComparableRequestID(id), "%q", id)
	}
}

func TestWhatMayComeAgain(t *testing.T) {
	for _, id := range []string{"chatcmpl-9f3c1a7e00c0ffee", "cmpl-6F9619FF-8B86-D011-B42D-00CF4FC964FF-0", "resp_0123456789abcdef_0"} {
		require.True(t, vllm.Unrepeatable(id), id)
	}
	for _, id := range []string{"chatcmpl-user_42", "cmpl-req-1-0", "embd-job-1a2b3c4d-0", "chatcmpl-a b c d", ""} {
		require.False(t, vllm.Unrepeatable(id), id)
	}
}

func TestTokenizingReachesNoEngine(t *testing.T) {
	require.False(t, vllm.ReachesEngine("tokenize-1"))
	require.False(t, vllm.ReachesEngine("tokn-1"))
	require.True(t, vllm.ReachesEngine("cmpl-tokenize-1-0"), "a client may call its request so")
}

func FuzzSpellings(f *testing.F) {
	f.Add("0_chatcmpl-req-42-9f3c1a7e")
	f.Add("cmpl-B-10")
	f.Fuzz(func(t *testing.T, id string) {
		external, suffixed := vllm.ExternalFromInternal(id)
		if suffixed && len(external) >= len(id) {
			t.Fatalf("%q lost no suffix: %q", id, external)
		}
		if len(vllm.ResponseID(external)) > len(external) {
			t.Fatalf("%q grew", external)
		}
		_, _ = vllm.ClientRequestID(external)
	})
}
