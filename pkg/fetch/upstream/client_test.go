package upstream

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

var _ api.Client = (*Client)(nil)

func TestURLStaysBelowTheStoresPath(t *testing.T) {
	for name, c := range map[string]struct {
		base, endpoint string
		args           map[string]string
		want           string
	}{
		"a bare host":           {"http://p:9090", "/api/v1/query", nil, "http://p:9090/api/v1/query"},
		"a slash at the end":    {"http://p:9090/", "/api/v1/query", nil, "http://p:9090/api/v1/query"},
		"a path prefix":         {"https://p/mimir/prometheus/", "/api/v1/query", nil, "https://p/mimir/prometheus/api/v1/query"},
		"an endpoint without /": {"http://p/x", "loki/api/v1/labels", nil, "http://p/x/loki/api/v1/labels"},
		"a named part":          {"http://p", "/label/:name/values", map[string]string{"name": "pod"}, "http://p/label/pod/values"},
		"a part with a slash":   {"http://p", "/label/:name/values", map[string]string{"name": "../../x"}, "http://p/label/..%2F..%2Fx/values"},
		"an escaped prefix":     {"http://p/a%2Fb", "/query", nil, "http://p/a%2Fb/query"},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, settings.Store{Name: evidence.Prometheus, URL: c.base, Timeout: time.Second})
			require.Equal(t, c.want, client.URL(c.endpoint, c.args).String())
		})
	}
}

func TestEveryRequestSaysWhoWeAre(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*settings.Store)
		want   map[string]string
	}{
		"by no method": {func(*settings.Store) {}, map[string]string{"Authorization": ""}},
		"by user and password": {func(s *settings.Store) {
			s.Auth, s.BasicAuthUser, s.Password = settings.AuthBasic, "user", "pass"
		}, map[string]string{"Authorization": "Basic dXNlcjpwYXNz"}},
		"by token": {func(s *settings.Store) {
			s.Auth, s.BearerToken = settings.AuthBearer, "token"
		}, map[string]string{"Authorization": "Bearer token"}},
		"by a header of one's own": {func(s *settings.Store) {
			s.Headers = []settings.Header{{Name: "authorization", Value: "Token 1"}, {Name: "x-key", Value: "k"}}
		}, map[string]string{"Authorization": "Token 1", "X-Key": "k"}},
		"and the tenant": {func(s *settings.Store) { s.Tenant = "team-a" }, map[string]string{"X-Scope-Orgid": "team-a"}},
		"and a password that was saved for another method stays home": {func(s *settings.Store) {
			s.BasicAuthUser, s.Password, s.BearerToken = "user", "pass", "token"
		}, map[string]string{"Authorization": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var got http.Header
			store := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
			c.change(&store)
			client := newClient(t, store)
			_, _, err := client.Do(t.Context(), get(t, client, "/"))
			require.NoError(t, err)
			for header, value := range c.want {
				require.Equal(t, value, got.Get(header), header)
			}
		})
	}
}

func TestTheUsersIdentityGoesOnlyToTheStoresThatAskForIt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*settings.Store)
		user   string // what Grafana hands us; empty for an alert rule
		want   string
	}{
		"by default it stays here": {func(*settings.Store) {}, "Bearer user", ""},
		"a store that asks gets it": {func(s *settings.Store) {
			s.ForwardIdentity = true
		}, "Bearer user", "Bearer user"},
		"it goes before the store's own token": {func(s *settings.Store) {
			s.ForwardIdentity, s.Auth, s.BearerToken = true, settings.AuthBearer, "own"
		}, "Bearer user", "Bearer user"},
		"it goes before the store's own password": {func(s *settings.Store) {
			s.ForwardIdentity, s.Auth, s.BasicAuthUser, s.Password = true, settings.AuthBasic, "user", "pass"
		}, "Bearer user", "Bearer user"},
		"an alert rule has none and uses the store's own": {func(s *settings.Store) {
			s.ForwardIdentity, s.Auth, s.BearerToken = true, settings.AuthBearer, "own"
		}, "", "Bearer own"},
		"where it stays here the store's own goes": {func(s *settings.Store) {
			s.Auth, s.BearerToken = settings.AuthBearer, "own"
		}, "Bearer user", "Bearer own"},
	} {
		t.Run(name, func(t *testing.T) {
			var got http.Header
			store := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
			c.change(&store)
			client := newClient(t, store)

			ctx := t.Context()
			if c.user != "" { // as a browser's resource call brings them
				ctx = WithIdentity(ctx, http.Header{
					"authorization": {c.user}, "X-Scope-Orgid": {"other"}, "X-Webauth-User": {"admin"}, "Accept-Encoding": {"br"}, "x-id-token": {"id"},
				})
			}
			_, _, err := client.Do(ctx, get(t, client, "/"))
			require.NoError(t, err)
			require.Equal(t, c.want, got.Get("Authorization"))
			require.Equal(t, store.ForwardIdentity && c.user != "", got.Get("X-Id-Token") == "id")
			require.NotEqual(t, "other", got.Get("X-Scope-Orgid"))
			require.Empty(t, got.Get("X-Webauth-User"))
			require.NotEqual(t, "br", got.Get("Accept-Encoding"))
		})
	}
}

