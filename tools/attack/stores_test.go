//go:build unix

package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// stores are the three servers behind the plugin. Each answers soundly, with what telemetry says, until its answer is replaced.
type stores struct {
	prometheus, loki *httpStore
	jaeger           *grpcStore
	told             telemetry
}

// telemetry is what the sound stores know: one engine and three requests a few minutes ago, and the texts that a client, an engine
// or a cluster's owner chose.
type telemetry struct {
	model, pod, service, request, caller, said string
}

// plain is harmless.
var plain = telemetry{model: "llama", pod: "llama-0", service: "vllm-llama", request: "chatcmpl-order", caller: "shop", said: "Started."}

// newStores starts three stores on loopback.
func newStores(t *testing.T) *stores {
	t.Helper()
	s := &stores{told: plain}
	s.prometheus = newHTTPStore(t, func(c *call) string { return s.told.prometheus(c) })
	s.loki = newHTTPStore(t, func(c *call) string { return s.told.loki(c) })
	s.jaeger = newGRPCStore(t, func(c *call) ([][]byte, error) { return s.told.jaeger(c) })
	return s
}

// settings are of a data source in front of these stores.
func (s *stores) settings() pluginhost.Settings {
	return pluginhost.Stores(s.prometheus.url, s.loki.url, s.jaeger.address)
}

// texts are all queries in PromQL and LogQL so far, with the path that they went to, each once and sorted.
func (s *stores) texts() []string {
	found := map[string]bool{}
	for name, store := range map[string]*httpStore{"prometheus": s.prometheus, "loki": s.loki} {
		for _, c := range store.calls() {
			found[name+" "+c.path] = true
			for _, parameter := range []string{"query", "match[]"} {
				for _, text := range c.form[parameter] {
					found[name+" "+parameter+" "+text] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// call is one request as a store saw it.
type call struct {
	path    string // of HTTP, or the method of gRPC
	form    url.Values
	header  http.Header // or gRPC's metadata
	message []byte      // of gRPC
	ctx     context.Context
}

// log is what a store was asked.
type log struct {
	mu  sync.Mutex
	all []*call
}

func (l *log) note(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, c)
}

// calls are all calls so far.
func (l *log) calls() []*call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// forget drops the calls so far.
func (l *log) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}

// httpStore is Prometheus or Loki.
type httpStore struct {
	log
	url    string
	mu     sync.Mutex
	answer http.HandlerFunc
}

func newHTTPStore(t *testing.T, sound func(*call) string) *httpStore {
	t.Helper()
	s := &httpStore{}
	s.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(sound(httpCall(r)))) // who is gone needs no answer
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // what cannot be parsed is asked for in vain
		s.note(httpCall(r))
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func httpCall(r *http.Request) *call {
	return &call{path: r.URL.EscapedPath(), form: r.Form, header: r.Header, ctx: r.Context()}
}

// instead makes the store answer otherwise from now on; the call is noted and its form parsed by then.
func (s *httpStore) instead(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// grpcStore is Jaeger with api_v2. Messages are bytes here, so that hostile ones can be sent, too.
type grpcStore struct {
	log
	address string
	mu      sync.Mutex
	answer  func(*call) ([][]byte, error)
}

func newGRPCStore(t *testing.T, sound func(*call) ([][]byte, error)) *grpcStore {
	t.Helper()
	s := &grpcStore{answer: sound}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var message rawMessage
		if err := stream.RecvMsg(&message); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(stream)
		sent, _ := metadata.FromIncomingContext(stream.Context())
		c := &call{path: method, header: http.Header(sent), message: message, ctx: stream.Context()}
		s.note(c)
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		messages, err := answer(c)
		for _, m := range messages {
			m := rawMessage(m)
			if err := stream.SendMsg(&m); err != nil {
				return err
			}
		}
		return err
	}))
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) }) // ends with Stop
	t.Cleanup(func() { server.Stop(); served.Wait() })
	return s
}

// instead makes the store answer otherwise from now on: messages of a stream, then an error if there is one.
func (s *grpcStore) instead(answer func(*call) ([][]byte, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// rawCodec passes messages on as bytes.
type rawCodec struct{}

type rawMessage []byte

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*rawMessage), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*rawMessage) = bytes.Clone(data)
	return nil
}

// success is the JSON that Prometheus and Loki wrap what they found in.
func success(data any) string {
	text, err := json.Marshal(map[string]any{"status": "success", "data": data})
	if err != nil {
		panic(err) // of maps and strings
	}
	return string(text)
}

func found(kind string, result ...any) string {
	if result == nil {
		result = []any{}
	}
	return success(map[string]any{"resultType": kind, "result": result})
}

func at(i int) time.Time { return now.Add(time.Duration(i-8) * time.Minute) }

const requests = 3

