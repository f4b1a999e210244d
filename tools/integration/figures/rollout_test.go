//go:build integration && unix

package figures_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
)

// pod is one generation of a deployment: ten requests run in it, three wait, and it writes a thousand tokens a second.
func pod(n int, from, to time.Duration) target {
	return target{
		labels: map[string]string{"pod": fmt.Sprintf("vllm-%d", n), "namespace": "llm", "instance": fmt.Sprintf("10.0.0.%d:8000", n)}, from: from, to: to,
		samples: func(at time.Duration) []ship.Sample {
			return []ship.Sample{
				engine("vllm:num_requests_running", 10), engine("vllm:num_requests_waiting", 3), engine("vllm:kv_cache_usage_perc", 0.1*float64(n)),
				engine("vllm:generation_tokens_total", 1000*(at-from).Seconds()), engine("vllm:prompt_tokens_total", 3000*(at-from).Seconds()),
			}
		},
	}
}

// gpuOf is the device of a pod, as DCGM's exporter names it: the label pod is the user's.
func gpuOf(n int, from, to time.Duration) target {
	return target{
		job: "dcgm", honor: true, labels: map[string]string{"instance": fmt.Sprintf("gpu-host-%d:9400", n)}, from: from, to: to, every: 30 * time.Second,
		samples: func(time.Duration) []ship.Sample {
			device := []string{"gpu", "0", "UUID", fmt.Sprintf("GPU-%d", n), "pod", fmt.Sprintf("vllm-%d", n), "namespace", "llm", "Hostname", fmt.Sprintf("host-%d", n)}
			return []ship.Sample{sample("DCGM_FI_DEV_POWER_USAGE", 300, device...), sample("DCGM_FI_DEV_FB_USED", 70_000, device...), sample("DCGM_FI_DEV_GPU_UTIL", 90, device...)}
		},
	}
}

// gpuBeside is the device of a host on which a pod runs for a part of the time, and which idles for the rest.
func gpuBeside(n int, from, to, length time.Duration) target {
	return target{
		job: "dcgm", labels: map[string]string{"instance": fmt.Sprintf("10.0.0.%d:9400", n)}, to: length, every: 30 * time.Second,
		samples: func(at time.Duration) []ship.Sample {
			device, watts := []string{"gpu", "0", "UUID", fmt.Sprintf("GPU-%d", n)}, 60.0
			if at >= from && at < to {
				watts = 300
			}
			return []ship.Sample{sample("DCGM_FI_DEV_POWER_USAGE", watts, device...), sample("DCGM_FI_DEV_FB_USED", 70_000, device...), sample("DCGM_FI_DEV_GPU_UTIL", watts/3, device...)}
		},
	}
}

var averages = []string{"running", "waiting", "kv_cache_usage_mean", "gpu_power", "gpu_memory_used", "gpus", "energy_per_generated_token", "cost_per_hour", "cost_per_million_tokens", "generation_token_rate"}

// One pod's worth of load all day long, in four pods that follow one another.
var oneAtATime = map[string]float64{
	"running": 10, "waiting": 3, "kv_cache_usage_mean": 0.25, "gpu_power": 300, "gpu_memory_used": 70_000 << 20, "gpus": 1,
	"energy_per_generated_token": 0.3, "cost_per_hour": 2, "cost_per_million_tokens": 2 / (4000 * 3600 / 1e6), "generation_token_rate": 1000,
}

func TestARolloutDoesNotMultiply(t *testing.T) {
	for name, gpu := range map[string]func(n int, from, to, length time.Duration) target{
		"GPUs named by pod":                   func(n int, from, to, _ time.Duration) target { return gpuOf(n, from, to) },
		"GPUs of hosts, which idle otherwise": gpuBeside,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, length := range []time.Duration{24 * time.Hour, time.Hour} {
				d := described{length: length}
				for n := range 4 {
					from, to := length*time.Duration(n)/4, length*time.Duration(n+1)/4
					d.targets = append(d.targets, pod(n+1, from, to), gpu(n+1, from, to, length))
				}
				s := write(t, d)
				client := s.client(t)
				near(t, oneAtATime, s.table(t, client, "m", figures.Spec{Metrics: averages}), 0.03)
				for _, metric := range []string{"running", "gpu_power", "gpu_memory_used", "gpus"} {
					number := s.table(t, client, "m", figures.Spec{Metrics: []string{metric}, Form: figures.Numeric})
					near(t, map[string]float64{metric: oneAtATime[metric]}, number, 0.03)
					points := s.series(t, client, metric)
					require.Greater(t, len(points), 150)
					off := 0
					for _, p := range points {
						require.LessOrEqual(t, p, 1.55*oneAtATime[metric], "%s: a pod that left counts for half a step at most", metric)
						if p < 0.95*oneAtATime[metric] || p > 1.05*oneAtATime[metric] {
							off++
						}
					}
					require.LessOrEqual(t, off, 12, "%s: only around the three changes", metric)
				}
			}
		})
	}
}

func TestByPodTheAveragesAddUpToTheModels(t *testing.T) {
	d := described{length: 6 * time.Hour, targets: []target{pod(1, 0, 6*time.Hour), pod(2, 3*time.Hour, 6*time.Hour)}}
	s := write(t, d)
	client := s.client(t)
	near(t, map[string]float64{"running": 15}, s.table(t, client, "m", figures.Spec{Metrics: []string{"running"}}), 0.02)
	near(t, map[string]float64{"running": 5}, s.table(t, client, "vllm-2", figures.Spec{Metrics: []string{"running"}, GroupBy: []string{figures.ByPod}}), 0.02)
}

// What is before the first scrape of all, and while Prometheus was down, is not known. It is not zero.
func TestTimesWithoutAnyScrapeAreLeftOut(t *testing.T) {
	d := described{
		length: 12 * time.Hour, targets: []target{pod(1, 3*time.Hour, 12*time.Hour), gpuOf(1, 3*time.Hour, 12*time.Hour)},
		gaps: [][2]time.Duration{{6 * time.Hour, 8 * time.Hour}},
	}
	s := write(t, d)
	got := s.table(t, s.client(t), "m", figures.Spec{Metrics: []string{"running", "gpu_power", "gpus", "cost_per_hour"}})
	near(t, map[string]float64{"running": 10, "gpu_power": 300, "gpus": 1, "cost_per_hour": 2}, got, 0.05)
}
