package compose_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// A data source without limits leaves slo_met empty, and one with others says another thing than the alerts do.
func TestEveryDataSourceThatIsProvisionedHasTheLimitsOfTheRules(t *testing.T) {
	var files []string
	for _, pattern := range []string{"provisioning/datasources/*.yml", "deploy/kubernetes/*/grafana-datasource.yaml", "deploy/kubernetes/*/*/grafana-datasource.yaml"} {
		found, err := filepath.Glob(filepath.Join(root(t), pattern))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		files = append(files, found...)
	}
	for _, file := range files {
		require.Equal(t, slo.Objectives{slo.Shipped}, provisioned(t, file, "5s").SLO, file)
	}
}

// Engine state is called stale after 2.5 scrape intervals: the data source must know the one there is.
func TestTheDataSourceKnowsHowOftenVLLMIsScraped(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "deploy/compose/prometheus.yml"))
	require.NoError(t, err)
	var prometheus struct {
		Global struct {
			Interval string `yaml:"scrape_interval"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &prometheus))
	services := everything(t).Services
	told := *services["grafana"].Environment["VLLM_SCRAPE_INTERVAL"]
	require.Equal(t, prometheus.Global.Interval, told)
	require.True(t, slices.Contains([]string(services["simulator"].Command), "-scrape-interval="+told))
	file := filepath.Join(root(t), "provisioning/datasources/vllm.yml")
	require.Equal(t, told, provisioned(t, file, told).ScrapeInterval.String())
	require.Zero(t, provisioned(t, file, "").ScrapeInterval, "measured")
}

// provisioned is what the plugin makes of a file's one data source, as Grafana hands it over: with the variables put in.
func provisioned(t *testing.T, file, scrapeInterval string) settings.VLLM {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var parsed struct {
		Datasources []struct {
			JSONData map[string]any `yaml:"jsonData"`
		}
	}
	text = bytes.ReplaceAll(text, []byte("$VLLM_SCRAPE_INTERVAL"), []byte(scrapeInterval))
	require.NoError(t, yaml.Unmarshal(text, &parsed))
	require.Len(t, parsed.Datasources, 1)
	document, err := json.Marshal(parsed.Datasources[0].JSONData)
	require.NoError(t, err)
	loaded, err := settings.Load(backend.DataSourceInstanceSettings{JSONData: document})
	require.NoError(t, err)
	return loaded.VLLM
}
