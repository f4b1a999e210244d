package ship

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// script answers each batch with the next error, then with success.
type script struct {
	mu      sync.Mutex
	answers []error
	got     []int
	reached chan struct{} // receives once per Send
	proceed chan struct{} // nil: at once
}

func (s *script) Send(ctx context.Context, batch []int) error {
	if s.reached != nil {
		s.reached <- struct{}{}
	}
	if s.proceed != nil {
		select {
		case <-s.proceed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) > 0 {
		err := s.answers[0]
		s.answers = s.answers[1:]
		if err != nil {
			return err
		}
	}
	s.got = append(s.got, batch...)
	return nil
}

func quick() Limits {
	return Limits{Bytes: 10, BatchBytes: 4, BatchItems: 4, Linger: time.Millisecond, Backoff: time.Millisecond, Patience: time.Minute}
}

func newBuffer(t *testing.T, s *script, limits Limits) *Buffer[int] {
	b := NewBuffer("test", s, func(int) int { return 1 }, limits, slog.New(slog.DiscardHandler))
	t.Cleanup(b.Close)
	return b
}

func TestABufferDeliversInOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []error
		want    []int
		dropped int
	}{
		{"at once", nil, []int{0, 1, 2, 3, 4, 5}, 0},
		{"after failures", []error{errors.New("down"), errors.New("429")}, []int{0, 1, 2, 3, 4, 5}, 0},
		{"without what the store refuses", []error{Rejected{"too old"}}, []int{4, 5}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{answers: c.answers}
			b := newBuffer(t, s, quick())
			b.Lossless(true)
			for i := range 6 {
				b.Add(t.Context(), i)
			}
			require.NoError(t, b.Flush(t.Context()))
			require.Equal(t, c.want, s.got)
			counts := b.Counts()
			require.Equal(t, len(c.want), counts.Delivered)
			require.Equal(t, c.dropped, counts.Dropped)
			require.Zero(t, counts.Buffered)
		})
	}
}

func TestABatchThatIsNotFullGoesAfterAWhile(t *testing.T) {
	s := &script{reached: make(chan struct{}, 1)}
	b := newBuffer(t, s, quick())
	b.Add(t.Context(), 7)
	<-s.reached
	require.NoError(t, b.Flush(t.Context()))
	require.Equal(t, []int{7}, s.got)
}

func TestAFullBufferDropsTheOldest(t *testing.T) {
	s := &script{reached: make(chan struct{}, 100), proceed: make(chan struct{})}
	b := newBuffer(t, s, quick())
	for i := range 4 {
		b.Add(t.Context(), i)
	}
	<-s.reached // 0 … 3 are under way
	for i := 4; i < 16; i++ {
		b.Add(t.Context(), i)
	}
	require.Equal(t, 2, b.Counts().Dropped)
	close(s.proceed)
	require.NoError(t, b.Flush(t.Context()))
	require.Equal(t, []int{0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, s.got)
}

func TestALosslessBufferWaitsForRoom(t *testing.T) {
	s := &script{}
	b := newBuffer(t, s, quick())
	b.Lossless(true)
	for i := range 1000 {
		b.Add(t.Context(), i)
	}
	require.NoError(t, b.Flush(t.Context()))
	require.Len(t, s.got, 1000)
	require.Zero(t, b.Counts().Dropped)
}

func TestALosslessBufferLosesPatienceWithAStoreThatStaysAway(t *testing.T) {
	s := &script{proceed: make(chan struct{})}
	limits := quick()
	limits.Patience = time.Millisecond
	b := newBuffer(t, s, limits)
	b.Lossless(true)
	for i := range 40 {
		b.Add(t.Context(), i)
	}
	require.Positive(t, b.Counts().Dropped)
	close(s.proceed)
}

func TestFlushSaysWhyItCouldNot(t *testing.T) {
	s := &script{answers: []error{errors.New("connection refused")}, reached: make(chan struct{}, 10)}
	b := newBuffer(t, s, Limits{Bytes: 10, BatchBytes: 4, BatchItems: 4, Linger: time.Hour, Backoff: time.Hour})
	b.Add(t.Context(), 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Flush(ctx) }()
	<-s.reached
	require.Eventually(t, func() bool { return b.Counts().LastError != "" }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorContains(t, <-done, "connection refused")
}

func TestWhichAnswersAreFinal(t *testing.T) {
	for status, final := range map[int]bool{400: true, 401: true, 413: true, 404: false, 429: false, 500: false, 503: false} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", status) }))
			defer server.Close()
			err := Loki{URL: server.URL, Client: server.Client()}.Send(t.Context(), []telemetry.LogLine{{Stream: &telemetry.LogStream{}}})
			require.ErrorContains(t, err, "no")
			var rejected Rejected
			require.Equal(t, final, errors.As(err, &rejected))
		})
	}
}

