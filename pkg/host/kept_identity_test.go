package host

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/live"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// TestWhatOneUserWasToldIsKeptFromAllOthers puts something into every cache of a data source in alice's name, and looks for it in the
// names of bob and of a rule. The caches are found by walking the data source; one that is declared and not found fails the test.
func TestWhatOneUserWasToldIsKeptFromAllOthers(t *testing.T) {
	as := func(user string) context.Context {
		return upstream.WithIdentity(t.Context(), http.Header{"Authorization": {"Bearer " + user}})
	}
	nobody := upstream.WithIdentity(t.Context(), nil)
	for name, forwarding := range map[string][]string{
		"all stores are asked in the user's name": {"prometheus", "loki", "jaeger"},
		"Prometheus alone":                        {"prometheus"},
		"Loki alone":                              {"loki"},
		"Jaeger alone":                            {"jaeger"},
		"none":                                    nil,
	} {
		t.Run(name, func(t *testing.T) {
			var stores []string
			for store, url := range map[string]string{"prometheus": "http://p:9090", "loki": "http://l:3100", "jaeger": "grpc://j:16685"} {
				stores = append(stores, fmt.Sprintf(`%q: {"url": %q, "forwardIdentity": %v}`, store, url, slices.Contains(forwarding, store)))
			}
			d := newDatasource(t, "{"+strings.Join(stores, ", ")+"}", nil)
			caches := map[string]cache{}
			walkCaches(reflect.ValueOf(d), caches)
			lines, err := live.WatcherOf(d.Sources, query.Query{Kind: query.Logs})
			require.NoError(t, err)
			walkCaches(reflect.ValueOf(lines), caches) // these two are there as long as somebody looks
			walkCaches(reflect.ValueOf(d.Fetcher.Watch(vllm.Scope{})), caches)
			for _, kind := range memo.Kinds() {
				c, found := caches[kind.Name]
				require.True(t, found, "%s is declared, and is nowhere in a data source: make it here as a query does", kind.Name)
				c.put(as("alice"))
				require.Equal(t, 1, c.Known(as("alice")), "%s keeps nothing", kind.Name)
				others := 0
				if !apart(kind.Name, forwarding) {
					others = 1
				}
				require.Equal(t, others, c.Known(as("bob")), "%s: what bob gets of alice's", kind.Name)
				require.Equal(t, others, c.Known(nobody), "%s: what a rule gets of alice's", kind.Name)
			}
			require.Len(t, caches, len(memo.Kinds()))
		})
	}
}

// apart reports whether a cache must be apart for each user: that of one store when that store is asked in the user's name, those that are
// learnt from several when any is.
func apart(name string, forwarding []string) bool {
	switch of, _, _ := strings.Cut(name, "."); of {
	case "prometheus", "loki", "jaeger":
		return slices.Contains(forwarding, of)
	case "plugin": // plugin.live_pods: where a model runs, by Prometheus
		return slices.Contains(forwarding, "prometheus")
	default:
		return len(forwarding) > 0
	}
}

// cache is a memo.Memo of any types.
type cache struct {
	keeper
	value reflect.Value
}

type keeper interface {
	Kind() memo.Kind
	Known(ctx context.Context) int
}

// put keeps a zero value for a zero key.
func (c cache) put(ctx context.Context) {
	put := c.value.MethodByName("Put")
	put.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.Zero(put.Type().In(1)), reflect.Zero(put.Type().In(2))})
}

// walkCaches finds the caches below a value of ours, by the names of their kinds.
func walkCaches(root reflect.Value, found map[string]cache) {
	const ours = "github.com/llmserving/"
	seen := map[unsafe.Pointer]bool{}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Pointer:
			if v.IsNil() || seen[v.UnsafePointer()] || !strings.HasPrefix(v.Type().Elem().PkgPath(), ours) {
				return
			}
			seen[v.UnsafePointer()] = true
			open := reflect.NewAt(v.Type().Elem(), v.UnsafePointer()) // fields that are not exported can be used through it
			if k, ok := open.Interface().(keeper); ok {
				found[k.Kind().Name] = cache{k, open}
				return
			}
			walk(open.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		}
	}
	walk(root)
}
