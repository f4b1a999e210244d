package host

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// What the fake stores of the fault table hold when they are sound: ten minutes of one engine, which served three requests
// of a shop, one a minute. It is little on purpose: what the numbers are is other tests' business, here it counts whether
// they are there.
const (
	telemetryRequests = 3
	requestSeconds    = 1.6
)

var (
	telemetryFrom  = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	telemetryRange = backend.TimeRange{From: telemetryFrom, To: telemetryFrom.Add(10 * time.Minute)}
)

func requestID(i int) string    { return fmt.Sprintf("chatcmpl-order%d", i) }
func requestTrace(i int) string { return fmt.Sprintf("%031x%d", 0xabc, i+1) }
func requestStart(i int) time.Time {
	return telemetryFrom.Add(time.Duration(i+1)*time.Minute + time.Second)
}

// result is the JSON that Prometheus and Loki wrap what they found in.
func result(kind string, found any) string {
	text, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"resultType": kind, "result": found}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

type series struct {
	Metric map[string]string `json:"metric"`
	Value  []any             `json:"value,omitempty"`
	Values [][]any           `json:"values,omitempty"`
}

func engineSeries(more ...string) series {
	labels := map[string]string{"model_name": "llama", "pod": "llama-0", "instance": "10.0.0.1:8000", "engine": "0"}
	for i := 0; i < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return series{Metric: labels}
}

// prometheusAnswer tells three shapes of question apart: names, raw samples (a range selector), and anything else, which
// has one series of the engine with the value 3, or the buckets of a histogram.
func prometheusAnswer(r *http.Request, empty bool) string {
	query := r.Form.Get("query")
	switch {
	case strings.HasSuffix(r.URL.Path, "/label/__name__/values"):
		names := []string{"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
			"vllm:request_success_total", "vllm:time_to_first_token_seconds_bucket"}
		if empty {
			names = []string{}
		}
		text, _ := json.Marshal(map[string]any{"status": "success", "data": names}) // of strings
		return string(text)
	case strings.HasSuffix(r.URL.Path, "/label/le/values"):
		return `{"status":"success","data":` + map[bool]string{true: "[]", false: `["0.1","0.5","1.0","+Inf"]`}[empty] + `}`
	case strings.HasSuffix(r.URL.Path, "/query_range") && strings.Contains(query, vllm.ProcessStartTime): // after an earlier one
		s := series{Metric: map[string]string{"pod": "llama-0", "instance": "10.0.0.1:8000"}}
		started := telemetryFrom.Add(5 * time.Minute).Unix()
		s.Values = [][]any{{started + 30, fmt.Sprint(started)}}
		return result("matrix", unless(empty, []series{s}))
	case strings.HasSuffix(r.URL.Path, "/query_range"):
		s := engineSeries()
		s.Values = [][]any{{telemetryFrom.Add(time.Minute).Unix(), "3"}}
		return result("matrix", unless(empty, []series{s}))
	case strings.HasSuffix(query, "]"):
		return result("matrix", unless(empty, engineState()))
	default:
		at, _ := strconv.ParseFloat(r.Form.Get("time"), 64)
		return result("vector", unless(empty, engineVector(query, at)))
	}
}

func unless(empty bool, found []series) []series {
	if empty {
		return []series{}
	}
	return found
}

func engineVector(query string, at float64) []series {
	if !strings.Contains(query, "_bucket") {
		s := engineSeries("finished_reason", "stop")
		s.Value = []any{at, "3"}
		return []series{s}
	}
	sum := engineSeries()
	sum.Value = []any{at, "0.6"}
	found := []series{sum}
	for _, bucket := range [][2]string{{"0.1", "1"}, {"0.5", "2"}, {"1.0", "3"}, {"+Inf", "3"}} {
		s := engineSeries("le", bucket[0])
		s.Value = []any{at, bucket[1]}
		found = append(found, s)
	}
	return found
}

// engineState is every scrape of the engine.
func engineState() (found []series) {
	value := map[string]func(time.Time) float64{
		"vllm:num_requests_running": func(time.Time) float64 { return 1 },
		"vllm:num_requests_waiting": func(time.Time) float64 { return 0 },
		"vllm:kv_cache_usage_perc":  func(time.Time) float64 { return 0.5 },
		"vllm:request_success_total": func(t time.Time) (done float64) {
			for i := range telemetryRequests {
				if requestStart(i).Add(2 * time.Second).Before(t) {
					done++
				}
			}
			return done
		},
	}
	for name, of := range value {
		s := engineSeries("__name__", name)
		for t := telemetryFrom.Add(-time.Minute); !t.After(telemetryRange.To); t = t.Add(15 * time.Second) {
			s.Values = append(s.Values, []any{t.Unix(), fmt.Sprint(of(t))})
		}
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b series) int { return cmp.Compare(a.Metric["__name__"], b.Metric["__name__"]) })
	return found
}

