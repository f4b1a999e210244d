package join

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// The checks of spans that are not there.
const (
	checkSampled = "traces_sampled"
	checkMissing = "spans_missing"
)

const (
	// sampledBelow is the share of requests with spans below which traces are said to be sampled: above it, less may be an
	// exporter that drops a batch.
	sampledBelow = 0.9
	// fewCounted requests are too few to tell a share.
	fewCounted = 20
	// negligibleLoss is the share of spans that may be missing before that is said.
	negligibleLoss = 0.02
)

// SpanShare is the share of the requests that engines counted as finished that left a span: below 1 where traces are sampled,
// or spans are lost. NaN when the engines counted nothing. It compares what ended between the same scrapes.
func (r Report) SpanShare() float64 {
	if r.Explained.Counted <= 0 {
		return evidence.NaN
	}
	return min(1, float64(r.Explained.Traced)/r.Explained.Counted)
}

// spanFindings says which part of the requests has no span, when no limit and no failure explains that.
func (j *joiner) spanFindings(ends []ending) []evidence.Finding {
	for _, s := range j.in.Stores {
		if s.Store == evidence.Jaeger && (!s.Configured || s.Err != nil || s.Truncated) || s.Store == evidence.Prometheus && s.Err != nil {
			return nil
		}
	}
	if j.in.Dropped > 0 {
		return nil
	}
	e := j.explainedUntilLastSpan(ends)
	share := float64(e.Traced) / e.Counted
	lost := e.Counted - float64(e.Traced)
	switch {
	case e.Counted < fewCounted || e.Traced == 0:
		return nil // too few to tell; a store without any span is another matter
	case share < sampledBelow:
		return []evidence.Finding{{
			Check: checkSampled, Value: share,
			Found: fmt.Sprintf("Spans exist for %s of the requests that engines counted.", percent(share)),
			Fix:   "Keep every trace that an engine is in (the callers' samplers and the collector's tail sampling decide), or read what rows tell as a sample.",
		}}
	case lost > float64(fewCounted)/4+float64(len(j.instances.list)) && lost > negligibleLoss*e.Counted && j.endedByLines() > 0:
		return []evidence.Finding{{
			Check: checkMissing, Value: math.Round(lost),
			Found: fmt.Sprintf("%.0f of %.0f requests that engines counted have no span, and nothing was left out that we know of.", lost, e.Counted),
			Fix:   "Look for dropped spans in the collector's own metrics; on Cassandra, Jaeger finds one span of a service and operation per microsecond.",
		}}
	}
	return nil
}

// explainedUntilLastSpan compares rows and counters up to the end of the last span: what ended after it may just not have been
// exported yet.
func (j *joiner) explainedUntilLastSpan(ends []ending) Explained {
	var at int64
	for _, e := range ends {
		if e.span {
			at = max(at, e.at)
		}
	}
	last := time.Unix(0, at)
	looked := j.looked()
	if last.Before(looked.To) {
		looked.To = last
	}
	var rep Report
	rep.Looked = looked
	rep.explain(ends, j.instances, looked, vllm.Scope{})
	return rep.Explained
}

// endedByLines counts requests that lines say to have ended well, and that left no span.
func (j *joiner) endedByLines() (n int) {
	for i := range j.rows {
		if r := &j.rows[i]; r.Span == nil && r.Status == StatusOK && r.Signals&SignalLogs != 0 {
			n++
		}
	}
	return n
}

// withSpanFindings adds them, unless the fetch found out more about the same.
func (j *joiner) withSpanFindings(findings []evidence.Finding, ends []ending) []evidence.Finding {
	if slices.ContainsFunc(findings, func(f evidence.Finding) bool { return f.Check == checkMissing && f.Value > 0 }) {
		return evidence.MergeFindings(findings, j.clockFindings())
	}
	return evidence.MergeFindings(findings, j.clockFindings(), j.spanFindings(ends))
}
