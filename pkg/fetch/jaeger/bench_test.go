package jaeger

import (
	"fmt"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var sizes = []int{1_000, 10_000, 100_000, 1_000_000}

// wire gives n traces of an engine span below a caller's, one message each, as Jaeger sends them.
func wire(n int, encode func(...testSpan) []byte) (messages [][]byte) {
	for i := range n {
		trace := fmt.Sprintf("%x", i+1)
		request := fmt.Sprintf("chatcmpl-%032x", i)
		messages = append(messages, encode(appSpan.inTrace(trace), engineSpan(trace, "4", "1", request, noon.Add(time.Duration(i)*time.Millisecond))))
	}
	return messages
}

func chunkBytes(spans ...testSpan) []byte {
	b, err := chunkOf(spans...).Marshal()
	must(err)
	return b
}

// decode reads all messages and assembles the requests, which is what one call costs us.
func benchmarkDecode(b *testing.B, encode func(...testSpan) []byte, take func(a *answer, message []byte) error) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			messages := wire(n, encode)
			b.ReportAllocs()
			for b.Loop() {
				a := newAnswer(b.Context(), &origins{names: vllm.DefaultJaegerLabels()})
				for _, m := range messages {
					if err := take(a, m); err != nil {
						b.Fatal(err)
					}
				}
				assembler := assembler{wanted: everything}
				requests := 0
				for _, t := range a.order {
					f := assembler.trace(t)
					requests += len(f.Requests)
				}
				if requests == 0 {
					b.Fatal("no requests")
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func BenchmarkDecodeV2(b *testing.B) {
	benchmarkDecode(b, chunkBytes, (*answer).takeV2)
}

func BenchmarkDecodeV3(b *testing.B) {
	benchmarkDecode(b, otlpOf, (*answer).takeV3)
}

// BenchmarkDecodeV3Generated is what generated code takes for the same messages, before any of it is translated.
func BenchmarkDecodeV3Generated(b *testing.B) {
	for _, n := range sizes[:2] {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			messages := wire(n, otlpOf)
			b.ReportAllocs()
			for b.Loop() {
				for _, m := range messages {
					var traces tracepb.TracesData
					if err := proto.Unmarshal(m, &traces); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
