package plugin

import (
	"context"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// writerLines is how many of the newest lines are read for who wrote them: one page of Loki's, and every process of a vLLM
// writes its statistics or requests within that many.
const writerLines = 1000

// linesCatalogue gives lines, from which those who wrote them are read.
type linesCatalogue interface {
	Lines(ctx context.Context, w evidence.Window, scope vllm.Scope, filter loki.LineFilter, limit int, order loki.Order) ([]evidence.LogLine, evidence.StoreReport)
}

// logWriters are the processes and the source files that wrote a window's newest lines, sorted.
type logWriters struct {
	Processes []string `json:"processes"`
	Loggers   []string `json:"loggers"`
}

func (c *catalogue) writers(ctx context.Context, ask listing) (logWriters, error) {
	out := logWriters{Processes: []string{}, Loggers: []string{}}
	if c.lines == nil {
		return out, nil
	}
	lines, report := c.lines.Lines(ctx, ask.window, ask.scope, loki.LineFilter{}, writerLines, loki.NewestFirst)
	if len(lines) == 0 {
		return out, report.Err
	}
	for _, line := range lines {
		event := vllm.ParseLogLine(line.Line)
		out.Processes = appendNew(out.Processes, event.Process)
		out.Loggers = appendNew(out.Loggers, event.Logger)
	}
	slices.Sort(out.Processes)
	slices.Sort(out.Loggers)
	return out, nil
}

// appendNew adds a name that a logs query takes and that is not there yet.
func appendNew(names []string, name string) []string {
	if name == "" || len(names) >= maxOptions || !query.LogWord(name) || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
