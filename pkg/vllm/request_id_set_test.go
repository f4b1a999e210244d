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
		{"what is no id is in no set", "a b", "a b", vllm.IDUnknown, false},
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
		{"nothing", "", false},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, set.In(test.line)) })
	}
}
