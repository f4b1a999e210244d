package join

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Report says how good a join was: what met, what did not, what was not seen. It travels with every joined frame.
type Report struct {
	Rows       int
	Matched    int // rows with an engine span and log lines
	TraceOnly  int // rows with an engine span and no line
	LogOnly    int // rows known only from lines
	CallerOnly int // rows known only from a caller's span (with or without lines)
	Ambiguous  int // rows whose further evidence fits more than one
	// LinesUnmatched counts id-bearing lines given to no row because they fit several.
	LinesUnmatched int
	WithModel      int
	WithEngine     int // rows with engine state at arrival

	// Engine's own counters against rows, over the scrapes that lie in the window.
	Explained  Explained
	ByInstance []Explained

	// LogSkew is the median of (time of the Received line − span start) over matched pairs, in seconds: the shipper's
	// delay plus the difference of clocks. NaN without pairs.
	LogSkew      float64
	LogSkewPairs int

	Stores []evidence.StoreReport
	// Looked is the part of the window that was joined: narrower than asked for when a limit was met.
	Looked evidence.Window
	// Dropped counts requests that were seen but not kept because of the query's own row limit.
	Dropped int
}

// Explained compares what an engine counted as finished with the rows that end between the same two scrapes.
type Explained struct {
	Model, Instance string
	From, To        time.Time // first and last scrape used
	Counted         float64
	Rows            int
}

// Ratio is rows / counted; NaN when the engine counted nothing.
func (e Explained) Ratio() float64 {
	if e.Counted <= 0 {
		return evidence.NaN
	}
	return float64(e.Rows) / e.Counted
}

func (j *joiner) report() Report {
	rep := Report{
		Rows: len(j.rows), LinesUnmatched: j.linesUnmatched, LogSkew: evidence.NaN, LogSkewPairs: len(j.skews),
		Stores: j.in.Stores, Looked: j.in.Looked, Dropped: j.in.Dropped,
	}
	if rep.Looked == (evidence.Window{}) {
		rep.Looked = j.in.Window
	}
	for i := range j.rows {
		r := &j.rows[i]
		logs := r.Signals&SignalLogs != 0
		switch {
		case r.Span != nil && logs:
			rep.Matched++
		case r.Span != nil:
			rep.TraceOnly++
		case r.Caller != nil:
			rep.CallerOnly++
		default:
			rep.LogOnly++
		}
		if r.Ambiguous {
			rep.Ambiguous++
		}
		if r.Model != "" {
			rep.WithModel++
		}
		if r.Signals&SignalMetrics != 0 {
			rep.WithEngine++
		}
	}
	if n := len(j.skews); n > 0 {
		slices.Sort(j.skews)
		rep.LogSkew = j.skews[n/2]
	}
	rep.explain(j)
	return rep
}

// explain compares rows with the engines' own counters, instance by instance (a row rarely knows its rank), between the
// first and the last scrape that lie in the window looked at.
func (rep *Report) explain(j *joiner) {
	ends := make([][]int64, len(j.instances.list))
	for i := range j.rows {
		r := &j.rows[i]
		if p := j.rowPlace[i]; p >= 0 && r.finished() {
			ends[p] = append(ends[p], r.End().UnixMilli())
		}
	}
	for i := range j.instances.list {
		in := &j.instances.list[i]
		e := Explained{Model: in.model, Instance: instanceName(in.origin)}
		for k := range in.engines {
			for _, s := range in.engines[k].series[vllm.RequestSuccess] {
				e.count(s.Samples, rep.Looked)
			}
		}
		if e.From.IsZero() {
			continue
		}
		for _, end := range ends[i] {
			if end > e.From.UnixMilli() && end <= e.To.UnixMilli() {
				e.Rows++
			}
		}
		rep.ByInstance = append(rep.ByInstance, e)
		rep.Explained.Counted += e.Counted
		rep.Explained.Rows += e.Rows
	}
	slices.SortFunc(rep.ByInstance, func(a, b Explained) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), strings.Compare(a.Instance, b.Instance))
	})
}

// count adds the increase of one counter over the scrapes in the window.
func (e *Explained) count(samples []evidence.Sample, w evidence.Window) {
	from := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= w.From.UnixMilli() })
	to := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= w.To.UnixMilli() })
	if to-from < 2 {
		return
	}
	e.Counted += increase(samples[from:to])
	e.From = time.UnixMilli(samples[from].UnixMilli).UTC()
	e.To = time.UnixMilli(samples[to-1].UnixMilli).UTC()
}

// finished reports whether the engine counts this request in request_success_total: every sequence that it ended, but
// not one whose client went away (vllm-telemetry.md 1.8).
func (r *Request) finished() bool {
	return r.Span != nil || (r.Signals&SignalLogs != 0 && (r.Status == StatusOK || r.Status == StatusError))
}

func instanceName(o *evidence.Origin) string {
	if o == nil {
		return ""
	}
	return cmp.Or(o.Pod, o.Instance)
}
