package plugin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// Our own metrics, beside those of single store calls in package upstream. Grafana serves them at
// /metrics/plugins/llmserving-vllm-datasource. Registered once for the process: instances come and go.
var (
	querySeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vllm_datasource_query_duration_seconds",
		Help:    "Duration of queries by kind, from the request to the frames.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"kind", "outcome"})
	stageSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vllm_datasource_stage_duration_seconds",
		Help:    "Duration of our own work within queries, such as the join.",
		Buckets: prometheus.ExponentialBuckets(.0005, 4, 9), // 0.5 ms … 33 s
	}, []string{"stage"})
	liveStreams = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "vllm_datasource_live_streams",
		Help: "Live queries that are followed now.",
	})
	lookSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vllm_datasource_live_look_duration_seconds",
		Help:    "Duration of a live query's looks at the stores, near ones every second and far ones now and then.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"kind", "reach"})
)

// observeQuery starts the clock of one query; the function that it gives stops it.
func observeQuery(kind query.Kind) func(error) {
	started := time.Now()
	return func(err error) {
		outcome := "ok"
		if err != nil {
			_, source := upstream.StatusAndSource(err)
			outcome = string(source)
		}
		querySeconds.WithLabelValues(string(kind), outcome).Observe(time.Since(started).Seconds())
	}
}

// observeStage starts the clock of one stage; the function that it gives stops it.
func observeStage(stage string) func() {
	started := time.Now()
	return func() { stageSeconds.WithLabelValues(stage).Observe(time.Since(started).Seconds()) }
}
