package attainment_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// truly is what became of one request. Tracing, logging and counting are the deployment's.
type truly struct {
	start, took    float64 // seconds
	aborted        bool    // by its client: vLLM writes lines, and neither a span nor a count
	refused        bool    // by the gateway, before vLLM: only the caller's span tells
	failed         bool    // within the engine: lines, a span, and a count
	tracedByChoice bool
}

// service is an hour of one server: 3,000 requests of 1 to 6 s.
func service(change func(i int, random *rand.Rand, r *truly)) []truly {
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a test's traffic
	out := make([]truly, 3000)
	for i := range out {
		out[i] = truly{start: 1.19 * float64(i), took: 1 + 5*random.Float64()}
		change(i, random, &out[i])
	}
	return out
}

var place = &evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}

// told is what three stores have of a service whose traces are kept by a rule, and whose lines are written or not.
func told(requests []truly, kept func(*truly) bool, lines bool) (join.Input, attainment.Shapes) {
	begin := noon.Add(-time.Hour)
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	in := join.Input{Window: evidence.Window{From: begin, To: noon}, SLO: limits, StaleAfter: time.Minute, Targets: []evidence.Target{{Origin: *place}}}
	var ends, took []float64
	for i := range requests {
		r := &requests[i]
		id := fmt.Sprintf("chatcmpl-%d", i)
		line := func(kind vllm.LogKind, seconds float64) {
			if lines {
				in.Events = append(in.Events, evidence.RequestEvent{UnixNano: at(seconds).UnixNano(), Origin: place, ID: id, External: id, Kind: kind, Form: vllm.IDExternal})
			}
		}
		caller := evidence.CallerSpan{
			TraceID: "t" + id, SpanID: "c" + id, Start: at(r.start), Duration: r.took, Service: "app", Model: "llama", Inference: true, Kind: evidence.KindClient,
		}
		if r.refused {
			caller.HTTPStatus = 400
			if kept(r) {
				in.Callers = append(in.Callers, caller)
			}
			continue
		}
		line(vllm.LogReceived, r.start)
		if r.aborted {
			line(vllm.LogAborted, r.start+r.took)
			if caller.RequestID, caller.Error = id, "cancelled"; kept(r) {
				in.Callers = append(in.Callers, caller)
			}
			continue
		}
		if r.failed {
			line(vllm.LogInternalError, r.start+r.took)
		}
		ends, took = append(ends, r.start+r.took), append(took, r.took)
		if kept(r) {
			s := request("llama", time.Hour-time.Duration(r.start*float64(time.Second)), 0.5, 0.02, r.took, 100)
			s.TraceID, s.SpanID, s.RequestID, s.Duration, s.Origin = "t"+id, "s"+id, id, r.took, place
			in.Spans = append(in.Spans, s)
		}
	}
	slices.Sort(ends)
	counter := evidence.Series{Metric: vllm.RequestSuccess, Origin: place}
	for second, n := 0.0, 0; second <= 3600; second += 15 {
		for n < len(ends) && ends[n] <= second {
			n++
		}
		counter.Samples = append(counter.Samples, evidence.Sample{UnixMilli: at(second).UnixMilli(), Value: float64(n)})
	}
	in.Series = []evidence.Series{counter}
	shape := attainment.Shape{Bounds: []float64{1, 2, 3, 5, 10, 20}}
	for _, bound := range shape.Bounds {
		n := 0.0
		for _, t := range took {
			if t <= bound {
				n++
			}
		}
		shape.Within = append(shape.Within, n/float64(len(took)))
	}
	return in, attainment.Shapes{"llama": {slo.E2E: shape}}
}

// burn is the burn rate at a target of 99 %, by the stores and in truth; and why a rule must not decide.
func burn(t *testing.T, requests []truly, in join.Input, shapes attainment.Shapes) (told, truth float64, undecidable error) {
	t.Helper()
	joined := join.Requests(in)
	counted := attainment.Count(joined.Rows, attainment.Asked{
		Objectives: limits, GroupBy: []string{figures.ByModel}, Samples: attainment.Survey(joined.Rows, joined.Report, shapes, join.Known{}),
	}, hour)
	counted.Whole = true
	told, ok := figuresOf(t, counted, "llama")["burn_rate"]
	if !ok {
		told = math.NaN()
	}
	missed := 0.0
	for _, r := range requests {
		if r.aborted || r.refused || r.failed || r.took > limits[0].E2E.Seconds() {
			missed++
		}
	}
	return told, slo.BurnRate(missed/float64(len(requests)), 0.99), counted.Decidable()
}

