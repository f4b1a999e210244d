package alerts

import (
	"fmt"
	"time"
)

// telemetry is whether the rest of these rules see anything.
func telemetry() Group {
	const up = `up{job="vllm", namespace="prod", environment="eu", instance="a:8000"}`
	const running = `vllm:num_requests_running{` + testEngine + `}`
	finishing := func(perMinute float64) Series {
		return Series{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, fmt.Sprintf("0+%gx80", perMinute)}
	}
	spans := func(values string) Series {
		return Series{`otelcol_receiver_accepted_spans_total{job="otel-collector", receiver="otlp"}`, values}
	}
	collector := func(values string) Series { return Series{`up{job="otel-collector"}`, values} }
	return Group{
		Name: "vllm-telemetry",
		Alerts: []Alert{
			{
				Name: "VLLMScrapeMissing", Severity: High, Component: Telemetry, For: 5 * time.Minute,
				Expr:        fmt.Sprintf(`absent(up{%s})`, vllmJob),
				Summary:     "Prometheus scrapes no vLLM server",
				Description: "No scrape job has vllm in its name. Either service discovery finds no server, or the job has another name. No other alert on metrics can fire.",
				Cases: []Case{
					{"fires without a target", []Series{{`up{job="node"}`, "1x20"}}, 5 * time.Minute, 1},
					{"is silent with one, even when it is down", []Series{{up, "0x20"}}, 10 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMMetricsMissing", Severity: High, Component: Telemetry, For: 5 * time.Minute,
				Expr:        once(fmt.Sprintf(`up{%s}`, vllmJob)) + ` == 1 unless on (job, instance) vllm:num_requests_running`,
				Summary:     `{{ $labels.instance }} answers scrapes without vLLM's metrics`,
				Description: "The server runs with --disable-log-stats, or Prometheus scrapes another program. The queue, the cache and the latency of the server are unknown.",
				Cases: []Case{
					{"fires when only other metrics come", []Series{{up, "1x20"}}, 5 * time.Minute, 1},
					{"is silent when they come", []Series{{up, "1x20"}, {running, "0x20"}}, 10 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMTraceExportStopped", Severity: Medium, Component: Telemetry, For: 10 * time.Minute,
				// A collector that is dead exports no counter, so none is read as zero where there is a collector to scrape, or was.
				Expr: pretty(`
					(sum(rate({__name__=~"otelcol_receiver_accepted_spans(_total)?"}[10m])) or vector(0)) == 0
					and sum(rate(vllm:request_success_total[10m])) > %.3g
					and count(present_over_time(up{job="otel-collector"}[%s]))`, minRate, duration(goneFor)),
				Summary:     "vLLM finishes requests, but the collector gets no spans",
				Description: "New requests have no trace, so their rows have no phases and no callers. vLLM retries only for a short time, so lost spans stay lost.",
				Cases: []Case{
					{"fires when requests finish and no span comes", []Series{finishing(60 * minRate * above), collector("1x80"), spans("100x80")}, 20 * time.Minute, 1},
					{"fires when the collector is dead", []Series{finishing(60), collector("1x15 0x60"), spans("0+60x15 stale")}, 40 * time.Minute, 1},
					{"fires when the collector is no target any more", []Series{finishing(60), collector("1x15 stale"), spans("0+60x15 stale")}, 40 * time.Minute, 1},
					{"is silent while spans come", []Series{finishing(60), collector("1x80"), spans("0+1x80")}, 40 * time.Minute, 0},
					{"is silent when hardly a request finishes", []Series{finishing(60 * minRate * below), collector("1x80"), spans("100x80")}, 40 * time.Minute, 0},
					{"is silent where there never was a collector", []Series{finishing(60), {up, "1x80"}}, 40 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMTelemetryRefused", Severity: Medium, Component: Telemetry, For: 10 * time.Minute,
				Expr: pretty(`
					sum by (exporter) (rate({__name__=~"otelcol_exporter_send_failed_(spans|log_records)(_total)?"}[10m])) > 0`),
				Summary:     `The collector cannot deliver to {{ $labels.exporter }}`,
				Description: "Loki or Jaeger refuses spans or lines, or the collector cannot reach the store. Data that does not fit into the collector's queue is lost.",
				Cases: []Case{
					{"fires while deliveries fail", []Series{{`otelcol_exporter_send_failed_spans_total{exporter="otlp/jaeger"}`, "0+1x40"}}, 11 * time.Minute, 1},
					{"is silent when none does", []Series{{`otelcol_exporter_send_failed_spans_total{exporter="otlp/jaeger"}`, "5x40"}}, 25 * time.Minute, 0},
				},
			},
		},
	}
}
