package settings_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// documented is the provisioning file of docs/install.md.
func documented(t *testing.T) (jsonData map[string]any, secrets map[string]string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/install.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	var file struct {
		Datasources []struct {
			JSONData       map[string]any    `yaml:"jsonData"`
			SecureJSONData map[string]string `yaml:"secureJsonData"`
		}
	}
	require.NoError(t, yaml.Unmarshal(block[1], &file))
	require.Len(t, file.Datasources, 1)
	return file.Datasources[0].JSONData, file.Datasources[0].SecureJSONData
}

func loaded(t *testing.T, jsonData map[string]any, secrets map[string]string) settings.Settings {
	t.Helper()
	text, err := json.Marshal(jsonData)
	require.NoError(t, err)
	s, err := settings.Load(backend.DataSourceInstanceSettings{UID: "vllm", Name: "vLLM", JSONData: text, DecryptedSecureJSONData: secrets})
	require.NoError(t, err)
	return s
}

// Each key of the documented file has an effect, so it exists and shows another value than the default.
func TestEveryDocumentedSettingExists(t *testing.T) {
	jsonData, secrets := documented(t)
	whole := loaded(t, jsonData, secrets)
	var leaves int
	var without func(within map[string]any, path string)
	without = func(within map[string]any, path string) {
		for _, key := range slices.Sorted(maps.Keys(within)) {
			name, value := path+key, within[key]
			if below, ok := value.(map[string]any); ok {
				without(below, name+".")
				continue
			}
			leaves++
			delete(within, key)
			require.NotEqual(t, whole, loaded(t, jsonData, secrets), "%s has no effect", name)
			within[key] = value
		}
	}
	without(jsonData, "")
	require.Greater(t, leaves, 30)
	for name, value := range secrets {
		delete(secrets, name)
		require.NotEqual(t, whole, loaded(t, jsonData, secrets), "%s has no effect", name)
		secrets[name] = value
	}
}

// No setting is missing from the documented file: with all stores together, none is left at its default.
func TestEverySettingIsDocumented(t *testing.T) {
	jsonData, secrets := documented(t)
	with, without := loaded(t, jsonData, secrets), loaded(t, nil, nil)
	changed := map[string]bool{}
	compare(reflect.ValueOf(with), reflect.ValueOf(without), "", changed)
	for _, field := range slices.Sorted(maps.Keys(changed)) {
		switch field {
		case "UID", "Name", "Store.Name": // not settings of ours
		default:
			require.True(t, changed[field], "%s is documented nowhere in docs/install.md", field)
		}
	}
	require.Greater(t, len(changed), 30)
}

// compare notes for every field whether it differs; the three stores count as one.
func compare(a, b reflect.Value, path string, changed map[string]bool) {
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if !a.Type().Field(i).IsExported() {
			continue
		}
		if a.Field(i).Kind() == reflect.Struct {
			if a.Field(i).Type() == reflect.TypeFor[settings.Store]() {
				name = "Store"
			}
			compare(a.Field(i), b.Field(i), path+name+".", changed)
			continue
		}
		name = strings.TrimPrefix(path+name, ".")
		changed[name] = changed[name] || !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface())
	}
}

func TestTheDocumentedFileIsSound(t *testing.T) {
	jsonData, secrets := documented(t)
	for name := range secrets { // certificates are variables there
		if strings.Contains(name, "TLS") {
			delete(secrets, name)
		}
	}
	require.NoError(t, loaded(t, jsonData, secrets).Validate())
}

// The defaults stand behind the values, as comments.
func TestTheDocumentedDefaultsAreTheDefaults(t *testing.T) {
	page, err := os.ReadFile("../../docs/install.md")
	require.NoError(t, err)
	limits := settings.DefaultLimits()
	for key, value := range map[string]any{
		"timeout": settings.DefaultTimeout, "scrapeInterval": "measured", "spanName": settings.DefaultSpanName,
		"metricPrefix": fmt.Sprintf("%q", settings.DefaultMetricPrefix), "maxResponseBytes": settings.DefaultMaxResponse,
		"requests":        fmt.Sprintf("%d, at most %d", limits.Requests, settings.MaxRequests),
		"tracesPerCall":   fmt.Sprintf("%d, at most %d", limits.TracesPerCall, settings.MaxTracesPerCall),
		"linesPerCall":    fmt.Sprintf("%d, at most %d", limits.LinesPerCall, settings.MaxLinesPerCall),
		"logLines":        fmt.Sprintf("%d, at most %d", limits.LogLines, settings.MaxLogLines),
		"concurrentCalls": fmt.Sprintf("%d, at most %d", limits.ConcurrentCall, settings.MaxConcurrentCalls),
	} {
		require.Regexp(t, fmt.Sprintf(`\n +%s: .* # %v`, key, value), string(page))
	}
}
