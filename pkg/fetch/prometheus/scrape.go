package prometheus

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// DefaultScrapeInterval is taken where none is set and none can be measured: the usual one of Prometheus' Kubernetes
	// operator. (Prometheus' own default is a minute.)
	DefaultScrapeInterval = 15 * time.Second
	// scrapeRange is how much of a series one measurement looks at: ten scrapes of a minute, two of five.
	scrapeRange = 10 * time.Minute
	// scrapeLooks are how many moments before the end of a window are looked at, scrapeLookEvery apart: engines come and go.
	scrapeLooks     = 5
	scrapeLookEvery = 15 * time.Minute
	// scrapeTimeout is how long a query waits for the measurement.
	scrapeTimeout = 2 * time.Second
	// fewEngines is the share of engines below which a slower interval is that of failing scrapes and not of a job.
	fewEngines = 0.1
)

// ScrapeInterval is how often the engines are scraped: what is set in the data source, else what is measured at the end of
// the window, else DefaultScrapeInterval. It never fails: a store that does not answer says so to the query itself.
func (c *Client) ScrapeInterval(ctx context.Context, w evidence.Window) (time.Duration, []evidence.Call) {
	if c.engines.ScrapeInterval > 0 {
		return c.engines.ScrapeInterval, nil
	}
	measuring, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	measured, calls, err := c.MeasureScrapeInterval(measuring, w)
	if err != nil && ctx.Err() == nil { // the next query shall not wait for it again
		c.scrapes.Put(ctx, promql.Floor(w.To, nameGrain), 0)
	}
	return cmp.Or(measured, DefaultScrapeInterval), calls
}

// MeasureScrapeInterval tells from the times of samples how often the engines are scraped, whatever is set: the slowest
// interval that a tenth of the engines has. It looks at the hour before the end of the window, then at all of the window;
// 0 = not known.
func (c *Client) MeasureScrapeInterval(ctx context.Context, w evidence.Window) (time.Duration, []evidence.Call, error) {
	return c.scrapes.Get(ctx, promql.Floor(w.To, nameGrain), func(ctx context.Context) (time.Duration, []evidence.Call, error) {
		return c.lookAtScrapes(ctx, w)
	})
}

func (c *Client) lookAtScrapes(ctx context.Context, w evidence.Window) (time.Duration, []evidence.Call, error) {
	names, calls, err := c.Names(ctx, w)
	running := names.Of(vllm.NumRequestsRunning)
	if err != nil || len(running) == 0 {
		return 0, calls, err
	}
	selector := promql.Selector([]string{names.Full(running[0])}, promql.ScopeMatchers(c.store.Labels, vllm.Scope{})...)
	lately := promql.Range{From: w.To.Add(-(scrapeLooks - 1) * scrapeLookEvery), To: w.To, Step: scrapeLookEvery}
	whole := promql.Range{From: w.From, To: w.To, Step: max(w.Duration()/(scrapeLooks-1), time.Second)}
	var interval time.Duration
	for _, look := range []func() (promql.Result, evidence.Call, error){
		func() (promql.Result, evidence.Call, error) {
			return c.QueryRange(ctx, intervalsExpr(selector), lately)
		},
		func() (promql.Result, evidence.Call, error) {
			return c.Query(ctx, promql.Over(selector, scrapeRange), w.To)
		}, // too young for the first
		func() (promql.Result, evidence.Call, error) { return c.QueryRange(ctx, intervalsExpr(selector), whole) },
	} {
		answer, call, err := look()
		calls = append(calls, call)
		if err != nil {
			return 0, calls, err
		}
		engines := intervalsOf(answer)
		if interval = slowest(engines); interval > 0 {
			if !plain(engines) { // scrapes that failed, as while an engine restarts, look like a longer interval
				answer, call, err := c.Query(ctx, promql.Over(selector, (scrapeLooks-1)*scrapeLookEvery+scrapeRange), w.To)
				calls = append(calls, call)
				if err == nil { // else the longer one does no harm but to gaps that are not seen
					interval = cmp.Or(slowest(intervalsOf(answer)), interval)
				}
			}
			break
		}
	}
	return interval, calls, nil
}

// intervalLabel carries a measured interval within an answer.
const intervalLabel = "seconds"

