package prometheus

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What stores really send beside an answer with status success. Sources: Prometheus (util/annotations, storage/remote,
// web/api/v1), Thanos (pkg/store/proxy.go, bucket.go), Cortex (pkg/querier/partialdata), VictoriaMetrics (isPartial).
func TestOnlyRemarksOfPromQLLeaveAnAnswerWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		warning string
		partial bool
	}{
		"Prometheus, a counter's name":                            {`PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up" (1:6)`, false},
		"Prometheus, a histogram whose buckets are not ascending": {`PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric name "" (1:25)`, false},
		"Prometheus, a quantile above 1":                          {`PromQL warning: quantile value should be between 0 and 1, got 95 (1:20)`, false},
		"Prometheus, a list that we bounded ourselves":            {`results truncated due to limit`, false},
		"Prometheus, series that it left out of the sum":          {`PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)`, true},
		"Prometheus, its long-term storage":                       {`remote_read: remote server http://far/api/v1/read returned http status 500 Internal Server Error: down`, true},
		"Thanos, a store that cannot be reached":                  {`receive series from Addr: 10.8.1.12:10901 MinTime: 1789999200000 MaxTime: 1790000000000: rpc error: code = Unavailable desc = connection error`, true},
		"Thanos, a store that is too slow":                        {`fetch series for {cluster="b"} Addr: thanos-store-b:10901: rpc error: code = DeadlineExceeded desc = context deadline exceeded`, true},
		"Thanos, nobody to ask":                                   {`No StoreAPIs matched for this query`, true},
		"Cortex, a zone that is away":                             {`Query result may contain partial data.`, true},
		"a store nobody knows":                                    {`somewhat tired today`, true},
	} {
		t.Run(name, func(t *testing.T) {
			remarks, partial := sortWarnings([]string{tc.warning}, false)
			require.Equal(t, tc.partial, len(partial) == 1)
			require.Equal(t, !tc.partial, len(remarks) == 1)
		})
	}
}

func TestManyWordsAboutMissingPartsAreOneSentence(t *testing.T) {
	require.Empty(t, partialText(nil))
	require.Equal(t, "a b; c", partialText([]string{"a\n b", "c", "a b"}))
	long := make([]string, 100)
	for i := range long {
		long[i] = string(rune('A'+i%26)) + " does not answer"
	}
	require.LessOrEqual(t, len(partialText(long)), maxPartial+len("…"))
}

func TestListsOfNamesTellThatTheyArePartial(t *testing.T) {
	for name, tc := range map[string]struct {
		body           string
		names, partial []string
	}{
		"a whole list":         {`{"status":"success","data":["a"],"infos":["x"]}`, []string{"a"}, nil},
		"VictoriaMetrics'":     {`{"status":"success","isPartial":true,"data":["a"]}`, []string{"a"}, []string{warnPartial}},
		"Thanos'":              {`{"status":"success","data":["a"],"warnings":["store b is down"]}`, []string{"a"}, []string{"store b is down"}},
		"one without anything": {`{"status":"success","data":null}`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			names, partial, err := decodeNames(t.Context(), strings.NewReader(tc.body))
			require.NoError(t, err)
			require.Equal(t, tc.names, names)
			require.Equal(t, tc.partial, partial)
		})
	}
	for _, body := range []string{"", "<html>", `{}`, `{"status":"success","data":{}}`} {
		_, _, err := decodeNames(t.Context(), strings.NewReader(body))
		require.ErrorIs(t, err, ErrNotAnswer, body)
	}
	_, _, err := decodeNames(t.Context(), strings.NewReader(`{"status":"error","error":"too busy"}`))
	require.EqualError(t, err, "too busy")
}
