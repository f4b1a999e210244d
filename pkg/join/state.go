package join

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// state writes the engine's state at arrival into every row whose engine is known: an as-of join, the last sample at or
// before the moment. It never interpolates and never looks past the moment; a sample older than StaleAfter says nothing.
//
// Rows are walked engine by engine in the order of time with one cursor per series, so the cost is rows + samples.
func (j *joiner) state() {
	buckets := j.buckets()
	for i := range j.instances.list {
		in := &j.instances.list[i]
		for e := range in.engines {
			j.engineState(buckets[place{ordinal(i), ordinal(e)}], &in.engines[e])
		}
		if len(in.gpus) > 0 {
			j.gpuState(buckets, ordinal(i), in)
		}
	}
}

// place is an engine: index of the instance, index of the engine in it; engine -1 when the row's rank is not known.
type place struct{ instance, engine int32 }

// buckets lists the rows of each engine in the order of arrival.
func (j *joiner) buckets() map[place][]int32 {
	out := map[place][]int32{}
	for i := range j.rows {
		p := j.rows[i].place
		if p < 0 {
			continue
		}
		at := place{p, -1}
		at.engine, j.rows[i].undecided = j.instances.list[p].engineOf(&j.rows[i])
		out[at] = append(out[at], ordinal(i))
	}
	for _, rows := range out {
		less := func(a, b int32) int { return j.rows[a].Time.Compare(j.rows[b].Time) }
		if !slices.IsSortedFunc(rows, less) {
			slices.SortFunc(rows, less)
		}
	}
	return out
}

func (j *joiner) engineState(rows []int32, e *engine) {
	if len(rows) == 0 {
		return
	}
	for _, c := range []struct {
		metric string
		field  func(*Request) *float64
	}{
		{vllm.NumRequestsRunning, func(r *Request) *float64 { return &r.Running }},
		{vllm.NumRequestsWaiting, func(r *Request) *float64 { return &r.Waiting }},
		{vllm.KVCacheUsage, func(r *Request) *float64 { return &r.KVCacheUsage }},
	} {
		cursor := asOf{samples: inOrder(e.series[c.metric]), stale: j.in.StaleAfter}
		for _, i := range rows {
			r := &j.rows[i]
			if v, ok := cursor.at(r.Time); ok {
				*c.field(r) = v
				r.Signals |= SignalMetrics
			}
		}
	}
	if counted := inOrder(e.series[vllm.NumPreemptions]); len(counted) > 0 {
		for _, i := range rows {
			if j.ended(i) {
				j.rows[i].Preemptions = j.preemptions(&j.rows[i], counted)
			}
		}
	}
}

// ended reports whether anything tells that a request is over: its last line is no end while it may still run.
func (j *joiner) ended(i int32) bool {
	r, f := &j.rows[i], &j.events[i]
	return r.Span != nil || r.Caller != nil || f.aborted || f.failed || f.failedInside || f.generated || f.refused
}

// inOrder gives the samples of all series of one metric in the order of time: an engine that came back under another address
// has two, and the last scrape of both is the one that counts.
func inOrder(series []*evidence.Series) []evidence.Sample {
	if len(series) == 1 {
		return series[0].Samples
	}
	var all []evidence.Sample
	for _, s := range series {
		all = append(all, s.Samples...)
	}
	slices.SortStableFunc(all, func(a, b evidence.Sample) int { return cmp.Compare(a.UnixMilli, b.UnixMilli) })
	return all
}

// preemptions is how many times the engine preempted any request around this one: from the last scrape before its arrival to
// the first one after its end. All that happened to it lies in between, so zero means that it was not preempted itself; more
// says only that somebody was. Unknown when one of the two scrapes is missing.
func (j *joiner) preemptions(r *Request, samples []evidence.Sample) float64 {
	end := r.End()
	if end.IsZero() {
		return evidence.NaN
	}
	before, after := lastAtOrBefore(samples, r.Time), firstAtOrAfter(samples, end)
	if before < 0 || after == len(samples) || after < before || stale(samples[before], r.Time, j.in.StaleAfter) ||
		samples[after].UnixMilli-end.UnixMilli() > j.in.StaleAfter.Milliseconds() {
		return evidence.NaN
	}
	return increase(samples[before : after+1])
}

// gpuState gives every row of an instance the mean utilisation and the summed memory of the instance's GPUs.
func (j *joiner) gpuState(buckets map[place][]int32, i int32, in *instance) {
	for at, rows := range buckets {
		if at.instance != i {
			continue
		}
		for _, row := range rows {
			r := &j.rows[row]
			r.GPUUtilization = combine(in.gpus, vllm.GPUUtilization, r.Time, j.in.StaleAfter, true)
			r.GPUMemoryUsed = combine(in.gpus, vllm.GPUMemoryUsed, r.Time, j.in.StaleAfter, false)
		}
	}
}

// combine sums (or averages) a metric over GPUs at a moment; NaN when any of them is unknown then, since a sum over some
// of the GPUs would look like all of them.
func combine(gpus []*evidence.Series, metric string, t time.Time, staleAfter time.Duration, mean bool) float64 {
	sum, n := 0.0, 0
	for _, g := range gpus {
		if g.Metric != metric {
			continue
		}
		i := lastAtOrBefore(g.Samples, t)
		if i < 0 || stale(g.Samples[i], t, staleAfter) {
			return evidence.NaN
		}
		sum += g.Samples[i].Value
		n++
	}
	switch {
	case n == 0:
		return evidence.NaN
	case mean:
		return sum / float64(n)
	default:
		return sum
	}
}

// asOf walks one series forward; at must be called with times that do not go back.
type asOf struct {
	samples []evidence.Sample
	stale   time.Duration
	next    int
}

func (a *asOf) at(t time.Time) (float64, bool) {
	ms := t.UnixMilli()
	for a.next < len(a.samples) && a.samples[a.next].UnixMilli <= ms {
		a.next++
	}
	if a.next == 0 || stale(a.samples[a.next-1], t, a.stale) {
		return 0, false
	}
	return a.samples[a.next-1].Value, true
}

func lastAtOrBefore(samples []evidence.Sample, t time.Time) int {
	ms := t.UnixMilli()
	return sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli > ms }) - 1
}

// firstAtOrAfter gives len(samples) when there is none. A moment within a millisecond is after a scrape of that millisecond.
func firstAtOrAfter(samples []evidence.Sample, t time.Time) int {
	return sort.Search(len(samples), func(i int) bool { return !time.UnixMilli(samples[i].UnixMilli).Before(t) })
}

func stale(s evidence.Sample, t time.Time, after time.Duration) bool {
	return t.UnixMilli()-s.UnixMilli > after.Milliseconds()
}

// increase sums a counter's rises; a fall is a restart, after which the value counts from zero.
func increase(samples []evidence.Sample) float64 {
	sum := 0.0
	for i := 1; i < len(samples); i++ {
		if d := samples[i].Value - samples[i-1].Value; d >= 0 {
			sum += d
		} else {
			sum += samples[i].Value
		}
	}
	return sum
}
