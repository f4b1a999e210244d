package join

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Lateness is how the times of log lines lie to those of the spans of the same requests, as far as some of a window's requests
// tell. It says where lines have to be looked for.
type Lateness struct {
	// Earliest and Latest are time of the line − time of the span, between which the lines of all streams lie but for single ones.
	Earliest, Latest time.Duration
	Pairs            int // requests measured
	// Unmet are requests without any line, at places where most have none: a few of each, from the middle of the time of the spans.
	Unmet []*evidence.RequestSpan
}

const (
	latenessSample = 2000 // requests that are looked at, from all over the window
	unmetEach      = 2    // of a place
	unmetMost      = 16
)

// MeasureLateness measures it over requests whose id one span has. Of a stream that has lines of fewer than enough of them nothing
// is believed.
func MeasureLateness(spans []evidence.RequestSpan, events []evidence.RequestEvent, enough int) Lateness {
	type request struct {
		span   *evidence.RequestSpan
		spans  int
		line   *evidence.RequestEvent // the first that opens, else the first that closes
		opened bool
		any    bool
	}
	step := max(1, len(spans)/latenessSample)
	requests := make(map[string]*request, min(len(spans), latenessSample))
	for i := 0; i < len(spans); i += step {
		if id := vllm.ExternalFromChild(spans[i].RequestID); id != "" && requests[id] == nil {
			requests[id] = &request{span: &spans[i]}
		}
	}
	for i := range spans {
		if r := requests[vllm.ExternalFromChild(spans[i].RequestID)]; r != nil {
			r.spans++
		}
	}
	for i := range events {
		e := &events[i]
		r := requests[e.External]
		if r == nil && e.Form == vllm.IDInternal {
			r = requests[vllm.ExternalFromChild(e.ID)]
		}
		if r == nil {
			continue
		}
		r.any = true
		opens := opening(e.Kind)
		if !opens && (r.opened || !closes(e.Kind)) {
			continue
		}
		if r.line == nil || opens && !r.opened || e.UnixNano < r.line.UnixNano {
			r.line, r.opened = e, opens
		}
	}
	offsets := map[streamValue][]int64{}
	heard := map[evidence.Origin]int{} // requests with lines, less those without, by the place of the span
	var unmet []*evidence.RequestSpan
	var out Lateness
	for _, r := range requests {
		if r.any {
			heard[PlaceOf(r.span)]++
		}
		switch {
		case !r.any:
			unmet = append(unmet, r.span)
			heard[PlaceOf(r.span)]--
		case r.line != nil && r.spans == 1:
			out.Pairs++
			at := r.span.Start
			if !r.opened {
				at = r.span.End()
			}
			key := streamValue{stream: r.line.Stream}
			if r.line.Origin != nil {
				key.origin = *r.line.Origin
			}
			offsets[key] = append(offsets[key], r.line.UnixNano-at.UnixNano())
		}
	}
	out.Unmet = fromTheMiddle(slices.DeleteFunc(unmet, func(s *evidence.RequestSpan) bool { return heard[PlaceOf(s)] > 0 }))
	var few []int64
	for _, of := range offsets {
		if len(of) < enough {
			few = append(few, of...)
			continue
		}
		out.cover(of, enough)
	}
	out.cover(few, enough)
	return out
}

// PlaceOf is where a span is from; the empty place when it does not say.
func PlaceOf(s *evidence.RequestSpan) evidence.Origin {
	if s.Origin == nil {
		return evidence.Origin{}
	}
	return *s.Origin
}

// cover widens the range so that it holds nearly all of some offsets.
func (l *Lateness) cover(offsets []int64, enough int) {
	if len(offsets) < max(enough, 1) {
		return
	}
	slices.Sort(offsets)
	n := len(offsets)
	l.Earliest = min(l.Earliest, time.Duration(offsets[n/20]))
	l.Latest = max(l.Latest, time.Duration(offsets[n-1-n/20]))
}

// fromTheMiddle picks some spans of each place: those near the middle of all have their lines on both sides of them.
func fromTheMiddle(spans []*evidence.RequestSpan) []*evidence.RequestSpan {
	slices.SortFunc(spans, func(a, b *evidence.RequestSpan) int { return a.Start.Compare(b.Start) })
	if len(spans) == 0 {
		return nil
	}
	middle := spans[len(spans)/2].Start
	slices.SortStableFunc(spans, func(a, b *evidence.RequestSpan) int {
		return int(min(max(a.Start.Sub(middle).Abs()-b.Start.Sub(middle).Abs(), -1), 1))
	})
	of := map[evidence.Origin]int{}
	var out []*evidence.RequestSpan
	for _, s := range spans {
		if of[PlaceOf(s)]++; of[PlaceOf(s)] <= unmetEach && len(out) < unmetMost {
			out = append(out, s)
		}
	}
	return out
}
