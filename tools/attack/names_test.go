//go:build unix

package attack

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

func TestAttackNames(t *testing.T) {
	try(t, "names",
		attack{
			name:  "the address of Jaeger is a scheme of gRPC",
			tried: "grpc://unix:…, dns, xds, passthrough and vsock as hosts, sockets and escapes in the URL",
			holds: "a host is a host, whatever gRPC makes of its name; all else is refused",
			test:  "pkg/fetch/jaeger.TestAHostIsNeverASchemeOfGRPC",
		},
		attack{
			name:  "an address that is read as more than a host",
			tried: "paths, lists, escapes, NUL, and names of other alphabets as hosts",
			holds: "the settings are refused",
			test:  "pkg/settings.TestNamesOfHosts",
		},
		attack{
			name:  "texts that are none",
			tried: "NUL, halves of surrogate pairs and broken UTF-8 in queries, lists and settings",
			holds: "each is refused before a store is asked",
			test:  "pkg/wellformed.TestJSONHoldsTextsOnly",
		},
		attack{
			name:  "something behind an answer",
			tried: "another answer, HTML, a bracket or NUL behind the JSON of Loki",
			holds: "the answer counts as broken",
			test:  "pkg/fetch/loki.TestNothingStandsBehindAnAnswer",
		},
		attack{
			name:  "a proxy of the environment",
			tried: "HTTP_PROXY and HTTPS_PROXY name a proxy; stores of names that only it knows, over HTTP and gRPC; then NO_PROXY names them",
			holds: "the proxy is asked for all three, and for none that NO_PROXY names",
			run:   proxied,
		},
		attack{
			name:  "the demo calls out",
			tried: "all that the programs of the demo read is looked through for hosts that are not its own",
			holds: "there is none; alerts go to a page on the machine",
			test:  "tools/compose.TestTheDemoCallsNobodyOutside",
		},
	)
}

func proxied(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for _, c := range []struct {
		excluded string
		want     []string
	}{
		{"", []string{"CONNECT jaeger.invalid:16685", "loki.invalid:3100", "prometheus.invalid:9090"}},
		{".invalid", nil},
	} {
		var mu sync.Mutex
		seen := map[string]bool{}
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if r.Method == http.MethodConnect {
				seen["CONNECT "+r.Host] = true
			} else {
				seen[r.URL.Host] = true
			}
			w.WriteHeader(http.StatusBadGateway)
		}))
		path, err := built()
		require.NoError(t, err)
		host, err := pluginhost.Start(t.Context(), pluginhost.Options{
			Binary: path, Log: &logged{}, Env: []string{"HTTP_PROXY=" + proxy.URL, "HTTPS_PROXY=" + proxy.URL, "NO_PROXY=" + c.excluded},
			Settings: pluginhost.Stores("http://prometheus.invalid:9090", "http://loki.invalid:3100", "jaeger.invalid:16685"),
		})
		require.NoError(t, err)
		_, err = host.CheckHealth(t.Context())
		require.NoError(t, err)
		require.NoError(t, host.Close())
		proxy.Close()
		mu.Lock()
		var got []string
		for name := range seen {
			got = append(got, name)
		}
		mu.Unlock()
		slices.Sort(got)
		require.Equal(t, c.want, got)
	}
}
