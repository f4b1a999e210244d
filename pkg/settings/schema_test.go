package settings

import (
	"bytes"
	"encoding/json"
	commandline "flag" // the package has a type named flag
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/typescript"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var update = commandline.Bool("update", false, "rewrite what the frontend reads from the settings")

// TestFrontendReadsTheseSettings compares what the config editor is built from with the Go settings:
// src/settings.generated.json with defaults and bounds, and src/settings.generated.ts with the types.
func TestFrontendReadsTheseSettings(t *testing.T) {
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(frontendSchema()))
	requireFile(t, "../../src/settings.generated.json", want.String())
	requireFile(t, "../../src/settings.generated.ts", frontendTypes())
}

func requireFile(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "go test ./pkg/settings -update brings the frontend up to date")
}

// frontendTypes declares the saved settings in TypeScript. Every field may be absent.
func frontendTypes() string {
	enums := []typescript.Enum{
		typescript.EnumOf("stores", "Store", []evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger}),
		typescript.EnumOf("authMethods", "AuthMethod", []AuthMethod{AuthNone, AuthBasic, AuthBearer}),
		typescript.EnumOf("places", "Place", fieldsOf(reflect.TypeFor[vllm.LabelNames]())),
		typescript.EnumOf("limitNames", "LimitName", fieldsOf(reflect.TypeFor[limitsDocument]())),
	}
	namer := typescript.Namer{
		Sparse: true,
		Types: map[reflect.Type]string{
			reflect.TypeFor[document](): "SavedSettings", reflect.TypeFor[storeDocument](): "StoreSettings",
			reflect.TypeFor[vllmDocument](): "VllmSettings", reflect.TypeFor[sloDocument](): "SloLimits",
			reflect.TypeFor[limitsDocument](): "LimitSettings",
			reflect.TypeFor[duration]():       "string", reflect.TypeFor[latency](): "string",
		},
		Fields: map[string]string{
			"StoreSettings.auth": "AuthMethod", "StoreSettings.labels": "Partial<Record<Place, string>>",
		},
	}
	text := typescript.Header("go test ./pkg/settings -update")
	for _, enum := range enums {
		text += enum.String()
	}
	return text + namer.Interfaces(reflect.TypeFor[document]())
}

type bound struct {
	Default int64 `json:"default"`
	Min     int64 `json:"min"`
	Max     int64 `json:"max"`
}

type schema struct {
	TenantHeaders  map[evidence.Store]string          `json:"tenantHeaders"`
	HopByHop       []string                           `json:"connectionHeaders"`
	Labels         map[evidence.Store]vllm.LabelNames `json:"labels"`
	VLLM           map[string]string                  `json:"vllm"`
	Limits         map[string]bound                   `json:"limits"`
	MaxResponse    bound                              `json:"maxResponseBytes"`
	TimeoutSeconds bound                              `json:"timeoutSeconds"`
	ScrapeSeconds  bound                              `json:"scrapeIntervalSeconds"`
	SLO            sloSchema                          `json:"slo"`
	GPUPrice       bound                              `json:"gpuPricePerHour"`
	MaxCurrency    int                                `json:"currencyLength"`
}

type sloSchema struct {
	Entries        int               `json:"entries"`
	ModelLength    int               `json:"modelLength"`
	LatencySeconds map[string]number `json:"latencySeconds"`
	Presets        []presetSchema    `json:"presets"`
}

type presetSchema struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	TTFT  string `json:"ttft"`
	TPOT  string `json:"tpot"`
}

func frontendSchema() schema {
	empty := document{}
	stores := []evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger}
	s := schema{
		TenantHeaders: map[evidence.Store]string{},
		HopByHop:      slices.Sorted(maps.Keys(hopByHop)),
		Labels: map[evidence.Store]vllm.LabelNames{
			evidence.Prometheus: vllm.DefaultPrometheusLabels(), evidence.Loki: vllm.DefaultLokiLabels(),
			evidence.Jaeger: vllm.DefaultJaegerLabels(),
		},
		VLLM: map[string]string{
			"metricPrefix": empty.VLLM.settings().MetricPrefix, "spanName": empty.VLLM.settings().SpanName,
		},
		Limits: map[string]bound{
			"requests":        {DefaultRequests, 1, MaxRequests},
			"tracesPerCall":   {DefaultTracesPerCall, 1, MaxTracesPerCall},
			"linesPerCall":    {DefaultLinesPerCall, 1, MaxLinesPerCall},
			"logLines":        {DefaultLogLines, 1, MaxLogLines},
			"concurrentCalls": {DefaultConcurrentCalls, 1, MaxConcurrentCalls},
		},
		MaxResponse:    bound{DefaultMaxResponse, MinMaxResponse, MaxMaxResponse},
		TimeoutSeconds: bound{int64(DefaultTimeout.Seconds()), int64(minTimeout.Seconds()), int64(maxTimeout.Seconds())},
		ScrapeSeconds:  bound{0, int64(minScrapeInterval.Seconds()), int64(maxScrapeInterval.Seconds())},
		SLO: sloSchema{
			Entries: MaxSLO, ModelLength: MaxSLOModel,
			LatencySeconds: map[string]number{"min": number(minLatency.Seconds()), "max": number(maxLatency.Seconds())},
		},
		GPUPrice: bound{0, 0, MaxGPUPrice}, MaxCurrency: MaxCurrency,
	}
	for _, p := range slo.MLPerf {
		s.SLO.Presets = append(s.SLO.Presets, presetSchema{p.Name, p.Model, p.TTFT.String(), p.TPOT.String()})
	}
	for _, store := range stores {
		s.TenantHeaders[store] = Store{Name: store}.TenantHeader()
	}
	return s
}

// fieldsOf lists the JSON fields of a struct.
func fieldsOf(t reflect.Type) (names []string) {
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
