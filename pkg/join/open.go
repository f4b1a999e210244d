package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// OpenMargin is how much later than its end a request may still look open: vLLM exports spans every 5 s, and collectors and
	// log shippers batch for about as long. What is later than that, the engines' counters tell (see openings).
	OpenMargin = 15 * time.Second
	// WellSeen is the share of the engines' own count from which on the rows count as all there are: scrapes and spans never
	// agree to the last request.
	WellSeen = 0.95
	// WellLogged is the share of rows with a span that also have lines from which on lines count as written for every request.
	WellLogged = 0.9
)

// sight is how much of one instance's requests the rows have.
type sight struct {
	open          bool      // some row has no end
	spans, logged int       // rows with a span, and those of them with lines
	from          time.Time // when the requests of before the window are over, as in Explained
	first, last   time.Time // the first scrape after that, and the last one in the window; zero without any
	counted       float64   // what the instance counted as finished between these two
	ended         int       // rows that it counts
	end           time.Time // of the last of them
	since         float64   // counted after that end
}

// openings settles how long requests without an end have been open. That nobody told of an end is evidence only where ends
// are told of: the rows must explain what the instance counted as finished, and its requests must have lines. There is no
// clock: what counts as now is the end of the window, or of the evidence where that ends before.
//
//   - No later than the last scrape: a server that is not scraped may have done anything since.
//   - No later than the last end that a row knows, when the engine counted more after it: those spans are on their way.
func (j *joiner) openings() {
	window := j.looked()
	seen := j.sights(window)
	for i := range j.rows {
		r := &j.rows[i]
		if r.place < 0 || !r.stillOpen() {
			continue
		}
		if now, ok := seen[r.place].now(window.To); ok {
			r.OpenFor = max(now.Sub(r.Time).Seconds(), 0)
		}
	}
}

// sights looks at the instances that have a request without an end.
func (j *joiner) sights(window evidence.Window) []sight {
	seen := make([]sight, len(j.instances.list))
	any := false
	for i := range j.rows {
		r := &j.rows[i]
		if r.place < 0 {
			continue
		}
		s := &seen[r.place]
		if r.stillOpen() {
			s.open, any = true, true
		}
		if r.Span != nil {
			s.spans++
			if r.Signals&SignalLogs != 0 {
				s.logged++
			}
		}
	}
	if !any {
		return seen
	}
	ends := endings(j.rows)
	for _, e := range ends {
		s := &seen[e.place]
		if over := window.From.Add(min(e.duration, window.Duration()/2)); over.After(s.from) {
			s.from = over
		}
	}
	for i := range seen {
		if s := &seen[i]; s.open {
			if s.from.IsZero() {
				s.from = window.From
			}
			j.instances.list[i].finishes(func(samples []evidence.Sample) { s.scraped(samples, window) })
		}
	}
	for _, e := range ends {
		s, at := &seen[e.place], time.Unix(0, e.at)
		if s.open && at.After(s.first) && !at.After(s.last) {
			s.ended++
			s.end = later(s.end, at)
		}
	}
	for i := range seen {
		if s := &seen[i]; s.open {
			j.instances.list[i].finishes(s.after)
		}
	}
	return seen
}

// finishes visits the counters of finished requests of an instance.
func (in *instance) finishes(visit func([]evidence.Sample)) {
	for e := range in.engines {
		for _, s := range in.engines[e].series[vllm.RequestSuccess] {
			visit(s.Samples)
		}
	}
}

// scraped adds what one counter rose by, from scrape to scrape.
func (s *sight) scraped(samples []evidence.Sample, window evidence.Window) {
	first, last := firstAtOrAfter(samples, s.from), lastAtOrBefore(samples, window.To)
	if last < first {
		return
	}
	s.counted += increase(samples[first : last+1])
	if at := time.UnixMilli(samples[first].UnixMilli); s.first.IsZero() || at.Before(s.first) {
		s.first = at
	}
	s.last = later(s.last, time.UnixMilli(samples[last].UnixMilli))
}

// after adds what one counter rose by after the last end that a row knows. The scrape that follows that end may count it.
func (s *sight) after(samples []evidence.Sample) {
	from, last := firstAtOrAfter(samples, later(s.end, s.from)), lastAtOrBefore(samples, s.last)
	if from <= last {
		s.since += increase(samples[from : last+1])
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// now is the end of the evidence about an instance; ok is false when an end may have been missed there.
func (s *sight) now(to time.Time) (now time.Time, ok bool) {
	if s.last.IsZero() || float64(s.ended) < WellSeen*s.counted-1 || float64(s.logged) < WellLogged*float64(s.spans) {
		return time.Time{}, false
	}
	now = s.last
	if s.since > 1 { // one may fall on either side of a scrape
		now = later(s.end, s.from)
	}
	if to.Before(now) {
		now = to
	}
	return now, true
}

// stillOpen reports whether a request has begun by its lines and nothing tells of an end. A call whose caller's span is there
// is over, however it ended.
func (r *Request) stillOpen() bool { return r.Open() && r.Caller == nil && r.Signals&SignalLogs != 0 }

// outlived reports whether a request is surely open for longer than a limit.
func (r *Request) outlived(limit time.Duration) bool {
	return limit > 0 && r.OpenFor > (limit+OpenMargin).Seconds() // false for NaN
}
