package jaeger

import (
	"math"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// believe checks an engine span's times against its own length, and says what it did about those that cannot be.
func (s *span) believe() (notes []string) {
	if unit, name := s.unit(); unit > 1 {
		for _, t := range []*float64{&s.ttft, &s.e2e, &s.queue, &s.prefill, &s.decode} {
			*t /= unit
		}
		notes = append(notes, "the span's times are in "+name+", as its own length tells")
	}
	nan := math.NaN()
	switch {
	case !s.exceeds(s.prefill):
	case s.completionTokens == 0:
		// The engine aborted the request before its first token (pause, sleep, shutdown), and vLLM subtracts from times
		// that were never taken: prefill is the host's uptime, queue and decode are 0, the first token's time is the end.
		s.ttft, s.queue, s.prefill, s.decode, s.distrusted = nan, nan, nan, nan, true
		notes = append(notes, "aborted by the engine before its first token: the span's phases were never measured")
	default:
		s.prefill, s.distrusted = nan, true
		notes = append(notes, "the span's prefill time exceeds the request and is not believed")
	}
	for _, t := range []struct {
		value *float64
		name  string
	}{{&s.e2e, "end-to-end"}, {&s.ttft, "first token's"}, {&s.queue, "queue"}, {&s.decode, "decode"}} {
		if s.exceeds(*t.value) {
			*t.value, s.distrusted = nan, true
			notes = append(notes, "the span's "+t.name+" time exceeds the request and is not believed")
		}
	}
	return notes
}

// units are those in which an engine might measure, as parts of a second.
var units = []struct {
	perSecond float64
	name      string
}{{1e3, "milliseconds"}, {1e6, "microseconds"}, {1e9, "nanoseconds"}}

// unit finds the unit of a span's times: its end-to-end time is about as long as the span itself. Seconds, unless another unit
// fits and seconds cannot be.
func (s *span) unit() (perSecond float64, name string) {
	if !s.exceeds(s.e2e) || !(s.duration > 0) {
		return 1, "seconds"
	}
	for _, u := range units {
		if ratio := s.e2e / u.perSecond / s.duration; ratio > 0.8 && ratio < 1.25 {
			return u.perSecond, u.name
		}
	}
	return 1, "seconds"
}

// exceeds reports whether a time is far longer than its whole request. The slack is for clocks: phases are monotonic, the
// span is wall time, which NTP may step.
func (s *span) exceeds(seconds float64) bool {
	whole := s.duration
	if !(whole > 0) {
		whole = min(s.e2e, evidence.MaxDuration.Seconds()) // NaN when neither is known
	}
	return seconds > whole*1.5+1 // false when either is NaN
}
