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
	Unread     int // rows, not ambiguous otherwise, of which there may be evidence that was not read
	// LinesUnmatched counts id-bearing lines given to no row because they fit several.
	LinesUnmatched int
	// DuplicateLines counts id-bearing lines that are a copy of another, of Lines: they are counted once in rows.
	DuplicateLines, Lines int
	WithModel             int
	WithEngine            int // rows with engine state at arrival
	// EngineUndecided counts rows that several servers or engines could be of, which nothing tells apart: they have no engine state.
	EngineUndecided int

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
	// Stuck are requests that only an engine's gauges tell of, past the limit of their model.
	Stuck []Stuck
	// Blind are the stores that have nothing of a window in which there were requests.
	Blind []evidence.Store
	// Findings are what was measured about the telemetry, by the stores' clients and by the join: one per Check.
	Findings []evidence.Finding
}

// Explained compares what an engine counted as finished with the rows that end between the same two scrapes.
type Explained struct {
	Model, Environment, Cluster, Namespace, Instance string
	From, To                                         time.Time // first and last scrape used
	Counted                                          float64
	Rows                                             int
	// Of these rows, those that ended ok and left a span: the part that latencies are known of; and those that did not end ok.
	Spans, Failed int
	Traced        int // rows with a span, however they ended
}

// Ratio is rows / counted; NaN when the engine counted nothing.
func (e Explained) Ratio() float64 {
	if e.Counted <= 0 {
		return evidence.NaN
	}
	return float64(e.Rows) / e.Counted
}

func (j *joiner) report() Report {
	rep := Report{Stores: j.in.Stores, Looked: j.looked(), Dropped: j.in.Dropped, LinesUnmatched: j.linesUnmatched, DuplicateLines: j.duplicates, Lines: len(j.in.Events)}
	rep.tally(len(j.rows), func(i int) *Request { return &j.rows[i] })
	ends := endings(j.rows)
	rep.explain(ends, j.instances, rep.Looked, vllm.Scope{})
	rep.Findings = j.withSpanFindings(j.findings(), ends)
	rep.look(j.instances, vllm.Scope{})
	rep.Stuck = j.stuck()
	return rep
}

// findings puts together what was measured about the telemetry. What the join itself measures is added here.
func (j *joiner) findings() []evidence.Finding {
	var stores []evidence.Finding
	for _, s := range j.in.Stores {
		stores = append(stores, s.Findings...)
		stores = append(stores, s.Lines.Findings()...)
	}
	return evidence.MergeFindings(stores, j.in.Findings, j.engineFindings(), j.measuredFindings())
}

// Within narrows a join to a scope: its rows, and a report on these alone. Rows that do not name a place which is asked for
// leave, as they do from an answer.
func (j Joined) Within(s vllm.Scope) Joined {
	p := Predicate{}.Within(s)
	if len(p.tests) == 0 {
		return j
	}
	out := j
	out.scope, out.Rows = s, nil
	for i := range j.Rows {
		if p.Holds(&j.Rows[i]) {
			out.Rows = append(out.Rows, j.Rows[i])
		}
	}
	whole := j.Report
	out.Report = Report{
		Stores: whole.Stores, Looked: whole.Looked, Dropped: whole.Dropped, LinesUnmatched: whole.LinesUnmatched, Findings: whole.Findings,
		DuplicateLines: whole.DuplicateLines, Lines: whole.Lines,
	}
	out.Report.tally(len(out.Rows), func(i int) *Request { return &out.Rows[i] })
	out.Report.explain(endings(j.Rows), j.instances, whole.Looked, s)
	out.Report.look(j.instances, s)
	out.Report.Stuck = slices.DeleteFunc(slices.Clone(whole.Stuck), func(held Stuck) bool {
		return !p.Holds(&Request{Origin: held.Origin, Model: held.Model, Engine: held.Engine})
	})
	return out
}

// tally counts rows by what met.
func (rep *Report) tally(n int, row func(i int) *Request) {
	rep.Rows = n
	var skews []float64
	for i := range n {
		r := row(i)
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
		switch {
		case r.Ambiguous:
			rep.Ambiguous++
		case r.Unread:
			rep.Unread++
		}
		if r.undecided {
			rep.EngineUndecided++
		}
		if r.Model != "" {
			rep.WithModel++
		}
		if r.Signals&SignalMetrics != 0 {
			rep.WithEngine++
		}
		if r.logSkew == r.logSkew {
			skews = append(skews, r.logSkew)
		}
	}
	rep.LogSkew, rep.LogSkewPairs = evidence.NaN, len(skews)
	if len(skews) > 0 {
		slices.Sort(skews)
		rep.LogSkew = skews[len(skews)/2]
	}
}

