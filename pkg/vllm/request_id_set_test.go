package vllm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestRequestIDSetHas(t *testing.T) {
	for _, test := range []struct {
		name, asked, written string
		form                 vllm.IDForm
		want                 bool
	}{
		{"an id is itself", "cmpl-B-0", "cmpl-B-0", vllm.IDExternal, true},
		{"an external id has its internal one", "cmpl-B-0", "cmpl-B-0-9f3c1a7e", vllm.IDInternal, true},
		{"and those of its children", "cmpl-B-0", "2_cmpl-B-0-9f3c1a7e", vllm.IDInternal, true},
		{"an internal id has its external one", "cmpl-B-0-9f3c1a7e", "cmpl-B-0", vllm.IDExternal, true},
		{"an external id has its response", "cmpl-B-0", "cmpl-B", vllm.IDResponse, true},
		{"a response has all its prompts", "cmpl-B", "cmpl-B-3", vllm.IDExternal, true},
		{"a client's id has the request it became", "B", "chatcmpl-B", vllm.IDExternal, true},
		{"inside the engine too", "B", "1_cmpl-B-0-9f3c1a7e", vllm.IDInternal, true},
		{"a longer number is another prompt", "cmpl-B-1", "cmpl-B-10", vllm.IDExternal, false},
		{"a longer name is another client", "B", "chatcmpl-B2", vllm.IDExternal, false},
		{"another prompt of one response is another request", "cmpl-B-0", "cmpl-B-1", vllm.IDExternal, false},
		{"a client's own hex is part of an external id", "chatcmpl-B", "chatcmpl-B-deadbeef", vllm.IDExternal, false},
		{"a base of 8 hex digits is no suffix", "chatcmpl-1a2b3c4d", "chatcmpl-5e6f7a8b", vllm.IDInternal, false},
		{"a client's own hex is no suffix of the engine's", "job-1a2b3c4d", "chatcmpl-job-5e6f7a8b", vllm.IDInternal, false},
		{"nor is it another's request", "job-1a2b3c4d", "chatcmpl-job", vllm.IDExternal, false},
		{"a client's own hex, inside the engine", "job-1a2b3c4d", "chatcmpl-job-1a2b3c4d-5e6f7a8b", vllm.IDInternal, true},
		{"a client's own hex, inside an old engine", "job-1a2b3c4d", "chatcmpl-job-1a2b3c4d", vllm.IDInternal, true},
		{"a longer number of the client's is another's", "job7", "chatcmpl-job7_1", vllm.IDExternal, false},
		{"so it is inside the engine", "job7", "chatcmpl-job7_1-5e6f7a8b", vllm.IDInternal, false},
		{"an id with blanks", "a b", "chatcmpl-a b-5e6f7a8b", vllm.IDInternal, true},
		{"an id with quotes", `we"ird`, `cmpl-we"ird-3`, vllm.IDExternal, true},
		{"an id in UTF-8, as a header is read", "é", "chatcmpl-\u00c3\u00a9", vllm.IDExternal, true},
		{"a client's number in the response's id", "req-1", "cmpl-req-1", vllm.IDResponse, true},
		{"a beam", "B", "cmpl-B-b702ceda0c207dcf-beam-0-8196971f", vllm.IDInternal, true},
		{"a beam of the response", "cmpl-B", "cmpl-B-b702ceda0c207dcf-beam-1", vllm.IDExternal, true},
		{"what is no id is in no set", "a\nb", "a\nb", vllm.IDUnknown, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, vllm.NewRequestIDSet(test.asked).Has(test.written, test.form))
		})
	}
}

func TestRequestIDSetIn(t *testing.T) {
	set := vllm.NewRequestIDSet("cmpl-B-1", "B-1-is-no-prefix")
	for _, test := range []struct {
		name, line string
		want       bool
	}{
		{"a known form", head + "Added request cmpl-B-1-9f3c1a7e.", true},
		{"text of no form", "slow: cmpl-B-1, sorry", true},
		{"a field", "request_id=cmpl-B-1 x", true},
		{"the response that it belongs to", "Request id: cmpl-B", true},
		{"not another prompt", "Added request cmpl-B-10.", false},
		{"not the tail of another id", "Added request xcmpl-B-1.", false},
		{"one after another that is not", "cmpl-B-10, cmpl-B-1", true},
		{"a text about another that quotes it", head + "Generated response cmpl-C: output: 'cmpl-B-1', finish_reason: stop", false},
		{"nothing", "", false},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, set.In(test.line)) })
	}
}

func TestSearchTextStandsInEveryWrapper(t *testing.T) {
	for id, want := range map[string]string{
		"chatcmpl-B": "chatcmpl-B", `chatcmpl-we"ird id`: "chatcmpl-we", "cmpl-日本 and more": " and more", "日本": "", `"a"`: "",
		"a,b|c {d}": "a,b|c {d}",
	} {
		require.Equal(t, want, vllm.SearchText(id), id)
	}
	texts, ok := vllm.NewRequestIDSet("cmpl-B-1", "cmpl-B-2").Texts()
	require.True(t, ok)
	require.Equal(t, []string{"cmpl-B"}, texts, "all spellings have it")
	_, ok = vllm.NewRequestIDSet("cmpl-B-1", "日").Texts()
	require.False(t, ok)
}

func TestHostileIDsInASentence(t *testing.T) {
	for _, id := range []string{"user_42", "a b", `we"ird/id 7%20{x="y"}`, "a,b", "x|y", `back\slash`, "日本-1", "100%", "it's", "a: b"} {
		set := vllm.NewRequestIDSet(id)
		for _, line := range []string{
			"Received request chatcmpl-" + id + ": params: SamplingParams(n=1), lora_request: None.",
			"Added request chatcmpl-" + id + "-5e6f7a8b.",
			"Added request 1_cmpl-" + id + "-0-5e6f7a8b.",
			"Aborted request(s) chatcmpl-" + id + "-5e6f7a8b.",
			"Request chatcmpl-" + id + " aborted.",
		} {
			require.True(t, set.In(head+line), line)
		}
		require.False(t, set.In(head+"Added request chatcmpl-"+id+"2-5e6f7a8b."), id)
	}
}

func TestAListOfAbortedRequestsIsCutBetweenIDs(t *testing.T) {
	for list, want := range map[string][]string{
		"chatcmpl-a-5e6f7a8b,cmpl-b-0-5e6f7a8c":     {"chatcmpl-a-5e6f7a8b", "cmpl-b-0-5e6f7a8c"},
		"chatcmpl-a,b-5e6f7a8b":                     {"chatcmpl-a,b-5e6f7a8b"},
		"chatcmpl-a,chatcmpl-b-5e6f7a8b":            {"chatcmpl-a,chatcmpl-b-5e6f7a8b"}, // all have the suffix, or none
		"chatcmpl-a,b-5e6f7a8b,0_cmpl-c-0-5e6f7a8c": {"chatcmpl-a,b-5e6f7a8b", "0_cmpl-c-0-5e6f7a8c"},
		"chatcmpl-a,cmpl-b-0":                       {"chatcmpl-a", "cmpl-b-0"}, // before 0.14
		"raw-1,raw-2":                               {"raw-1", "raw-2"},
	} {
		e := vllm.ParseLogLine(head + "Aborted request(s) " + list + ".")
		require.Equal(t, want, append([]string{e.RequestID}, e.MoreIDs...), list)
	}
}
