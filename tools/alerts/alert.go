package alerts

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Severity says who is told, and how; provisioning/alertmanager routes by it.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical" // users are refused or wait in vain: wakes somebody up
	High     Severity = "high"     // users notice, or will soon: somebody looks today
	Medium   Severity = "medium"   // capacity or quality is being lost
	Info     Severity = "info"     // good to know
)

// Severities are all of them, worst first.
var Severities = []Severity{Critical, High, Medium, Info}

// Component is the part of a deployment that an alert is about.
type Component string

// The components, in the order in which a request meets them.
const (
	Deployment Component = "deployment"
	Engine     Component = "engine"
	Queue      Component = "queue"
	SLO        Component = "slo"
	API        Component = "api"
	KVCache    Component = "kv-cache"
	LoRA       Component = "lora"
	Decoding   Component = "decoding"
	GPU        Component = "gpu"
	Telemetry  Component = "telemetry"
)

// Dashboards say where each component is looked at unless an alert says otherwise, by the dashboard's uid. Grafana links to it of itself; Alertmanager's
// messages do by the template vllm.dashboard.
var Dashboards = map[Component]string{
	Deployment: "vllm-health", Engine: "vllm-health", Queue: "vllm-model", SLO: "vllm-slo", API: "vllm-health",
	KVCache: "vllm-kv-cache", LoRA: "vllm-decoding", Decoding: "vllm-model", GPU: "vllm-gpu", Telemetry: "vllm-coverage",
}

// Language is what a rule is written in, and so which program evaluates it.
type Language int

// The languages.
const (
	PromQL Language = iota // Prometheus
	LogQL                  // Loki's ruler
)

// Alert is one rule.
type Alert struct {
	Name      string
	Severity  Severity
	Component Component
	Language  Language
	Expr      string
	// For is how long the expression must hold before anybody is told; zero = at once.
	For time.Duration
	// KeepFiring bridges short gaps, so that a flapping value is one alert.
	KeepFiring time.Duration
	// Dashboard is the uid of the one to look at; empty = its component's.
	Dashboard string
	// Summary is one line, Description says what it means for users. Both are Prometheus templates.
	Summary, Description string
	// Cases show both sides of every threshold; promtool runs them. LogQL has no such tool.
	Cases []Case
}

// Board is the uid of the dashboard to look at.
func (a Alert) Board() string { return cmp.Or(a.Dashboard, Dashboards[a.Component]) }

// Case is some history and what it leads to. One that fires stands just inside all thresholds of its alert, one that is
// silent just outside of one of them, so that no threshold can move unnoticed.
type Case struct {
	Says string
	// Series in promtool's notation, one sample a minute.
	Series []Series
	// At is when the rule is looked at, from the first sample. In the first case that fires of an alert that waits, it is the
	// very step at which it begins to: the one before must find it pending, so that no For can change unnoticed.
	At time.Duration
	// Firing is how many alerts there are by then.
	Firing int
}

// above and below a threshold by half of what the thresholds are moved by when the cases themselves are tested.
const above, below = 1.05, 0.95

// Series is one time series in promtool's notation.
type Series struct {
	Name   string `yaml:"series"`
	Values string `yaml:"values"`
}

// Group is rules that are evaluated together, in their order.
type Group struct {
	Name     string
	Interval time.Duration // zero = the server's own
	Records  []Record
	Alerts   []Alert
}

// Record is one recording rule.
type Record struct{ Name, Expr string }

// RunbookBase is where a runbook page lies, followed by the alert's name and .md.
const RunbookBase = "https://github.com/llmserving/grafana-vllm-datasource/blob/main/docs/runbooks/"

// Labels by which rules add up. A deployment is one scrape job in one namespace of one environment: these labels are on
// every alert about it, so that Alertmanager can silence the rest when the deployment is down.
const (
	byDeployment = "job, namespace, environment"
	byModel      = byDeployment + ", model_name"
	byInstance   = byModel + ", instance"
	byGPU        = "Hostname, hostname, gpu, UUID, modelName, namespace, pod"
)

// vllmJob selects the scrape targets that are vLLM.
const vllmJob = `job=~".*vllm.*"`

// pretty fills in and removes the indentation of a raw string that spans lines.
func pretty(expr string, args ...any) string {
	lines := strings.Split(strings.Trim(fmt.Sprintf(expr, args...), "\n"), "\n")
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], "\t"))
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, strings.Repeat("\t", indent))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\t\n")
}
