package alerts

import (
	"fmt"
	"time"
)

// decoding is how fast tokens come.
func decoding() Group {
	return Group{
		Name: "vllm-decoding",
		Records: []Record{{
			Name: "model:vllm_tokens_per_running:avg15m",
			Expr: fmt.Sprintf(`sum by (%[1]s) (rate(vllm:generation_tokens_total[15m])) / (sum by (%[1]s) (avg_over_time(vllm:num_requests_running{model_name!=""}[15m])) > 0)`, byModel),
		}},
		Alerts: []Alert{
			{
				Name: "VLLMTokenThroughputDropped", Severity: Medium, Component: Decoding, For: 10 * time.Minute,
				Expr: pretty(`
					model:vllm_tokens_per_running:avg15m < %g * (model:vllm_tokens_per_running:avg15m offset 1h)
					and sum by (%s) (avg_over_time(vllm:num_requests_running{model_name!=""}[15m]))
					  <= sum by (%[2]s) (avg_over_time(vllm:num_requests_running{model_name!=""}[15m] offset 1h))`, throughputDrop, byModel),
				Summary:     `{{ $labels.model_name }} generates {{ $value | humanize }} tokens a second per request, less than half of an hour ago`,
				Description: "Each request gets tokens at less than half the speed, but no more requests run. Possible causes are preemptions, a slow GPU, long prompts between the decodes, or other load on the host.",
				Cases: []Case{
					{"fires below half with the same load", tokens(240, 119, 10), 85 * time.Minute, 1},
					{"is silent at half", tokens(240, 120, 10), 100 * time.Minute, 0},
					{"is silent when the batch has grown", tokens(240, 238, 30), 100 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMSpecDecodeAcceptanceLow", Severity: Info, Component: Decoding, Dashboard: "vllm-decoding", For: 30 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (rate(vllm:spec_decode_num_accepted_tokens_total[15m]))
					  / sum by (%[1]s) (rate(vllm:spec_decode_num_draft_tokens_total[15m])) < %[2]g`, byModel, specDecodeAcceptance),
				Summary:     `{{ $labels.model_name }} keeps {{ $value | humanizePercentage }} of its drafted tokens`,
				Description: "vLLM rejects most tokens that speculative decoding drafts. At this rate, drafting costs more than it saves.",
				Cases: []Case{
					{"fires below three tenths", drafted(29), 31 * time.Minute, 1},
					{"is silent at three tenths", drafted(30), 60 * time.Minute, 0},
				},
			},
		},
	}
}

// tokens is an hour of ten running requests with so many tokens a minute, then as long with another rate and load.
func tokens(before, after, running int) []Series {
	return []Series{
		{`vllm:generation_tokens_total{` + testEngine + `}`, fmt.Sprintf("0+%dx60 %d+%dx60", before, 60*before+after, after)},
		{`vllm:num_requests_running{` + testEngine + `}`, fmt.Sprintf("10x60 %dx60", running)},
	}
}

func drafted(accepted int) []Series {
	return []Series{
		{`vllm:spec_decode_num_accepted_tokens_total{` + testEngine + `}`, fmt.Sprintf("0+%dx80", accepted)},
		{`vllm:spec_decode_num_draft_tokens_total{` + testEngine + `}`, "0+100x80"},
	}
}
