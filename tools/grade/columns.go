package grade

import (
	"math"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// cell is what a cell must say; not known is null.
type cell struct {
	text   string
	number float64
	known  bool
	any    bool // whatever it says is not judged
}

func text(s string) cell { return cell{text: s, known: s != ""} }

func number(v float64) cell { return cell{number: v, known: true} }

func optional(v *float64) cell {
	if v == nil {
		return cell{}
	}
	return number(*v)
}

func count(n int) cell { return number(float64(n)) }

var anything = cell{any: true}

// column is one column of the request row that the truth knows.
type column struct {
	name    string
	numeric bool
	within  float64 // of a number
	want    func(*grader, *truth.Record) cell
	// told says that the evidence for the value was in the stores, so that null is a fault.
	told func(*grader, *truth.Record) bool
	// lines says that the value comes from lines, which a row marked ambiguous leaves to nobody.
	lines bool
}

// Where evidence lies.

func inSpan(_ *grader, r *truth.Record) bool { return r.Evidence.EngineSpan == truth.Emitted }

// answered says that the span is of a request that got a token: one that a pause aborted before that has no phases on its span.
func answered(_ *grader, r *truth.Record) bool {
	return r.Evidence.EngineSpan == truth.Emitted && r.TTFT != nil
}

func inSpanOrLines(_ *grader, r *truth.Record) bool {
	return r.Evidence.EngineSpan == truth.Emitted || r.Evidence.LogLines > 0
}

// inPod is inSpanOrLines of a server that is a pod.
func inPod(g *grader, r *truth.Record) bool { return r.Pod != "" && inSpanOrLines(g, r) }

func anywhere(_ *grader, r *truth.Record) bool {
	return r.Evidence.EngineSpan == truth.Emitted || r.Evidence.LogLines > 0 || r.Evidence.CallerSpan == truth.Emitted
}

func inCaller(_ *grader, r *truth.Record) bool {
	return r.Evidence.CallerSpan == truth.Emitted && r.Evidence.RouterSpans != truth.Lost && (r.Evidence.EngineSpan != truth.Emitted || r.Caller.TraceID == r.TraceID)
}

func nowhere(*grader, *truth.Record) bool { return false }

// ofSpan is null on a row without an engine span.
func ofSpan(want func(*truth.Record) cell) func(*grader, *truth.Record) cell {
	return func(_ *grader, r *truth.Record) cell {
		if r.Evidence.EngineSpan != truth.Emitted {
			return anything
		}
		return want(r)
	}
}

func of(want func(*truth.Record) cell) func(*grader, *truth.Record) cell {
	return func(_ *grader, r *truth.Record) cell { return want(r) }
}

// ofCaller is not judged where the caller's span was lost, or one between it and the engine's: then the chain ends before it.
func ofCaller(want func(*truth.Record) cell) func(*grader, *truth.Record) cell {
	return func(_ *grader, r *truth.Record) cell {
		if r.Caller == nil {
			return cell{} // nobody above it is traced
		}
		if r.Evidence.CallerSpan != truth.Emitted || r.Evidence.RouterSpans == truth.Lost {
			return anything
		}
		return want(r)
	}
}

const (
	microsecond = 1.5e-6
	millisecond = 1e-3
	exact       = 1e-9
)

var columns = []column{
	{name: "time", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return number(float64(r.Time.UnixMicro()) / 1e6) }), told: inSpan},
	{name: "request_id", want: of(func(r *truth.Record) cell { return text(r.ExternalID) }), told: inSpanOrLines},
	{name: "client_request_id", want: of(func(r *truth.Record) cell {
		if r.ClientRequestID == "" {
			return anything // vLLM makes one up
		}
		return text(r.ClientRequestID)
	}), told: anywhere},
	{name: "trace_id", want: of(func(r *truth.Record) cell {
		if r.Evidence.EngineSpan != truth.Emitted && r.Caller != nil {
			return text(r.Caller.TraceID)
		}
		return text(r.TraceID)
	}), told: func(g *grader, r *truth.Record) bool { return inSpan(g, r) || r.Evidence.CallerSpan == truth.Emitted }},
	{name: "model", want: of(func(r *truth.Record) cell { return text(r.Model) }), told: anywhere},
	{name: "environment", want: of(func(r *truth.Record) cell { return text(r.Environment) }), told: inSpanOrLines},
	{name: "cluster", want: of(func(r *truth.Record) cell { return text(r.Cluster) }), told: func(g *grader, r *truth.Record) bool { return r.Cluster != "" && inSpanOrLines(g, r) }},
	{name: "namespace", want: of(func(r *truth.Record) cell { return text(r.Namespace) }), told: inPod},
	{name: "pod", want: of(func(r *truth.Record) cell { return text(r.Pod) }), told: inPod},
	{name: "instance", want: of(func(r *truth.Record) cell { return text(r.Instance) }), told: inSpanOrLines},
	{name: "engine", want: of(func(r *truth.Record) cell { return text(r.Engine) }),
		told: func(g *grader, r *truth.Record) bool { return inSpan(g, r) && g.alone(r) }},

	{name: "status", lines: true, want: of(func(r *truth.Record) cell { return text(r.Status) }), told: func(_ *grader, r *truth.Record) bool {
		return r.Evidence.EngineSpan == truth.Emitted || r.Evidence.CallerSpan == truth.Emitted ||
			r.Evidence.LogLines > 0 && r.Evidence.LogLinesLost == 0 && r.Status != truth.StatusOK
	}},
	{name: "finish_reason", lines: true, want: of(func(r *truth.Record) cell { return text(r.FinishReason) }), told: nowhere},
	{name: "http_status", numeric: true, lines: true, want: of(func(r *truth.Record) cell {
		if r.HTTPStatus == 0 {
			return cell{}
		}
		return count(r.HTTPStatus)
	}), told: inCaller},

	{name: "prompt_tokens", numeric: true, want: ofSpan(func(r *truth.Record) cell { return count(r.PromptTokens) }), told: inSpan},
	{name: "completion_tokens", numeric: true, want: ofSpan(func(r *truth.Record) cell { return count(r.CompletionTokens) }), told: inSpan},
	{name: "max_tokens", numeric: true, want: of(func(r *truth.Record) cell { return count(r.MaxTokens) }), told: inSpan},
	{name: "temperature", numeric: true, within: exact, want: of(func(r *truth.Record) cell { return optional(r.Temperature) }), told: inSpan},
	{name: "top_p", numeric: true, within: exact, want: of(func(r *truth.Record) cell { return optional(r.TopP) }), told: inSpan},

	{name: "e2e", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.E2E) }), told: inSpan},
	{name: "ttft", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.TTFT) }), told: inSpan},
	{name: "queue", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.Queue) }), told: answered},
	{name: "prefill", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.Prefill) }), told: inSpan},
	{name: "decode", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.Decode) }), told: inSpan},
	{name: "tpot", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.TPOT) }), told: inSpan},

	{name: "pre_queue", numeric: true, within: microsecond, want: ofSpan(func(r *truth.Record) cell { return optional(r.PreQueue) }), told: inSpan},
	{name: "unaccounted", numeric: true, within: 2 * microsecond, want: ofSpan(func(r *truth.Record) cell {
		if r.E2E == nil || r.TTFT == nil || r.Decode == nil {
			return cell{}
		}
		return number(*r.E2E - *r.TTFT - *r.Decode)
	}), told: inSpan},
	{name: "tokens_per_second", numeric: true, within: millisecond, want: ofSpan(func(r *truth.Record) cell {
		if r.Decode == nil || *r.Decode == 0 {
			return anything
		}
		return number(float64(r.CompletionTokens) / *r.Decode)
	}), told: inSpan},

	{name: "caller_service", want: ofCaller(func(r *truth.Record) cell { return text(r.Caller.Service) }), told: inCaller},
	{name: "caller_duration", numeric: true, within: millisecond, want: ofCaller(func(r *truth.Record) cell { return number(r.Caller.Duration) }), told: inCaller},
	{name: "outside_engine", numeric: true, within: millisecond, want: ofCaller(func(r *truth.Record) cell {
		if r.E2E == nil || r.Evidence.EngineSpan != truth.Emitted {
			return cell{}
		}
		return number(r.Caller.Duration - *r.E2E)
	}), told: inCaller},

	{name: "running", numeric: true, want: state(func(s *truth.Scrape) float64 { return float64(s.Running) }), told: scraped},
	{name: "waiting", numeric: true, want: state(func(s *truth.Scrape) float64 { return float64(s.Waiting) }), told: scraped},
	{name: "kv_cache_usage", numeric: true, within: exact, want: state(func(s *truth.Scrape) float64 { return s.KVCacheUsage }), told: scraped},

	{name: "preemptions", numeric: true, within: exact, want: preempted, told: nowhere},

	{name: "log_lines", numeric: true, lines: true, want: of(func(r *truth.Record) cell { return count(r.Evidence.LogLines) }),
		told: func(_ *grader, r *truth.Record) bool { return r.Evidence.LogLines > 0 }},
	{name: "error_lines", numeric: true, lines: true, want: of(func(r *truth.Record) cell { return count(r.Evidence.ErrorLines) }),
		told: func(_ *grader, r *truth.Record) bool { return r.Evidence.LogLines > 0 }},

	{name: "slo_met", lines: true, want: kept, told: func(_ *grader, r *truth.Record) bool { return inSpan(nil, r) && !FailureUntold(r) }},
}

