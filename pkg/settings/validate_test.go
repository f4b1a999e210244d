package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// sane is a data source with all three stores and nothing wrong.
const sane = `{
	"prometheus": {"url": "http://prometheus:9090/prefix"},
	"loki": {"url": "https://loki.example"},
	"jaeger": {"url": "grpc://jaeger:16685"}
}`

func TestValidateAcceptsASaneDataSource(t *testing.T) {
	require.NoError(t, load(t, sane, nil).Validate())
}

func slos(objectives ...slo.Objective) func(*Settings) {
	return func(s *Settings) { s.VLLM.SLO = objectives }
}

func TestValidateNamesTheFieldAndTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"a scheme that is not HTTP": {func(s *Settings) { s.Prometheus.URL = "ftp://prometheus" }, "prometheus.url: must begin with http:// or https://"},
		"a URL without scheme":      {func(s *Settings) { s.Loki.URL = "loki.example" }, "loki.url: must begin with http:// or https://"},
		"a URL without host":        {func(s *Settings) { s.Loki.URL = "http:///loki" }, "loki.url: names no host"},
		"a URL that is none":        {func(s *Settings) { s.Loki.URL = "http://lo ki" }, "loki.url: cannot be parsed as a URL"},
		"a password in the URL":     {func(s *Settings) { s.Loki.URL = "http://u:hunter2@loki" }, "loki.url: must not hold a user or password"},
		"a token in the query":      {func(s *Settings) { s.Loki.URL = "http://loki?token=hunter2" }, "loki.url: must end with the path"},
		"an HTTP API for Jaeger":    {func(s *Settings) { s.Jaeger.URL = "thrift://jaeger:1" }, "jaeger.url: must begin with grpc:// or grpcs://"},
		"Jaeger without port":       {func(s *Settings) { s.Jaeger.URL = "grpc://jaeger" }, "jaeger.url: needs a port, such as grpc://jaeger:16685"},
		"Jaeger with a path":        {func(s *Settings) { s.Jaeger.URL = "grpc://jaeger:16685/api" }, "jaeger.url: gRPC knows no path"},

		"an unknown method":         {func(s *Settings) { s.Loki.Auth = "ntlm" }, `loki.auth: "ntlm" is not none, basic or bearer`},
		"basic auth without user":   {func(s *Settings) { s.Loki.Auth = AuthBasic }, "loki.basicAuthUser: is empty, and auth is basic"},
		"a user with a colon":       {func(s *Settings) { s.Loki.Auth, s.Loki.BasicAuthUser = AuthBasic, "a:b" }, "loki.basicAuthUser: must not contain a colon"},
		"bearer auth without token": {func(s *Settings) { s.Loki.Auth = AuthBearer }, "lokiBearerToken: is not set, and auth is bearer"},
		"a token with a line break": {func(s *Settings) { s.Loki.Auth, s.Loki.BearerToken = AuthBearer, "hunter2\r\nX: y" }, "lokiBearerToken: holds a line break"},

		"a CA that is no certificate": {func(s *Settings) { s.Loki.TLS.CACert = "hunter2" }, "lokiTLSCACert: holds no PEM certificate"},
		"a certificate without key":   {func(s *Settings) { s.Loki.TLS.ClientCert = "hunter2" }, "lokiTLSClientKey: is not set"},
		"a key without certificate":   {func(s *Settings) { s.Loki.TLS.ClientKey = "hunter2" }, "lokiTLSClientCert: is not set"},
		"a pair that is none":         {func(s *Settings) { s.Loki.TLS.ClientCert, s.Loki.TLS.ClientKey = "hunter2", "hunter2" }, "lokiTLSClientCert: certificate and key do not make a pair"},

		"a header that is none":     {func(s *Settings) { s.Loki.Headers = []Header{{"X Y", "v"}} }, `loki.headers: "X Y" is no header name`},
		"the Host header":           {func(s *Settings) { s.Loki.Headers = []Header{{"host", "v"}} }, "loki.headers: Host belongs to the connection"},
		"a hop-by-hop header":       {func(s *Settings) { s.Loki.Headers = []Header{{"transfer-encoding", "v"}} }, "loki.headers: Transfer-Encoding belongs to the connection"},
		"a header of gRPC's own":    {func(s *Settings) { s.Jaeger.Headers = []Header{{"grpc-timeout", "v"}} }, "jaeger.headers: Grpc-Timeout is reserved by gRPC"},
		"a header without value":    {func(s *Settings) { s.Loki.Headers = []Header{{"X-Key", ""}} }, "loki.headers: X-Key has no value"},
		"a value with a line break": {func(s *Settings) { s.Loki.Headers = []Header{{"X-Key", "hunter2\nX: y"}} }, "lokiHeaderValue1: holds a line break"},
		"a cookie beside the user's own": {func(s *Settings) {
			s.Loki.ForwardIdentity, s.Loki.Headers = true, []Header{{"cookie", "v"}}
		}, "loki.headers: Cookie is already set by forwardIdentity"},
		"a header set twice": {func(s *Settings) { s.Loki.Headers = []Header{{"X-Key", "v"}, {"x-KEY", "w"}} }, "loki.headers: X-Key is already set by another header"},
		"the tenant set twice": {func(s *Settings) {
			s.Loki.Tenant, s.Loki.Headers = "a", []Header{{"x-scope-ORGID", "b"}}
		}, "loki.headers: X-Scope-Orgid is already set by tenant"},
		"Jaeger's tenant set twice": {func(s *Settings) {
			s.Jaeger.Tenant, s.Jaeger.Headers = "a", []Header{{"X-Tenant", "b"}}
		}, "jaeger.headers: X-Tenant is already set by tenant"},
		"authorization set twice": {func(s *Settings) {
			s.Loki.Auth, s.Loki.BearerToken, s.Loki.Headers = AuthBearer, "t", []Header{{"authorization", "hunter2"}}
		}, "loki.headers: Authorization is already set by auth"},

		"a token with a dash of a word processor": {func(s *Settings) { s.Loki.Auth, s.Loki.BearerToken = AuthBearer, "hunter2–x" }, "lokiBearerToken: its character 8 is not ASCII"},
		"a token with a space of no width":        {func(s *Settings) { s.Loki.Auth, s.Loki.BearerToken = AuthBearer, "hunter2\u200b" }, "lokiBearerToken: holds a character that cannot be seen"},
		"a token with a space behind it":          {func(s *Settings) { s.Loki.Auth, s.Loki.BearerToken = AuthBearer, "hunter2 " }, "lokiBearerToken: begins or ends with a space"},
		"a token that is not UTF-8":               {func(s *Settings) { s.Loki.Auth, s.Loki.BearerToken = AuthBearer, "hunter2\xff" }, "lokiBearerToken: is not valid UTF-8"},
		"a user's name that is not ASCII":         {func(s *Settings) { s.Loki.BasicAuthUser = "jürgen" }, "loki.basicAuthUser: its character 2 is not ASCII"},
		"a header's value that is not ASCII":      {func(s *Settings) { s.Loki.Headers = []Header{{"X-Key", "hunter2é"}} }, "lokiHeaderValue1: its character 8 is not ASCII"},
		"a tenant that is not ASCII":              {func(s *Settings) { s.Jaeger.Tenant = "équipe" }, "jaeger.tenant: its character 1 is not ASCII"},
		"a password with a NUL":                   {func(s *Settings) { s.Loki.Auth, s.Loki.BasicAuthUser, s.Loki.Password = AuthBasic, "u", "hunter2\x00" }, "lokiBasicAuthPassword: holds a line break or another control character"},
		"a socket for Jaeger":                     {func(s *Settings) { s.Jaeger.URL = "grpc://unix:/run/jaeger.sock" }, "jaeger.url: needs a port"},
		"a scheme of gRPC":                        {func(s *Settings) { s.Jaeger.URL = grpcURL("unix:///run/jaeger.sock") }, "jaeger.url: must begin with grpc://"},
		"several hosts":                           {func(s *Settings) { s.Jaeger.URL = "grpc://a,b:16685" }, "jaeger.url: names no host"},
		"a host with a sign":                      {func(s *Settings) { s.Loki.URL = "http://lo$ki" }, "loki.url: names no host"},

		"a tenant with a line break":     {func(s *Settings) { s.Loki.Tenant = "a\nb" }, "loki.tenant: holds a line break"},
		"a timeout too short":            {func(s *Settings) { s.Loki.Timeout = time.Millisecond }, "loki.timeout: 1ms is not between 1s and 10m0s"},
		"a negative timeout":             {func(s *Settings) { s.Loki.Timeout = -time.Second }, "loki.timeout: -1s is not between"},
		"a timeout too long":             {func(s *Settings) { s.Loki.Timeout = time.Hour }, "loki.timeout: 1h0m0s is not between"},
		"a ceiling that holds no answer": {func(s *Settings) { s.Loki.MaxResponse = 1 }, "loki.maxResponseBytes: 1 is not between 65536 and"},
		"a label that breaks out":        {func(s *Settings) { s.Loki.Labels.Pod = `pod="x"} or {a` }, "loki.labels.pod:"},
		"a span attribute in quotes":     {func(s *Settings) { s.Jaeger.Labels.Model = `"model"` }, "jaeger.labels.model:"},

		"a prefix with a dot":       {func(s *Settings) { s.VLLM.MetricPrefix = "vllm." }, `vllm.metricPrefix: "vllm." cannot begin a metric name`},
		"a scrape interval of none": {func(s *Settings) { s.VLLM.ScrapeInterval = -1 }, "vllm.scrapeInterval:"},
		"a span name on two lines":  {func(s *Settings) { s.VLLM.SpanName = "a\nb" }, "vllm.spanName: holds a line break"},
		"a service on two lines":    {func(s *Settings) { s.VLLM.EngineServices = []string{"a\nb"} }, "vllm.engineServices: holds a line break"},

		"limits of no model":      {slos(slo.Objective{TTFT: time.Second}), "vllm.slo[0].model: is empty; * is every model"},
		"a model without limits":  {slos(slo.Objective{Model: "a", E2E: 1e9}, slo.Objective{Model: "b"}), "vllm.slo[1]: sets no limit"},
		"a limit below a step":    {slos(slo.Objective{Model: "a", TPOT: 1}), "vllm.slo[0].tpot: 1ns is not between 1ms and 1h0m0s"},
		"a limit of hours":        {slos(slo.Objective{Model: "a", E2E: 2 * time.Hour}), "vllm.slo[0].e2e: 2h0m0s is not between"},
		"a negative limit":        {slos(slo.Objective{Model: "a", TTFT: -time.Second}), "vllm.slo[0].ttft: -1s is not between"},
		"a model on two lines":    {slos(slo.Objective{Model: "a\nb", TTFT: 1e9}), "vllm.slo[0].model: holds a line break"},
		"a model without end":     {slos(slo.Objective{Model: strings.Repeat("a", 257), TTFT: 1e9}), "vllm.slo[0].model: is longer than 256 bytes"},
		"more limits than models": {slos(make(slo.Objectives, 101)...), "vllm.slo: 101 entries are more than 100"},
		"a negative price":        {func(s *Settings) { s.VLLM.GPUPrice = -1 }, "vllm.gpuPricePerHour: -1 is not between 0 and 1e+09"},
		"a currency in words":     {func(s *Settings) { s.VLLM.Currency = "US dollars" }, "vllm.currency: is longer than 8 bytes"},
		"a currency on two lines": {func(s *Settings) { s.VLLM.Currency = "$\n" }, "vllm.currency: holds a line break"},

		"more rows than measured": {func(s *Settings) { s.Limits.Requests = 2_000_000 }, "limits.requests: 2000000 is not between 1 and 1000000"},
		"a negative search depth": {func(s *Settings) { s.Limits.TracesPerCall = -5 }, "limits.tracesPerCall: -5 is not between 1 and 10000"},
		"too many calls at once":  {func(s *Settings) { s.Limits.ConcurrentCall = 99 }, "limits.concurrentCalls: 99 is not between 1 and 32"},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, sane, nil)
			c.change(&s)
			err := s.Validate()
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2", "a secret in the message")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestSettingsThatAreNoTextAreNotRead(t *testing.T) {
	for raw, want := range map[string]string{
		"{\"loki\": {\"tenant\": \"a\xff\"}}":      "settings: jsonData: it is not valid UTF-8",
		`{"vllm": {"spanName": "a\u0000b"}}`:       "settings: jsonData: it holds a NUL character (U+0000)",
		`{"vllm": {"logSelector": "{a=\"\ud800"}}`: "settings: jsonData: it holds half of a surrogate pair",
	} {
		_, err := Load(backend.DataSourceInstanceSettings{JSONData: []byte(raw)})
		require.ErrorContains(t, err, want)
	}
}

