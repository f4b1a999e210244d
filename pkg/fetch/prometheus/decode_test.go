package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

func TestDecode(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want promql.Result
	}{
		"a vector has one sample a series": {
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"model_name":"m"},"value":[1790000000.123,"0.25"]}]}}`,
			promql.Result{Type: "vector", Series: []promql.Series{{Labels: map[string]string{"model_name": "m"}, Samples: []evidence.Sample{{UnixMilli: 1790000000123, Value: 0.25}}}}},
		},
		"a matrix keeps every sample in order": {
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2.5,"-2e3"]]}]}}`,
			promql.Result{Type: "matrix", Series: []promql.Series{{Labels: map[string]string{}, Samples: []evidence.Sample{{UnixMilli: 1000, Value: 1}, {UnixMilli: 2500, Value: -2000}}}}},
		},
		"a scalar is a series without labels": {
			`{"status":"success","data":{"resultType":"scalar","result":[1790000000,"2"]}}`,
			promql.Result{Type: "scalar", Series: []promql.Series{{Labels: map[string]string{}, Samples: []evidence.Sample{{UnixMilli: 1790000000000, Value: 2}}}}},
		},
		"no series are an answer": {
			`{"status":"success","data":{"resultType":"vector","result":[]}}`, promql.Result{Type: "vector"},
		},
		"a result before its type is read by its shape": {
			`{"data":{"result":[{"value":[1,"1"],"metric":{"a":"b"}}],"resultType":"vector"},"status":"success"}`,
			promql.Result{Type: "vector", Series: []promql.Series{{Labels: map[string]string{"a": "b"}, Samples: []evidence.Sample{{UnixMilli: 1000, Value: 1}}}}},
		},
		"escaped label values are read": {
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"m":"\"\\\u00e9}]","n":"x"},"value":[1,"1"]}]}}`,
			promql.Result{Type: "vector", Series: []promql.Series{{Labels: map[string]string{"m": `"\é}]`, "n": "x"}, Samples: []evidence.Sample{{UnixMilli: 1000, Value: 1}}}}},
		},
		"a warning that is no remark of PromQL is of a part that is missing": {
			`{"status":"success","warnings":["store b: \"down\""],"infos":["x"],"data":{"resultType":"vector","result":[]},"stats":{"a":[1,{"b":"]"}]}}`,
			promql.Result{Type: "vector", Partial: []string{`store b: "down"`}},
		},
		"remarks of PromQL leave the answer whole": {
			`{"status":"success","warnings":["PromQL info: metric might not be a counter: \"up\""],"data":{"resultType":"vector","result":[]}}`,
			promql.Result{Type: "vector", Warnings: []string{`PromQL info: metric might not be a counter: "up"`}},
		},
		"a partial answer of VictoriaMetrics is told": {
			`{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}}`,
			promql.Result{Type: "vector", Partial: []string{warnPartial}},
		},
		"native histograms have their populated buckets": {
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}]}]}}`,
			promql.Result{Type: "vector", Series: []promql.Series{{Labels: map[string]string{}, Histograms: []promql.Histogram{
				{UnixMilli: 1000, Count: 1, Sum: 2, Buckets: []promql.Bucket{{Lower: 1, Upper: 2, Count: 1}}},
			}}}},
		},
		"a null result is an empty one": {
			`{"status":"success","data":{"resultType":"matrix","result":null}}`, promql.Result{Type: "matrix"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeText(tc.body)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func decodeText(text string) (promql.Result, error) {
	return decode(context.Background(), strings.NewReader(text))
}

func TestDecodeRefuses(t *testing.T) {
	whole := `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"],[2,"2"]]}]}}`
	for name, body := range map[string]string{
		"an empty body":          "",
		"a page of HTML":         "<html>login</html>",
		"a list":                 "[]",
		"an answer without data": `{}`,
		"an unknown status":      `{"status":"maybe"}`,
		"a sample without value": `{"status":"success","data":{"result":[{"metric":{},"value":[1]}]}}`,
		"a time that is none":    `{"status":"success","data":{"result":[{"metric":{},"value":["x","1"]}]}}`,
		"something behind it":    whole + "x",
		"another answer behind":  whole + "\n" + whole,
		"a bracket too many":     whole + "}",
		"a label that is a list": `{"status":"success","data":{"result":[{"metric":{"a":[]},"value":[1,"1"]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeText(body)
			require.ErrorIs(t, err, ErrNotAnswer)
		})
	}
	for cut := range whole {
		_, err := decodeText(whole[:cut])
		require.Error(t, err, "cut off after %d bytes", cut)
	}
	_, _, err := decodeNames(t.Context(), strings.NewReader(`{"status":"success","data":["a"]} x`))
	require.ErrorIs(t, err, ErrNotAnswer)
	_, err = decodeText(`{"status":"error","errorType":"execution","error":"query timed out"}`)
	require.EqualError(t, err, "query timed out")
}

func TestNumberIsReadAsStrconvDoes(t *testing.T) {
	for _, text := range []string{
		"0", "1", "0.1", "0.25", "1e5", "-3", "+Inf", "-Inf", "1790000000.123", "0.30000000000000004", "123456789012345",
		"1234567890123456", "0.000000000000001", "5e-324", "1.7976931348623157e+308", "99999999999999.9", "8.5", "1e400",
	} {
		want, _ := strconv.ParseFloat(text, 64)
		require.Equal(t, want, number([]byte(text)), text)
	}
	for _, text := range []string{"NaN", "", ".", "abc", "1.2.3"} {
		require.True(t, math.IsNaN(number([]byte(text))), text)
	}
}

// FuzzDecode holds the decoder to encoding/json and to Prometheus' own model: what they read, it reads alike.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b\"\\u00e9"},"values":[[1.5,"1"],[2,"NaN"]]}]}}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1790000000.123,"0.1"]}]},"warnings":["x"]}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`))
	f.Add([]byte(`{"status":"error","error":"no"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decode(context.Background(), bytes.NewReader(body)) // must never panic
		var outer struct {
			Status string
			Data   struct {
				ResultType string
				Result     model.Matrix
			}
		}
		if json.Unmarshal(body, &outer) != nil || outer.Status != "success" || outer.Data.ResultType != "matrix" || err != nil ||
			got.Type != "matrix" || bytes.Count(body, []byte(`"result"`)) != 1 || bytes.Count(body, []byte(`"values"`)) > 1 {
			return
		}
		for _, s := range outer.Data.Result {
			if len(outer.Data.Result) != len(got.Series) || len(s.Values) != len(got.Series[0].Samples) {
				return // a series without samples is left out
			}
			for i, v := range s.Values {
				require.InDelta(t, int64(v.Timestamp), got.Series[0].Samples[i].UnixMilli, 1)
				if !math.IsNaN(float64(v.Value)) {
					require.Equal(t, float64(v.Value), got.Series[0].Samples[i].Value)
				}
			}
		}
	})
}

// BenchmarkDecode reads 500,000 raw samples of 100 engines, by our decoder and by client_golang's, which it stands in for.
func BenchmarkDecode(b *testing.B) {
	body := rawMatrix(100, 5000)
	theirs := v1.NewAPI(canned(body))
	for name, read := range map[string]func() (series int, err error){
		"ours": func() (int, error) {
			answer, err := decode(context.Background(), bytes.NewReader(body))
			return len(answer.Series), err
		},
		"client_golang": func() (int, error) {
			value, _, _, err := theirs.Query(b.Context(), "x", time.Time{})
			matrix, _ := value.(model.Matrix)
			return len(matrix), err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if series, err := read(); err != nil || series != 100 {
					b.Fatal(series, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500_000, "ns/sample")
		})
	}
}

// canned answers every call with the same body.
type canned []byte

func (canned) URL(string, map[string]string) *url.URL { return &url.URL{Scheme: "http", Host: "x"} }

func (c canned) Do(context.Context, *http.Request) (*http.Response, []byte, error) {
	return &http.Response{StatusCode: http.StatusOK}, c, nil
}

// rawMatrix is an answer as Prometheus writes it.
func rawMatrix(series, samples int) []byte {
	var w bytes.Buffer
	w.WriteString(`{"status":"success","data":{"resultType":"matrix","result":[`)
	for s := range series {
		if s > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(&w, `{"metric":{"__name__":"vllm:num_requests_running","engine":"0","instance":"10.0.0.%d:8000","model_name":"m"},"values":[`, s)
		for i := range samples {
			if i > 0 {
				w.WriteByte(',')
			}
			fmt.Fprintf(&w, `[%d.%03d,"%d"]`, 1790000000+i, i%1000, i*37%256)
		}
		w.WriteString("]}")
	}
	w.WriteString("]}}")
	return w.Bytes()
}

func TestNativeHistogramsOverTime(t *testing.T) {
	answer, err := decodeText(`{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"pod":"a"},"values":[[1,"5"]],"histograms":[[2,{"count":"3","sum":"0.7","buckets":[[3,"-Inf","0.25","1"],[0,"0.25","+Inf","2"]]}],
			[3.5,{"count":"0","sum":"NaN"}]]},
		{"metric":{"pod":"b"},"histograms":[[2,{"count":"1","sum":"1","buckets":[[0,"2","1","1"],[0,"x","3","1"],[0],"y"]}]]}]}}`)
	require.ErrorContains(t, err, "no histogram", "a bucket is a list")
	require.Empty(t, answer.Series)

	answer, err = decodeText(`{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"pod":"a"},"values":[[1,"5"]],"histograms":[[2,{"count":"3","sum":"0.7","buckets":[[3,"-Inf","0.25","1"],[0,"0.25","+Inf","2"]]}],
			[3.5,{"count":"0","sum":"0"}]]},
		{"metric":{"pod":"b"},"histograms":[[2,{"count":"1","sum":"1","buckets":[[0,"2","1","1"],[0,"x","3","1"],[0]]}]]}]}}`)
	require.NoError(t, err)
	require.Equal(t, []promql.Histogram{
		{UnixMilli: 2000, Count: 3, Sum: 0.7, Buckets: []promql.Bucket{{Lower: math.Inf(-1), Upper: 0.25, Count: 1}, {Lower: 0.25, Upper: math.Inf(1), Count: 2}}}, {UnixMilli: 3500},
	}, answer.Series[0].Histograms)
	require.Empty(t, answer.Series[1].Histograms[0].Buckets, "a bucket without its bounds in order counts nothing")

	floats := answer.Floats()
	require.Len(t, floats.Series, 1)
	require.Empty(t, floats.Series[0].Histograms)
	require.Equal(t, []string{promql.WithoutHistograms}, floats.Warnings)
	require.Len(t, answer.Series[0].Histograms, 2, "the answer itself stays")
}
