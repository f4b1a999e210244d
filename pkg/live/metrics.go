package live

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
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