func TestNamesOfHosts(t *testing.T) {
	for _, name := range []string{"jaeger", "jaeger-query.tracing.svc.cluster.local", "a_b", "10.0.0.7", "::1", "fe80::1%eth0", "xn--bcher-kva.example", "host.", "unix", "dns"} {
		require.True(t, Host(name), name)
	}
	for _, name := range []string{"", "a b", "a/b", "a:b", "unix:", "a,b", "-a", "a-", "a..b", ".a", "bücher.example", "a\x00", "a%2fb", strings.Repeat("a.", 200)} {
		require.False(t, Host(name), name)
	}
}

func TestValidateTellsEverythingAtOnce(t *testing.T) {
	s := load(t, `{"prometheus": {"url": "prometheus"}, "limits": {"requests": -1}}`, nil)
	require.EqualError(t, s.Validate(), "settings: prometheus.url: must begin with http:// or https://; "+
		"prometheus.url: names no host; limits.requests: -1 is not between 1 and 1000000")
}

func TestValidatePassesOverAStoreThatIsNotConfigured(t *testing.T) {
	require.NoError(t, load(t, `{"loki": {"auth": "bearer", "timeout": "1h"}}`, nil).Validate())
}

func TestALogSelectorIsCheckedForItsShapeOnly(t *testing.T) {
	for selector, want := range map[string]string{
		"":                                    "",
		`{container="vllm"}`:                  "",
		"{container=~`vllm.*`, pod!=\"x\"}":   "",
		`{container="a}b{c"}`:                 "",
		`{container="a\"}"}`:                  "",
		`container="vllm"`:                    "is not in braces",
		`{container="vllm"} |= "x"`:           "is not in braces",
		`{container="vllm"} or {a="b"}`:       "holds a brace outside quotes",
		`{container="vllm}`:                   "leaves a quote open",
		`{container="vllm\"}`:                 "leaves a quote open",
		"{container=`vllm}":                   "leaves a quote open",
		"{ }":                                 "selects nothing in particular, which Loki refuses",
		"{container=\"vllm\"\n}":              "holds a line break or another control character",
		`{a="b"} | line_format "{{.secret}}"`: "is not in braces",
	} {
		require.Equal(t, want, badSelector(selector), selector)
	}
	require.True(t, strings.HasPrefix(load(t, `{"vllm": {"logSelector": "{"}}`, nil).Validate().Error(),
		"settings: vllm.logSelector: "))
}
