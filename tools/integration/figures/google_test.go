//go:build integration && unix

package figures_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

// likeGoogles puts a front that refuses what Google's does before a Prometheus.
func likeGoogles(t *testing.T, s store) (front store, proxy *world.LikeGoogles) {
	t.Helper()
	proxy, err := world.NewLikeGoogles(s.url)
	require.NoError(t, err)
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return store{server.URL, s.window}, proxy
}

func TestAStoreThatRefusesPatternsGivesTheSameFigures(t *testing.T) {
	const length = 90 * time.Minute
	d := described{length: length, targets: []target{
		replica(1, length, classicOwn[0], classicOwn[1]), pod(2, 0, length), gpuOf(2, 0, length), server(0, length, 30*time.Minute, 50),
	}}
	s := write(t, d)
	front, refused := likeGoogles(t, s)
	direct, through := s.client(t), front.client(t)
	everything := figures.Spec{}
	want, got := s.table(t, direct, "m", everything), front.table(t, through, "m", everything)
	require.Greater(t, len(want), 40)
	for name := range want {
		if want[name] == want[name] {
			require.InEpsilon(t, 1+want[name], 1+got[name], 1e-9, name)
		}
	}
	require.LessOrEqual(t, refused.Refused.Load(), int64(2), "what was refused once is not tried again")

	series, _, err := through.EngineState(t.Context(), []evidence.Window{s.window}, vllm.Scope{}, []string{vllm.NumRequestsRunning, vllm.KVCacheUsage, vllm.GenerationTokens, vllm.GPUUtilization})
	require.NoError(t, err)
	same, _, err := direct.EngineState(t.Context(), []evidence.Window{s.window}, vllm.Scope{}, []string{vllm.NumRequestsRunning, vllm.KVCacheUsage, vllm.GenerationTokens, vllm.GPUUtilization})
	require.NoError(t, err)
	require.Len(t, series, len(same))
	for _, ask := range []func() error{
		func() error { _, _, err := through.Targets(t.Context(), s.window); return err },
		func() error { _, _, err := through.Finished(t.Context(), s.window, vllm.Scope{}); return err },
		func() error { _, _, err := through.LabelValues(t.Context(), "pod", s.window, vllm.Scope{}); return err },
		func() error { _, _, err := through.LabelNames(t.Context(), s.window); return err },
		func() error { _, err := through.Metrics(t.Context(), s.window, 100); return err },
		func() error { _, _, err := through.Prefixes(t.Context(), s.window); return err },
		func() error { _, _, err := through.SeriesPerEngine(t.Context(), s.window); return err },
	} {
		require.NoError(t, ask())
	}
	pods, _, err := through.LabelValues(t.Context(), "pod", s.window, vllm.Scope{})
	require.NoError(t, err)
	require.Equal(t, []string{"vllm-0", "vllm-1", "vllm-2"}, pods)
}

// Other prefixes: the setting is honoured by every figure, and without it Save & test names the prefix that is there.
func TestOtherPrefixes(t *testing.T) {
	for _, prefix := range []string{"kserve_vllm:", "vllm_", "ray_vllm_"} {
		t.Run(prefix, func(t *testing.T) {
			const length = 30 * time.Minute
			d := described{length: length, targets: []target{replica(1, length, classicOwn[0], classicOwn[1]), pod(2, 0, length), server(0, length, 10*time.Minute, 50)}}
			want := func() map[string]float64 { s := write(t, d); return s.table(t, s.client(t), "m", figures.Spec{}) }()
			for i := range d.targets {
				named := d.targets[i].samples
				d.targets[i].samples = func(at time.Duration) (out []ship.Sample) {
					for _, s := range named(at) {
						s.Name = strings.Replace(s.Name, "vllm:", prefix, 1)
						out = append(out, s)
					}
					return out
				}
			}
			s := write(t, d)
			set := s.client(t, func(_ *settings.Store, v *settings.VLLM) { v.MetricPrefix = prefix })
			got := s.table(t, set, "m", figures.Spec{})
			for name := range want {
				if want[name] == want[name] {
					require.InEpsilon(t, 1+want[name], 1+got[name], 1e-3, name)
				}
			}
			findings, _, err := set.PrefixFindings(t.Context(), s.window)
			require.NoError(t, err)
			require.Empty(t, findings)
			findings, _, err = s.client(t).PrefixFindings(t.Context(), s.window)
			require.NoError(t, err)
			require.Len(t, findings, 1)
			require.Equal(t, "Set the metric prefix of the data source to "+prefix+".", findings[0].Fix)
		})
	}
}
