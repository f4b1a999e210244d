package settings

import (
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// Bounds of a limit on latency.
const (
	minLatency = time.Millisecond // less than one step of an engine
	maxLatency = time.Hour        // vLLM's longest histogram ends at 40 minutes
)

func (p *problems) objectives(objectives slo.Objectives) {
	if len(objectives) > MaxSLO {
		p.addf("vllm.slo", "%d entries are more than %d", len(objectives), MaxSLO)
		return
	}
	for i, o := range objectives {
		field := func(name string) string { return fmt.Sprintf("vllm.slo[%d]%s", i, name) }
		switch {
		case o.Model == "":
			p.addf(field(".model"), "is empty; * is every model")
		case len(o.Model) > MaxSLOModel:
			p.addf(field(".model"), "is longer than %d bytes", MaxSLOModel)
		}
		p.line(field(".model"), o.Model)
		if !o.Limited() {
			p.addf(field(""), "sets no limit: give ttft, tpot or e2e")
		}
		p.latency(field(".ttft"), o.TTFT)
		p.latency(field(".tpot"), o.TPOT)
		p.latency(field(".e2e"), o.E2E)
	}
}

// latency checks a limit that is set.
func (p *problems) latency(field string, limit time.Duration) {
	if limit != 0 && (limit < minLatency || limit > maxLatency) {
		p.addf(field, "%s is not between %s and %s", limit, minLatency, maxLatency)
	}
}

func (p *problems) price(price float64, currency string) {
	if price < 0 || price > MaxGPUPrice {
		p.addf("vllm.gpuPricePerHour", "%g is not between 0 and %g", price, MaxGPUPrice)
	}
	if len(currency) > MaxCurrency {
		p.addf("vllm.currency", "is longer than %d bytes", MaxCurrency)
	}
	p.line("vllm.currency", currency)
}
