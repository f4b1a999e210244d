package jaeger

import (
	"math"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// resolution is the finest time that every storage searches by: Elasticsearch and Cassandra keep microseconds. Whether a
// storage counts a span that starts exactly at the end of a window differs, so neighbouring windows share their border
// and what comes twice is dropped.
const resolution = time.Microsecond

// headroom is how much fuller than expected a window may be before its answer is cut off: arrivals come in bursts.
const headroom = 1.5

// subject is what a search is about, in the terms that every storage has.
type subject struct {
	service   string
	operation string // empty = any
	tags      map[string]string
}

// piece is one call to make: one subject, one part of the window.
type piece struct {
	*subject
	window evidence.Window
	depth  int // for which it was made to be answered in full; 0 = nothing was known
	cuts   int // how often it was cut because an answer was full
	rests  int // how often it is the rest of one that was full of the spans of few traces
}

// maxParts bounds a plan whose expectation is absurd; what is fuller than planned is cut again anyway.
const maxParts = 1000

// plan cuts the window for each subject so that no answer should reach depth traces, if expected (of all subjects
// together) is right and spread over the window as load says; 0 = unknown gives one piece a subject. The newest pieces come first:
// when a row limit ends the search, those are the rows to have.
func plan(subjects []*subject, w evidence.Window, expected, depth int, load evidence.Load) []piece {
	if !w.From.Before(w.To) || len(subjects) == 0 {
		return nil
	}
	w = evidence.Window{From: w.From.Truncate(resolution), To: ceil(w.To)}
	n := parts(expected, depth*len(subjects))
	if expected == 0 {
		depth = 0
	}
	var pieces []piece
	for _, s := range subjects {
		pieces = append(pieces, piece{s, w, depth, 0, 0}.cutBy(n, load)...)
	}
	newestFirst(pieces)
	return pieces
}

// evenShare is the part of the traffic that is taken to be spread evenly, whatever a load says: counters lag behind, and some
// requests are in none.
const evenShare = 0.05

// cutBy divides a piece into n that should hold equally many traces each.
func (p piece) cutBy(n int, load evidence.Load) []piece {
	whole := load.In(p.window)
	n = int(max(1, min(time.Duration(n), p.window.Duration()/resolution))) // an hour has more microseconds than 32 bits hold
	if n == 1 || whole <= 0 {
		return p.cut(n)
	}
	perSecond := whole * evenShare / (1 - evenShare) / p.window.Duration().Seconds()
	target := whole / (1 - evenShare) / float64(n)
	out := make([]piece, 0, n)
	from, at, sum := p.window.From, p.window.From, 0.0
	for at.Before(p.window.To) && len(out) < n-1 {
		next := at.Truncate(load.Step).Add(load.Step)
		if behind := at.Sub(load.From); behind >= 0 { // the next border of the load's own steps
			next = load.From.Add(behind.Truncate(load.Step) + load.Step)
		}
		if next.After(p.window.To) {
			next = p.window.To
		}
		part := evidence.Window{From: at, To: next}
		holds := load.In(part) + perSecond*part.Duration().Seconds()
		if sum+holds < target {
			sum, at = sum+holds, next
			continue
		}
		to := at.Add(time.Duration(float64(part.Duration()) * (target - sum) / holds)).Truncate(resolution)
		if !to.After(at) {
			to = at.Add(resolution)
		}
		if !to.Before(p.window.To) {
			break
		}
		out = append(out, piece{p.subject, evidence.Window{From: from, To: to}, p.depth, p.cuts, p.rests})
		from, at, sum = to, to, 0
	}
	return append(out, piece{p.subject, evidence.Window{From: from, To: p.window.To}, p.depth, p.cuts, p.rests})
}

// parts is how many windows hold so many traces at that depth each.
func parts(expected, depth int) int {
	n := math.Ceil(float64(expected) * headroom / float64(depth))
	return int(max(1, min(n, maxParts)))
}

// cut divides a piece into n equal ones, fewer when the resolution ends before that; a piece that cannot be cut comes
// back alone.
func (p piece) cut(n int) []piece {
	n = int(max(1, min(time.Duration(n), p.window.Duration()/resolution))) // an hour has more microseconds than 32 bits hold
	step := p.window.Duration() / time.Duration(n)
	out := make([]piece, 0, n)
	from := p.window.From
	for i := 1; i <= n; i++ {
		to := p.window.From.Add(step * time.Duration(i)).Truncate(resolution)
		if i == n {
			to = p.window.To
		}
		out = append(out, piece{p.subject, evidence.Window{From: from, To: to}, p.depth, p.cuts, p.rests})
		from = to
	}
	return out
}

func newestFirst(pieces []piece) {
	slices.SortStableFunc(pieces, func(a, b piece) int { return b.window.To.Compare(a.window.To) })
}

// completeFrom is the moment from which on the answers about every subject are complete up to the end of the window, given
// the pieces that were; the end of the window when there is none.
func completeFrom(subjects []*subject, w evidence.Window, complete []piece) time.Time {
	newestFirst(complete)
	var latest time.Time
	for _, s := range subjects {
		from := ceil(w.To)
		for _, p := range complete {
			if p.subject == s && !p.window.To.Before(from) && p.window.From.Before(from) {
				from = p.window.From
			}
		}
		if from.After(latest) {
			latest = from
		}
	}
	if latest.After(w.To) {
		return w.To
	}
	return latest
}

func ceil(t time.Time) time.Time {
	if down := t.Truncate(resolution); !down.Equal(t) {
		return down.Add(resolution)
	}
	return t
}