func TestNothingOfOneStoreReachesAnother(t *testing.T) {
	var got http.Header
	second := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
	base := httpclient.Options{
		Timeouts:  &httpclient.TimeoutOptions{Timeout: time.Hour, DialTimeout: time.Second},
		Labels:    map[string]string{"datasource_uid": "abc"},
		Header:    http.Header{"X-Shared": {"secret of the data source"}},
		BasicAuth: &httpclient.BasicAuthOptions{User: "grafana", Password: "secret"},
	}
	first := second
	first.Name, first.Tenant, first.Timeout = evidence.Prometheus, "team-a", time.Minute
	first.Headers = []settings.Header{{Name: "X-Key", Value: "first"}}
	first.Auth, first.BearerToken = settings.AuthBearer, "first"

	_, err := New(base, first)
	require.NoError(t, err)
	client, err := New(base, second)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	_, _, err = client.Do(t.Context(), get(t, client, "/"))
	require.NoError(t, err)

	for _, header := range []string{"X-Key", "X-Scope-Orgid", "Authorization", "X-Shared"} {
		require.Empty(t, got.Get(header), header)
	}
	require.Equal(t, time.Hour, base.Timeouts.Timeout)
	require.Equal(t, map[string]string{"datasource_uid": "abc"}, base.Labels)
	require.Equal(t, http.Header{"X-Shared": {"secret of the data source"}}, base.Header)
}

func TestTheSDKsOwnMiddlewaresAllStay(t *testing.T) {
	var names []string
	for _, m := range options(httpclient.Options{}, settings.Store{}).Middlewares {
		named, ok := m.(httpclient.MiddlewareName)
		require.True(t, ok)
		names = append(names, named.MiddlewareName())
	}
	require.Equal(t, []string{
		httpclient.TracingMiddlewareName, httpclient.DataSourceMetricsMiddlewareName,
		httpclient.BasicAuthenticationMiddlewareName, httpclient.CustomHeadersMiddlewareName,
		httpclient.UserAgentMiddlewareName, httpclient.ContextualMiddlewareName, httpclient.ErrorSourceMiddlewareName,
		httpclient.ResponseLimitMiddlewareName, "vllm-forward-identity", "vllm-authorize", "vllm-meter",
	}, names)
}

func TestARedirectIsFollowedOnlyWithinTheStore(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(elsewhere.Close)

	for name, c := range map[string]struct{ to, want string }{
		"to another path":  {"/there", ""},
		"to another host":  {elsewhere.URL + "/?token=hunter2", "Loki gave an answer that cannot be read: it redirects to " + elsewhere.URL + ", which is not asked"},
		"in a circle":      {"/here", "Loki gave an answer that cannot be read: it redirects in a circle"},
		"to no known host": {"http://user:hunter2@login.invalid/", "Loki gave an answer that cannot be read: it redirects to http://login.invalid, which is not asked"},
	} {
		t.Run(name, func(t *testing.T) {
			store := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/here" {
					http.Redirect(w, r, c.to, http.StatusFound)
				}
			})
			store.Auth, store.BearerToken = settings.AuthBearer, "hunter2"
			client := newClient(t, store)
			_, _, err := client.Do(t.Context(), get(t, client, "/here"))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
			require.ErrorIs(t, err, ErrBadAnswer)
			require.Zero(t, asked.Load(), "the other host was asked")
		})
	}
}

func TestOnlyAnUpgradeOfOneHostMayChangeTheScheme(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		ok       bool
	}{
		"an upgrade":                 {"http://loki/a", "https://loki/a", true},
		"a downgrade":                {"https://loki/a", "http://loki/a", false},
		"an upgrade to another host": {"http://loki/a", "https://loki.evil/a", false},
		"an upgrade to another port": {"http://loki/a", "https://loki:8443/a", false},
		"another port":               {"http://loki:3100/a", "http://loki:3101/a", false},
	} {
		t.Run(name, func(t *testing.T) {
			from, err := http.NewRequest(http.MethodGet, c.from, nil)
			require.NoError(t, err)
			to, err := http.NewRequest(http.MethodGet, c.to, nil)
			require.NoError(t, err)
			require.Equal(t, c.ok, refuseOtherHosts(to, []*http.Request{from}) == nil)
		})
	}
}

