package alerts

import (
	"fmt"
	"time"
)

// api is answers that are errors. The web server's metrics know no model, so these are about a deployment.
func api() Group {
	const few = minFailures / 5.0 // a minute
	answers := grown(`http_requests_total{`+vllmJob+`, handler=~"/v1/.*", method="POST"}`, 5*time.Minute)
	const (
		answered5m  = "deployment:vllm_answers:increase5m"
		finished5m  = "model:vllm_finished:increase5m"
		corrupted10 = "instance:vllm_corrupted:increase10m"
	)
	return Group{
		Name: "vllm-api",
		Records: []Record{
			{Name: answered5m, Expr: fmt.Sprintf("sum by (%s, status) (%s)", byDeployment, answers)},
			{Name: finished5m, Expr: fmt.Sprintf("sum by (%s, finished_reason) (%s)", byModel, grown("vllm:request_success_total", 5*time.Minute))},
			{Name: corrupted10, Expr: fmt.Sprintf("sum by (%s) (%s)", byInstance, grown("vllm:corrupted_requests_total", 10*time.Minute))},
		},
		Alerts: []Alert{
			{
				Name: "VLLMErrorRatioHigh", Severity: Critical, Component: API, For: 2 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (%[2]s{status="5xx"})
					  / sum by (%[1]s) (%[2]s) > %[3]g
					and sum by (%[1]s) (%[2]s{status="5xx"}) > %[4]d`, byDeployment, answered5m, serverErrorRatio, minFailures),
				Summary:     `{{ $value | humanizePercentage }} of the answers of {{ $labels.job }} are server errors`,
				Description: "Requests fail with 5xx. A stream that fails after its first byte is not included, because it counts as 2xx.",
				Cases: []Case{
					{"fires above five in a hundred, if that is more than two", answered(few*above/(serverErrorRatio*above), 0, serverErrorRatio*above), 7 * time.Minute, 1},
					{"is silent below five in a hundred", answered(100, 0, serverErrorRatio*below), 15 * time.Minute, 0},
					{"is silent when two of two fail", answered(few*below, 0, 1), 15 * time.Minute, 0},
					{"fires when the first errors of a server come at once", firstErrors(scraped()), 13 * time.Minute, 1},
					{"fires when a server begins with errors", firstErrors(begun()), 13 * time.Minute, 1},
					{"is silent when old errors are scraped for the first time", firstErrors(unseen()), 20 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMEngineErrors", Severity: High, Component: Engine, For: 2 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (%[2]s{finished_reason="error"})
					  / sum by (%[1]s) (%[2]s) > %[3]g
					and sum by (%[1]s) (%[2]s{finished_reason="error"}) > %[4]d`, byModel, finished5m, serverErrorRatio, minFailures),
				Summary:     `{{ $value | humanizePercentage }} of the requests for {{ $labels.model_name }} end in an engine error`,
				Description: "The engine ended accepted requests with an error: KV loading, grammar compilation or preprocessing failed.",
				Cases: []Case{
					{"fires above five in a hundred, if that is more than two", finished(few*above/(serverErrorRatio*above), serverErrorRatio*above), 7 * time.Minute, 1},
					{"is silent below five in a hundred", finished(100, serverErrorRatio*below), 15 * time.Minute, 0},
					{"is silent when two of two fail", finished(few*below, 1), 15 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMClientErrorsHigh", Severity: Medium, Component: API, Dashboard: "vllm-logs", For: 10 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (%[2]s{status="4xx"})
					  / sum by (%[1]s) (%[2]s) > %[3]g
					and sum by (%[1]s) (%[2]s) > %[4]g`, byDeployment, answered5m, clientErrorRatio, 300*minRate),
				Summary:     `{{ $value | humanizePercentage }} of the requests to {{ $labels.job }} are refused with 4xx`,
				Description: "A client sends requests that the server cannot accept: a wrong model name, a long prompt, or no access.",
				Cases: []Case{
					{"fires when most are refused, from one request a minute on", answered(60*minRate*above, clientErrorRatio*above, 0), 15 * time.Minute, 1},
					{"is silent when less than half are", answered(100, clientErrorRatio*below, 0), 25 * time.Minute, 0},
					{"is silent when there is hardly a request", answered(60*minRate*below, 1, 0), 25 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMCorruptedOutputs", Severity: Critical, Component: Engine,
				Expr:        corrupted10 + ` > 0`,
				Summary:     `{{ $labels.instance }} computes NaN for {{ $labels.model_name }}`,
				Description: "Logits were not numbers, so the answers are wrong. Possible causes are broken weights, a faulty kernel or a faulty GPU. vLLM counts this only with VLLM_COMPUTE_NANS_IN_LOGITS=1.",
				Cases: []Case{
					{"fires at the first", []Series{{`vllm:corrupted_requests_total{` + testEngine + `}`, "0x10 1x10"}}, 15 * time.Minute, 1},
					{"is silent at none", []Series{{`vllm:corrupted_requests_total{` + testEngine + `}`, "0x20"}}, 15 * time.Minute, 0},
					{"fires when the first scrape of a new server has one", append(begun(), Series{`vllm:corrupted_requests_total{` + testEngine + `}`, "_x10 1x20"}), 11 * time.Minute, 1},
				},
			},
		},
	}
}

// answered is so many answers a minute, with the shares of 4xx and 5xx among them.
func answered(perMinute, client, server float64) []Series {
	series := func(status string, share float64) Series {
		return Series{`http_requests_total{job="vllm", namespace="prod", environment="eu", instance="a:8000", handler="/v1/completions", method="POST", status="` + status + `"}`, fmt.Sprintf("0+%gx40", perMinute*share)}
	}
	return []Series{series("2xx", 1-client-server), series("4xx", client), series("5xx", server)}
}

// finished is so many requests a minute, of which a share ends in an error.
func finished(perMinute, failed float64) []Series {
	series := func(reason string, share float64) Series {
		return Series{`vllm:request_success_total{finished_reason="` + reason + `", ` + testEngine + `}`, fmt.Sprintf("0+%gx40", perMinute*share)}
	}
	return []Series{series("stop", 1-failed), series("error", failed)}
}

// firstErrors is a server whose 5xx have no series until fifty come at once, eleven minutes after the first sample. A web server's
// counters begin with the first answer of their status.
func firstErrors(target []Series) []Series {
	const labels = `http_requests_total{job="vllm", namespace="prod", environment="eu", instance="a:8000", handler="/v1/completions", method="POST", status="`
	return append(target, Series{labels + `2xx"}`, "_x10 0+10x50"}, Series{labels + `5xx"}`, "_x10 50x50"})
}
