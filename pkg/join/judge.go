package join

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// judge holds every row against the limits of its model.
func (j *joiner) judge() {
	if len(j.in.SLO) == 0 {
		return
	}
	indices := map[string]int{} // by model: a window has few of them
	for i := range j.rows {
		r := &j.rows[i]
		index, known := indices[r.Model]
		if !known {
			index = j.in.SLO.Index(r.Model)
			indices[r.Model] = index
		}
		if index >= 0 {
			r.SLOMet = r.Judge(j.in.SLO[index])
		}
	}
}

// Judge is the verdict of goodput: what did not end ok served nobody in time, whoever ended it, and what is open past its
// limit has missed that whatever comes.
func (r *Request) Judge(limits slo.Objective) slo.Verdict {
	switch {
	case r.outlived(limits.E2E):
		return slo.Missed
	case !limits.Limited() || r.Status == StatusUnknown:
		return slo.CannotTell
	case r.Status != StatusOK:
		return slo.Missed
	case r.Span == nil:
		return slo.CannotTell
	}
	tpot := r.TPOT
	if n := r.Span.CompletionTokens; n != evidence.Unknown && n <= 1 {
		tpot = 0 // no second token was waited for
	}
	return limits.Judge(slo.Figures{TTFT: r.Span.TTFT, TPOT: tpot, E2E: r.Span.E2E})
}