// intervalsExpr counts the engines by their interval, in tenths of a second: from a sample to the one that was the last ten
// minutes before, divided by how many there were since.
func intervalsExpr(selector string) string {
	return "count_values (" + promql.Quote(intervalLabel) + ", round((timestamp(" + selector + ") - timestamp(" + selector + " offset " +
		promql.Duration(scrapeRange) + ")) / count_over_time(" + promql.Over(selector, scrapeRange) + "), 0.1))"
}

// intervalsOf reads either answer: engines by interval, or the samples themselves.
func intervalsOf(answer promql.Result) map[time.Duration]float64 {
	engines := map[time.Duration]float64{}
	for _, s := range answer.Series {
		if text, ok := s.Labels[intervalLabel]; ok {
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil || !(seconds > 0) || seconds > scrapeRange.Seconds() {
				continue
			}
			for _, sample := range s.Samples {
				engines[usual(seconds)] += sample.Value
			}
			continue
		}
		if gap := usualGap(s.Samples); gap > 0 {
			engines[usual(gap)]++
		}
	}
	return engines
}

// usualGap is the median time between samples, in seconds, which scrapes that failed do not change; 0 = not known.
func usualGap(samples []evidence.Sample) float64 {
	var gaps []int64
	for i := 1; i < len(samples); i++ {
		if gap := samples[i].UnixMilli - samples[i-1].UnixMilli; gap > 0 {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return float64(gaps[(len(gaps)-1)/2]) / 1000
}

// plain reports whether all engines have the same interval, one that people write into scrape jobs.
func plain(engines map[time.Duration]float64) bool {
	for d := range engines {
		if len(engines) > 1 || !slices.Contains(usualIntervals, d.Seconds()) {
			return false
		}
	}
	return true
}

// usualIntervals are what people write into scrape jobs, in seconds.
var usualIntervals = []float64{1, 2, 5, 10, 15, 20, 30, 60, 120, 300}

// usual is the interval that was meant: scrapes come a little early or late, and one may have failed. Others are rounded up
// to whole seconds.
func usual(seconds float64) time.Duration {
	for _, u := range usualIntervals {
		if math.Abs(seconds-u) <= 0.1*u {
			return time.Duration(u * float64(time.Second))
		}
	}
	return time.Duration(math.Ceil(seconds)) * time.Second
}

// slowest is the longest interval that more than a few engines have; 0 = none.
func slowest(engines map[time.Duration]float64) (interval time.Duration) {
	all := 0.0
	for _, n := range engines {
		all += n
	}
	for d, n := range engines {
		if n >= fewEngines*all {
			interval = max(interval, d)
		}
	}
	return interval
}

// Bounds between which a set interval serves a measured one: four scrapes make a rate, and a sample is stale after two and a
// half.
const (
	muchSlower = 1.5
	muchFaster = 3
)

// ScrapeFinding says that the interval which is set does not fit the one that is measured; ok is false when it does, when none
// is set (0), and when none can be measured.
func ScrapeFinding(set, measured time.Duration) (f evidence.Finding, ok bool) {
	f = evidence.Finding{Check: "scrape_interval", Value: measured.Seconds()}
	slower, faster := float64(measured) > muchSlower*float64(set), muchFaster*float64(measured) < float64(set)
	switch {
	case set <= 0, measured <= 0:
		return f, false
	case slower:
		f.Found = "rates are taken over so few scrapes that graphs are empty, and the engine's state counts as stale before the next scrape"
	case faster:
		f.Found = "rates are taken over longer times than needed, and old samples still count as the engine's state"
	default:
		return f, false
	}
	f.Found = fmt.Sprintf("The engines are scraped every %s and the data source's scrape interval says %s: %s.", promql.Duration(measured), promql.Duration(set), f.Found)
	f.Fix = fmt.Sprintf("Leave the scrape interval of the data source empty, so that it is measured, or set it to %s.", promql.Duration(measured))
	return f, true
}

// ScrapeFindings measures how often the engines are scraped at the end of a window, and holds what is set against it.
func (c *Client) ScrapeFindings(ctx context.Context, w evidence.Window) ([]evidence.Finding, []evidence.Call, error) {
	measured, calls, err := c.MeasureScrapeInterval(ctx, w)
	if finding, ok := ScrapeFinding(c.engines.ScrapeInterval, measured); ok {
		return []evidence.Finding{finding}, calls, err
	}
	return nil, calls, err
}
