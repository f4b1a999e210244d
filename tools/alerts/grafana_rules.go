package alerts

import (
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// ManagedGroups is every rule of Grafana's own, in the order of the file.
func ManagedGroups() []ManagedGroup {
	return []ManagedGroup{
		{Name: "vllm-slo", Interval: time.Minute, Rules: managedSLO()},
		{Name: "vllm-requests", Interval: 2 * time.Minute, Rules: managedRequests()},
		{Name: "vllm-models", Interval: time.Minute, Instead: true, Rules: managedModels()},
		{Name: "vllm-evidence", Interval: 2 * time.Minute, Rules: managedEvidence()},
	}
}

// ManagedAlerts is every one of these rules.
func ManagedAlerts() (all []Managed) {
	for _, g := range ManagedGroups() {
		all = append(all, g.Rules...)
	}
	return all
}

var (
	missedLimits   = join.Filter{Column: "slo_met", Op: join.Equal, Value: "false"}
	failedRequests = join.Filter{Column: "status", Op: join.Match, Value: "error|rejected"}
)

// managedSLO is the error budget. Hours are read off buckets, which is cheap for any fleet; minutes off the requests
// themselves, since only they tell whether one request kept all of its limits.
func managedSLO() []Managed {
	var out []Managed
	for _, b := range Burns {
		out = append(out, Managed{
			Name: "VLLMSLOBurn" + b.Name, Severity: b.Severity, Component: SLO,
			Ask:       []Question{aboutSLO("worst_limit_burn_rate", b.Long), aboutSLO("worst_limit_burn_rate", b.Short)},
			Condition: fmt.Sprintf("$A > %[1]g && $B > %[1]g", b.Rate),
			Summary:   `{{ $labels.model }} uses its error budget {{ printf "%.1f" $values.A.Value }} times too fast`,
			Description: fmt.Sprintf("This rate uses up %s. Too many requests miss the limit on TTFT, TPOT or E2E that fails most often. The windows are %s and %s.",
				b.Budget, duration(b.Long), duration(b.Short)),
			Dashboard: "vllm-slo", Worst: []join.Filter{missedLimits},
		})
	}
	return append(out, Managed{
		Name: "VLLMSLOMissed", Severity: High, Component: SLO, For: 4 * time.Minute,
		Ask:         []Question{aboutSLO("attainment", requestWindow), aboutSLO("missed", requestWindow)},
		Condition:   fmt.Sprintf("$A < %g && $B >= %d", 1-missedShare, fewRequests),
		Summary:     `{{ humanizePercentage $values.A.Value }} of the requests for {{ $labels.model }} kept their SLO`,
		Description: fmt.Sprintf("More than %g %% of the requests missed a limit or failed. Each request is judged by all its limits together.", 100*missedShare),
		Dashboard:   "vllm-slo", Worst: []join.Filter{missedLimits},
	})
}

// managedRequests is what only the joined rows tell.
func managedRequests() []Managed {
	unaccounted := join.Filter{Column: "unaccounted", Op: join.Greater, Value: unaccountedTime.String()}
	outside := join.Filter{Column: "outside_engine", Op: join.Greater, Value: outsideTime.String()}
	return []Managed{
		{
			Name: "VLLMUnaccountedTime", Severity: Medium, Component: Engine, For: 4 * time.Minute,
			Ask: []Question{shareOf(requestWindow, unaccounted)}, Condition: fmt.Sprintf("$A > %g", unaccountedShare),
			Summary:     `{{ humanizePercentage $values.A.Value }} of the requests for {{ $labels.model }} have unaccounted time`,
			Description: fmt.Sprintf("More than %s of their end-to-end time is not queue, prefill or decode. Either the API server was busy, or an engine step hung.", unaccountedTime),
			Dashboard:   "vllm-requests", Worst: []join.Filter{unaccounted},
		},
		{
			Name: "VLLMTimeOutsideEngine", Severity: Medium, Component: API, For: 4 * time.Minute,
			Ask: []Question{shareOf(requestWindow, outside)}, Condition: fmt.Sprintf("$A > %g", outsideShare),
			Summary:     `{{ humanizePercentage $values.A.Value }} of the requests for {{ $labels.model }} wait outside vLLM`,
			Description: fmt.Sprintf("Their callers waited more than %s longer than the engine worked. Check the gateway, the network, and clients that read slowly.", outsideTime),
			Dashboard:   "vllm-requests", Worst: []join.Filter{outside},
		},
		{
			Name: "VLLMRequestsFailed", Severity: High, Component: API, For: 2 * time.Minute,
			Ask:         []Question{shareOf(requestWindow, failedRequests), passing(requestWindow, failedRequests)},
			Condition:   fmt.Sprintf("$A > %g && $B > %d", failedShare, minFailures),
			Summary:     `{{ humanizePercentage $values.A.Value }} of the requests for {{ $labels.model }} fail`,
			Description: "The spans and log lines of these requests show errors or refusals. Streams that broke after their first byte are included.",
			Dashboard:   "vllm-requests", Worst: []join.Filter{failedRequests},
		},
	}
}

// managedModels is figures per model, for those who have no Prometheus rules.
func managedModels() []Managed {
	ttft := Objectives[0]
	return []Managed{
		{
			Name: "VLLMModelErrors", Severity: Critical, Component: Engine, For: 2 * time.Minute,
			Ask: []Question{aboutModels("error_ratio", 5*time.Minute)}, Condition: fmt.Sprintf("$A > %g", serverErrorRatio),
			Summary:     `{{ humanizePercentage $values.A.Value }} of the requests for {{ $labels.model }} end in an engine error`,
			Description: "The engine ended accepted requests with an error.",
			Dashboard:   "vllm-model", Worst: []join.Filter{{Column: "status", Op: join.Equal, Value: string(join.StatusError)}},
		},
		{
			Name: "VLLMModelQueue", Severity: High, Component: Queue, For: 5 * time.Minute,
			Ask: []Question{aboutModels("waiting", 5*time.Minute)}, Condition: fmt.Sprintf("$A > %d", queueLength),
			Summary:     `{{ printf "%.0f" $values.A.Value }} requests wait for {{ $labels.model }}`,
			Description: "More requests arrive than the replicas can serve. The time to first token grows with the queue.",
			Dashboard:   "vllm-model", Worst: []join.Filter{{Column: "queue", Op: join.Greater, Value: "1s"}},
		},
		{
			Name: "VLLMModelSlowStart", Severity: Medium, Component: Queue, For: 10 * time.Minute,
			Ask:         []Question{aboutModels("ttft", 10*time.Minute, ttft.Target)},
			Condition:   fmt.Sprintf("$A > %g", ttft.Seconds),
			Summary:     `One request in a hundred for {{ $labels.model }} waits {{ humanizeDuration $values.A.Value }} for its first token`,
			Description: fmt.Sprintf("The p99 of TTFT is above %g s.", ttft.Seconds),
			Dashboard:   "vllm-model", Worst: []join.Filter{{Column: "ttft", Op: join.Greater, Value: "1s"}},
		},
	}
}

// managedEvidence is whether all of this can be believed.
func managedEvidence() []Managed {
	return []Managed{
		{
			Name: "VLLMStoreBlind", Severity: High, Component: Telemetry, For: 4 * time.Minute, Blind: "Alerting",
			Ask: []Question{aboutCoverage("stores_blind", 5*time.Minute)}, Condition: "$A > 0", All: true,
			Summary:     `{{ printf "%.0f" $values.A.Value }} stores of the vLLM data source have no complete data`,
			Description: "A store is down, is slow, refuses the data source, gives incomplete answers, or has no data for existing requests. Panels show the data of the other stores. Rules that need this store keep their last state.",
			Dashboard:   "vllm-coverage",
		},
		{
			// No share is below zero: what fires is the error of a share on which no rule can decide.
			Name: "VLLMSharesUntold", Severity: Medium, Component: Telemetry, For: 10 * time.Minute, Blind: "Alerting",
			Ask: []Question{shareOf(requestWindow, failedRequests)}, Condition: "$A < 0", All: true,
			Summary:     "The share of failed requests is unknown",
			Description: "Rules on requests end with an error and keep their last state. Either the sampled traces do not represent all requests, or lines are missing, or a store has no data.",
			Dashboard:   "vllm-coverage",
		},
		{
			Name: "VLLMCoverageLow", Severity: Medium, Component: Telemetry, For: 10 * time.Minute,
			Ask: []Question{aboutCoverage("explained_ratio", coverageWindow), aboutCoverage("engine_finished", coverageWindow)},
			// Traces that are sampled on purpose stay at their ratio: raise what is expected then.
			Condition:   fmt.Sprintf("$A < %g && $B >= %d", coverageExpected, fewRequests),
			Summary:     `Only {{ humanizePercentage $values.A.Value }} of the finished requests for {{ $labels.model }} on {{ $labels.instance }} have a row`,
			Description: "Spans or lines are lost between the engine and the stores, or traces are sampled. Figures about requests describe only the requests that arrived.",
			Dashboard:   "vllm-coverage", Worst: []join.Filter{},
		},
		{
			Name: "VLLMEvidenceCut", Severity: Info, Component: Telemetry, For: 10 * time.Minute,
			Ask: []Question{aboutCoverage("stores_truncated", coverageWindow)}, Condition: "$A > 0", All: true,
			Summary:     `{{ printf "%.0f" $values.A.Value }} stores have more data than the vLLM data source may read`,
			Description: "Half an hour of requests is larger than a limit of the store or of the data source. Rules on requests end with an error until this changes.",
			Dashboard:   "vllm-coverage",
		},
	}
}
