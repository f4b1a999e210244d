package alerts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// burn is how fast the error budget of each latency objective goes: one limit at a time, since buckets cannot tell whether one
// request kept all of them. The joint figure needs the requests themselves: kind slo of the data source.
func burn() Group {
	g := Group{Name: "vllm-slo"}
	for _, window := range burnWindows() {
		g.Records = append(g.Records, Record{
			Name: "model:vllm_finished:rate" + duration(window),
			Expr: fmt.Sprintf("sum by (%s) (rate(vllm:request_success_total[%s]))", byModel, duration(window)),
		})
		for _, o := range Objectives {
			g.Records = append(g.Records, Record{
				Name: missRatio(o, window),
				Expr: fmt.Sprintf("1 - sum by (%[1]s) (rate(%[2]s_bucket{le=~%[3]q}[%[4]s])) / sum by (%[1]s) (rate(%[2]s_count[%[4]s]))",
					byModel, o.Histogram, bound(o.Seconds), duration(window)),
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
			and model:vllm_finished:rate%[4]s > %.3[5]g`, missRatio(o, b.Long), missRatio(o, b.Short), limit, duration(b.Long), minRate),
		Summary: fmt.Sprintf(`{{ $value | humanizePercentage }} of the requests for {{ $labels.model_name }} miss their %s of %g s`, o.Title, o.Seconds),
		Description: fmt.Sprintf("At this rate %s is gone. The objective is %g %% within %g s, over windows of %s and %s.",
			b.Budget, 100*o.Target, o.Seconds, duration(b.Long), duration(b.Short)),
		Cases: []Case{
			{"fires when the budget goes faster than that, from one request a minute on", latencies(o, b, limit*above, limit*above, 60*minRate*above), b.seen(), 1},
			{"is silent once the short window is well again", latencies(o, b, 2*limit, limit*below, 100), b.seen(), 0},
			{"is silent while only the short window is bad", latencies(o, b, limit*below, 3*limit, 100), b.seen(), 0},
			{"is silent when there is hardly a request", latencies(o, b, 1, 1, 60*minRate*below), b.seen(), 0},
		},
	}
}

// burnWindows are all windows of the burn rates, shortest first.
func burnWindows() (windows []time.Duration) {
	for _, b := range Burns {
		windows = append(windows, b.Long, b.Short)
	}
	slices.Sort(windows)
	return slices.Compact(windows)
}

func missRatio(o Objective, window time.Duration) string {
	return fmt.Sprintf("model:vllm_%s_miss:ratio_rate%s", o.Name, duration(window))
}

// bound matches a bucket's label as Python ("60.0"), Rust and older Prometheus ("60") write it.
func bound(seconds float64) string {
	text := regexp.QuoteMeta(fmt.Sprintf("%g", seconds))
	if !strings.Contains(text, ".") {
		text += `(\.0)?`
	}
	return text
}

// seen is a time from the first sample on at which both windows are full.
func (b Burn) seen() time.Duration { return b.Long + time.Hour/2 }

// latencies is so many requests a minute, of which the shares long and short miss the objective, seen in the long window
// and in the short one at its end.
func latencies(o Objective, b Burn, long, short, perMinute float64) []Series {
	share := b.Short.Minutes() / b.Long.Minutes()
	before := (long - short*share) / (1 - share)
	from, end := int((b.seen() - b.Short).Minutes()), int(b.seen().Minutes())+10
	slow, fast := perMinute*(1-before), perMinute*(1-short)
	le := fmt.Sprintf("%g", o.Seconds)
	if !strings.Contains(le, ".") {
		le += ".0"
	}
	every := fmt.Sprintf("0+%gx%d", perMinute, end)
	return []Series{
		{o.Histogram + `_bucket{le="` + le + `", ` + testEngine + `}`,
			fmt.Sprintf("0+%gx%d %g+%gx%d", slow, from, slow*float64(from)+fast, fast, end-from)},
		{o.Histogram + `_count{` + testEngine + `}`, every},
		{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, every},
	}
}

func replaceInstance(labels, instance string) string {
	return regexp.MustCompile(`instance="[^"]*"`).ReplaceAllLiteralString(labels, `instance="`+instance+`"`)
}
