package figures

import (
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Averages over a range are not those over each series' life. Four pods that follow one another in a day, with ten requests
// running in each, are ten running requests and not forty. So each series counts for the share of the range in which it
// lived, which is looked at in slots: evenly spread moments at which a sample was fresh.

// Bounds on the number of slots: a table of a day looks every twelve minutes; a step of a series is looked at four times,
// which costs as much again as its average.
const (
	mostSlots   = 120
	seriesSlots = 4
)

// slots are the moments at which a window is looked at: count of them, each apart.
type slots struct {
	count int
	apart time.Duration
}

// slotsOf divides a window; no two slots see the same scrape.
func slotsOf(window, scrape time.Duration, whole bool) slots {
	n := seriesSlots
	if whole {
		n = min(max(int(window/max(scrape, time.Millisecond)), seriesSlots), mostSlots)
	}
	return slots{n, max((window / time.Duration(n)).Truncate(time.Millisecond), time.Millisecond)}
}

// over evaluates an expression in every slot. The window is cut to whole slots, or one more would fit in now and then.
func (s slots) over(expr string) string {
	return "(" + expr + ")[" + promql.Duration(time.Duration(s.count)*s.apart) + ":" + promql.Duration(s.apart) + "]"
}

// share makes a count of slots the share of the window that they are.
func (s slots) share(counted string) string { return counted + " / " + strconv.Itoa(s.count) }

// life is the share of the window in which each series lived. A slot on either end can be counted beside the whole.
func (p plan) life(selector string) string {
	return "clamp_max(" + p.slots.share("count_over_time("+p.slots.over("last_over_time("+promql.Over(selector, p.fresh)+")")+")") + ", 1)"
}

// gauge takes a gauge over time and then over engines. A sum is weighed by the share of the window in which each engine
// lived, and so is the mean of a whole range; a maximum is one.
func (p plan) gauge(n need, by []string) string {
	over := p.either(n.over, n.metric, "")
	switch {
	case n.agg == "sum":
		return promql.Aggregate("sum", by, inBrackets(over)+" * "+p.lives(n.metric))
	case n.agg == "avg" && p.whole:
		return promql.Aggregate("sum", by, inBrackets(over)+" * "+p.lives(n.metric)) + " / " + promql.Aggregate("sum", by, p.lives(n.metric))
	}
	return promql.Aggregate(n.agg, by, over)
}

func inBrackets(expr string) string { return "(" + expr + ")" }

// lives is life of a metric under each of its names.
func (p plan) lives(metric string) string {
	expr := ""
	for i, e := range p.names.Of(metric) {
		if i > 0 {
			expr += " or "
		}
		expr += p.life(promql.Selector([]string{p.names.Full(e)}, p.once(p.scope)...))
	}
	return inBrackets(p.names.Once(expr))
}

// seen is the share of the range in which the store knows any engine, whatever the scope: what lies before the first scrape
// of all, and holes in scraping, are not known, and are not zero.
func (p plan) seen() string {
	any := "group(last_over_time(" + promql.Over(p.running(vllm.Scope{}), p.fresh) + "))"
	return "clamp_max(" + p.slots.share("count_over_time("+p.slots.over(any)+")") + ", 1)"
}
