package alerts

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// slo is how fast the error budget of each latency objective goes: one limit at a time, since buckets cannot tell whether one
// request kept all of them. The joint figure needs the requests themselves: kind slo of the data source.
func slo() Group {
	g := Group{Name: "vllm-slo"}
	for _, window := range []string{"5m", "30m", "1h", "6h"} {
		g.Records = append(g.Records, Record{
			Name: "model:vllm_finished:rate" + window,
			Expr: fmt.Sprintf("sum by (%s) (rate(vllm:request_success_total[%s]))", byModel, window),
		})
		for _, o := range Objectives {
			g.Records = append(g.Records, Record{
				Name: missRatio(o, window),
				Expr: fmt.Sprintf("1 - sum by (%[1]s) (rate(%[2]s_bucket{le=~%[3]q}[%[4]s])) / sum by (%[1]s) (rate(%[2]s_count[%[4]s]))",
					byModel, o.Histogram, bound(o.Seconds), window),
			})
		}
	}
	for _, o := range Objectives {
		for _, b := range Burns {
			g.Alerts = append(g.Alerts, burnAlert(o, b))
		}
	}
	return g
}

func burnAlert(o Objective, b Burn) Alert {
	limit := b.Rate * (1 - o.Target)
	return Alert{
		Name: "VLLM" + o.Title + "Burn" + b.Name, Severity: b.Severity, Component: SLO,
		Expr: pretty(`
			%[1]s > %.4[3]g
			and %[2]s > %.4[3]g
			and model:vllm_finished:rate%[4]s > %.3[5]g`, missRatio(o, b.Long), missRatio(o, b.Short), limit, b.Long, minRate),
		Summary: fmt.Sprintf(`{{ $value | humanizePercentage }} of the requests for {{ $labels.model_name }} miss their %s of %g s`, o.Title, o.Seconds),
		Description: fmt.Sprintf("At this rate %s is gone. The objective is %g %% within %g s, over windows of %s and %s.",
			b.Budget, 100*o.Target, o.Seconds, b.Long, b.Short),
		Cases: []Case{
			{"fires when the budget goes faster than that", latencies(o, limit+0.01), 420 * time.Minute, 1},
			{"is silent when it goes slower", latencies(o, limit-0.01), 420 * time.Minute, 0},
			{"is silent once the short window is well again", recovering(o, b), 420 * time.Minute, 0},
		},
	}
}

func missRatio(o Objective, window string) string {
	return fmt.Sprintf("model:vllm_%s_miss:ratio_rate%s", o.Name, window)
}

// bound matches a bucket's label as Python ("60.0"), Rust and older Prometheus ("60") write it.
func bound(seconds float64) string {
	text := regexp.QuoteMeta(fmt.Sprintf("%g", seconds))
	if !strings.Contains(text, ".") {
		text += `(\.0)?`
	}
	return text
}

// latencies is seven hours of a hundred requests a minute, of which a share misses the objective.
func latencies(o Objective, miss float64) []Series {
	return histogram(o, fmt.Sprintf("0+%gx430", 100*(1-miss)))
}

// recovering is a budget that was burnt, and has not been for as long as the short window.
func recovering(o Objective, b Burn) []Series {
	minutes := map[string]int{"5m": 5, "30m": 30}[b.Short]
	bad := 420 - minutes - 2
	at := 100 * (1 - 2*b.Rate*(1-o.Target))
	return histogram(o, fmt.Sprintf("0+%gx%d %g+100x%d", at, bad, at*float64(bad)+100, 428-bad))
}

func histogram(o Objective, good string) []Series {
	le := fmt.Sprintf("%g", o.Seconds)
	if !strings.Contains(le, ".") {
		le += ".0"
	}
	return []Series{
		{o.Histogram + `_bucket{le="` + le + `", ` + testEngine + `}`, good},
		{o.Histogram + `_count{` + testEngine + `}`, "0+100x430"},
		{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, "0+100x430"},
	}
}

func replaceInstance(labels, instance string) string {
	return regexp.MustCompile(`instance="[^"]*"`).ReplaceAllLiteralString(labels, `instance="`+instance+`"`)
}
