package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Stuck are requests that no row tells of and that the engine's own gauges hold past their limit: it finished nothing for longer
// than the limit, and all that time it had at least so many. Without lines that name requests, a hanging engine looks idle.
//
// It is a doubt and no proof: vLLM sets its gauges with each step, so that an engine whose last clients left keeps theirs.
type Stuck struct {
	Origin   *evidence.Origin
	Model    string
	Engine   string
	Since    time.Time // they began before this
	Requests float64
}

// fewStuck is how many requests an engine must hold: one or two may be those of clients that left it idle.
const fewStuck = 3

// stuck looks for engines that hold requests and finish none.
func (j *joiner) stuck() (out []Stuck) {
	if len(j.in.SLO) == 0 {
		return nil
	}
	told := make([]float64, len(j.instances.list)) // rows of requests that are open past their limit
	for i := range j.rows {
		if r := &j.rows[i]; r.place >= 0 && r.Open() {
			told[r.place]++
		}
	}
	for i := range j.instances.list {
		in := &j.instances.list[i]
		for e := range in.engines {
			model := in.engines[e].model
			if model == "" {
				model = in.origin.Model
			}
			index := j.in.SLO.Index(model)
			if index < 0 || j.in.SLO[index].E2E == 0 || in.unclear || in.engines[e].unclear {
				continue
			}
			held, since := in.engines[e].holds(j.looked(), j.in.SLO[index].E2E+OpenMargin, j.in.StaleAfter)
			known := min(told[i], held)
			told[i] -= known
			if held-known >= fewStuck {
				out = append(out, Stuck{Origin: in.origin, Model: model, Engine: in.engines[e].rank, Since: since, Requests: held - known})
			}
		}
	}
	return out
}

// holds is how many requests an engine had at every scrape of so long a time before the last one in a window, when it finished
// none meanwhile; 0 when it did, or when a scrape is missing.
func (e *engine) holds(window evidence.Window, long, stale time.Duration) (requests float64, since time.Time) {
	running := inOrder(e.series[vllm.NumRequestsRunning])
	last := lastAtOrBefore(running, window.To)
	if last < 0 {
		return 0, since
	}
	since = time.UnixMilli(running[last].UnixMilli).Add(-long)
	first := lastAtOrBefore(running, since)
	if first < 0 || since.Before(window.From) {
		return 0, since
	}
	counters := e.series[vllm.RequestSuccess]
	if len(counters) == 0 {
		return 0, since
	}
	for _, s := range counters {
		from, to := lastAtOrBefore(s.Samples, since), lastAtOrBefore(s.Samples, time.UnixMilli(running[last].UnixMilli))
		if from < 0 || to < from || increase(s.Samples[from:to+1]) > 0 {
			return 0, since
		}
	}
	waiting := map[int64]float64{}
	for _, s := range inOrder(e.series[vllm.NumRequestsWaiting]) {
		waiting[s.UnixMilli] = s.Value
	}
	requests = running[first].Value + waiting[running[first].UnixMilli]
	for i := first + 1; i <= last; i++ {
		if running[i].UnixMilli-running[i-1].UnixMilli > stale.Milliseconds() {
			return 0, since
		}
		requests = min(requests, running[i].Value+waiting[running[i].UnixMilli])
	}
	return requests, since
}
