package jaeger

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeJaeger is a query service over a list of traces, with the manners of Jaeger's memory storage: an answer at its limit
// holds those stored last, a depth above maxDepth is refused, both ends of the window count.
type fakeJaeger struct {
	api_v2.UnimplementedQueryServiceServer
	maxDepth int           // 0 = takes any
	onlyV2   bool          // an older server
	chunk    int           // spans per message; 0 = Jaeger's 10
	fault    func() error  // answers instead of the store
	held     chan struct{} // searches wait until it is closed or they are canceled
	mangle   []byte        // sent instead of each api_v3 message
	rowEach  bool          // as Cassandra: an index has one row for each microsecond of a service and operation

	mu       sync.Mutex
	traces   [][]testSpan // as stored
	searches []fakeSearch
	sent     metadata.MD // of the last call
}

// fakeSearch is a search as it arrived.
type fakeSearch struct {
	version           int
	service, name     string
	tags              map[string]string
	from, to          time.Time
	depth             int
	raw               bool
	answered, refused int // traces; 1 when the depth was refused
}

// start serves f on a free port of loopback.
func (f *fakeJaeger) start(t testing.TB, options ...grpc.ServerOption) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(append(options, grpc.ForceServerCodecV2(codec{}))...)
	api_v2.RegisterQueryServiceServer(server, f)
	if !f.onlyV2 {
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: "jaeger.api_v3.QueryService", HandlerType: (*any)(nil),
			Streams: []grpc.StreamDesc{{StreamName: "FindTraces", ServerStreams: true, Handler: f.findTracesV3}},
		}, f)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-stopped
	})
	return listener.Addr().String()
}

// client gives a client of f; change edits the options first.
func (f *fakeJaeger) client(t testing.TB, change ...func(*Options)) *Client {
	t.Helper()
	return connect(t, "grpc://"+f.start(t), change...)
}

