package alerts

import (
	"fmt"
	"time"
)

// queue is requests that wait for the engine.
func queue() Group {
	waiting := func(values string) []Series {
		return []Series{{`vllm:num_requests_waiting{` + testEngine + `}`, values}}
	}
	const rejected5m = "model:vllm_rejections:increase5m"
	return Group{
		Records: []Record{{
			Name: rejected5m, Expr: fmt.Sprintf("sum by (%s) (%s)", byModel, grown("vllm:admission_rejections_total", 5*time.Minute)),
		}},
		Name: "vllm-queue",
		Alerts: []Alert{
			{
				Name: "VLLMQueueGrowing", Severity: High, Component: Queue, For: 5 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (vllm:num_requests_waiting{model_name!=""}) > %[2]d
					and sum by (%[1]s) (deriv(vllm:num_requests_waiting{model_name!=""}[10m])) > 0`, byModel, queueLength),
				Summary:     `{{ $value | humanize }} requests for {{ $labels.model_name }} wait, and the queue grows`,
				Description: "More requests arrive than the replicas can serve. TTFT grows with the queue until the load falls or you add replicas.",
				Cases: []Case{
					{"fires when a long queue has grown", waiting("0+1x20 21x20"), 26 * time.Minute, 1},
					{"is silent at the threshold", waiting("0+1x19 20x20"), 28 * time.Minute, 0},
					{"is silent when a long queue does not grow", waiting("200x30"), 20 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMQueueTimeHigh", Severity: Medium, Component: Queue, For: 10 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (%[3]s)
					  / sum by (%[1]s) (%[4]s) > %[2]d`, byModel, queueSeconds,
					rated("vllm:request_queue_time_seconds", "sum", 5*time.Minute), rated("vllm:request_queue_time_seconds", "count", 5*time.Minute)),
				Summary:     `Requests for {{ $labels.model_name }} wait {{ $value | humanizeDuration }} before they are scheduled`,
				Description: "The mean time in the queue is already as long as most TTFT limits allow.",
				Cases: []Case{
					{"fires above two seconds", means("vllm:request_queue_time_seconds", 2.1), 11 * time.Minute, 1},
					{"is silent at two seconds", means("vllm:request_queue_time_seconds", 2), 20 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMRequestsRejected", Severity: High, Component: Queue, For: 5 * time.Minute,
				Expr: pretty(`
					%[2]s
					  / (%[2]s + sum by (%[1]s) (increase(vllm:request_success_total[5m]))) > %[3]g`, byModel, rejected5m, rejectionRatio),
				Summary:     `{{ $value | humanizePercentage }} of the requests for {{ $labels.model_name }} are refused because the queue is full`,
				Description: "The queue has reached its limit (max_num_queued_reqs or max_num_queued_tokens), so vLLM refuses new requests.",
				Cases: []Case{
					{"fires above one in a hundred", rejected(rejectionRatio * above), 6 * time.Minute, 1},
					{"is silent below one in a hundred", rejected(rejectionRatio * below), 15 * time.Minute, 0},
					{"fires when the first rejections come at once and others follow", append(scraped(), firstRejections()...), 16 * time.Minute, 1},
				},
			},
		},
	}
}

// testEngine is the labels of the engine in the cases.
const testEngine = `job="vllm", namespace="prod", environment="eu", instance="a:8000", model_name="m", engine="0"`

// means is a histogram whose observations have this mean.
func means(histogram string, mean float64) []Series {
	return []Series{
		{histogram + `_sum{` + testEngine + `}`, fmt.Sprintf("0+%gx40", 60*mean)},
		{histogram + `_count{` + testEngine + `}`, "0+60x40"},
	}
}

// rejected is a hundred requests a minute, of which a share is refused.
func rejected(share float64) []Series {
	return []Series{
		{`vllm:admission_rejections_total{reason="max_num_queued_reqs", job="vllm", namespace="prod", environment="eu", instance="a:8000", model_name="m"}`, fmt.Sprintf("0+%gx40", 100*share)},
		{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, fmt.Sprintf("0+%gx40", 100*(1-share))},
	}
}

// firstRejections have no series until fifty come at once, eleven minutes after the first sample; one a minute follows.
func firstRejections() []Series {
	return []Series{
		{`vllm:admission_rejections_total{reason="max_num_queued_reqs", job="vllm", namespace="prod", environment="eu", instance="a:8000", model_name="m"}`, "_x10 50+1x50"},
		{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, "0+60x60"},
	}
}
