package vllm_test

import (
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
		{"chatcmpl-b_3-9f3c1a7e", "chatcmpl-b_3", "chatcmpl-b", "b"},
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

func TestHostileIDsAreNotSentOn(t *testing.T) {
	for _, id := range []string{"", " ", "a b", "a\nb", "a\"b", "a`b", "a|b", "a{b}", "a\\b", "é", strings.Repeat("a", 257)} {
		require.False(t, vllm.ValidRequestID(id), "%q", id)
	}
	for _, id := range []string{"chatcmpl-1", "req/2:3@host=x+y.z~_%", strings.Repeat("a", 256)} {
		require.True(t, vllm.ValidRequestID(id), "%q", id)
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
