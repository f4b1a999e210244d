package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/pkg/wellformed"
)

// Defaults of what a data source leaves out; those of limits stand in limits.go.
const (
	DefaultTimeout      = 30 * time.Second // Grafana's own for data sources
	DefaultMetricPrefix = "vllm:"
	DefaultSpanName     = "llm_request"
)

// Load decodes a data source as Grafana hands it over and fills in defaults. Empty settings are fine: Save & test on a new
// data source calls with them. What it returns is decoded, not yet sane: see Validate.
func Load(instance backend.DataSourceInstanceSettings) (Settings, error) {
	var saved document
	if err := wellformed.JSON(instance.JSONData); err != nil {
		return Settings{}, fmt.Errorf("settings: jsonData: %w", err)
	}
	if data := bytes.TrimSpace(instance.JSONData); len(data) > 0 {
		if err := json.Unmarshal(data, &saved); err != nil {
			return Settings{}, fmt.Errorf("settings: jsonData: %w", err)
		}
	}
	secrets := instance.DecryptedSecureJSONData
	return Settings{
		UID:        instance.UID,
		Name:       instance.Name,
		Prometheus: saved.Prometheus.store(evidence.Prometheus, vllm.DefaultPrometheusLabels(), secrets),
		Loki:       saved.Loki.store(evidence.Loki, vllm.DefaultLokiLabels(), secrets),
		Jaeger:     saved.Jaeger.store(evidence.Jaeger, vllm.DefaultJaegerLabels(), secrets),
		VLLM:       saved.VLLM.settings(),
		Limits:     saved.Limits.settings(),
	}, nil
}

// document is jsonData. Keys that are not ours, Grafana's own above all, are passed over.
type document struct {
	Prometheus storeDocument  `json:"prometheus"`
	Loki       storeDocument  `json:"loki"`
	Jaeger     storeDocument  `json:"jaeger"`
	VLLM       vllmDocument   `json:"vllm"`
	Limits     limitsDocument `json:"limits"`
}

type storeDocument struct {
	URL           text `json:"url"`
	Auth          text `json:"auth"`
	BasicAuthUser text `json:"basicAuthUser"`
	TLS           struct {
		SkipVerify flag `json:"skipVerify"`
		ServerName text `json:"serverName"`
	} `json:"tls"`
	Headers         []text          `json:"headers"`
	Tenant          text            `json:"tenant"`
	Timeout         *duration       `json:"timeout"`
	ForwardIdentity flag            `json:"forwardIdentity"`
	Labels          map[string]text `json:"labels"`
	MaxResponse     *integer        `json:"maxResponseBytes"`
}

func (d storeDocument) store(name evidence.Store, labels vllm.LabelNames, secrets map[string]string) Store {
	secret := func(field string) Secret { return Secret(secrets[string(name)+field]) }
	s := Store{
		Name:          name,
		URL:           strings.TrimSpace(string(d.URL)),
		Auth:          AuthMethod(d.Auth),
		BasicAuthUser: string(d.BasicAuthUser),
		Password:      secret("BasicAuthPassword"),
		BearerToken:   secret("BearerToken"),
		TLS: TLS{
			SkipVerify: bool(d.TLS.SkipVerify),
			ServerName: string(d.TLS.ServerName),
			CACert:     secret("TLSCACert"),
			ClientCert: secret("TLSClientCert"),
			ClientKey:  secret("TLSClientKey"),
		},
		Tenant:          string(d.Tenant),
		Timeout:         d.Timeout.or(DefaultTimeout),
		ForwardIdentity: bool(d.ForwardIdentity),
		Labels:          overlay(labels, d.Labels),
		MaxResponse:     int64(d.MaxResponse.or(DefaultMaxResponse)),
	}
	if s.Auth == "" {
		s.Auth = AuthNone
	}
	if name == evidence.Jaeger {
		s.URL = grpcURL(s.URL)
	}
	for i, header := range d.Headers {
		if header == "" {
			continue // a row of the editor that was not filled in; the others keep their number
		}
		s.Headers = append(s.Headers, Header{Name: string(header), Value: secret("HeaderValue" + strconv.Itoa(i+1))})
	}
	return s
}