// kept says whether the request ended well within all limits.
func kept(g *grader, r *truth.Record) cell {
	above := func(took *float64, limit float64) bool { return limit > 0 && took != nil && *took > limit }
	l := g.world.Limits
	switch {
	case l == (Limits{}), FailureUntold(r), r.Evidence.EngineSpan != truth.Emitted && r.Status == truth.StatusOK:
		return anything
	case r.Status != truth.StatusOK, above(r.TTFT, l.TTFT), above(r.E2E, l.E2E), r.CompletionTokens > 1 && above(r.TPOT, l.TPOT):
		return text("false")
	}
	return text("true")
}

// preempted is what the engine counted between the last scrape before the request and the first after it.
func preempted(g *grader, r *truth.Record) cell {
	before, after := g.lastScrape(r), g.scrapeAfter(r)
	if r.Evidence.EngineSpan != truth.Emitted || before == nil || after == nil || after.Preemptions < before.Preemptions {
		return anything
	}
	return number(after.Preemptions - before.Preemptions)
}

// state is a value of the last scrape before the request.
func state(value func(*truth.Scrape) float64) func(*grader, *truth.Record) cell {
	return func(g *grader, r *truth.Record) cell {
		if r.Evidence.EngineSpan != truth.Emitted {
			return anything // the row's moment is that of its first line, which may be after the next scrape
		}
		s := g.lastScrape(r)
		if s == nil {
			return cell{}
		}
		return number(value(s))
	}
}

