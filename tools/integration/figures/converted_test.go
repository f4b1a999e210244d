//go:build integration && unix

package figures_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// TestPrometheusItselfConverts lets a real Prometheus scrape one server twice: as it is, and with
// convert_classic_histograms_to_nhcb, as another model's. Both must have the same figures.
func TestPrometheusItselfConverts(t *testing.T) {
	began := time.Now()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		model := strings.Trim(r.URL.Path, "/")
		rounds := math.Floor(time.Since(began).Seconds())
		var b strings.Builder
		fmt.Fprintf(&b, "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine=\"0\",model_name=%q} 3\n", model)
		fmt.Fprintf(&b, "# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{engine=\"0\",model_name=%q} %g\n", model, rounds)
		b.WriteString("# TYPE vllm:time_to_first_token_seconds histogram\n")
		for _, bound := range append(own(vllm.TTFT), math.Inf(1)) {
			le := "+Inf"
			if !math.IsInf(bound, 1) {
				le = spelled(bound)
			}
			fmt.Fprintf(&b, "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=%q,model_name=%q} %g\n", le, model, 100*rounds*within(bound))
		}
		fmt.Fprintf(&b, "vllm:time_to_first_token_seconds_sum{engine=\"0\",model_name=%q} %g\nvllm:time_to_first_token_seconds_count{engine=\"0\",model_name=%q} %g\n", model, 120*rounds, model, 100*rounds)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = fmt.Fprint(w, b.String()) // a scraper that leaves is not our trouble
	}))
	t.Cleanup(server.Close)
	s := stacktest.Start(t, stack.Options{Only: []string{program.Prometheus.Name}, ScrapeInterval: time.Second})
	address := strings.TrimPrefix(server.URL, "http://")
	job := func(model, more string) string {
		return fmt.Sprintf("  - job_name: %s\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    metrics_path: /%s\n%s    static_configs:\n      - targets: [%q]\n        labels: {pod: %s}\n", model, model, more, address, model)
	}
	require.NoError(t, s.Prometheus.SetScrapeConfigs("scrape_configs:\n"+job("classic", "")+job("native", "    convert_classic_histograms_to_nhcb: true\n")))

	spec := figures.Spec{Metrics: []string{"ttft", "ttft_mean"}, Quantiles: []float64{0.5, 0.95}}
	var both [2]map[string]float64
	require.Eventually(t, func() bool {
		now := time.Now()
		st := store{s.Prometheus.URL, evidence.Window{From: now.Add(-20 * time.Second), To: now}}
		both = [2]map[string]float64{}
		for i, model := range []string{"classic", "native"} {
			both[i] = st.table(t, st.client(t), model, spec)
		}
		return both[0]["ttft_mean"] > 0 && both[1]["ttft_mean"] > 0
	}, 30*time.Second, time.Second)
	for name, want := range both[0] {
		t.Logf("%s: classic %.6g, native %.6g", name, want, both[1][name])
		require.InEpsilon(t, want, both[1][name], 1e-6, name)
	}
	now := time.Now()
	names, _, err := store{url: s.Prometheus.URL}.client(t).Names(t.Context(), evidence.Window{From: now.Add(-time.Minute), To: now})
	require.NoError(t, err)
	classicToo, native := names.HistogramTypes(vllm.TTFT)
	require.True(t, classicToo && native)
}
