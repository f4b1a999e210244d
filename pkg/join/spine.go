package join

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// spine makes one row per engine span.
func (j *joiner) spine() {
	for i := range j.in.Spans {
		s := &j.in.Spans[i]
		r := &j.rows[j.addRow()]
		r.Span, r.Caller, r.Call, r.Root, r.LoRA = s, s.Caller, s.Call, s.Root, s.LoRA
		if r.Call == nil && s.Caller != nil && s.Caller.Inference {
			r.Call = s.Caller
		}
		r.Time, r.TraceID, r.Origin = s.Start, s.TraceID, s.Origin
		r.RequestID = vllm.ExternalFromChild(s.RequestID)
		r.MaxTokens, r.CachedTokens, r.Temperature, r.TopP = s.MaxTokens, s.CachedTokens, s.Temperature, s.TopP
		r.Signals = SignalTrace
		r.search = j.searches[s]
	}
}
