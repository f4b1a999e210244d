package loki

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestDecodeReadsEveryFormOfAnswer(t *testing.T) {
	const labels = `{"service_name":"vllm","pod":"tiny-0"}`
	for _, test := range []struct {
		name, result string
		want         []string
	}{
		{"nothing", ``, nil},
		{"lines without metadata, as old Lokis answer", `{"stream":` + labels + `,"values":[["1","a"],["2","b"]]}`, []string{"1 a map[] tiny-0", "2 b map[] tiny-0"}},
		{"lines with categories", `{"stream":` + labels + `,"values":[["1","a",{"structuredMetadata":{"detected_level":"info"},"parsed":{"x":"y"}}]]}`, []string{"1 a map[detected_level:info x:y] tiny-0"}},
		{"lines with metadata but no categories", `{"stream":` + labels + `,"values":[["1","a",{"detected_level":"info"}]]}`, []string{"1 a map[detected_level:info] tiny-0"}},
		{"metadata that name the place", `{"stream":{},"values":[["1","a",{"structuredMetadata":{"k8s_pod_name":"tiny-1"}}]]}`, []string{"1 a map[k8s_pod_name:tiny-1] tiny-1"}},
		{"escapes and other alphabets", `{"stream":` + labels + `,"values":[["1","\u001b[1m\"q\"\\\t\u00fc漢"]]}`, []string{"1 \x1b[1m\"q\"\\\tü漢 map[] tiny-0"}},
		{"a stream without lines", `{"stream":` + labels + `,"values":[]}`, nil},
		{"more than is known", `{"more":[{}],"stream":` + labels + `,"values":[["1","a",{},{"x":[1]}]]}`, []string{"1 a map[] tiny-0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDecoder(placesOf(vllm.DefaultLokiLabels()))
			entries, err := d.lines(t.Context(), []byte(`{"status":"success","data":{"stats":{"a":[1,{}]},"resultType":"streams","result":[`+test.result+`]}}`), 1_000_000)
			require.NoError(t, err)
			var got []string
			cache := originCache{places: d.places}
			for _, e := range entries {
				got = append(got, fmt.Sprintf("%d %s %v %s", e.unixNano(), e.Line, labelMap(e.StructuredMetadata), cache.of(e).Pod))
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestNothingStandsBehindAnAnswer(t *testing.T) {
	whole := `{"status":"success","data":{"resultType":"streams","result":[]}}`
	d := newDecoder(placesOf(vllm.DefaultLokiLabels()))
	_, err := d.lines(t.Context(), []byte(whole+" \r\n\t"), 10)
	require.NoError(t, err)
	for _, behind := range []string{"x", "}", whole, "\x00", ",", "<html>"} {
		_, err := d.lines(t.Context(), []byte(whole+behind), 10)
		require.Equal(t, errTrailing, err, behind)
		_, err = decodeVolume(t.Context(), []byte(strings.ReplaceAll(whole, "streams", "matrix")+behind), 1)
		require.Equal(t, errTrailing, err, behind)
	}
}

func TestOriginTakesTheFirstNameThatTells(t *testing.T) {
	p := placesOf(vllm.LabelNames{Pod: "pod", Model: "model"})
	require.Equal(t, evidence.Origin{Pod: "a", Model: "m"}, p.origin(map[string]string{"pod": "a", "k8s_pod_name": "b", "model": "m"}, nil))
	require.Equal(t, evidence.Origin{Pod: "b"}, p.origin(map[string]string{"k8s_pod_name": "b"}, push.LabelsAdapter{{Name: "pod", Value: "c"}}), "the stream's own labels come first")
	require.Equal(t, evidence.Origin{
		Service: "s", Environment: "e", Namespace: "n", Pod: "p", Instance: "i",
	}, p.origin(nil, push.LabelsAdapter{
		{Name: "service_name", Value: "s"}, {Name: "deployment_environment_name", Value: "e"}, {Name: "k8s_namespace_name", Value: "n"},
		{Name: "k8s_pod_name", Value: "p"}, {Name: "service_instance_id", Value: "i"},
	}), "names of Loki's OTLP endpoint")
}

// FuzzDecode checks that no answer whatever stops the plugin, and that what was read has a stream.
func FuzzDecode(f *testing.F) {
	f.Add(string(page(3)))
	f.Add(`{"status":"success","data":{"resultType":"streams","result":[{"stream":{"a":1},"values":[[1,2]]}]}}`)
	f.Add(`{"status":"success","data":{"resultType":"streams","result":[{"values":[["1","a",{"structuredMetadata":[]}]],"stream":{}}]}}`)
	f.Add(`{"data":{"result":[[[[[`)
	f.Fuzz(func(t *testing.T, body string) {
		entries, err := newDecoder(placesOf(vllm.DefaultLokiLabels())).lines(t.Context(), []byte(body), 1_000_000)
		if err != nil {
			return
		}
		sortEntries(entries, OldestFirst)
		for _, e := range entries {
			_ = e.stream.origin.Pod
		}
		_, _ = decodeVolume(t.Context(), []byte(body), time.Second)
	})
}

// page is an answer of n lines as Loki writes it, a quarter of them with parameters.
func page(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"status":"success","data":{"resultType":"streams","result":[{"stream":{"service_name":"vllm","pod":"tiny-0"},"values":[`)
	for i := range n {
		line := fmt.Sprintf("(APIServer pid=1) INFO 08-20 10:00:00 [async_llm.py:439] Added request chatcmpl-req-%d-%08x.", i, i)
		switch i % 4 {
		case 0:
			line = fmt.Sprintf("(APIServer pid=1) INFO 08-20 10:00:00 [request_logger.py:63] Received request chatcmpl-req-%d: params: SamplingParams(n=1, presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.0, temperature=0.7, top_p=0.9, top_k=0, min_p=0.0, seed=None, stop=[], stop_token_ids=[], bad_words=[], include_stop_str_in_output=False, ignore_eos=False, max_tokens=256, min_tokens=0, logprobs=None, prompt_logprobs=None, skip_special_tokens=True, spaces_between_special_tokens=True, truncate_prompt_tokens=None, structured_outputs=None, extra_args=None), lora_request: None.", i)
		case 1:
			line = fmt.Sprintf(`(APIServer pid=1) INFO 08-20 10:00:00 [request_logger.py:98] Generated response chatcmpl-req-%d: output: 'He said "Paris".', finish_reason: stop`, i)
		}
		text, _ := json.Marshal(line)
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `["%d",%s,{"structuredMetadata":{"detected_level":"info"}}]`, 1787227200000000000+int64(i)*1000000, text)
	}
	b.WriteString(`]}],"stats":{"summary":{"bytesProcessedPerSecond":1}},"encodingFlags":["categorize-labels"]}}`)
	return []byte(b.String())
}

// BenchmarkDecode reads one full answer of Loki; BenchmarkEvents also reads its lines and reduces them to events.
func BenchmarkDecode(b *testing.B) {
	body := page(5000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		entries, err := newDecoder(placesOf(vllm.DefaultLokiLabels())).lines(b.Context(), body, 1_000_000)
		if err != nil || len(entries) != 5000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvents(b *testing.B) {
	body := page(5000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		d := newDecoder(placesOf(vllm.DefaultLokiLabels()))
		entries, err := d.lines(b.Context(), body, 1_000_000)
		if err != nil {
			b.Fatal(err)
		}
		if events := requestEvents(entries, d.places, newPartReader()); len(events) != 5000 {
			b.Fatal(len(events))
		}
	}
}