// scraped says that the engine is the only one of its instance and was seen shortly before.
func scraped(g *grader, r *truth.Record) bool {
	s := g.lastScrape(r)
	return inSpan(g, r) && g.alone(r) && s != nil && r.Time.Sub(s.Time) < g.world.ScrapeInterval*5/2
}

// agrees compares a row's cell with what it must say.
func (c column) agrees(r Row, want cell) (known, right bool) {
	if c.numeric {
		got, ok := c.number(r)
		return ok, ok && want.known && math.Abs(got-want.number) <= c.within
	}
	got := r.Text(c.name)
	if c.name == "status" && got == "unknown" {
		got = ""
	}
	return got != "", got == want.text
}

// number is a numeric cell; a time is in seconds since 1970.
func (c column) number(r Row) (float64, bool) {
	if c.name == "time" {
		return float64(r.Time().UnixMicro()) / 1e6, true
	}
	return r.Number(c.name)
}

// shown is a cell for a complaint.
func (c column) shown(r Row) any {
	if c.numeric {
		if v, ok := c.number(r); ok {
			return v
		}
		return nil
	}
	return r.Text(c.name)
}

func (c cell) shown(numeric bool) any {
	switch {
	case !c.known:
		return nil
	case numeric:
		return c.number
	}
	return c.text
}