func TestLokiGetsOneStreamPerContainer(t *testing.T) {
	var got push.PushRequest
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		raw, err := snappy.Decode(nil, body)
		require.NoError(t, err)
		require.NoError(t, got.Unmarshal(raw))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	a := &telemetry.LogStream{Labels: []telemetry.Label{{Name: "app", Value: "vllm"}, {Name: "pod", Value: "a"}}}
	b := &telemetry.LogStream{Labels: []telemetry.Label{{Name: "app", Value: "vllm"}, {Name: "pod", Value: "b"}}}
	at := time.Unix(1, 5)
	lines := []telemetry.LogLine{{Stream: a, Time: at, Text: "one\r"}, {Stream: b, Time: at, Text: "two"}, {Stream: a, Time: at.Add(1), Text: "three"}}
	require.NoError(t, Loki{URL: server.URL, Tenant: "team", Client: server.Client()}.Send(t.Context(), lines))
	require.Equal(t, "team", header.Get("X-Scope-OrgID"))
	require.Len(t, got.Streams, 2)
	require.Equal(t, `{app="vllm", pod="a"}`, got.Streams[0].Labels)
	require.Equal(t, "one\r", got.Streams[0].Entries[0].Line)
	require.True(t, at.Equal(got.Streams[0].Entries[0].Timestamp))
}

// decoded is a write request as maps: series → time → value.
func decoded(t *testing.T, request WriteRequest) map[string]map[int64]float64 {
	t.Helper()
	raw, err := snappy.Decode(nil, request)
	require.NoError(t, err)
	out := map[string]map[int64]float64{}
	for _, series := range messages(t, raw, 1) {
		name := ""
		for _, label := range messages(t, series, 1) {
			name += string(messages(t, label, 1)[0]) + "=" + string(messages(t, label, 2)[0]) + ";"
		}
		out[name] = map[int64]float64{}
		for _, sample := range messages(t, series, 2) {
			_, _, n := protowire.ConsumeTag(sample)
			bits, m := protowire.ConsumeFixed64(sample[n:])
			_, _, k := protowire.ConsumeTag(sample[n+m:])
			ms, _ := protowire.ConsumeVarint(sample[n+m+k:])
			out[name][int64(ms)] = math.Float64frombits(bits)
		}
	}
	return out
}

// messages are the length-delimited fields with that number.
func messages(t *testing.T, b []byte, number protowire.Number) (found [][]byte) {
	t.Helper()
	for len(b) > 0 {
		got, kind, n := protowire.ConsumeTag(b)
		require.Positive(t, n)
		require.Equal(t, protowire.BytesType, kind)
		value, m := protowire.ConsumeBytes(b[n:])
		require.GreaterOrEqual(t, m, 0)
		if got == number {
			found = append(found, value)
		}
		b = b[n+m:]
	}
	return found
}

func TestRemoteWriteKeepsTimesAndEndsSeriesOfADeadServer(t *testing.T) {
	metrics := telemetry.NewServerMetrics(telemetry.Newest, "m", engine.Config{MaxModelLen: 2048, BlockSize: 16, NumGPUBlocks: 200}, 1, 0, time.Unix(0, 0))
	s := NewScraper("vllm", map[string]string{"instance": "a"}, false)
	require.Nil(t, s.Scrape(time.UnixMilli(15000), metrics.Exposition))
	require.Nil(t, s.Scrape(time.UnixMilli(30000), nil))
	require.Nil(t, s.Scrape(time.UnixMilli(45000), nil))
	got := decoded(t, s.Flush())
	require.Equal(t, map[int64]float64{15000: 1, 30000: 0, 45000: 0}, got["__name__=up;instance=a;job=vllm;"])
	running := got["__name__=vllm:num_requests_running;engine=0;instance=a;job=vllm;model_name=m;"]
	require.Len(t, running, 2, "one stale marker, not one per scrape")
	require.Zero(t, running[15000])
	require.NotEqual(t, running[30000], running[30000], "NaN")
	require.Nil(t, s.Flush(), "nothing is sent twice")
}

func TestLabelsThatClash(t *testing.T) {
	gpu := telemetry.NewGPUMetrics([]*telemetry.GPU{{Pod: "consumer", Namespace: "ns"}})
	for honor, want := range map[bool]string{true: "pod=consumer;", false: "exported_pod=consumer;"} {
		s := NewScraper("dcgm", map[string]string{"pod": "exporter"}, honor)
		s.Scrape(time.UnixMilli(1), gpu)
		found := false
		for name := range decoded(t, s.Flush()) {
			found = found || strings.Contains(name, ";"+want)
		}
		require.True(t, found, "honor_labels %t", honor)
	}
}
