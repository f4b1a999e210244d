package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func load(t *testing.T, jsonData string, secrets map[string]string) Settings {
	t.Helper()
	s, err := Load(backend.DataSourceInstanceSettings{
		UID: "abc", Name: "vLLM", JSONData: []byte(jsonData), DecryptedSecureJSONData: secrets,
	})
	require.NoError(t, err)
	return s
}

func TestLoadFillsInDefaults(t *testing.T) {
	for name, jsonData := range map[string]string{
		"of no settings at all":            "",
		"of blank settings":                " \n",
		"of an empty object":               "{}",
		"of null":                          "null",
		"of sections that are null":        `{"prometheus": null, "vllm": null, "limits": null}`,
		"of keys that are not ours":        `{"httpMethod": "POST", "oauthPassThru": true, "prometheus": {"flavour": "mimir"}}`,
		"of values saved empty":            `{"prometheus": {"timeout": "", "auth": ""}, "vllm": {"spanName": "", "scrapeInterval": ""}}`,
		"of numbers saved as zero":         `{"limits": {"requests": 0, "logLines": 0}, "loki": {"maxResponseBytes": 0, "timeout": 0}}`,
		"of header rows not yet filled":    `{"prometheus": {"headers": [""]}}`,
		"of service lists not yet filled":  `{"vllm": {"engineServices": ["", " "]}}`,
		"of rows of limits not yet filled": `{"vllm": {"slo": [{}, {"model": " ", "ttft": ""}], "gpuPricePerHour": "", "currency": null}}`,
	} {
		t.Run(name, func(t *testing.T) {
			store := func(name evidence.Store, labels vllm.LabelNames) Store {
				return Store{
					Name: name, Auth: AuthNone, Timeout: 30 * time.Second, Labels: labels, MaxResponse: DefaultMaxResponse,
				}
			}
			s := load(t, jsonData, nil)
			require.Equal(t, Settings{
				UID: "abc", Name: "vLLM",
				Prometheus: store(evidence.Prometheus, vllm.DefaultPrometheusLabels()),
				Loki:       store(evidence.Loki, vllm.DefaultLokiLabels()),
				Jaeger:     store(evidence.Jaeger, vllm.DefaultJaegerLabels()),
				VLLM:       VLLM{MetricPrefix: "vllm:", SpanName: "llm_request"},
				Limits:     DefaultLimits(),
			}, s)
			require.NoError(t, s.Validate())
			require.False(t, s.Prometheus.Configured() || s.Loki.Configured() || s.Jaeger.Configured())
		})
	}
}

func TestLoadTakesEveryFieldOfAStore(t *testing.T) {
	s := load(t, `{"loki": {
		"url": " https://loki.example/prefix ", "auth": "basic", "basicAuthUser": "reader",
		"tls": {"skipVerify": true, "serverName": "loki.internal"},
		"headers": ["X-One", "", "X-Three"], "tenant": "team-a", "timeout": "1m30s", "forwardIdentity": true,
		"labels": {"pod": "k8s_pod_name", "environment": ""}, "maxResponseBytes": 1048576
	}}`, map[string]string{
		"lokiBasicAuthPassword": "password", "lokiBearerToken": "token", "lokiTLSCACert": "ca", "lokiTLSClientCert": "cert",
		"lokiTLSClientKey": "key", "lokiHeaderValue1": "one", "lokiHeaderValue3": "three", "prometheusBearerToken": "not ours",
	})
	require.Equal(t, Store{
		Name: evidence.Loki, URL: "https://loki.example/prefix", Auth: AuthBasic, BasicAuthUser: "reader",
		Password: "password", BearerToken: "token",
		TLS:     TLS{SkipVerify: true, ServerName: "loki.internal", CACert: "ca", ClientCert: "cert", ClientKey: "key"},
		Headers: []Header{{"X-One", "one"}, {"X-Three", "three"}}, // a row left empty does not move the others' values
		Tenant:  "team-a", Timeout: 90 * time.Second, ForwardIdentity: true,
		Labels:      vllm.LabelNames{Cluster: "cluster", Namespace: "namespace", Pod: "k8s_pod_name", Instance: "instance", Service: "service_name"},
		MaxResponse: 1 << 20,
	}, s.Loki)
}

func TestLoadTakesTheVLLMSectionAndLimits(t *testing.T) {
	s := load(t, `{
		"vllm": {"metricPrefix": "vllm_", "scrapeInterval": 5, "spanName": "request", "engineServices": ["vllm-chat"],
			"callerServices": ["gateway", "app"], "modelAliases": ["gpt-4"], "logSelector": " {container=\"vllm\"} ",
			"slo": [{"model": " qwen ", "ttft": "500ms", "tpot": "20ms"}, {}, {"model": "*", "e2e": "1m30s", "ttft": ""}],
			"gpuPricePerHour": 2.5, "currency": " € "},
		"limits": {"requests": 1000, "tracesPerCall": 1500, "linesPerCall": 2000, "logLines": 3000, "concurrentCalls": 2}
	}`, nil)
	require.Equal(t, VLLM{
		MetricPrefix: "vllm_", ScrapeInterval: 5 * time.Second, SpanName: "request", EngineServices: []string{"vllm-chat"},
		CallerServices: []string{"gateway", "app"}, ModelAliases: []string{"gpt-4"}, LogSelector: `{container="vllm"}`,
		SLO: slo.Objectives{ // without the row that is not filled in
			{Model: "qwen", TTFT: 500 * time.Millisecond, TPOT: 20 * time.Millisecond}, {Model: "*", E2E: 90 * time.Second},
		},
		GPUPrice: 2.5, Currency: "€",
	}, s.VLLM)
	require.Equal(t, Limits{Requests: 1000, TracesPerCall: 1500, LinesPerCall: 2000, LogLines: 3000, ConcurrentCall: 2}, s.Limits)
}