// grpcURL gives the common ways of writing a gRPC address their one form, grpc://host:port or grpcs://host:port.
func grpcURL(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "grpc", address
	}
	switch strings.ToLower(scheme) {
	case "grpc", "http":
		scheme = "grpc"
	case "grpcs", "https":
		scheme = "grpcs"
	}
	rest = strings.TrimSuffix(rest, "/")
	if rest == "" {
		return ""
	}
	return scheme + "://" + rest
}

// overlay replaces the defaults by what was saved; saved as empty means that the store does not have the label.
func overlay(names vllm.LabelNames, saved map[string]text) vllm.LabelNames {
	for key, name := range map[string]*string{
		"model": &names.Model, "environment": &names.Environment, "cluster": &names.Cluster, "namespace": &names.Namespace, "pod": &names.Pod,
		"instance": &names.Instance, "engine": &names.Engine, "service": &names.Service,
	} {
		if value, ok := saved[key]; ok {
			*name = string(value)
		}
	}
	return names
}

type vllmDocument struct {
	MetricPrefix   text      `json:"metricPrefix"`
	ScrapeInterval *duration `json:"scrapeInterval"`
	SpanName       text      `json:"spanName"`
	EngineServices []text    `json:"engineServices"`
	CallerServices []text    `json:"callerServices"`
	ModelAliases   []text    `json:"modelAliases"`
	LogSelector    text      `json:"logSelector"`

	SLO             []sloDocument `json:"slo"`
	GPUPricePerHour *number       `json:"gpuPricePerHour"`
	Currency        text          `json:"currency"`
}

func (d vllmDocument) settings() VLLM {
	return VLLM{
		MetricPrefix:   d.MetricPrefix.or(DefaultMetricPrefix),
		ScrapeInterval: d.ScrapeInterval.or(0),
		SpanName:       d.SpanName.or(DefaultSpanName),
		EngineServices: words(d.EngineServices),
		CallerServices: words(d.CallerServices),
		ModelAliases:   words(d.ModelAliases),
		LogSelector:    strings.TrimSpace(string(d.LogSelector)),
		SLO:            objectives(d.SLO),
		GPUPrice:       d.GPUPricePerHour.or(0),
		Currency:       strings.TrimSpace(string(d.Currency)),
	}
}

type sloDocument struct {
	Model text    `json:"model"`
	TTFT  latency `json:"ttft"`
	TPOT  latency `json:"tpot"`
	E2E   latency `json:"e2e"`
}

// objectives drops rows of the editor that were not filled in.
func objectives(rows []sloDocument) slo.Objectives {
	var out slo.Objectives
	for _, row := range rows {
		o := slo.Objective{
			Model: strings.TrimSpace(string(row.Model)),
			TTFT:  time.Duration(row.TTFT), TPOT: time.Duration(row.TPOT), E2E: time.Duration(row.E2E),
		}
		if o != (slo.Objective{}) {
			out = append(out, o)
		}
	}
	return out
}

type limitsDocument struct {
	Requests        *integer `json:"requests"`
	TracesPerCall   *integer `json:"tracesPerCall"`
	LinesPerCall    *integer `json:"linesPerCall"`
	LogLines        *integer `json:"logLines"`
	ConcurrentCalls *integer `json:"concurrentCalls"`
}

func (d limitsDocument) settings() Limits {
	return Limits{
		Requests:       d.Requests.or(DefaultRequests),
		TracesPerCall:  d.TracesPerCall.or(DefaultTracesPerCall),
		LinesPerCall:   d.LinesPerCall.or(DefaultLinesPerCall),
		LogLines:       d.LogLines.or(DefaultLogLines),
		ConcurrentCall: d.ConcurrentCalls.or(DefaultConcurrentCalls),
	}
}

// words drops what is empty or only space.
func words(list []text) []string {
	var out []string
	for _, t := range list {
		if s := strings.TrimSpace(string(t)); s != "" {
			out = append(out, s)
		}
	}
	return out
}
