package choices

import (
	"context"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// writerLines is how many of the newest lines are read for who wrote them: one page of Loki's.
const writerLines = 1000

// fromEngines matches lines of other processes than the API server. It writes several lines a request and they few: among the
// newest lines of a busy fleet there may be none of theirs.
const fromEngines = `\((EngineCore|Worker|VllmWorker)`

// linesCatalogue gives lines, from which those who wrote them are read.
type linesLister interface {
	Lines(ctx context.Context, w evidence.Window, scope vllm.Scope, filter loki.LineFilter, limit int, order loki.Order) ([]evidence.LogLine, evidence.StoreReport)
}

// logWriters are the processes and the source files that wrote a window's newest lines, sorted.
type logWriters struct {
	Processes []string `json:"processes"`
	Loggers   []string `json:"loggers"`
}

func (c *Lists) writers(ctx context.Context, ask listing) (logWriters, error) {
	out := logWriters{Processes: []string{}, Loggers: []string{}}
	if c.lines == nil {
		return out, nil
	}
	for _, filter := range []loki.LineFilter{{}, {Regex: fromEngines}} {
		lines, report := c.lines.Lines(ctx, ask.window, ask.scope, filter, writerLines, loki.NewestFirst)
		if len(lines) == 0 && report.Err != nil {
			return out, report.Err
		}
		for _, line := range lines {
			event := vllm.ParseLogLine(line.Line)
			out.Processes = appendNew(out.Processes, event.Process)
			out.Loggers = appendNew(out.Loggers, event.Logger)
		}
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