func TestSharesAreRightUnderSamplingOrNotTold(t *testing.T) {
	oneInAHundred := func(what func(*truly)) func(int, *rand.Rand, *truly) {
		return func(i int, random *rand.Rand, r *truly) {
			r.tracedByChoice = random.IntN(10) == 0
			if i%100 == 50 {
				what(r)
			}
		}
	}
	aborts := oneInAHundred(func(r *truly) { r.aborted = true })
	everything := func(*truly) bool { return true }
	head := func(r *truly) bool { return r.tracedByChoice }
	errors := func(r *truly) bool { return r.tracedByChoice || r.aborted || r.refused || r.failed }
	for name, c := range map[string]struct {
		service func(int, *rand.Rand, *truly)
		kept    func(*truly) bool
		noLines bool
		noShape bool
		within  float64 // of the truth; 0 = nothing can be told
		because string
	}{
		"all traces, one abort in a hundred":                  {service: aborts, kept: everything, within: 0.01},
		"head sampling of one in ten, one abort in a hundred": {service: aborts, kept: head, within: 0.1},
		"head sampling, one error of the engine in a hundred": {service: oneInAHundred(func(r *truly) { r.failed = true }), kept: head, within: 0.1},
		"head sampling, and nothing missed":                   {service: oneInAHundred(func(*truly) {}), kept: head, within: 0.001},
		"head sampling, one in twenty too slow": {service: func(i int, random *rand.Rand, r *truly) {
			if r.tracedByChoice = random.IntN(5) == 0; i%20 == 10 {
				r.took = 15
			}
		}, kept: head, within: 1.5},
		"head sampling, errors and refusals": {service: func(i int, random *rand.Rand, r *truly) {
			r.tracedByChoice, r.failed, r.refused = random.IntN(4) == 0, i%50 == 25, i%50 == 5
		}, kept: head, within: 0.6},
		"traces with an error are kept, errors and refusals": {service: func(i int, random *rand.Rand, r *truly) {
			r.tracedByChoice, r.failed, r.refused = random.IntN(10) == 0, i%50 == 25, i%50 == 5
		}, kept: errors, within: 0.2},
		"traces with an error are kept, aborts are none, and refusals": {service: func(i int, random *rand.Rand, r *truly) {
			r.tracedByChoice, r.aborted, r.refused = random.IntN(10) == 0, i%50 == 25, i%50 == 5
		}, kept: func(r *truly) bool { return r.tracedByChoice || r.refused }, because: "failures that only traces tell"},
		"traces with an error are kept, errors of the engine": {service: oneInAHundred(func(r *truly) { r.failed = true }), kept: errors, within: 0.1},
		"refusals under sampling, and no abort shows how many were kept": {
			service: oneInAHundred(func(r *truly) { r.refused = true }), kept: head, because: "failures that only traces tell"},
		"aborts under sampling, and no lines":             {service: aborts, kept: head, noLines: true, because: "failures that only traces tell"},
		"slow traces are kept":                            {service: aborts, kept: func(r *truly) bool { return r.took > 4 || r.tracedByChoice }, because: "no fair sample"},
		"fast traces are lost in a queue that is full":    {service: aborts, kept: func(r *truly) bool { return r.took > 2 }, because: "no fair sample"},
		"head sampling, and no histogram to compare with": {service: aborts, kept: head, noShape: true, because: "histograms"},
		"one trace in a thousand":                         {service: aborts, kept: func(r *truly) bool { return int(r.start)%1000 == 0 }, because: "too few"},
		"no trace at all":                                 {service: aborts, kept: func(*truly) bool { return false }, because: "0 left a span"},
	} {
		t.Run(name, func(t *testing.T) {
			requests := service(c.service)
			in, shapes := told(requests, c.kept, !c.noLines)
			if c.noShape {
				shapes = nil
			}
			got, truth, undecidable := burn(t, requests, in, shapes)
			t.Logf("burn rate %.3f, truly %.3f: %v", got, truth, undecidable)
			if c.within == 0 {
				require.True(t, math.IsNaN(got), "burn rate %v where nothing can be told", got)
				require.ErrorContains(t, undecidable, c.because)
				return
			}
			require.NoError(t, undecidable)
			require.InDelta(t, truth, got, c.within)
		})
	}
}

// Half of the pods ship no lines: their aborts are not known, and the share looks better than it is.
func TestLinesOfSomeRequestsLeaveADoubt(t *testing.T) {
	requests := service(func(i int, _ *rand.Rand, r *truly) { r.aborted = i%100 == 50 })
	in, shapes := told(requests, func(*truly) bool { return true }, true)
	in.Events = slices.DeleteFunc(in.Events, func(e evidence.RequestEvent) bool { return len(e.ID)%2 == 0 })
	_, _, undecidable := burn(t, requests, in, shapes)
	require.ErrorContains(t, undecidable, "have log lines")

	in.Events = nil // an engine that names no request in its lines hides nothing that others show
	_, _, undecidable = burn(t, requests, in, shapes)
	require.NoError(t, undecidable)
}
