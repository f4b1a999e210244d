package join

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/catalogue"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// CoverageMetric is one number of a join report that can be graphed and alerted on.
type CoverageMetric struct {
	Name, Unit, Description string
	// ByInstance says that the number exists per model and instance; the others are of the whole window.
	ByInstance bool
	Value      func(Report, Explained) float64
}

// Key is the number's name.
func (m CoverageMetric) Key() string { return m.Name }

// OfStores reports whether the number is about the stores themselves: it is known when they fail.
func (m CoverageMetric) OfStores() bool { return strings.HasPrefix(m.Name, "stores_") }

// CoverageMetrics is the coverage kind's table; names are stable once saved.
var CoverageMetrics = catalogue.Of[string, CoverageMetric]{
	{"explained_ratio", "percentunit", "Rows ÷ requests that the engine itself counted as finished", true,
		func(_ Report, e Explained) float64 { return e.Ratio() }},
	{"span_share", "percentunit", "Share of the requests that the engine counted as finished that left a span", true,
		func(_ Report, e Explained) float64 { return share(e.Traced, int(math.Round(e.Counted))) }},
	{"engine_finished", "locale", "Requests that the engine counted as finished between its scrapes in the window", true,
		func(_ Report, e Explained) float64 { return e.Counted }},
	{"rows_finished", "locale", "Rows that end between the same scrapes", true,
		func(_ Report, e Explained) float64 { return float64(e.Rows) }},
	{"rows", "locale", "Joined rows", false, func(r Report, _ Explained) float64 { return float64(r.Rows) }},
	{"matched", "locale", "Rows with an engine span and log lines", false, func(r Report, _ Explained) float64 { return float64(r.Matched) }},
	{"trace_only", "locale", "Rows with an engine span and no line", false, func(r Report, _ Explained) float64 { return float64(r.TraceOnly) }},
	{"log_only", "locale", "Rows known only from lines", false, func(r Report, _ Explained) float64 { return float64(r.LogOnly) }},
	{"caller_only", "locale", "Rows without an engine span, known from a caller's span", false, func(r Report, _ Explained) float64 { return float64(r.CallerOnly) }},
	{"ambiguous", "locale", "Rows whose further evidence fits another row too", false, func(r Report, _ Explained) float64 { return float64(r.Ambiguous + r.Unread) }},
	{"lines_unmatched", "locale", "Lines with an id that were given to no row", false, func(r Report, _ Explained) float64 { return float64(r.LinesUnmatched) }},
	{"duplicate_lines", "locale", "Lines with an id that the log store holds more than once, copies alone: rows count each line once", false, func(r Report, _ Explained) float64 { return float64(r.DuplicateLines) }},
	{"lines_unread", "percentunit", "Share of vLLM's lines about requests that could not be read", false, func(r Report, _ Explained) float64 { return r.linesRead().UnreadShare() }},
	{"lines_cut", "locale", "Lines that were cut into parts on their way", false, func(r Report, _ Explained) float64 { return float64(r.linesRead().Cut) }},
	{"with_model", "percentunit", "Share of rows whose model is known", false, func(r Report, _ Explained) float64 { return share(r.WithModel, r.Rows) }},
	{"with_engine_state", "percentunit", "Share of rows with engine state at arrival", false, func(r Report, _ Explained) float64 { return share(r.WithEngine, r.Rows) }},
	{"engine_undecided", "locale", "Rows that several servers or engines could be of, which nothing tells apart: they have no engine state", false, func(r Report, _ Explained) float64 { return float64(r.EngineUndecided) }},
	{"log_skew", "s", "Median of log time − span start over Received lines", false, func(r Report, _ Explained) float64 { return r.LogSkew }},
	{"stores_failed", "locale", "Configured stores that failed", false, func(r Report, _ Explained) float64 { return float64(r.failed()) }},
	{"stores_blind", "locale", "Configured stores that failed, answered only in part, or have nothing of a time in which there were requests", false,
		func(r Report, _ Explained) float64 { return float64(r.blindStores()) }},
	{"stores_truncated", "locale", "Stores whose answer a limit cut", false, func(r Report, _ Explained) float64 { return float64(r.truncated()) }},
	{"dropped", "locale", "Requests seen and not kept because of the row limit", false, func(r Report, _ Explained) float64 { return float64(r.Dropped) }},
}

func share(part, whole int) float64 {
	if whole == 0 {
		return evidence.NaN
	}
	return float64(part) / float64(whole)
}

func (r Report) failed() (n int) {
	for _, s := range r.Stores {
		if s.Configured && s.Err != nil {
			n++
		}
	}
	return n
}

// linesRead adds up how the stores' lines could be read.
func (r Report) linesRead() (all evidence.LineReading) {
	for _, s := range r.Stores {
		all.Add(s.Lines)
	}
	return all
}

// blindStores counts each store once.
func (r Report) blindStores() (n int) {
	for _, s := range r.Stores {
		if s.Configured && (s.Err != nil || s.Partial() != "" || slices.Contains(r.Blind, s.Store)) {
			n++
		}
	}
	return n
}

func (r Report) truncated() (n int) {
	for _, s := range r.Stores {
		if s.Truncated {
			n++
		}
	}
	return n
}

// Sliced is the report of one step of a window: what a coverage series shows.
type Sliced struct {
	Time   time.Time // beginning of the step
	Report Report
}

// Slices reports on each step of the window. What the stores said belongs to the whole window and stands in every slice.
func (j Joined) Slices(step time.Duration) []Sliced {
	if step <= 0 {
		return nil
	}
	var starts []time.Time
	for from := j.in.Window.From.Truncate(step); from.Before(j.in.Window.To); from = from.Add(step) {
		starts = append(starts, from)
	}
	if len(starts) == 0 {
		return nil
	}
	rows := make([][]int32, len(starts))
	for i := range j.Rows {
		if since := j.Rows[i].Time.Sub(starts[0]); since >= 0 && since/step < time.Duration(len(rows)) {
			rows[since/step] = append(rows[since/step], ordinal(i))
		}
	}
	looked, ends := j.Report.Looked, endings(j.Rows)
	out := make([]Sliced, len(starts))
	for i, from := range starts {
		part := evidence.Window{From: from, To: from.Add(step)}
		if part.From.Before(looked.From) { // scrapes of before have no rows
			part.From = looked.From
		}
		if part.To.After(looked.To) {
			part.To = looked.To
		}
		r := Report{Stores: j.in.Stores, Looked: part}
		r.tally(len(rows[i]), func(k int) *Request { return &j.Rows[rows[i][k]] })
		r.explain(ends, j.instances, looked, j.scope)
		out[i] = Sliced{from, r}
	}
	return out
}
