package jaeger

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
)

// counter counts the look-ups of names by method, and how many run at a time.
type counter struct {
	mu            sync.Mutex
	calls         map[string]int
	running, most int
}

func (c *counter) option() grpc.ServerOption {
	c.calls = map[string]int{}
	return grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		c.mu.Lock()
		c.calls[info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]]++
		c.running++
		c.most = max(c.most, c.running)
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.running--
		}()
		return handler(ctx, req)
	})
}

func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.calls
	c.calls = map[string]int{}
	return out
}

// lookUp is what ten panels ask at once.
func lookUp(t *testing.T, c *Client, panels int) {
	t.Helper()
	var group sync.WaitGroup
	for range panels {
		group.Go(func() {
			if _, err := c.CallerServices(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestLookUpsOfServicesAreBoundedHoweverManyPanelsAsk(t *testing.T) {
	for name, tc := range map[string]struct {
		services, engines, panels int
		first, later              map[string]int // calls by ten panels at once, and by ten after 31 s
	}{
		"a fleet of engines":             {3, 1, 30, map[string]int{"GetServices": 1, "GetOperations": 3}, map[string]int{"GetServices": 1, "GetOperations": 3}},
		"200 services":                   {200, 1, 10, map[string]int{"GetServices": 1, "GetOperations": 200}, map[string]int{"GetServices": 1}},
		"200 services without an engine": {200, 0, 10, map[string]int{"GetServices": 1, "GetOperations": 200}, map[string]int{"GetServices": 1}},
		"no service at all":              {0, 0, 10, map[string]int{"GetServices": 1}, map[string]int{"GetServices": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f, calls := &fakeJaeger{}, &counter{}
			for i := range tc.services {
				span := testSpan{service: fmt.Sprintf("service-%03d", i), name: "GET /"}
				if i < tc.engines {
					span.name = "llm_request"
				}
				f.traces = append(f.traces, []testSpan{span})
			}
			c := connect(t, "grpc://"+f.start(t, calls.option()))
			now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
			c.services.WithClock(func() time.Time { return now })
			c.operations.WithClock(func() time.Time { return now })
			lookUp(t, c, tc.panels)
			require.Equal(t, tc.first, calls.take())
			require.LessOrEqual(t, calls.most, c.limits.ConcurrentCall)
			lookUp(t, c, tc.panels)
			require.Empty(t, calls.take(), "what is known is not asked again, nor that there is nothing")
			now = now.Add(31 * time.Second)
			lookUp(t, c, tc.panels)
			require.Equal(t, tc.later, calls.take())
		})
	}
}

func TestNobodySeesTheServicesThatAnotherMaySee(t *testing.T) {
	f := &fakeJaeger{traces: [][]testSpan{{{service: "vllm", name: "llm_request"}}, {{service: "secret-project-x", name: "chat gpt"}}}}
	c := f.client(t, func(o *Options) { o.Store.ForwardIdentity = true })
	alice := upstream.WithIdentity(t.Context(), http.Header{"Authorization": {"Bearer alice"}})
	bob := upstream.WithIdentity(t.Context(), http.Header{"Authorization": {"Bearer bob"}})
	services, err := c.CallerServices(alice)
	require.NoError(t, err)
	require.Equal(t, []string{"secret-project-x"}, services)

	f.mu.Lock()
	f.traces = f.traces[:1] // what bob may see
	f.mu.Unlock()
	services, err = c.CallerServices(bob)
	require.NoError(t, err)
	require.Empty(t, services)
	services, err = c.CallerServices(upstream.WithIdentity(t.Context(), nil))
	require.NoError(t, err)
	require.Empty(t, services, "a rule asks in nobody's name")
	services, err = c.CallerServices(alice)
	require.NoError(t, err)
	require.Equal(t, []string{"secret-project-x"}, services, "what alice was told is hers for a while")
}