// prometheus answers names, values of labels, samples of the engine, or the value 3.
func (told telemetry) prometheus(c *call) string {
	query := c.form.Get("query")
	engine := map[string]string{"model_name": told.model, "pod": told.pod, "instance": "10.0.0.1:8000", "engine": "0", "namespace": told.service}
	switch {
	case strings.HasSuffix(c.path, "/label/__name__/values"):
		return success([]string{"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc", "vllm:request_success_total",
			"vllm:time_to_first_token_seconds_bucket", "vllm:cache_config_info", "DCGM_FI_DEV_GPU_UTIL"})
	case strings.HasSuffix(c.path, "/label/le/values"):
		return success([]string{"0.1", "0.5", "1.0", "+Inf"})
	case strings.Contains(c.path, "/label/"):
		return success([]string{told.model})
	case strings.HasSuffix(c.path, "/labels"):
		return success([]string{"model_name", "pod"})
	case strings.HasSuffix(c.path, "/series"):
		return success([]any{engine})
	case strings.HasSuffix(c.path, "/metadata"):
		return success(map[string]any{})
	case strings.HasSuffix(c.path, "/query_range"):
		return found("matrix", map[string]any{"metric": engine, "values": [][]any{{at(1).Unix(), "3"}, {at(2).Unix(), "4"}}})
	case strings.HasSuffix(query, "]"):
		var all []any
		for _, name := range []string{"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc", "vllm:request_success_total"} {
			labels := maps.Clone(engine)
			labels["__name__"] = name
			var samples [][]any
			for i := range 40 {
				samples = append(samples, []any{now.Add(time.Duration(i-40) * 15 * time.Second).Unix(), "1"})
			}
			all = append(all, map[string]any{"metric": labels, "values": samples})
		}
		return found("matrix", all...)
	default:
		var all []any
		for _, le := range []string{"0.1", "0.5", "1.0", "+Inf"} {
			labels := maps.Clone(engine)
			if strings.Contains(query, "_bucket") {
				labels["le"] = le
			} else if len(all) > 0 {
				break
			}
			all = append(all, map[string]any{"metric": labels, "value": []any{now.Unix(), "3"}})
		}
		return found("vector", all...)
	}
}

// loki answers three requests' lines and one that says what telemetry wants it to.
func (told telemetry) loki(c *call) string {
	switch {
	case strings.Contains(c.path, "/label/"):
		return success([]string{told.service})
	case strings.HasSuffix(c.path, "/labels"):
		return success([]string{"service_name", "pod"})
	case strings.HasSuffix(c.path, "/series"):
		return success([]any{map[string]string{"service_name": told.service, "pod": told.pod}})
	case strings.Contains(c.form.Get("query"), "_over_time"):
		return found("matrix", map[string]any{"metric": map[string]string{"vllm_level": "INFO", "pod": told.pod}, "values": [][]any{{at(1).Unix(), "6"}}})
	}
	from, _ := strconv.ParseInt(c.form.Get("start"), 10, 64)
	to, _ := strconv.ParseInt(c.form.Get("end"), 10, 64)
	var lines [][]any
	for i := range requests {
		for j, said := range []string{
			"Received request " + told.request + strconv.Itoa(i) + ": params: SamplingParams(n=1, temperature=0.7, max_tokens=256), lora_request: None.",
			"Added request " + told.request + strconv.Itoa(i) + ".", told.said,
		} {
			when := at(i).UnixNano() + int64(j)*1e6
			if when >= from && when < to {
				lines = append(lines, []any{strconv.FormatInt(when, 10), "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] " + said, map[string]string{}})
			}
		}
	}
	if c.form.Get("direction") == "backward" {
		slices.Reverse(lines)
	}
	if len(lines) == 0 {
		return found("streams")
	}
	return found("streams", map[string]any{"stream": map[string]string{"service_name": told.service, "pod": told.pod}, "values": lines})
}

// jaeger answers the requests' traces over api_v2: a caller's span and the engine's below it.
func (told telemetry) jaeger(c *call) (messages [][]byte, err error) {
	type message interface{ Marshal() ([]byte, error) }
	var answers []message
	switch c.path {
	case "/jaeger.api_v2.QueryService/GetServices":
		answers = []message{&api_v2.GetServicesResponse{Services: []string{told.caller, told.service}}}
	case "/jaeger.api_v2.QueryService/GetOperations":
		answers = []message{&api_v2.GetOperationsResponse{Operations: []*api_v2.Operation{{Name: vllm.RequestSpanName}, {Name: "chat " + told.model}}}}
	case "/jaeger.api_v2.QueryService/FindTraces":
		for i := range requests {
			answers = append(answers, &api_v2.SpansResponseChunk{Spans: told.trace(i)})
		}
	case "/jaeger.api_v2.QueryService/GetTrace":
		answers = []message{&api_v2.SpansResponseChunk{Spans: told.trace(0)}}
	default:
		return nil, status.Error(codes.Unimplemented, "unknown method "+c.path)
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

func traceID(i int) string { return fmt.Sprintf("%031x%d", 0xabc, i+1) }

func (told telemetry) trace(i int) []model.Span {
	trace, err := model.TraceIDFromString(traceID(i))
	if err != nil {
		panic(err)
	}
	shop, engine := model.NewSpanID(uint64(i)+1), model.NewSpanID(uint64(i)+101)
	return []model.Span{
		{
			TraceID: trace, SpanID: shop, OperationName: "chat " + told.model, StartTime: at(i), Duration: 2 * time.Second,
			Process: &model.Process{ServiceName: told.caller},
			Tags: []model.KeyValue{model.String(vllm.TagSpanKind, "client"), model.String(vllm.CallerOperationName, "chat"),
				model.String(vllm.CallerRequestModel, told.model)},
		},
		{
			TraceID: trace, SpanID: engine, OperationName: vllm.RequestSpanName, StartTime: at(i), Duration: 1600 * time.Millisecond,
			References: []model.SpanRef{{TraceID: trace, SpanID: shop, RefType: model.ChildOf}},
			Process:    &model.Process{ServiceName: told.service, Tags: []model.KeyValue{model.String("k8s.pod.name", told.pod)}},
			Tags: []model.KeyValue{
				model.String(vllm.TagSpanKind, "server"), model.String(vllm.SpanRequestID, told.request+strconv.Itoa(i)), model.Float64(vllm.SpanTTFT, 0.2),
				model.Float64(vllm.SpanE2E, 1.6), model.Float64(vllm.SpanQueue, 0.1), model.Float64(vllm.SpanPrefill, 0.08), model.Float64(vllm.SpanDecode, 1.4),
				model.Int64(vllm.SpanPromptTokens, 100), model.Int64(vllm.SpanCompletionTokens, 15),
			},
		},
	}
}
