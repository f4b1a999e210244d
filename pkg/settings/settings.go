// Package settings owns what a user saves in the data source: one section per store, the vLLM section, limits. It decodes
// and validates; it must not open connections, and no secret of it may reach a message or a log.
package settings

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// AuthMethod is how a store wants to be asked who we are.
type AuthMethod string

// The methods. With forwarded identity the user's own token is used where there is one, the method's elsewhere.
const (
	AuthNone   AuthMethod = "none"
	AuthBasic  AuthMethod = "basic"
	AuthBearer AuthMethod = "bearer"
)

// Settings is one data source, decoded and with defaults filled in.
type Settings struct {
	UID, Name  string
	Prometheus Store
	Loki       Store
	Jaeger     Store
	VLLM       VLLM
	Limits     Limits
}

// Store is one store's section. A store without URL is not configured, which is no error.
//
// jsonData: {"prometheus": {"url", "auth", "basicAuthUser", "tls": {"skipVerify", "serverName"}, "headers": ["X-Name", …],
// "tenant", "timeout": "30s", "forwardIdentity", "labels": {"model", "environment", "cluster", "namespace", "pod", "instance",
// "engine", "service"}, "maxResponseBytes"}}; the same under "loki" and "jaeger". Beside them "vllm": {"metricPrefix", "scrapeInterval",
// "spanName", "engineServices": […], "callerServices": […], "modelAliases": […], "logSelector", "slo": [{"model": "*", "ttft": "500ms", "tpot",
// "e2e"}, …], "gpuPricePerHour": 2.5, "currency": "$"} and "limits": {"requests", "tracesPerCall", "linesPerCall", "logLines",
// "concurrentCalls"}.
// secureJsonData, flat, with the store's name in front: prometheusBasicAuthPassword, prometheusBearerToken,
// prometheusTLSCACert, prometheusTLSClientCert, prometheusTLSClientKey, prometheusHeaderValue1 … (1-based, as "headers").
type Store struct {
	Name            evidence.Store
	URL             string // Jaeger: grpc://host:16685 (plaintext) or grpcs://host:443 (TLS)
	Auth            AuthMethod
	BasicAuthUser   string
	Password        Secret
	BearerToken     Secret
	TLS             TLS
	Headers         []Header
	Tenant          string        // sent as TenantHeader
	Timeout         time.Duration // of one call
	ForwardIdentity bool
	Labels          vllm.LabelNames
	MaxResponse     int64 // bytes of one answer; Jaeger: of one message

	sent []Secret // see WithSent
}

// Configured reports whether the store is there to be asked.
func (s Store) Configured() bool { return s.URL != "" }

// TenantHeader names the header (in gRPC: the metadata key) that tells the store the tenant.
func (s Store) TenantHeader() string {
	if s.Name == evidence.Jaeger {
		return "x-tenant"
	}
	return "X-Scope-OrgID" // Loki, and the multi-tenant kin of Prometheus: Mimir, Cortex
}

// TLS of one store, PEM texts.
type TLS struct {
	SkipVerify                    bool
	ServerName                    string
	CACert, ClientCert, ClientKey Secret
}

// Header is one custom header.
type Header struct {
	Name  string
	Value Secret
}

// VLLM says how the engines at hand name their telemetry, and what is expected of them.
type VLLM struct {
	MetricPrefix   string        // "vllm:"; some collectors rewrite it to "vllm_"
	ScrapeInterval time.Duration // of the engines' metrics, on which staleness and rate windows depend; 0 = measured
	SpanName       string        // "llm_request"
	EngineServices []string      // Jaeger services of engines; empty = every service that has the span
	CallerServices []string      // Jaeger services above the engines; added to those found as parents of engine spans
	ModelAliases   []string      // names under which clients ask for a model besides those that engines and answered calls tell
	LogSelector    string        // stream selector of the engines' logs, such as {container="vllm"}; empty = found by label

	SLO      slo.Objectives // limits on latency by model; the first that names a model is its own
	GPUPrice float64        // of one GPU for one hour; 0 = not known
	Currency string         // of GPUPrice, as it is to be shown: $, €, CHF; empty = a bare number
}
