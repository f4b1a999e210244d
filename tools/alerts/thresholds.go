package alerts

import (
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Every number on which an alert turns, with its reason. Change one here, run go run ./cmd/alerts, and all files follow.
const (
	// Longer than a rolling restart leaves one replica's target unready to Prometheus, shorter than users stay patient.
	downFor = time.Minute
	// For how long a deployment that has no target any more counts as down: from then on it was removed on purpose.
	goneFor = time.Hour
	// Start-up of a model takes minutes; a replica that is down for longer than this is not starting.
	instanceDownFor = 10 * time.Minute
	// A long prompt can keep an engine from finishing any token for a minute or two.
	servingNothingFor = 3 * time.Minute
	// A process that starts this often within an hour is in a crash loop, not in a roll-out.
	restartsPerHour = 3

	// Waiting requests of one model; below, a growing queue is a burst that one batch takes up.
	queueLength = 20
	// Mean seconds in the queue: more than most TTFT limits allow.
	queueSeconds = 2

	// Share of answers. 5xx are ours, so little is much; 4xx are the clients', so only a flood counts.
	serverErrorRatio = 0.05
	clientErrorRatio = 0.5
	rejectionRatio   = 0.01
	// Failures within five minutes, so that one of the few requests of a quiet night wakes nobody.
	minFailures = 2
	// Requests a second below which a ratio says nothing: 1 a minute.
	minRate = 1.0 / 60

	// Above this, the next long prompt preempts; with requests waiting for room it already hurts.
	kvPressure  = 0.9
	kvExhausted = 0.95
	// Of the hit ratio one day before, and the ratio that was worth having.
	prefixCacheDrop = 0.5
	prefixCacheWas  = 0.2

	// Busiest replica against the mean of all, with at least so many requests at a time on it.
	imbalance    = 2
	imbalanceMin = 8
	// Generated tokens per second and running request, against one hour before.
	throughputDrop = 0.5
	// Requests that wait for a LoRA slot, remote KV or a grammar.
	deferred = 5
	// Accepted / drafted tokens: below, drafting costs more than it saves.
	specDecodeAcceptance = 0.3

	// NVIDIA data-center GPUs slow down from about 87 °C on.
	gpuCelsius = 85
	// Share of the time in which the GPU ran slower because of heat or its power limit.
	gpuThrottled = 0.1

	// Rules on joined requests look back so long: each evaluation reads all of them from the stores.
	requestWindow = 10 * time.Minute
	// Share of requests that missed a limit or failed: a tenth is no longer bad luck.
	missedShare = 0.1
	failedShare = 0.05
	// A share of fewer requests than this says nothing.
	fewRequests = 10
	// Time of a request that is in no phase; a healthy API server needs milliseconds.
	unaccountedTime  = time.Second
	unaccountedShare = 0.05
	// Time that the caller saw and the engine did not.
	outsideTime  = 2 * time.Second
	outsideShare = 0.2
	// Requests begin in the window and finish between scrapes, so that a short one explains less than all.
	coverageWindow   = 30 * time.Minute
	coverageExpected = 0.9
)

// xidsOfPrograms are usually the fault of what ran on the card, not of the card: an illegal access or instruction (13, 31), a
// process that ended in the middle of its work (43, 45). Source: NVIDIA's XID catalogue.
var xidsOfPrograms = []int{13, 31, 43, 45}

// Objective is a promise about the latency of one model's requests: the share Target of them stays within Seconds.
type Objective struct {
	Name, Title string
	Histogram   string
	// Seconds is a bucket's bound: from other values a histogram cannot tell the share.
	Seconds float64
	Target  float64
}

// Objectives are the limits that the data source ships with, each read off the bucket that stands for it.
var Objectives = []Objective{
	objective(slo.TTFT, vllm.TTFT), objective(slo.TPOT, vllm.TPOT), objective(slo.E2E, vllm.E2E),
}

func objective(limit slo.Limit, histogram string) Objective {
	m, _ := vllm.LookupMetric(histogram)
	bound, _ := slo.Bound(slo.Shipped.Of(limit), m.Buckets)
	return Objective{
		Name: string(limit), Title: strings.ToUpper(string(limit)), Histogram: m.Names[0].Full(vllm.DefaultMetricPrefix),
		Seconds: bound, Target: slo.DefaultTarget,
	}
}

// Burn is how fast an error budget of 30 days goes, in one long window and one short, so that the alert ends soon after the
// cause does. Source of the figures: Google's SRE workbook, “Alerting on SLOs”, table 5-8.
type Burn struct {
	Name        string
	Rate        float64
	Long, Short time.Duration
	Severity    Severity
	Budget      string
}

// Burns are the two speeds.
var Burns = []Burn{
	{Name: "Fast", Rate: slo.FastBurn, Long: time.Hour, Short: 5 * time.Minute, Severity: Critical, Budget: "2 % of the month's error budget within an hour"},
	{Name: "Slow", Rate: slo.SlowBurn, Long: 6 * time.Hour, Short: 30 * time.Minute, Severity: High, Budget: "5 % of the month's error budget within six hours"},
}