// ending is when a request was over that its engine counts.
type ending struct {
	place    int32
	counts   int   // as the engine does: a beam search is one request per beam and step
	at       int64 // Unix nanoseconds
	duration time.Duration
	ok, span bool
}

// endings lists them.
func endings(rows []Request) []ending {
	out := make([]ending, 0, len(rows))
	for i := range rows {
		if r := &rows[i]; r.place >= 0 && r.Finished() {
			end := r.End()
			out = append(out, ending{r.place, max(1, r.search.spans), end.UnixNano(), end.Sub(r.Time), r.Status == StatusOK, r.Span != nil})
		}
	}
	return out
}

// explain compares rows with the engines' own counters, instance by instance (a row rarely knows its rank), between the
// first and the last scrape that count.
//
// Rows are requests that began in the window joined, counters count requests that ended. So the comparison begins when the
// requests of before are over: after the longest request of the instance, but not later than the middle of the window.
func (rep *Report) explain(ends []ending, known *instances, joined evidence.Window, scope vllm.Scope) {
	by := make([]Explained, len(known.list))
	longest := make([]time.Duration, len(known.list))
	for _, e := range ends {
		longest[e.place] = max(longest[e.place], e.duration)
	}
	for i := range known.list {
		in := &known.list[i]
		by[i].Model, by[i].Environment, by[i].Cluster = in.origin.Model, in.origin.Environment, in.origin.Cluster
		by[i].Namespace, by[i].Instance = in.origin.Namespace, cmp.Or(in.origin.Pod, in.origin.Instance)
		counted := rep.Looked
		if over := joined.From.Add(min(longest[i], joined.Duration()/2)); over.After(counted.From) {
			counted.From = over
		}
		if in.unclear || !in.within(scope) {
			continue
		}
		for k := range in.engines {
			for _, s := range in.engines[k].series[vllm.RequestSuccess] {
				by[i].count(s.Samples, counted)
			}
		}
	}
	for _, e := range ends {
		if x := &by[e.place]; !x.From.IsZero() && e.at > x.From.UnixNano() && e.at <= x.To.UnixNano() {
			x.Rows += e.counts
			if e.span {
				x.Traced += e.counts
			}
			switch {
			case !e.ok:
				x.Failed += e.counts
			case e.span:
				x.Spans += e.counts
			}
		}
	}
	by = slices.DeleteFunc(by, func(e Explained) bool { return e.From.IsZero() })
	for _, e := range by {
		rep.Explained.add(e)
	}
	rep.ByInstance = oneEach(by)
}

// oneEach sorts by name and adds up what has the same: a pod that came back has another address and is another instance to
// the metrics, and alert rules want labels once.
func oneEach(by []Explained) []Explained {
	name := func(a, b Explained) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), strings.Compare(a.Environment, b.Environment), strings.Compare(a.Cluster, b.Cluster),
			strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Instance, b.Instance))
	}
	slices.SortStableFunc(by, name)
	out := by[:0]
	for _, e := range by {
		if last := len(out) - 1; last >= 0 && name(out[last], e) == 0 {
			out[last].add(e)
			out[last].span(e.From, e.To)
			continue
		}
		out = append(out, e)
	}
	return out
}

func (e *Explained) add(o Explained) {
	e.Counted += o.Counted
	e.Rows += o.Rows
	e.Spans += o.Spans
	e.Traced += o.Traced
	e.Failed += o.Failed
}

// span widens the time that is compared.
func (e *Explained) span(from, to time.Time) {
	if e.From.IsZero() || from.Before(e.From) {
		e.From = from
	}
	if to.After(e.To) {
		e.To = to
	}
}

// count adds the increase of one counter over the scrapes in the window.
func (e *Explained) count(samples []evidence.Sample, w evidence.Window) {
	from := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= w.From.UnixMilli() })
	to := sort.Search(len(samples), func(i int) bool { return samples[i].UnixMilli >= w.To.UnixMilli() })
	if to-from > 1 {
		samples = samples[from:to]
		e.Counted += increase(samples)
		e.span(time.UnixMilli(samples[0].UnixMilli).UTC(), time.UnixMilli(samples[len(samples)-1].UnixMilli).UTC())
	}
}

// Finished reports whether the engine counts this request in request_success_total: every sequence that it ended, but not one
// whose client went away, and none that was in flight when the engine died (vllm-telemetry.md 1.8): nobody is left to count it.
func (r *Request) Finished() bool { return r.Span != nil || r.counted }

// Complete reports whether the rows explain all that every engine counted. Each instance may be off by one: a request that
// ends with a scrape falls on either side of it.
func (r Report) Complete() bool {
	if len(r.ByInstance) == 0 {
		return false
	}
	for _, e := range r.ByInstance {
		if float64(e.Rows) < e.Counted-1 {
			return false
		}
	}
	return true
}
