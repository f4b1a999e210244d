package host

import (
	"context"
	"fmt"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

func newDatasource(t *testing.T, jsonData string, secrets map[string]string) *Datasource {
	t.Helper()
	instance, err := New(t.Context(), backend.DataSourceInstanceSettings{
		UID: "abc", Name: "vLLM", Type: "llmserving-vllm-datasource", JSONData: []byte(jsonData), DecryptedSecureJSONData: secrets,
	})
	require.NoError(t, err)
	d, ok := instance.(*Datasource)
	require.True(t, ok)
	t.Cleanup(d.Dispose)
	return d
}

func TestAnInstanceHasTheStoresThatAreConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		jsonData                 string
		prometheus, loki, jaeger bool
	}{
		"none of a data source never saved": {``, false, false, false},
		"none of an empty one":              {`{}`, false, false, false},
		"only Prometheus":                   {`{"prometheus": {"url": "http://p:9090"}}`, true, false, false},
		"only Loki":                         {`{"loki": {"url": "http://l:3100"}}`, false, true, false},
		"only Jaeger":                       {`{"jaeger": {"url": "j:16685"}}`, false, false, true},
		"all, beside settings of Grafana's of any type": {
			`{"url": 3, "access": 4, "httpHeaderName1": 5, "basicAuth": "x", "serverName": 6, "tlsAuth": true, "timeout": "x",
			"prometheus": {"url": "http://p:9090"}, "loki": {"url": "http://l:3100"}, "jaeger": {"url": "j:16685"}}`, true, true, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatasource(t, c.jsonData, nil)
			require.Equal(t, c.prometheus, d.Prometheus != nil)
			require.Equal(t, c.loki, d.Loki != nil)
			require.Equal(t, c.jaeger, d.Jaeger != nil)
		})
	}
}

func TestWrongSettingsAreTheUsersAndSayWhich(t *testing.T) {
	for name, c := range map[string]struct{ jsonData, want string }{
		"a URL of the wrong kind":      {`{"loki": {"url": "ftp://l"}}`, "settings: loki.url: must begin with http:// or https://"},
		"settings that cannot be":      {`{"loki": []}`, "settings: jsonData: "},
		"a selector that Loki's isn't": {`{"loki": {"url": "http://l"}, "vllm": {"logSelector": "{container}"}}`, "log selector: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(t.Context(), backend.DataSourceInstanceSettings{JSONData: []byte(c.jsonData)})
			require.ErrorContains(t, err, c.want)
			require.True(t, backend.IsDownstreamError(err))
		})
	}
}

func TestWhatAllStoresShareHoldsNoSecretOfThem(t *testing.T) {
	options, err := baseOptions(context.Background(), backend.DataSourceInstanceSettings{
		UID: "abc", Name: "vLLM", URL: "http://shared", User: "user", BasicAuthEnabled: true, BasicAuthUser: "user",
		JSONData: []byte(`{"httpHeaderName1": "X-Key", "tlsAuth": true, "secureSocksProxyUsername": 7, "enableSecureSocksProxy": "true"}`),
		DecryptedSecureJSONData: map[string]string{
			"basicAuthPassword": "hunter2", "httpHeaderValue1": "hunter2", "tlsClientKey": "hunter2", "secureSocksProxyPassword": "socks",
		},
	})
	require.NoError(t, err)
	require.Nil(t, options.BasicAuth)
	require.Empty(t, options.Header)
	require.Nil(t, options.TLS)
	require.True(t, options.ProxyOptions.Enabled)
	require.Equal(t, "7", options.ProxyOptions.Auth.Username)
	require.Equal(t, "socks", options.ProxyOptions.Auth.Password)
	require.Equal(t, "abc", options.Labels["datasource_uid"])
	require.NotContains(t, fmt.Sprintf("%+v", options), "hunter2")
}
