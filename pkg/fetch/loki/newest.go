package loki

import (
	"context"
	"fmt"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// newestEvents is RequestEvents of the newest lines alone, by one call.
func (c *Client) newestEvents(ctx context.Context, windows []evidence.Window, scope vllm.Scope, most int) ([]evidence.RequestEvent, evidence.StoreReport) {
	report := evidence.StoreReport{Store: evidence.Loki, Configured: true}
	pieces := intervals(windows...)
	if len(pieces) == 0 {
		return nil, report
	}
	decoder, bound := newDecoder(placesOf(c.labels)), c.linesPerCall.Of(ctx)
	q := requestQuery(c.selector.within(scope, c.labels), nil)
	for {
		size := min(most, c.pageLines(ctx, bound))
		found, err := c.askPage(ctx, decoder, q, pieces[len(pieces)-1], size, NewestFirst)
		if err != nil && lowerLimit(bound, err, found.limit) {
			continue
		}
		page := found.lines
		report.Calls, report.Err, report.Seen = append(report.Calls, found.calls...), err, len(page)
		if report.Truncated = err == nil && (len(page) == found.limit || found.long != 0); report.Truncated {
			report.Reason = fmt.Sprintf("Loki: the newest %d lines of requests were read.", len(page))
		}
		slices.Reverse(page) // as they were written
		parts := newPartReader()
		events := parts.settle(requestEvents(page, placesOf(c.labels), parts))
		report.Lines = parts.lines
		return events, report
	}
}
