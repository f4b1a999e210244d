package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Target is one thing for Prometheus to scrape.
type Target struct {
	Job         string // "vllm" or "dcgm"
	Address     string // host:port, the same for all targets
	MetricsPath string
	Labels      map[string]string // instance, pod, namespace, environment, container
	HonorLabels bool              // the text brings pod and namespace of its own (dcgm)
}

// ScrapeConfigs renders the targets as the scrape_configs section of a
// prometheus.yml. One job holds many paths: a static label named
// __metrics_path__ sets the path of one target.
func ScrapeConfigs(targets []Target, interval time.Duration) string {
	var b strings.Builder
	b.WriteString("scrape_configs:\n")
	job := ""
	for _, t := range targets {
		if t.Job != job {
			job = t.Job
			fmt.Fprintf(&b, "  - job_name: %s\n    scrape_interval: %s\n    scrape_timeout: %s\n", t.Job, interval, interval)
			if t.HonorLabels {
				b.WriteString("    honor_labels: true\n")
			}
			b.WriteString("    static_configs:\n")
		}
		fmt.Fprintf(&b, "      - targets: [%q]\n        labels:\n          __metrics_path__: %q\n", t.Address, t.MetricsPath)
		for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
			fmt.Fprintf(&b, "          %s: %q\n", name, t.Labels[name])
		}
	}
	return b.String()
}
