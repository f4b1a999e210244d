//go:build integration && unix

package integration_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
)

// BenchmarkRequests10k is design §11's second line: the `requests` query over some 10,000 requests through the built plugin,
// next to the bare fetch of the same data from each store in the same run: raw bytes, nothing decoded, the same windows and
// the same number of parallel calls. go test -tags integration -run xxx -bench Requests10k ./integration
func BenchmarkRequests10k(b *testing.B) {
	f := theFleet(b)
	window := f.windowOf(10_000)
	b.Run("plugin", func(b *testing.B) {
		rows := 0
		for b.Loop() {
			rows = f.ask(b, window, requestsQuery(20_000))[0].Rows()
		}
		b.ReportMetric(float64(rows), "rows")
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	for _, store := range []struct {
		name  string
		fetch func(context.Context, backend.TimeRange) (int64, error)
	}{{"bare-jaeger", f.bareJaeger}, {"bare-loki", f.bareLoki}, {"bare-prometheus", f.barePrometheus}} {
		b.Run(store.name, func(b *testing.B) {
			var bytes int64
			for b.Loop() {
				n, err := store.fetch(b.Context(), window)
				require.NoError(b, err)
				bytes = n
			}
			b.ReportMetric(float64(bytes)/1e6, "MB")
		})
	}
}

// windowOf is a range at the beginning of the hour that holds about n requests.
func (f *fleet) windowOf(n int) backend.TimeRange {
	to, known := f.window.From, f.known.Requests()
	for seen := 0; seen < n; to = to.Add(10 * time.Second) {
		seen = 0
		for _, r := range known {
			if r.Time.Before(to) {
				seen++
			}
		}
	}
	return backend.TimeRange{From: f.window.From, To: to}
}

// rawCodec hands out an answer's bytes as they came, so that no decoding is measured.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = append((*v.(*[]byte))[:0], b...)
	return nil
}

// bareJaeger reads the traces of the engine services and of the callers by api_v3, as the plugin does.
func (f *fleet) bareJaeger(ctx context.Context, w backend.TimeRange) (int64, error) {
	conn, err := grpc.NewClient(f.stores.Jaeger.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	engines := []string{"vllm-llama-3-1-8b", "vllm-qwen3-32b", "vllm-mistral-small-24b"}
	return inParallel(append(engines, "rag-app", "chat-api", "vllm-router"), func(service string) (total int64, err error) {
		operation := ""
		if service[:4] == "vllm" && service != "vllm-router" {
			operation = "llm_request"
		}
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/jaeger.api_v3.QueryService/FindTraces")
		if err != nil {
			return 0, err
		}
		request := findTraces(service, operation, w)
		if err := stream.SendMsg(&request); err != nil {
			return 0, err
		}
		if err := stream.CloseSend(); err != nil {
			return 0, err
		}
		var message []byte
		for {
			if err := stream.RecvMsg(&message); err == io.EOF {
				return total, nil
			} else if err != nil {
				return total, err
			}
			total += int64(len(message))
		}
	})
}

// findTraces encodes jaeger.api_v3.FindTracesRequest: query = 1 {service 1, operation 2, start_time_min 4, start_time_max 5,
// search_depth 8}.
func findTraces(service, operation string, w backend.TimeRange) []byte {
	timestamp := func(t time.Time) []byte {
		b := protowire.AppendTag(nil, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(t.Unix()))
		b = protowire.AppendTag(b, 2, protowire.VarintType)
		return protowire.AppendVarint(b, uint64(t.Nanosecond()))
	}
	var q []byte
	for _, field := range []struct {
		number protowire.Number
		value  []byte
	}{{1, []byte(service)}, {2, []byte(operation)}, {4, timestamp(w.From)}, {5, timestamp(w.To)}} {
		if len(field.value) > 0 {
			q = protowire.AppendTag(q, field.number, protowire.BytesType)
			q = protowire.AppendBytes(q, field.value)
		}
	}
	q = protowire.AppendTag(q, 8, protowire.VarintType)
	q = protowire.AppendVarint(q, 50_000)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), q)
}

// bareLoki reads the id-bearing lines in pieces of the window that fit Loki's limit.
func (f *fleet) bareLoki(ctx context.Context, w backend.TimeRange) (int64, error) {
	const pieces = 12
	step := w.Duration() / pieces
	starts := make([]string, pieces)
	for i := range starts {
		starts[i] = fmt.Sprint(w.From.Add(time.Duration(i) * step).UnixNano())
	}
	return inParallel(starts, func(start string) (int64, error) {
		var from int64
		if _, err := fmt.Sscan(start, &from); err != nil {
			return 0, err
		}
		return get(ctx, f.stores.Loki.URL+"/loki/api/v1/query_range", url.Values{
			"query": {`{service_name=~".+"} |~ "equest|esponse"`}, "limit": {"5000"},
			"start": {start}, "end": {fmt.Sprint(from + step.Nanoseconds())},
		})
	})
}

// barePrometheus reads the raw samples of the engine's state.
func (f *fleet) barePrometheus(ctx context.Context, w backend.TimeRange) (int64, error) {
	query := fmt.Sprintf(`{__name__=~"vllm:num_requests_running|vllm:num_requests_waiting|vllm:kv_cache_usage_perc|vllm:num_preemptions_total|vllm:request_success_total|DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_FB_USED"}[%ds]`, int(w.Duration().Seconds()))
	return get(ctx, f.stores.Prometheus.URL+"/api/v1/query", url.Values{"query": {query}, "time": {fmt.Sprint(w.To.Unix())}})
}

func get(ctx context.Context, base string, values url.Values) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"?"+values.Encode(), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return 0, fmt.Errorf("%s: %s", response.Status, text)
	}
	return io.Copy(io.Discard, response.Body)
}

// inParallel does four at a time, the plugin's default.
func inParallel[T any](items []T, do func(T) (int64, error)) (total int64, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	turn := make(chan struct{}, 4)
	for _, item := range items {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			n, failed := do(item)
			mu.Lock()
			defer mu.Unlock()
			total += n
			if failed != nil {
				err = failed
			}
		})
	}
	wg.Wait()
	return total, err
}
