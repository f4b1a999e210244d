package jaeger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpansOfOneMicrosecondAreFoundAnotherWay(t *testing.T) {
	f := &fakeJaeger{rowEach: true}
	var ids []string
	for i := range 300 {
		trace, id := fmt.Sprintf("%x", i+1), fmt.Sprintf("chatcmpl-%d", i)
		f.traces = append(f.traces, []testSpan{engineSpan(trace, "4", "", id, noon.Add(time.Duration(i/3)*time.Second))}) // three in each microsecond
		ids = append(ids, id)
	}
	c := f.client(t)
	search := Search{Window: hour, Services: []string{"vllm-llama"}}
	count := func(s Search) (n int) {
		report := c.RequestSpans(t.Context(), s, func(trace Trace) error {
			n += len(trace.Requests)
			return nil
		})
		require.NoError(t, report.Err)
		require.False(t, report.Truncated)
		return n
	}
	require.Equal(t, 100, count(search), "one of three, and nothing says so")
	search.AnyName = true
	require.Greater(t, count(search), 250, "the index of all spans of a service is another")
	traces, report := c.FindByRequestID(t.Context(), hour, ids)
	require.NoError(t, report.Err)
	require.Len(t, traces, 300, "the index of tags has them all")
}