// lokiAnswer gives the lines in the interval asked for, or their number.
func lokiAnswer(r *http.Request, empty bool) string {
	if strings.Contains(r.Form.Get("query"), "count_over_time") {
		volume := series{Metric: map[string]string{"vllm_level": "INFO"}, Values: [][]any{{telemetryFrom.Add(time.Minute).Unix(), "6"}}}
		return result("matrix", unless(empty, []series{volume}))
	}
	type stream struct {
		Stream map[string]string `json:"stream"`
		Values [][]any           `json:"values"`
	}
	s := stream{Stream: map[string]string{"service_name": "vllm-llama", "pod": "llama-0"}}
	from, _ := strconv.ParseInt(r.Form.Get("start"), 10, 64)
	to, _ := strconv.ParseInt(r.Form.Get("end"), 10, 64)
	for i := range telemetryRequests {
		for j, said := range []string{
			"Received request " + requestID(i) + ": params: SamplingParams(n=1, temperature=0.7, top_p=0.9, max_tokens=256), lora_request: None.",
			"Added request " + requestID(i) + "-9f3c1a7e.",
		} {
			at := requestStart(i).Add(time.Duration(j+1) * time.Millisecond).UnixNano()
			if !empty && at >= from && at < to {
				line := "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] " + said
				s.Values = append(s.Values, []any{strconv.FormatInt(at, 10), line, map[string]string{}})
			}
		}
	}
	if strings.Contains(r.Form.Get("query"), "LoRA adapter") { // events of engines
		s.Values = nil
		if at := requestStart(0).UnixNano(); !empty && at >= from && at < to {
			line := "(APIServer pid=1) INFO 08-20 12:00:00 [serving_models.py:1] Loaded new LoRA adapter: name 'sql', path '/sql'"
			s.Values = [][]any{{strconv.FormatInt(at, 10), line, map[string]string{}}}
		}
	}
	if r.Form.Get("direction") == "backward" {
		slices.Reverse(s.Values)
	}
	if len(s.Values) == 0 {
		return result("streams", []stream{})
	}
	return result("streams", []stream{s})
}

// jaegerAnswer gives an answer's messages. This Jaeger has no api_v3, so what is asked over it first is asked again.
func jaegerAnswer(method string, request []byte) (messages [][]byte, err error) {
	type message interface{ Marshal() ([]byte, error) }
	var answers []message
	switch method {
	case "/jaeger.api_v2.QueryService/GetServices":
		answers = []message{&api_v2.GetServicesResponse{Services: []string{"shop", "vllm-llama"}}}
	case "/jaeger.api_v2.QueryService/GetOperations":
		answers = []message{&api_v2.GetOperationsResponse{Operations: []*api_v2.Operation{{Name: "llm_request"}, {Name: "chat llama"}}}}
	case "/jaeger.api_v2.QueryService/FindTraces":
		for i := range telemetryRequests {
			answers = append(answers, &api_v2.SpansResponseChunk{Spans: traceOf(i)})
		}
	case "/jaeger.api_v2.QueryService/GetTrace":
		var asked api_v2.GetTraceRequest
		if err := asked.Unmarshal(request); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		for i := range telemetryRequests {
			if traceOf(i)[0].TraceID == asked.TraceID {
				answers = []message{&api_v2.SpansResponseChunk{Spans: traceOf(i)}}
			}
		}
	default:
		return nil, status.Error(codes.Unimplemented, "unknown method "+method)
	}
	for _, a := range answers {
		text, err := a.Marshal()
		if err != nil {
			return nil, err
		}
		messages = append(messages, text)
	}
	return messages, nil
}

// traceOf is the shop's span and the engine's below it.
func traceOf(i int) []model.Span {
	trace, err := model.TraceIDFromString(requestTrace(i))
	if err != nil {
		panic(err)
	}
	shop, engine := model.NewSpanID(uint64(i+1)), model.NewSpanID(uint64(i+101)) // #nosec G115 -- small
	took := time.Duration(requestSeconds * float64(time.Second))
	return []model.Span{
		{
			TraceID: trace, SpanID: shop, OperationName: "chat llama", StartTime: requestStart(i).Add(-10 * time.Millisecond), Duration: took + 20*time.Millisecond,
			Process: &model.Process{ServiceName: "shop"},
			Tags:    []model.KeyValue{model.String(vllm.TagSpanKind, "client"), model.String(vllm.CallerOperationName, "chat"), model.String(vllm.CallerRequestModel, "llama")},
		},
		{
			TraceID: trace, SpanID: engine, OperationName: vllm.RequestSpanName, StartTime: requestStart(i), Duration: took,
			References: []model.SpanRef{{TraceID: trace, SpanID: shop, RefType: model.ChildOf}},
			Process:    &model.Process{ServiceName: "vllm-llama", Tags: []model.KeyValue{model.String("k8s.pod.name", "llama-0")}},
			Tags: []model.KeyValue{
				model.String(vllm.TagSpanKind, "server"), model.String(vllm.SpanRequestID, requestID(i)), model.Float64(vllm.SpanTTFT, 0.2),
				model.Float64(vllm.SpanE2E, requestSeconds), model.Float64(vllm.SpanQueue, 0.1), model.Float64(vllm.SpanPrefill, 0.08),
				model.Float64(vllm.SpanDecode, 1.4), model.Int64(vllm.SpanPromptTokens, 100), model.Int64(vllm.SpanCompletionTokens, 15),
			},
		},
	}
}
