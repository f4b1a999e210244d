package alerts

import (
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
)

// cache is the memory that decides how many requests run at a time, and how fast they go.
func cache() Group {
	usage := func(value string, waiting int) []Series {
		return []Series{
			{`vllm:kv_cache_usage_perc{` + testEngine + `}`, value + "x40"},
			{`vllm:num_requests_waiting{` + testEngine + `}`, fmt.Sprintf("%dx40", waiting)},
		}
	}
	const failedTransfers = "instance:vllm_kv_transfer_failures:increase10m"
	return Group{
		Name: "vllm-cache",
		Alerts: []Alert{
			{
				Name: "VLLMKVCachePressure", Severity: Medium, Component: KVCache, For: 10 * time.Minute,
				Expr:        fmt.Sprintf(`max by (%s) (avg_over_time(vllm:kv_cache_usage_perc[5m])) > %g`, byInstance, kvPressure),
				Summary:     `KV cache of {{ $labels.model_name }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full`,
				Description: "The cache has space for only a few more tokens. New requests will wait, and vLLM may preempt running requests.",
				Cases: []Case{
					{"fires above nine tenths", usage("0.91", 0), 10 * time.Minute, 1},
					{"is silent at nine tenths", usage("0.9", 0), 25 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMKVCacheExhausted", Severity: High, Component: KVCache, For: 5 * time.Minute,
				Expr: pretty(`
					max by (%[1]s) (avg_over_time(vllm:kv_cache_usage_perc[5m])) > %[2]g
					and sum by (%[1]s) (vllm:num_requests_waiting{model_name!=""}) > 0`, byInstance, kvExhausted),
				Summary:     `KV cache of {{ $labels.model_name }} on {{ $labels.instance }} is full and requests wait`,
				Description: "Requests wait because the cache has no space for their tokens. The batch is not full, so a larger batch does not help. More memory or shorter contexts help.",
				Cases: []Case{
					{"fires when it is full and requests wait", usage("0.96", 1), 5 * time.Minute, 1},
					{"is silent when nothing waits", usage("0.96", 0), 20 * time.Minute, 0},
					{"is silent at the threshold", usage("0.95", 3), 20 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMPreemptionStorm", Severity: High, Component: KVCache, For: 5 * time.Minute,
				Expr: fmt.Sprintf(`max by (%[1]s) (sum by (%[1]s, engine) (rate(vllm:num_preemptions_total[5m]))) >= %[2]g`,
					byInstance, events.StormPerSecond),
				Summary:     `An engine of {{ $labels.instance }} preempts {{ $value | humanize }} requests of {{ $labels.model_name }} a second`,
				Description: "The KV cache is full while requests decode. vLLM discards their tokens and computes them again. Latency grows without more load.",
				Cases: []Case{
					{"fires at thirty a minute", preempted(30), 10 * time.Minute, 1},
					{"is silent at twenty-nine", preempted(29), 15 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMPrefixCacheCollapse", Severity: Medium, Component: KVCache, For: 15 * time.Minute,
				Expr: pretty(`
					model:vllm_prefix_cache_hit:ratio_rate30m < %[1]g * (model:vllm_prefix_cache_hit:ratio_rate30m offset 1d)
					and (model:vllm_prefix_cache_hit:ratio_rate30m offset 1d) > %[2]g`, prefixCacheDrop, prefixCacheWas),
				Summary:     `Prefix cache hit ratio of {{ $labels.model_name }} is {{ $value | humanizePercentage }}, less than half of yesterday`,
				Description: "Prompts no longer begin with the same text, or the router no longer sends them to the same replica. Prefill work and TTFT grow.",
				Cases: []Case{
					{"fires below half of yesterday's ratio, if that was worth having", prefixHits(21, 10), 24*time.Hour + 20*time.Minute, 1},
					{"is silent at half", prefixHits(50, 26), 25 * time.Hour, 0},
					{"is silent when there was little to lose", prefixHits(19, 0), 25 * time.Hour, 0},
				},
			},
			{
				Name: "VLLMLoRASaturated", Severity: Medium, Component: LoRA, For: 5 * time.Minute,
				Expr: pretty(`
					sum by (%[1]s) (vllm:num_requests_waiting_by_reason{reason="deferred"}) > %[2]d
					and on (%[3]s, instance) vllm:lora_requests_info`, byInstance, deferred, byDeployment),
				Summary: `{{ $value | humanize }} requests on {{ $labels.instance }} are deferred, usually because no LoRA slot is free`,
				Description: "The batch has free places, but requests ask for more adapters than max_loras allows in one batch. " +
					"Requests that wait for remote KV or for a grammar also count as deferred. No metric separates them.",
				Cases: []Case{
					{"fires when six wait and adapters are in use", deferredRequests(6, "prod"), 5 * time.Minute, 1},
					{"is silent at five", deferredRequests(5, "prod"), 15 * time.Minute, 0},
					{"is silent without LoRA, where they wait for something else", deferredRequests(6, ""), 15 * time.Minute, 0},
					{"is silent when adapters are in use on an instance of that name elsewhere", deferredRequests(6, "test"), 15 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMKVTransferFailures", Severity: High, Component: KVCache, Dashboard: "vllm-disaggregation",
				Expr:        failedTransfers + ` > 0`,
				Summary:     `KV transfers to {{ $labels.instance }} fail`,
				Description: "Prefill and decode run on different servers, and the KV cache does not reach the decode side. Requests fail, or vLLM computes them again.",
				Cases: []Case{
					{"fires at the first", transfers("0x10 1x10"), 15 * time.Minute, 1},
					{"is silent at none", transfers("0x20"), 15 * time.Minute, 0},
				},
			},
		},
		Records: []Record{{
			Name: failedTransfers,
			Expr: fmt.Sprintf("sum by (%s) ((%s) + (%s))", byInstance,
				grown("vllm:nixl_num_failed_transfers_total", 10*time.Minute), grown("vllm:nixl_num_failed_notifications_total", 10*time.Minute)),
		}, {
			Name: "model:vllm_prefix_cache_hit:ratio_rate30m",
			Expr: fmt.Sprintf(`sum by (%[1]s) (rate(vllm:prefix_cache_hits_total[30m])) / sum by (%[1]s) (rate(vllm:prefix_cache_queries_total[30m]))`, byModel),
		}},
	}
}

// preempted is so many preemptions a minute.
func preempted(n int) []Series {
	return []Series{{`vllm:num_preemptions_total{` + testEngine + `}`, fmt.Sprintf("0+%dx40", n)}}
}

// prefixHits is a day with one hit ratio in percent, and an hour and a half with another.
func prefixHits(yesterday, now int) []Series {
	return []Series{
		{`vllm:prefix_cache_hits_total{` + testEngine + `}`, fmt.Sprintf("0+%dx1410 %d+%dx100", yesterday, 1411*yesterday, now)},
		{`vllm:prefix_cache_queries_total{` + testEngine + `}`, "0+100x1511"},
	}
}

// deferredRequests is so many of them, and adapters in use in a namespace, if any.
func deferredRequests(n int, adapters string) []Series {
	out := []Series{{`vllm:num_requests_waiting_by_reason{reason="deferred", ` + testEngine + `}`, fmt.Sprintf("%dx40", n)}}
	if adapters != "" {
		out = append(out, Series{`vllm:lora_requests_info{job="vllm", namespace="` + adapters + `", environment="eu", instance="a:8000", max_lora="1", running_lora_adapters="a", waiting_lora_adapters="b"}`, "1.79e9x40"})
	}
	return out
}

func transfers(failed string) []Series {
	return []Series{
		{`vllm:nixl_num_failed_transfers_total{` + testEngine + `}`, failed},
		{`vllm:nixl_num_failed_notifications_total{` + testEngine + `}`, "0x20"},
	}
}
