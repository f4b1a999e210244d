package alerts

import (
	"fmt"
	"time"
)

// grown is PromQL for how much counters grew within a window, by series. increase() begins with the first value of a series: it
// reads 0 of a counter that is born with its first burst, as http_requests_total{status="5xx"} is. Here a new series counts with its
// whole value when its target was scraped before without the series, or when its process began within the window. Other new series,
// such as those of a server that Prometheus has just begun to scrape, count by increase() alone: their value may be weeks old.
func grown(selector string, window time.Duration) string {
	const target = "on (job, namespace, environment, instance)"
	w := duration(window)
	return fmt.Sprintf(`((%[1]s unless %[1]s offset %[2]s) and %[3]s (up offset %[2]s == 1 or process_start_time_seconds > time() - %[4]g)`+
		` or increase(%[1]s[%[2]s]))`, selector, w, target, window.Seconds())
}

// rated is PromQL for the rate of a histogram's sum or count, whether Prometheus keeps the histogram as buckets or as a native one.
func rated(histogram, part string, window time.Duration) string {
	return fmt.Sprintf("(rate(%[1]s_%[2]s[%[3]s]) or histogram_%[2]s(rate(%[1]s[%[3]s])))", histogram, part, duration(window))
}

// The series of the scrape itself, as vLLM's targets have them.
const (
	testUp      = `up{job="vllm", namespace="prod", environment="eu", instance="a:8000"}`
	testStarted = `process_start_time_seconds{job="vllm", namespace="prod", environment="eu", instance="a:8000"}`
)

// scraped is a server that runs and is scraped for the whole time.
func scraped() []Series { return []Series{{testUp, "1x60"}, {testStarted, "-86400x60"}} }

// unseen is a server that has run for a day when Prometheus begins to scrape it.
func unseen() []Series { return []Series{{testUp, "_x10 1x60"}, {testStarted, "_x10 -86400x60"}} }

// begun is a server that begins ten minutes after the first sample, and is scraped from then on.
func begun() []Series { return []Series{{testUp, "_x10 1x60"}, {testStarted, "_x10 600x60"}} }
