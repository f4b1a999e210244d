package alerts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// logs is what only vLLM's own lines tell: when an engine dies, its metrics just stop. Loki's ruler evaluates these.
func logs() Group {
	return Group{
		Name: "vllm-logs",
		Alerts: []Alert{
			{
				Name: "VLLMEngineDead", Severity: Critical, Component: Engine, Language: LogQL,
				Expr:        countLines(vllm.EngineDied, vllm.EngineFoundDead),
				Summary:     `The engine of {{ $labels.service_name }} died{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "All running requests are lost. The replica serves nothing until its process starts again. The traceback above the first of these log lines shows the cause.",
			},
			{
				Name: "VLLMEngineStuck", Severity: Critical, Component: Engine, Language: LogQL,
				Expr:        countLines(vllm.EngineStuck),
				Summary:     `An engine of {{ $labels.service_name }} makes no progress{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "A watchdog saw no progress for minutes. Requests get no answer, but the server still answers its health check. A worker or a collective operation hangs.",
			},
			{
				Name: "VLLMOutOfMemory", Severity: Critical, Component: GPU, Language: LogQL,
				Expr:        countLines(vllm.EngineOutOfMemory, vllm.EngineKilled),
				Summary:     `{{ $labels.service_name }} ran out of memory{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "The GPU or the host has no free memory. Usually the engine then dies.",
			},
			{
				Name: "VLLMEngineStartFailed", Severity: High, Component: Engine, Language: LogQL,
				Expr:        countLines(vllm.EngineStartFailed),
				Summary:     `{{ $labels.service_name }} does not start{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "The engine stops while it starts. With a restart policy, the engine tries again and again. The root cause is above this log line.",
			},
		},
	}
}

// countLines is a LogQL expression that is true while lines have come within five minutes that tell of these events, as the data
// source itself reads them. The labels are those that a collector gives
// in this project's manifests; ones that a store lacks are left out of the result. There a service has its scrape job's
// name: as job, it lets VLLMDeploymentDown hold these back like all others.
func countLines(events ...vllm.EngineEvent) string {
	return "label_replace(sum by (service_name, environment, namespace, pod, instance) (\n" +
		"  count_over_time({service_name=~\".*vllm.*\"}\n" + pipeline(vllm.EngineEventFilter(events...)) + " [5m])\n" +
		"), \"job\", \"$1\", \"service_name\", \"(.+)\") > 0"
}

// pipeline writes a filter as LogQL.
func pipeline(stages []vllm.LineStage) string {
	lines := make([]string, len(stages))
	for i, s := range stages {
		switch {
		case s.Match != "":
			lines[i] = "|~ " + raw(s.Match)
		case s.Drop != "":
			lines[i] = "!~ " + raw(s.Drop)
		case s.Whole:
			lines[i] = fmt.Sprintf("| label_format %[1]s=`{{ len __line__ }}` | %[1]s !~ `%[2]s`", vllm.LineBytes, vllm.CutLengths)
		case s.Decolorize:
			lines[i] = "| decolorize"
		case s.Capture != "":
			lines[i] = "| regexp " + raw(s.Capture)
		case s.Level:
			lines[i] = fmt.Sprintf("| %[1]s =~ `%[3]s` or (%[1]s = \"\" and %[2]s !~ `%[4]s`)", vllm.LevelOwn, vllm.LevelRecord, vllm.LoudLevels, vllm.QuietLevels)
		}
	}
	return "    " + strings.Join(lines, "\n    ")
}

// raw quotes an expression: without its backslashes doubled where it has no backtick.
func raw(expression string) string {
	if strings.Contains(expression, "`") {
		return strconv.Quote(expression)
	}
	return "`" + expression + "`"
}
