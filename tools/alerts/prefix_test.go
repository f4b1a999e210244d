package alerts

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRulesForAnotherMetricPrefixNameNoMetricByTheDefaultOne(t *testing.T) {
	for _, prefix := range []string{"kserve_vllm:", "ray_vllm_", "vllm_"} {
		t.Run(prefix, func(t *testing.T) {
			files, err := Files(prefix)
			require.NoError(t, err)
			usual, err := Files("vllm:")
			require.NoError(t, err)
			for path, content := range files {
				require.NotRegexp(t, ownMetric, string(content), path)
				require.Equal(t, strings.Count(string(usual[path]), "\n"), strings.Count(string(content), "\n"), path)
			}
			rules := string(files["provisioning/prometheus/vllm-rules.yml"])
			require.Contains(t, rules, prefix+"num_requests_waiting")
			require.Contains(t, rules, "model:vllm_finished:rate5m", "the names of recorded series stay")
		})
	}
}

func TestOnlyNamesOfMetricsAreRenamed(t *testing.T) {
	for expr, want := range map[string]string{
		`vllm:x`:                            `a:x`,
		`sum(rate(vllm:x[5m])) - vllm:y`:    `sum(rate(a:x[5m])) - a:y`,
		`model:vllm_finished:rate5m`:        `model:vllm_finished:rate5m`,
		`kserve_vllm:x`:                     `kserve_vllm:x`,
		`job:vllm:x`:                        `job:vllm:x`,
		`{__name__="vllm:x", job="vllm: "}`: `{__name__="a:x", job="vllm: "}`,
	} {
		t.Run(expr, func(t *testing.T) { require.Equal(t, want, renamed(expr, "a:")) })
	}
}