func TestAnAnswerAboveTheCeilingIsCutOff(t *testing.T) {
	const ceiling = 100
	for name, c := range map[string]struct {
		size int
		gzip bool
		fits bool
	}{
		"at the ceiling":                    {ceiling, false, true},
		"one byte above":                    {ceiling + 1, false, false},
		"far above and small over the wire": {1 << 20, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			store := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				var out io.Writer = w
				if c.gzip {
					w.Header().Set("Content-Encoding", "gzip")
					zipped := gzip.NewWriter(w)
					defer func() { _ = zipped.Close() }()
					out = zipped
				}
				_, _ = out.Write(bytes.Repeat([]byte("x"), c.size)) // the reader may be gone
			})
			store.MaxResponse = ceiling
			client := newClient(t, store)
			_, body, err := client.Do(t.Context(), get(t, client, "/"))
			if c.fits {
				require.NoError(t, err)
				require.Len(t, body, c.size)
				return
			}
			require.ErrorIs(t, err, ErrTooLarge)
			require.EqualError(t, err, "Loki gave an answer that is too large: ask for less, or raise the data source's maxResponseBytes")
		})
	}
}

func TestCancellationReachesTheStore(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	store := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(gone)
	})
	client := newClient(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, _, err := client.Do(ctx, get(t, client, "/"))
	<-gone
	require.ErrorIs(t, err, ErrCanceled)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAStoreThatStopsHalfWayTimesOut(t *testing.T) {
	store := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	store.Timeout = 50 * time.Millisecond
	client := newClient(t, store)
	_, _, err := client.Do(t.Context(), get(t, client, "/"))
	require.ErrorIs(t, err, ErrTimeout)
	require.EqualError(t, err, "Loki did not answer in time")
}

func TestAReaderOfAnOpenAnswerSeesTheSameErrors(t *testing.T) {
	store := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	})
	client := newClient(t, store)
	resp, err := client.Open(t.Context(), get(t, client, "/"))
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	_, err = io.ReadAll(resp.Body)
	require.EqualError(t, err, "Loki gave an answer that cannot be read: it broke off")
}

func TestAStoreThatIsNotThereIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	client := newClient(t, settings.Store{Name: evidence.Loki, URL: "http://" + address, Timeout: time.Second})
	_, _, err = client.Do(t.Context(), get(t, client, "/loki/api/v1/query_range?query=hunter2"))
	require.EqualError(t, err, "Loki cannot be reached: connection refused")
	require.ErrorIs(t, err, ErrUnreachable)
}

func TestPrometheusOwnClientRunsOnThisOne(t *testing.T) {
	var methods []string
	store := serve(t, func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method)
		if r.Method == http.MethodPost { // as read-only proxies do
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`)
	})
	store.Name = evidence.Prometheus
	value, _, _, err := v1.NewAPI(newClient(t, store)).Query(t.Context(), "1+1", time.Unix(1, 0))
	require.NoError(t, err)
	require.Equal(t, "scalar: 2 @[1]", value.String())
	require.Equal(t, []string{http.MethodPost, http.MethodGet}, methods)
}

func TestPrometheusOwnClientGivesOurErrors(t *testing.T) {
	store := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples"}`)
	})
	store.Name = evidence.Prometheus
	_, _, _, err := v1.NewAPI(newClient(t, store)).Query(t.Context(), "up", time.Unix(1, 0))
	require.EqualError(t, err, "Prometheus answered 422 Unprocessable Entity: query processing would load too many samples")
	require.ErrorIs(t, err, ErrRefused)
}

func TestEveryCallIsCounted(t *testing.T) {
	store := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "12345")
	})
	client := newClient(t, store)
	callSeconds.DeletePartialMatch(prometheus.Labels{"stage": "counted"}) // of an earlier run in this process
	var counted atomic.Int64
	ctx := CountBytes(WithStage(t.Context(), "counted"), &counted)
	for _, path := range []string{"/", "/", "/fails"} {
		_, _, err := client.Do(ctx, get(t, client, path))
		require.Equal(t, path == "/fails", err != nil)
	}
	require.EqualValues(t, 15, counted.Load())
	for outcome, want := range map[string]int{"ok": 2, "server_error": 1} {
		histogram, err := callSeconds.GetMetricWithLabelValues("loki", "counted", outcome)
		require.NoError(t, err)
		require.Equal(t, want, observations(t, histogram), outcome)
	}
}

func TestBadPEMIsSaidWithoutQuotingIt(t *testing.T) {
	_, err := New(httpclient.Options{}, settings.Store{
		Name: evidence.Loki, URL: "https://loki", TLS: settings.TLS{CACert: "hunter2"},
	})
	require.EqualError(t, err, "Loki: failed to parse TLS CA PEM certificate")
	_, err = New(httpclient.Options{}, settings.Store{Name: evidence.Loki, URL: "http://u:hunter2@lo ki"})
	require.EqualError(t, err, "Loki: the URL cannot be parsed")
}

func TestTheErrorOfACallCarriesItsSource(t *testing.T) {
	store := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	client := newClient(t, store)
	_, _, err := client.Do(t.Context(), get(t, client, "/"))
	require.True(t, backend.IsDownstreamError(err))
	require.False(t, strings.Contains(err.Error(), store.URL))
}