// Grafana expands $VAR in provisioned strings, and a result that looks like a number or a bool becomes one.
func TestLoadTakesWhatEnvironmentExpansionMadeOfAString(t *testing.T) {
	s := load(t, `{
		"prometheus": {"tenant": 1, "basicAuthUser": true, "timeout": 45, "forwardIdentity": "true", "maxResponseBytes": 1e+06,
			"tls": {"skipVerify": 1}, "headers": [7]},
		"loki": {"timeout": "45", "forwardIdentity": 0, "maxResponseBytes": "1000000"},
		"vllm": {"engineServices": [42], "slo": [{"model": 7, "ttft": "1s"}], "gpuPricePerHour": "2.5"},
		"limits": {"requests": "20000"}
	}`, map[string]string{"prometheusHeaderValue1": "seven"})
	require.Equal(t, "1", s.Prometheus.Tenant)
	require.Equal(t, "true", s.Prometheus.BasicAuthUser)
	require.Equal(t, []Header{{"7", "seven"}}, s.Prometheus.Headers)
	require.True(t, s.Prometheus.ForwardIdentity)
	require.True(t, s.Prometheus.TLS.SkipVerify)
	require.False(t, s.Loki.ForwardIdentity)
	for _, store := range []Store{s.Prometheus, s.Loki} {
		require.Equal(t, 45*time.Second, store.Timeout)
		require.EqualValues(t, 1_000_000, store.MaxResponse)
	}
	require.Equal(t, []string{"42"}, s.VLLM.EngineServices)
	require.Equal(t, slo.Objectives{{Model: "7", TTFT: time.Second}}, s.VLLM.SLO)
	require.Equal(t, 2.5, s.VLLM.GPUPrice)
	require.Equal(t, 20_000, s.Limits.Requests)
}

func TestLoadGivesJaegersAddressOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"grpc://jaeger:16685":   "grpc://jaeger:16685",
		"grpcs://jaeger:443/":   "grpcs://jaeger:443",
		"http://jaeger:16685":   "grpc://jaeger:16685",
		"HTTPS://jaeger:443":    "grpcs://jaeger:443",
		"jaeger:16685":          "grpc://jaeger:16685",
		"[::1]:16685":           "grpc://[::1]:16685",
		"":                      "",
		"thrift://jaeger:14268": "thrift://jaeger:14268", // left for Validate to refuse
	} {
		s := load(t, `{"jaeger": {"url": "`+given+`"}}`, nil)
		require.Equal(t, want, s.Jaeger.URL, given)
	}
}

func TestLoadRefusesWhatCannotBeMeant(t *testing.T) {
	for name, c := range map[string]struct{ jsonData, message string }{
		"cut-off JSON":           {`{"prometheus": {"url": "http`, "unexpected end"},
		"a list of settings":     {`[]`, "cannot unmarshal array"},
		"a URL that is a list":   {`{"loki": {"url": ["a"]}}`, "got a list where text belongs"},
		"a URL that is a map":    {`{"loki": {"url": {}}}`, "got an object where text belongs"},
		"a flag that is a word":  {`{"loki": {"forwardIdentity": "sometimes"}}`, `"sometimes" is neither true nor false`},
		"a timeout without unit": {`{"loki": {"timeout": "soon"}}`, `"soon" is no duration such as 30s or 2m`},
		"a timeout without end":  {`{"loki": {"timeout": "Inf"}}`, `"Inf" is no duration`},
		"half a row":             {`{"limits": {"requests": 1.5}}`, `"1.5" is no whole number`},
		"a latency without unit": {`{"vllm": {"slo": [{"model": "*", "ttft": 500}]}}`, `"500" is no latency with its unit, such as 500ms or 2s`},
		"a price in words":       {`{"vllm": {"gpuPricePerHour": "$2"}}`, `"$2" is no number`},
		"a price without end":    {`{"vllm": {"gpuPricePerHour": "Inf"}}`, `"Inf" is no number`},
		"a limit without end":    {`{"limits": {"requests": 1e300}}`, `"1e300" is no whole number`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(backend.DataSourceInstanceSettings{JSONData: []byte(c.jsonData)})
			require.ErrorContains(t, err, c.message)
			require.True(t, strings.HasPrefix(err.Error(), "settings: jsonData: "), err.Error())
		})
	}
}

func FuzzLoadNeverPanics(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"prometheus": {"url": 3, "timeout": -1, "headers": [null]}}`, `{"jaeger": {"url": "://"}}`,
		`{"vllm": {"logSelector": "{a=\"\\"}}`, `{"limits": {"requests": "NaN"}}`, `{"loki": {"labels": {"pod": null}}}`,
	} {
		f.Add([]byte(seed), "secret")
	}
	f.Fuzz(func(t *testing.T, jsonData []byte, secret string) {
		s, err := Load(backend.DataSourceInstanceSettings{
			JSONData: jsonData,
			DecryptedSecureJSONData: map[string]string{
				"prometheusBearerToken": secret, "prometheusTLSCACert": secret, "jaegerHeaderValue1": secret,
			},
		})
		if err == nil {
			_ = s.Validate()
		}
	})
}
