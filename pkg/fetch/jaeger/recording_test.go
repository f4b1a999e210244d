package jaeger

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// recordings holds what real engines sent: one OTLP/JSON message a line.
const recordings = "../../../tools/recordings"

// hexID finds the ids of OTLP/JSON, which are hex there and base64 in protobuf's own JSON.
var hexID = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":\s*"([0-9a-f]+)"`)

// recorded reads the spans of one recording.
func recorded(t *testing.T, path string) (spans []testSpan) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := hexID.ReplaceAllFunc(lines.Bytes(), func(field []byte) []byte {
			part := hexID.FindSubmatch(field)
			id, err := hex.DecodeString(string(part[2]))
			require.NoError(t, err)
			return []byte(`"` + string(part[1]) + `":"` + base64.StdEncoding.EncodeToString(id) + `"`)
		})
		var message tracepb.TracesData
		require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(line, &message))
		for _, resource := range message.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					out := testSpan{
						trace: hex.EncodeToString(s.TraceId), id: hex.EncodeToString(s.SpanId), parent: hex.EncodeToString(s.ParentSpanId),
						name: s.Name, kind: kindsV3[s.Kind], start: time.Unix(0, int64(s.StartTimeUnixNano)).UTC(),
						duration:   time.Duration(s.EndTimeUnixNano - s.StartTimeUnixNano),
						attributes: plain(s.Attributes), resource: plain(resource.Resource.Attributes),
					}
					for _, a := range out.resource {
						if a.Key == vllm.ResourceServiceName {
							out.service = a.Value.(string)
						}
					}
					spans = append(spans, out)
				}
			}
		}
	}
	require.NoError(t, lines.Err())
	return spans
}

func plain(attributes []*commonpb.KeyValue) (out []evidence.Attribute) {
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			out = append(out, set(a.Key, v.StringValue))
		case *commonpb.AnyValue_BoolValue:
			out = append(out, set(a.Key, v.BoolValue))
		case *commonpb.AnyValue_IntValue:
			out = append(out, set(a.Key, v.IntValue))
		case *commonpb.AnyValue_DoubleValue:
			out = append(out, set(a.Key, v.DoubleValue))
		}
	}
	return out
}

// TestRecordedSpans reads what real engines wrote: each llm_request becomes a request with every number known, but for
// those that the engine itself aborted, and no start-up span becomes one.
func TestRecordedSpans(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*", "spans.otlp.jsonl"))
	require.NoError(t, err)
	variants, err := filepath.Glob(filepath.Join(recordings, "*", "variants", "*", "spans.otlp.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	w := everything
	w.window = evidence.Window{From: noon.AddDate(-1, 0, 0), To: noon.AddDate(10, 0, 0)}
	aborted, hostile := 0, 0
	for _, path := range append(files, variants...) {
		name, err := filepath.Rel(recordings, path)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			spans := recorded(t, path)
			want := 0
			for _, s := range spans {
				if s.name == vllm.RequestSpanName {
					want++
				}
			}
			a := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
			require.NoError(t, a.takeV3(otlpOf(spans...)))
			b := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
			require.NoError(t, b.takeV2(chunkBytes(spans...)))
			traces := assembleAll(a, w)
			require.Equal(t, describe(traces), describe(assembleAll(b, w)), "api_v2 and api_v3 must tell the same")
			got := 0
			for _, trace := range traces {
				require.Empty(t, trace.Unanswered)
				for _, r := range trace.Requests {
					got++
					require.NotEmpty(t, r.RequestID)
					require.NotEmpty(t, r.Origin.Service)
					require.Positive(t, r.PromptTokens)
					require.GreaterOrEqual(t, r.Duration, r.E2E)
					require.GreaterOrEqual(t, r.Temperature, 0.0)
					if !vllm.PlainRequestID(r.RequestID) { // a client sent it, and vLLM took it as it was
						hostile++
						require.Empty(t, r.Note)
						continue
					}
					if r.Note != "" {
						aborted++
						require.Contains(t, r.Note, "aborted by the engine")
						continue
					}
					for _, phase := range []float64{r.TTFT, r.Queue, r.Prefill, r.Decode} {
						require.GreaterOrEqual(t, phase, 0.0)
						require.LessOrEqual(t, phase, r.E2E)
					}
				}
			}
			require.Equal(t, want, got)
		})
	}
	require.Positive(t, hostile)
	require.Equal(t, 2, aborted, "the variant `pause` has two requests that never got a token")
}

// TestAttributesOfARecordedSpan fails when an engine writes an attribute that this package does not know.
func TestAttributesOfARecordedSpan(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*", "spans.otlp.jsonl"))
	require.NoError(t, err)
	known := map[string]bool{
		vllm.SpanRequestID: true, vllm.SpanPromptTokens: true, vllm.SpanCompletionTokens: true, vllm.SpanTTFT: true,
		vllm.SpanE2E: true, vllm.SpanQueue: true, vllm.SpanPrefill: true, vllm.SpanDecode: true, vllm.SpanInference: true,
		vllm.SpanMaxTokens: true, vllm.SpanTemperature: true, vllm.SpanTopP: true, vllm.SpanN: true,
	}
	for _, path := range files {
		for _, s := range recorded(t, path) {
			if s.name != vllm.RequestSpanName {
				continue
			}
			for _, a := range s.attributes {
				require.True(t, known[a.Key], "%s in %s", a.Key, path)
			}
		}
	}
}
