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
				Expr: missExpr(o, window),
			})
		}
	}
	for _, o := range Objectives {
		for _, b := range Burns {
			g.Alerts = append(g.Alerts, burnAlert(o, b))
		}
	}
	g.Alerts = append(g.Alerts, blindAlert())
	return g
}

// missExpr is the share of requests above an objective. Servers whose histogram has no bucket with that bound are left out of both
// sides: their requests would count as missed. A native histogram tells the share at any value.
func missExpr(o Objective, window time.Duration) string {
	return fmt.Sprintf("1 - sum by (%[1]s) (rate(%[2]s_bucket{le=~%[3]q}[%[4]s]))"+
		" / sum by (%[1]s) (rate(%[2]s_count[%[4]s]) and ignoring (le) rate(%[2]s_bucket{le=~%[3]q}[%[4]s]))"+
		" or 1 - histogram_fraction(-Inf, %[5]g, sum by (%[1]s) (rate(%[2]s[%[4]s])))",
		byModel, o.Histogram, bound(o.Seconds), duration(window), o.Seconds)
}

// blindAlert says of which servers the burn rates say nothing: the burn rules read one bucket per objective, and a rule that
// finds no bucket is silent, as is one that finds nothing wrong.
func blindAlert() Alert {
	var blind []string
	for _, o := range Objectives {
		blind = append(blind, fmt.Sprintf(
			"label_replace(sum by (%[1]s) (rate(vllm:request_success_total[10m])) > %.3[2]g"+
				" unless on (%[1]s) (%[3]s_bucket{le=~%[4]q} or histogram_count(%[3]s)), \"objective\", %[5]q, \"\", \"\")",
			byInstance, minRate, o.Histogram, bound(o.Seconds), o.Title))
	}
	tpot := Objectives[1]
	whole := func(histogram, le string, values string) []Series {
		return []Series{{histogram + `_bucket{le="` + le + `", ` + testEngine + `}`, values}, {histogram + `_count{` + testEngine + `}`, values}}
	}
	finished := Series{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, fmt.Sprintf("0+%gx60", 60*minRate*above)}
	var all, others []Series
	for _, o := range Objectives {
		all = append(all, whole(o.Histogram, le(o), "0+60x60")...)
		if o != tpot {
			others = append(others, whole(o.Histogram, le(o), "0+60x60")...)
		}
	}
	return Alert{
		Name: "VLLMLatencyRulesBlind", Severity: Medium, Component: SLO, For: 10 * time.Minute,
		Expr:    strings.Join(blind, "\nor "),
		Summary: `The {{ $labels.objective }} burn rate has no data for {{ $labels.model_name }} on {{ $labels.instance }}`,
		Description: "The server finishes requests, but its histogram has no bucket at the objective. Either the server has other buckets " +
			"(--custom-histogram-buckets), or its vLLM is too old. Alerts on this objective cannot fire for this server, at any latency.",
		Cases: []Case{
			{"fires for an objective without its bucket", append(append(whole(tpot.Histogram, "0.33", "0+60x60"), others...), finished), 20 * time.Minute, 1},
			{"fires for each objective where no histogram is there", []Series{finished}, 20 * time.Minute, len(Objectives)},
			{"is silent when all buckets are there", append(all, finished), 30 * time.Minute, 0},
			{"is silent when hardly a request finishes", []Series{{finished.Name, fmt.Sprintf("0+%gx60", 60*minRate*below)}}, 30 * time.Minute, 0},
		},
	}
}

func burnAlert(o Objective, b Burn) Alert {
	limit := b.Rate * (1 - o.Target)
	return Alert{
		Name: "VLLM" + o.Title + "Burn" + b.Name, Severity: b.Severity, Component: SLO,
		Expr: pretty(`
			%[1]s > %.4[3]g
			and %[2]s > %.4[3]g
			and model:vllm_finished:rate%[4]s > %.3[5]g`, missRatio(o, b.Long), missRatio(o, b.Short), limit, duration(b.Long), minRate),
		Summary: fmt.Sprintf(`{{ $value | humanizePercentage }} of the requests for {{ $labels.model_name }} miss the %s limit of %g s`, o.Title, o.Seconds),
		Description: fmt.Sprintf("This rate uses up %s. The objective is %g %% within %g s. The windows are %s and %s.",
			b.Budget, 100*o.Target, o.Seconds, duration(b.Long), duration(b.Short)),
		Cases: []Case{
			{"fires when the budget goes faster than that, from one request a minute on", latencies(o, b, limit*above, limit*above, 60*minRate*above), b.seen(), 1},
			{"is silent once the short window is well again", latencies(o, b, 2*limit, limit*below, 100), b.seen(), 0},
			{"is silent while only the short window is bad", latencies(o, b, limit*below, 3*limit, 100), b.seen(), 0},
			{"is silent when there is hardly a request", latencies(o, b, 1, 1, 60*minRate*below), b.seen(), 0},
			{"fires when Prometheus keeps the histogram as a native one", native(o, b, 2*limit), b.seen() + 10*time.Minute, 1},
			{"is silent when a native histogram shows fewer", native(o, b, limit*below), b.seen(), 0},
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
	every := fmt.Sprintf("0+%gx%d", perMinute, end)
	return []Series{
		{o.Histogram + `_bucket{le="` + le(o) + `", ` + testEngine + `}`,
			fmt.Sprintf("0+%gx%d %g+%gx%d", slow, from, slow*float64(from)+fast, fast, end-from)},
		{o.Histogram + `_count{` + testEngine + `}`, every},
		{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, every},
	}
}

// native is a hundred requests a minute in a native histogram with custom buckets, of which a share misses the objective.
func native(o Objective, b Burn, missed float64) []Series {
	every := fmt.Sprintf("0+100x%d", int(b.seen().Minutes())+20)
	histogram := func(count float64) string {
		return fmt.Sprintf("{{schema:-53 sum:%g count:%g custom_values:[%g] buckets:[%g %g]}}", count, count, o.Seconds, count*(1-missed), count*missed)
	}
	return []Series{
		{o.Histogram + "{" + testEngine + "}", histogram(0) + "+" + histogram(100) + every[len("0+100"):]},
		{`vllm:request_success_total{finished_reason="stop", ` + testEngine + `}`, every},
	}
}

// le is the label of an objective's bucket as Python writes it.
func le(o Objective) string {
	text := fmt.Sprintf("%g", o.Seconds)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func replaceInstance(labels, instance string) string {
	return regexp.MustCompile(`instance="[^"]*"`).ReplaceAllLiteralString(labels, `instance="`+instance+`"`)
}
