package frames

import (
	"math"
	"slices"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// phase is one part of a request's time.
type phase struct {
	name, explain string
	from, length  float64 // seconds; from is after arrival, NaN when the evidence tells only how long
}

// placed reports whether a trace view can draw the phase: it counts microseconds, and when it began must be known.
func (p phase) placed() bool { return p.length >= 1e-6 && p.from == p.from }

// The phases, in the order of a request's life.
const (
	phaseBefore      = "before the engine"
	phasePreQueue    = "pre-queue"
	phaseQueue       = "queue"
	phasePrefill     = "prefill"
	phaseDecode      = "decode"
	phaseUnaccounted = "unaccounted"
	phaseAfter       = "after the engine"
	phaseOutside     = "outside the engine"
)

// phaseColours keep a phase's colour wherever it is drawn; its name stands beside.
var phaseColours = data.ValueMapper{
	phaseBefore:      {Color: "gray", Index: 0},
	phasePreQueue:    {Color: "light-orange", Index: 1},
	phaseQueue:       {Color: "orange", Index: 2},
	phasePrefill:     {Color: "blue", Index: 3},
	phaseDecode:      {Color: "green", Index: 4},
	phaseUnaccounted: {Color: "purple", Index: 5},
	phaseAfter:       {Color: "gray", Index: 6},
	phaseOutside:     {Color: "gray", Index: 7},
}

// phases divides a request's time in the engine where the span tells enough. Which boundary is known for sure and which is
// arithmetic: the first token is measured on the API server's clock, queue and prefill are durations of the engine's clock
// that end there; what lies before them is called pre-queue, and what is left after the last token unaccounted.
func phases(r *evidence.RequestSpan) []phase {
	if r == nil {
		return nil
	}
	// Clocks that differ by a little must neither put a phase before arrival nor give one less than no time.
	scheduled, queued := math.Max(r.TTFT-r.Prefill, 0), math.Max(r.TTFT-r.Prefill-r.Queue, 0)
	all := []phase{
		{phasePreQueue, "ttft − queue − prefill: tokenisation, hand-over to the engine and back", 0, queued},
		{phaseQueue, "gen_ai.latency.time_in_queue, ending where prefill begins", queued, r.Queue},
		{phasePrefill, "gen_ai.latency.time_in_model_prefill, ending at the first token", scheduled, r.Prefill},
		{phaseDecode, "gen_ai.latency.time_in_model_decode, beginning at the first token", r.TTFT, r.Decode},
		{phaseUnaccounted, "e2e − ttft − decode: output processing after the last token", r.TTFT + r.Decode, math.Max(r.E2E-r.TTFT-r.Decode, 0)},
	}
	for i := range all {
		if all[i].length < 1e-9 { // what is left of a difference of equal lengths
			all[i].length = 0
		}
	}
	return slices.DeleteFunc(all, func(p phase) bool { return p.length-p.length != 0 })
}

// outside is what the caller waited for besides the engine: before and after it, where both clocks agree on which is which,
// else as one length that has no place.
func outside(r *join.Request) (before, after []phase) {
	const explain = "caller_duration − e2e: the caller itself, a router, the network, earlier attempts"
	if r.Caller == nil || r.Span == nil || r.OutsideEngine-r.OutsideEngine != 0 {
		return nil, nil
	}
	begins, ends := r.Caller.Start.Sub(r.Time).Seconds(), r.Caller.End().Sub(r.Time).Seconds()
	if begins > 0 || ends < r.Span.E2E {
		return nil, []phase{{phaseOutside, explain, evidence.NaN, r.OutsideEngine}}
	}
	return []phase{{phaseBefore, explain, begins, -begins}}, []phase{{phaseAfter, explain, r.Span.E2E, ends - r.Span.E2E}}
}

// Phases divides one request's time, from the caller's call to its end: one row per phase. Phases that the evidence does not
// tell are left out, never drawn as zero.
func Phases(r *join.Request) *data.Frame {
	before, after := outside(r)
	all := append(append(before, phases(r.Span)...), after...)
	first, whole := 0.0, evidence.NaN
	if len(before) > 0 {
		first = before[0].from
	}
	switch {
	case len(after) > 0: // the caller's wait is divided
		whole = r.CallerDuration
	case r.Span != nil:
		whole = r.Span.E2E
	}
	n := len(all)
	names, explains := make([]string, n), make([]string, n)
	starts, durations, shares := make([]*float64, n), make([]*float64, n), make([]*float64, n)
	for i, p := range all {
		names[i], explains[i] = p.name, p.explain
		starts[i], durations[i], shares[i] = finite(p.from-first), finite(p.length), finite(p.length/whole)
	}
	frame := data.NewFrame("phases",
		configured("phase", names, &data.FieldConfig{
			Description: "What the request's time went to",
			Mappings:    data.ValueMappings{phaseColours},
			Custom:      map[string]any{"minWidth": 140, "cellOptions": colouredText},
		}),
		configured("start", starts, &data.FieldConfig{
			Unit: "s", Description: "After the caller's call; after arrival at the API server when no caller is known",
			Custom: map[string]any{"width": 96},
		}),
		configured("duration", durations, &data.FieldConfig{
			Unit: "s", Description: "Length of the phase", Custom: map[string]any{"width": 96},
		}),
		configured("share", shares, (&data.FieldConfig{
			Unit: "percentunit", Description: "Share of the caller's wait; of e2e when no caller is known", Custom: map[string]any{"minWidth": 160, "cellOptions": gaugeCell},
		}).SetMin(0).SetMax(1)),
		configured("from", explains, &data.FieldConfig{
			Description: "Which attributes of the span it is made from", Custom: map[string]any{"minWidth": 320},
		}),
	)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable}
	if r.Span == nil {
		frame.AppendNotices(data.Notice{
			Severity: data.NoticeSeverityInfo, Text: "No engine span: no engine finished this request, or its span is lost. Its time cannot be divided.",
		})
	}
	return frame
}

// configured is a field with its configuration.
func configured[T any](name string, values []T, config *data.FieldConfig) *data.Field {
	return data.NewField(name, nil, values).SetConfig(config)
}
