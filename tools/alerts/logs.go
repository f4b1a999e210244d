package alerts

import (
	"fmt"
	"regexp"
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
				Expr:        countLines(anyOf(vllm.EngineDied) + "|EngineDeadError"),
				Summary:     `The engine of {{ $labels.service_name }} died{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "All requests in flight are lost, and the replica serves nothing until its process is started again. The cause is in the traceback above the first of these lines.",
			},
			{
				Name: "VLLMOutOfMemory", Severity: Critical, Component: GPU, Language: LogQL,
				Expr:        countLines(anyOf(vllm.EngineOutOfMemory) + `|died unexpectedly \(exit code: -9\)|Failed core proc.*: -9`),
				Summary:     `{{ $labels.service_name }} ran out of memory{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "The GPU's or the host's memory is exhausted. Usually the engine dies of it.",
			},
			{
				Name: "VLLMEngineStartFailed", Severity: High, Component: Engine, Language: LogQL,
				Expr:        countLines(anyOf(vllm.EngineStartFailed)),
				Summary:     `{{ $labels.service_name }} does not start{{ with $labels.pod }} in {{ . }}{{ end }}`,
				Description: "The engine gives up while it starts; with a restart policy it will try for ever. The root cause stands above the line.",
			},
		},
	}
}

// anyOf matches the lines that tell of an event, by the words that the data source itself looks for.
func anyOf(event vllm.EngineEvent) string {
	texts := vllm.EngineEventTexts(event)
	for i, text := range texts {
		texts[i] = regexp.QuoteMeta(text)
	}
	return strings.Join(texts, "|")
}

// quotes matches the loggers that write what clients send: nobody is woken by a prompt about memory.
const quotes = `request_logger|\[logger\.py:|vllm\.entrypoints\.logger`

// Where a line's own message begins. A client puts its words into lines too, as a request's id, a path or a model's name:
// these never stand at the beginning of what an engine says of its end, nor before the level. So nothing on the way to
// the level holds a bracket's end or a quote, which every head and every access line has.
const (
	inJSON  = `(?:\{.*"(?:(?:message|msg|log)": ?"|exc_info": ?"(?:[^"\\]|\\.)*\\n))?`
	head    = `[^\]"]*\b(?:WARNING|ERROR|CRITICAL) [\d-]{5} [\d:]{8} \[?[^\] ]+:\d+\] `
	process = `(?:[\w.-]+ +\| )?(?:\([\w.-]+ [^)]*\) ?)*` // the end of a process has no head: the exception alone
	opening = `(?:\[shutdown\] MPClient: |(?:Engine core|Worker) proc [\w-]+ |[\w.]*(?:Runtime|Accelerator|DistBackend)Error: .*|[\w.]+Error: |[\w.]*)`
)

// toldBy matches the lines, without colours, whose own message has these words.
func toldBy(words string) string {
	return `^` + inJSON + `(?:` + head + `|` + process + `)` + opening + `(?:` + words + `)`
}

// countLines is a LogQL expression that is true while lines have come within five minutes whose own message has these words.
// Loki finds the words first, which is cheap, and then looks where they stand. The labels are those that a collector gives
// in this project's manifests; ones that a store lacks are left out of the result. There a service has its scrape job's
// name: as job, it lets VLLMDeploymentDown hold these back like all others.
func countLines(words string) string {
	return fmt.Sprintf("label_replace(sum by (service_name, environment, namespace, pod, instance) (\n"+
		"  count_over_time({service_name=~\".*vllm.*\"}\n"+
		"    |~ `%s`\n"+
		"    !~ `%s`\n"+
		"    | decolorize\n"+
		"    |~ `%s` [5m])\n"+
		"), \"job\", \"$1\", \"service_name\", \"(.+)\") > 0", words, quotes, toldBy(words))
}
