package jaeger

import (
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

// piece is one call to make: one service, one part of the window.
type piece struct {
	service string
	tags    map[string]string
	window  evidence.Window
}

// plan cuts the window for each service so that no answer should reach depth traces, if expected is right; 0 = unknown
// gives one piece a service. The newest pieces come first: when a row limit ends the search, those are the rows to have.
func plan(services []string, tags map[string]string, w evidence.Window, expected, depth int) []piece {
	if !w.From.Before(w.To) {
		return nil
	}
	w = evidence.Window{From: w.From.Truncate(resolution), To: ceil(w.To)}
	n := 1
	if expected > 0 && len(services) > 0 {
		n = parts(expected, depth*len(services))
	}
	var pieces []piece
	for _, service := range services {
		whole := piece{service: service, tags: tags, window: w}
		pieces = append(pieces, whole.cut(n)...)
	}
	newestFirst(pieces)
	return pieces
}

// parts is how many windows hold so many traces at that depth each.
func parts(expected, depth int) int {
	return max(1, int(float64(expected)*headroom/float64(depth)+0.999))
}

// cut divides a piece into n equal ones, fewer when the resolution ends before that; a piece that cannot be cut comes
// back alone.
func (p piece) cut(n int) []piece {
	n = max(1, min(n, int(p.window.Duration()/resolution)))
	step := p.window.Duration() / time.Duration(n)
	out := make([]piece, 0, n)
	from := p.window.From
	for i := 1; i <= n; i++ {
		to := p.window.From.Add(step * time.Duration(i)).Truncate(resolution)
		if i == n {
			to = p.window.To
		}
		out = append(out, piece{service: p.service, tags: p.tags, window: evidence.Window{From: from, To: to}})
		from = to
	}
	return out
}

func newestFirst(pieces []piece) {
	slices.SortStableFunc(pieces, func(a, b piece) int { return b.window.To.Compare(a.window.To) })
}

// completeFrom is the moment from which on every service's answers are complete up to the end of the window, given the
// pieces that were; the end of the window when nothing is.
func completeFrom(services []string, w evidence.Window, complete []piece) time.Time {
	newestFirst(complete)
	var latest time.Time
	for _, service := range services {
		from := ceil(w.To)
		for _, p := range complete {
			if p.service == service && !p.window.To.Before(from) && p.window.From.Before(from) {
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
