package health

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

const (
	// trialRows is how many joined requests are enough to measure the telemetry by.
	trialRows = 200
	// trialRecent is left out at the end of the window: vLLM exports spans every 5 s, and shippers batch lines.
	trialRecent = 15 * time.Second
)

// trialWindows are the windows that are joined one after the other until one holds trialRows requests: a busy fleet is measured
// by its last minute, a quiet one by its last hour.
var trialWindows = []time.Duration{time.Minute, 10 * time.Minute, healthWindow}

// probeTrial joins recent requests as a query would, and keeps what the join measured about the telemetry. A wider window that
// does not answer in time leaves the findings of the one before.
func (c *checkup) probeTrial(ctx context.Context, window evidence.Window, report func(func(*diagnosis))) {
	to := window.To.Add(-trialRecent)
	for _, length := range trialWindows {
		var joined join.Report
		err := guard.Run(ctx, func() (err error) {
			joined, err = c.trial(ctx, evidence.Window{From: window.To.Add(-length), To: to})
			return err
		})
		if err != nil { // the probes of the stores say why
			return
		}
		report(func(d *diagnosis) { d.findings = joined.Findings })
		if joined.Rows >= trialRows {
			return
		}
	}
}

// trialJoin joins all requests of a window.
func trialJoin(ctx context.Context, fetcher *fetch.Fetcher, window evidence.Window) (join.Report, error) {
	in, err := fetcher.Requests(ctx, fetch.Ask{Window: window})
	if err != nil {
		return join.Report{}, err
	}
	return join.Requests(in).Report, nil
}
