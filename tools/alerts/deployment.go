package alerts

import (
	"fmt"
	"time"
)

// deployment is whether vLLM is there at all, and does what it is there for.
func deployment() Group {
	const target = `job="vllm", namespace="prod", environment="eu", instance=`
	const a, b = target + `"a:8000"`, target + `"b:8000"`
	const other = `job="vllm", namespace="test", environment="eu", instance="c:8000"`
	const engine = target + `"a:8000", model_name="m", engine="0"`
	return Group{
		Name: "vllm-deployment",
		Alerts: []Alert{
			{
				Name: "VLLMDeploymentDown", Severity: Critical, Component: Deployment, For: downFor,
				// A pod that is pending has no address and a stopped container no name: such a replica is no target, so it has no
				// up at all. What was there within goneFor and is not any more counts as down.
				Expr: pretty(`
					max by (%[1]s) (up{%[2]s}) == 0
					or max by (%[1]s) (max_over_time(up{%[2]s}[%[3]s]))
					unless max by (%[1]s) (up{%[2]s})`, byDeployment, vllmJob, duration(goneFor)),
				Summary: `No replica of {{ $labels.job }} answers{{ with $labels.namespace }} in {{ . }}{{ end }}`,
				Description: "Prometheus reaches no replica of this deployment, or finds no replica to scrape. Every request to the deployment fails. " +
					"While this alert fires, the deployment's other alerts are not sent.",
				Cases: []Case{
					{"fires when the last replica has been gone for a minute", []Series{{`up{` + a + `}`, "1x5 0x10"}, {`up{` + b + `}`, "1x3 0x12"}}, 7 * time.Minute, 1},
					{"is silent while one replica answers", []Series{{`up{` + a + `}`, "0x15"}, {`up{` + b + `}`, "1x15"}}, 10 * time.Minute, 0},
					{"fires when its targets are gone, of whatever else there are", []Series{{`up{` + a + `}`, "1x5 stale"}, {`up{` + other + `}`, "1x30"}}, 8 * time.Minute, 1},
					{"still fires when nothing at all is scraped any more", []Series{{`up{` + a + `}`, "1x5 stale"}}, 50 * time.Minute, 1},
					{"forgets after an hour what has gone for good", []Series{{`up{` + a + `}`, "1x5 stale"}}, 75 * time.Minute, 0},
					{"is silent when one of two targets is gone", []Series{{`up{` + a + `}`, "1x5 stale"}, {`up{` + b + `}`, "1x15"}}, 10 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMInstanceDown", Severity: High, Component: Deployment, For: instanceDownFor,
				Expr:        once(fmt.Sprintf(`up{%s}`, vllmJob)) + " == 0",
				Summary:     `{{ $labels.instance }} of {{ $labels.job }} is down`,
				Description: "This replica has not answered a scrape for longer than a start takes. The other replicas serve its load.",
				Cases: []Case{
					{"fires after ten minutes", []Series{{`up{` + a + `}`, "1x2 0x20"}}, 13 * time.Minute, 1},
					{"is silent during a start", []Series{{`up{` + a + `}`, "1x2 0x8 1x20"}}, 20 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMServingNothing", Severity: Critical, Component: Engine, For: servingNothingFor,
				Expr: pretty(`
					sum by (%[1]s) (vllm:num_requests_running{model_name!=""} + vllm:num_requests_waiting{model_name!=""}) > 0
					and sum by (%[1]s) (rate(vllm:generation_tokens_total[3m]) + rate(vllm:prompt_tokens_total[3m])) == 0`, byInstance),
				Summary: `{{ $labels.instance }} has requests for {{ $labels.model_name }} but generates no tokens`,
				Description: "The server is up and has {{ $value }} requests, but has produced no token for minutes. " +
					"Either the engine hangs, or the engine died and the API server still runs.",
				Cases: []Case{
					{"fires when requests wait and no token comes", []Series{
						{`vllm:num_requests_running{` + engine + `}`, "4x15"}, {`vllm:num_requests_waiting{` + engine + `}`, "9x15"},
						{`vllm:generation_tokens_total{` + engine + `}`, "100x15"}, {`vllm:prompt_tokens_total{` + engine + `}`, "100x15"},
					}, 4 * time.Minute, 1},
					{"is silent when there is nothing to do", []Series{
						{`vllm:num_requests_running{` + engine + `}`, "0x15"}, {`vllm:num_requests_waiting{` + engine + `}`, "0x15"},
						{`vllm:generation_tokens_total{` + engine + `}`, "100x15"}, {`vllm:prompt_tokens_total{` + engine + `}`, "100x15"},
					}, 8 * time.Minute, 0},
					{"is silent while tokens come", []Series{
						{`vllm:num_requests_running{` + engine + `}`, "4x15"}, {`vllm:num_requests_waiting{` + engine + `}`, "9x15"},
						{`vllm:generation_tokens_total{` + engine + `}`, "100+1x15"}, {`vllm:prompt_tokens_total{` + engine + `}`, "100x15"},
					}, 8 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMRestarts", Severity: High, Component: Engine,
				Expr: pretty(`
					max by (%[1]s) (changes(process_start_time_seconds{%[2]s}[1h])) >= %[3]d
					or max by (%[1]s) (resets(vllm:generation_tokens_total[1h])) >= %[3]d`, byDeployment+", instance", vllmJob, restartsPerHour),
				Summary:     `{{ $labels.instance }} restarted {{ $value }} times within an hour`,
				Description: "The process is in a crash loop. Every restart loses all running requests, and every start of the model takes minutes.",
				Cases: []Case{
					{"fires at the third restart", []Series{{`process_start_time_seconds{` + a + `}`, "1x9 2x9 3x9 4x9"}}, 35 * time.Minute, 1},
					{"is silent at two", []Series{{`process_start_time_seconds{` + a + `}`, "1x9 2x9 3x19"}}, 35 * time.Minute, 0},
					{"counts by fallen counters where several API servers export no start time", []Series{{`vllm:generation_tokens_total{` + engine + `}`, "9x9 8x9 7x9 6x9"}}, 35 * time.Minute, 1},
					{"is silent at two of those", []Series{{`vllm:generation_tokens_total{` + engine + `}`, "9x9 8x9 7x19"}}, 35 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMEngineAsleep", Severity: Info, Component: Engine, For: 10 * time.Minute,
				Expr:        fmt.Sprintf(`max by (%s) (vllm:engine_sleep_state{sleep_state="awake"}) == 0`, byInstance),
				Summary:     `{{ $labels.instance }} ({{ $labels.model_name }}) is asleep`,
				Description: "Sleep mode has released the GPU's memory. Requests to this replica wait until somebody wakes it up.",
				Cases: []Case{
					{"fires after ten minutes of sleep", []Series{{`vllm:engine_sleep_state{sleep_state="awake", ` + engine + `}`, "0x20"}}, 10 * time.Minute, 1},
					{"is silent when awake", []Series{{`vllm:engine_sleep_state{sleep_state="awake", ` + engine + `}`, "1x20"}}, 12 * time.Minute, 0},
				},
			},
			{
				Name: "VLLMReplicaImbalance", Severity: Medium, Component: Deployment, For: 15 * time.Minute,
				Expr: pretty(`
					max by (%[1]s) (instance:vllm_requests:avg5m) >= %[2]d
					and max by (%[1]s) (instance:vllm_requests:avg5m) > %[3]d * avg by (%[1]s) (instance:vllm_requests:avg5m)`, byModel, imbalanceMin, imbalance),
				Summary:     `Uneven load on {{ $labels.model_name }}: one replica has {{ $value | humanize }} requests`,
				Description: "The busiest replica has more than twice the mean load. Requests wait there while other replicas have free places. Check the router's policy and long-lived connections.",
				Cases: []Case{
					{"fires when one of three has eight and more than twice the mean", load3(engine, 8, 2, 1), 15 * time.Minute, 1},
					{"is silent at twice the mean", load3(engine, 8, 2, 2), 30 * time.Minute, 0},
					{"is silent when the busiest has little", load3(engine, 7, 0, 0), 30 * time.Minute, 0},
				},
			},
		},
		Records: []Record{{
			Name: "instance:vllm_requests:avg5m",
			Expr: fmt.Sprintf(`sum by (%s) (avg_over_time(vllm:num_requests_running{model_name!=""}[5m]) + avg_over_time(vllm:num_requests_waiting{model_name!=""}[5m]))`, byInstance),
		}},
	}
}

// load3 is three replicas with so many running requests each.
func load3(engine string, running ...int) []Series {
	var out []Series
	for i, n := range running {
		labels := replaceInstance(engine, fmt.Sprintf("r%d:8000", i))
		out = append(out,
			Series{`vllm:num_requests_running{` + labels + `}`, fmt.Sprintf("%dx40", n)},
			Series{`vllm:num_requests_waiting{` + labels + `}`, "0x40"})
	}
	return out
}