func connect(t testing.TB, url string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{
		Store: settings.Store{
			Name: evidence.Jaeger, URL: url, Timeout: time.Minute, Labels: vllm.DefaultJaegerLabels(), MaxResponse: 4 << 20,
		},
		VLLM:   settings.VLLM{SpanName: "llm_request"},
		Limits: settings.DefaultLimits(),
	}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func (f *fakeJaeger) enter(ctx context.Context) error {
	f.mu.Lock()
	f.sent, _ = metadata.FromIncomingContext(ctx)
	f.mu.Unlock()
	if f.held != nil {
		select {
		case <-f.held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.fault != nil {
		return f.fault()
	}
	return nil
}

func (f *fakeJaeger) search(s fakeSearch) ([][]testSpan, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.maxDepth > 0 && s.depth > f.maxDepth || s.depth <= 0 {
		s.refused = 1
		f.searches = append(f.searches, s)
		return nil, status.Error(codes.Internal, "search depth must be greater than 0 and less than max traces")
	}
	var out [][]testSpan
	indexed := func(testSpan) bool { return true }
	if f.rowEach && len(s.tags) == 0 {
		indexed = f.cassandraIndex(s)
	}
	for _, trace := range slices.Backward(f.traces) {
		if len(out) < s.depth && slices.ContainsFunc(trace, func(span testSpan) bool { return s.matches(span) && indexed(span) }) {
			out = append(out, trace)
		}
	}
	s.answered = len(out)
	f.searches = append(f.searches, s)
	return out, nil
}

// cassandraIndex keeps of the spans that a search is about those that Cassandra's index still has: its tables
// service_operation_index and service_name_index have no trace in their key. The latter is divided into ten buckets by the span.
func (f *fakeJaeger) cassandraIndex(s fakeSearch) func(testSpan) bool {
	type row struct {
		at     time.Time
		bucket byte
	}
	rows := map[row]string{}
	rowOf := func(span testSpan) row {
		r := row{at: span.start.Truncate(time.Microsecond)}
		if s.name == "" {
			id := pad(span.trace, 32)
			r.bucket = (id[15] + id[14]*7 + span.id[0]) % 10
		}
		return r
	}
	for _, trace := range f.traces {
		for _, span := range trace {
			if s.matches(span) {
				rows[rowOf(span)] = span.trace + "/" + span.id // what was written last
			}
		}
	}
	return func(span testSpan) bool { return rows[rowOf(span)] == span.trace+"/"+span.id }
}

func (s fakeSearch) matches(span testSpan) bool {
	for key, want := range s.tags {
		if !slices.ContainsFunc(span.attributes, func(a evidence.Attribute) bool {
			text, ok := a.Value.(string)
			return ok && a.Key == key && strings.Contains(text, want) // a storage that tokenises: never to be believed
		}) {
			return false
		}
	}
	return span.service == s.service && (s.name == "" || span.name == s.name) && !span.start.Before(s.from) && !span.start.After(s.to)
}

func (f *fakeJaeger) FindTraces(in *api_v2.FindTracesRequest, stream api_v2.QueryService_FindTracesServer) error {
	if err := f.enter(stream.Context()); err != nil {
		return err
	}
	q := in.Query
	traces, err := f.search(fakeSearch{
		version: 2, service: q.ServiceName, name: q.OperationName, tags: q.Tags, from: q.StartTimeMin, to: q.StartTimeMax,
		depth: int(q.SearchDepth), raw: q.RawTraces,
	})
	if err != nil {
		return err
	}
	for _, trace := range traces {
		if err := f.send(trace, stream.Send); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeJaeger) send(trace []testSpan, send func(*api_v2.SpansResponseChunk) error) error {
	size := f.chunk
	if size == 0 {
		size = 10
	}
	for chunk := range slices.Chunk(trace, size) {
		if err := send(chunkOf(chunk...)); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeJaeger) findTracesV3(_ any, stream grpc.ServerStream) error {
	var request rawMessage
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	if err := f.enter(stream.Context()); err != nil {
		return err
	}
	s := fakeSearch{version: 3, tags: map[string]string{}}
	err := fields(request, func(q field) error {
		return fields(q.bytes, func(f field) error {
			switch f.number {
			case 1:
				s.service = string(f.bytes)
			case 2:
				s.name = string(f.bytes)
			case 3:
				entry := map[protowire.Number]string{}
				_ = fields(f.bytes, func(f field) error {
					entry[f.number] = string(f.bytes)
					return nil
				})
				s.tags[entry[1]] = entry[2]
			case 4:
				s.from = readTimestamp(f.bytes)
			case 5:
				s.to = readTimestamp(f.bytes)
			case 8:
				s.depth = int(f.value)
			case 9:
				s.raw = f.value == 1
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	traces, err := f.search(s)
	if err != nil {
		return err
	}
	for _, trace := range traces {
		message := rawMessage(otlpOf(trace...))
		if f.mangle != nil {
			message = f.mangle
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

func readTimestamp(b []byte) time.Time {
	var seconds, nanos int64
	_ = fields(b, func(f field) error {
		switch f.number {
		case 1:
			seconds = int64(f.value)
		case 2:
			nanos = int64(f.value)
		}
		return nil
	})
	return time.Unix(seconds, nanos).UTC()
}

func (f *fakeJaeger) GetTrace(in *api_v2.GetTraceRequest, stream api_v2.QueryService_GetTraceServer) error {
	if err := f.enter(stream.Context()); err != nil {
		return err
	}
	for _, trace := range f.traces {
		if first := trace[0].model(); first.TraceID == in.TraceID {
			return f.send(trace, stream.Send)
		}
	}
	return status.Error(codes.NotFound, "trace not found")
}

func (f *fakeJaeger) GetServices(ctx context.Context, _ *api_v2.GetServicesRequest) (*api_v2.GetServicesResponse, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	services := map[string]bool{}
	f.each(func(s testSpan) { services[s.service] = true })
	out := &api_v2.GetServicesResponse{}
	for s := range services {
		out.Services = append(out.Services, s)
	}
	return out, nil
}

func (f *fakeJaeger) GetOperations(ctx context.Context, in *api_v2.GetOperationsRequest) (*api_v2.GetOperationsResponse, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	out := &api_v2.GetOperationsResponse{}
	f.each(func(s testSpan) {
		if s.service == in.Service {
			out.Operations = append(out.Operations, &api_v2.Operation{Name: s.name, SpanKind: string(s.kind)})
		}
	})
	return out, nil
}

func (f *fakeJaeger) each(visit func(testSpan)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, trace := range f.traces {
		for _, s := range trace {
			visit(s)
		}
	}
}

// counts says how many searches were answered and how many refused, by protocol.
func (f *fakeJaeger) counts() (v2, v3, refused, traces int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.searches {
		switch {
		case s.refused == 1:
			refused++
		case s.version == 2:
			v2++
		default:
			v3++
		}
		traces += s.answered
	}
	return v2, v3, refused, traces
}
