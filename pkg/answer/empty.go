package answer

import (
	"context"
	"math"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
)

// whyEmpty says of a graph without a value whether the scrape interval that is set is the reason.
func (d *Sources) whyEmpty(ctx context.Context, window evidence.Window, empty bool) (notices []data.Notice) {
	if !empty || d.Settings.VLLM.ScrapeInterval <= 0 {
		return nil
	}
	findings, _, _ := d.Prometheus.ScrapeFindings(ctx, window) // the query itself says why the store does not answer
	for _, f := range findings {
		notices = append(notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: strings.TrimSpace(f.Found + " " + f.Fix)})
	}
	return notices
}

// nothingIn reports whether no figure of a result is known at any time.
func nothingIn(r figures.Result) bool {
	for _, group := range r.Values {
		for _, column := range group {
			for _, v := range column {
				if !math.IsNaN(v) {
					return false
				}
			}
		}
	}
	return true
}
