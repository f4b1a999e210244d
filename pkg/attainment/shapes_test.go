package attainment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestShapesAreReadOffClassicAndNativeHistograms(t *testing.T) {
	window := evidence.Window{From: noon.Add(-10 * time.Minute), To: noon}
	classic := `sum by (model_name,le) (increase(vllm:e2e_request_latency_seconds_bucket{model_name!=""}[10m]))`
	native := `sum by (model_name) (increase(vllm:e2e_request_latency_seconds{model_name!=""}[10m]))`
	buckets := `[{"metric":{"model_name":"m","le":"1.0"},"value":[1,"30"]},{"metric":{"model_name":"m","le":"5.0"},"value":[1,"90"]},` +
		`{"metric":{"model_name":"m","le":"+Inf"},"value":[1,"100"]},{"metric":{"model_name":"idle","le":"+Inf"},"value":[1,"0"]}]`
	histogram := func(count string) string {
		return `[{"metric":{"model_name":"m"},"histogram":[1,{"count":"` + count + `","sum":"1","buckets":[[0,"0","2","` + count + `"]]}]}]`
	}
	want := attainment.Shape{Bounds: []float64{1, 5}, Within: []float64{0.3, 0.9}}
	for name, c := range map[string]struct {
		names   []string
		answers map[string]string
		want    attainment.Shape
	}{
		"classic": {[]string{"vllm:e2e_request_latency_seconds_bucket"}, map[string]string{classic: buckets}, want},
		"native":  {[]string{"vllm:e2e_request_latency_seconds"}, map[string]string{native: histogram("7")}, attainment.Shape{Bounds: []float64{2}, Within: []float64{1}}},
		"some replicas each, and most are classic": {
			[]string{"vllm:e2e_request_latency_seconds", "vllm:e2e_request_latency_seconds_bucket"}, map[string]string{classic: buckets, native: histogram("7")}, want},
		"neither": {nil, nil, attainment.Shape{}},
	} {
		t.Run(name, func(t *testing.T) {
			store := &prometheustest.Store{Names: c.names, Answers: c.answers}
			shapes, _, err := fetch.Shapes(t.Context(), store.Start(t), window, vllm.Scope{})
			require.NoError(t, err)
			require.Equal(t, c.want, shapes["m"][slo.E2E])
			require.Empty(t, shapes["idle"], "nothing is distributed there")
		})
	}
}
