package attainment

import (
	"math"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// survey counts the requests of one model.
type survey struct {
	counted          float64 // by the engines, between From and To
	failed, spans    int     // rows that end between these, and that the engines count
	instances        int
	from, to         time.Time
	ended            int // the same as spans, by the model of the row and not by its instance
	traced, lined    int // rows with a span that ended ok, and those of them with lines
	untraced         int // rows that lines alone say to have ended ok
	all              int // rows that are over
	failedLines      int // failures that lines tell of
	refusedLines     int // those of them that a caller's span calls failed as well: errors and refusals, no aborts
	refusedBoth      int // those of these that are in a trace
	failedTracesOnly int
	logs             bool // some row has lines
	took             map[slo.Limit][]float64
}

func (s *survey) counts(e join.Explained) {
	s.counted += e.Counted
	s.failed += e.Failed
	s.spans += e.Spans
	s.instances++
	if s.from.IsZero() || e.From.Before(s.from) {
		s.from = e.From
	}
	if e.To.After(s.to) {
		s.to = e.To
	}
}

func (s *survey) see(r *join.Request) {
	lines, traces := r.Signals&join.SignalLogs != 0, r.Signals&join.SignalTrace != 0
	s.logs = s.logs || lines
	switch r.Status {
	case join.StatusUnknown:
		return
	case join.StatusOK:
		s.all++
		if r.Span == nil {
			s.untraced++
			return
		}
		s.traced++
		if lines {
			s.lined++
		}
		if end := r.End(); end.After(s.from) && !end.After(s.to) {
			s.ended++
		}
		if s.took == nil {
			s.took = map[slo.Limit][]float64{}
		}
		for limit, took := range map[slo.Limit]float64{slo.E2E: r.Span.E2E, slo.TTFT: r.Span.TTFT} {
			if !math.IsNaN(took) {
				s.took[limit] = append(s.took[limit], took)
			}
		}
	default:
		s.all++
		if !lines {
			s.failedTracesOnly++
			return
		}
		s.failedLines++
		if r.Status == join.StatusAborted { // whether a trace that its client cut short is one with an error, each client says otherwise
			return
		}
		s.refusedLines++
		if traces {
			s.refusedBoth++
		}
	}
}

// ok is how many requests the engines ended ok, and how many of these have a span; the rows alone tell where no engine counts.
func (s *survey) ok() (all, spans float64, byEngines bool) {
	if s.instances == 0 {
		return float64(s.traced + s.untraced), float64(s.traced), false
	}
	// An instance that stores name differently has its rows by their model all the same.
	return s.counted - float64(s.failed), float64(max(s.spans, s.ended)), true
}
