package promql

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// maxPoints is Prometheus' own ceiling of points per series in a range query.
const maxPoints = 11_000

// Step is the resolution of a range query: as coarse as the panel asks for, but never finer than the scrapes (an alert
// rule's interval is 1 s whatever the data), than minimum, or than Prometheus allows. Whole seconds above one second, so
// that the steps of two refreshes fall on the same grid.
//
// A step is never longer than evidence.MaxRange, whatever is asked for.
func Step(interval, minimum, scrape, length time.Duration) time.Duration {
	step := min(max(interval, minimum, scrape, time.Millisecond), evidence.MaxRange)
	if least := (length + maxPoints - 2) / (maxPoints - 1); step < least { // both ends are points
		step = least
	}
	unit := time.Millisecond
	if step > time.Second {
		unit = time.Second
	}
	return (step + unit - 1) / unit * unit
}

// RateWindow is the range over which a counter's rate is taken: four scrapes, so that one may fail, and never less than a
// step and a scrape, so that no increase falls between two steps.
func RateWindow(step, scrape time.Duration) time.Duration { return max(4*scrape, step+scrape) }

// Range is a range query's grid: From, From+Step, … up to and including To.
type Range struct {
	From, To time.Time
	Step     time.Duration
}

// Align puts both ends on multiples of the step, which makes answers cacheable and series of two queries share their times.
// A step that is longer than the range gives one point, at its end: multiples of it may lie anywhere.
func Align(from, to time.Time, step time.Duration) Range {
	if step <= 0 || step > to.Sub(from) {
		return Range{From: to, To: to, Step: max(step, time.Millisecond)}
	}
	r := Range{From: Floor(from, step), To: Floor(to, step), Step: step}
	if r.To.Sub(r.From) > evidence.MaxRange {
		r.From = r.From.Add(step)
	}
	return r
}

// Floor rounds down to a multiple of step. It works on the Unix epoch; time.Truncate works on year 1, whose multiples of odd steps differ.
func Floor(t time.Time, step time.Duration) time.Time {
	ns := t.UnixNano()
	rest := ns % int64(step)
	if rest < 0 {
		rest += int64(step)
	}
	return time.Unix(0, ns-rest).UTC()
}

// Times lists the grid.
func (r Range) Times() []time.Time {
	n := r.points()
	if n == 0 {
		return nil
	}
	times := make([]time.Time, 0, n)
	for t := r.From; !t.After(r.To); t = t.Add(r.Step) {
		times = append(times, t)
	}
	return times
}

func (r Range) points() int {
	if r.Step <= 0 || r.To.Before(r.From) {
		return 0
	}
	return int(r.To.Sub(r.From)/r.Step) + 1
}

// Vector places samples on the grid, NaN where there is none. The store puts them there exactly; what lies beside it is
// dropped.
func (r Range) Vector(samples []evidence.Sample) []float64 {
	v := make([]float64, r.points())
	for i := range v {
		v[i] = evidence.NaN
	}
	from, step := r.From.UnixMilli(), max(r.Step.Milliseconds(), 1)
	for _, s := range samples {
		if i := (s.UnixMilli - from) / step; i >= 0 && i < int64(len(v)) {
			v[i] = s.Value
		}
	}
	return v
}

// Index is the place of a sample in a Vector; ok is false where it lies beside the grid.
func (r Range) Index(unixMilli int64) (i int, ok bool) {
	at := (unixMilli - r.From.UnixMilli()) / max(r.Step.Milliseconds(), 1)
	return int(at), at >= 0 && at < int64(r.points())
}

// StaleAfter is the age from which a sample of the engines says nothing any more: one missed scrape is forgiven.
func StaleAfter(interval time.Duration) time.Duration {
	return time.Duration(staleScrapes * float64(interval))
}

const staleScrapes = 2.5
