package answer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var stageSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "vllm_datasource_stage_duration_seconds",
	Help:    "Duration of our own work within queries, such as the join.",
	Buckets: prometheus.ExponentialBuckets(.0005, 4, 9), // 0.5 ms … 33 s
}, []string{"stage"})

// observeStage starts the clock of one stage; the function that it gives stops it.
func observeStage(stage string) func() {
	started := time.Now()
	return func() { stageSeconds.WithLabelValues(stage).Observe(time.Since(started).Seconds()) }
}
