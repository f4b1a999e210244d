package join

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// Column is one field of the request row. Exactly one of Text, Number and Integer is set (none for time); each returns a
// pointer into the row, so that a frame of a million rows copies nothing, or nil where the row has no place for it.
// A pointed-to "", NaN or evidence.Unknown is null as well: see Null.
type Column struct {
	Name        string
	Unit        string // Grafana unit id; durations are seconds
	Description string
	Text        func(*Request) *string
	Number      func(*Request) *float64
	Integer     func(*Request) *int64
	// FromSpan says that the engine span alone decides the value: rows can be chosen by it before logs and metrics are
	// asked, so that these are asked only for the rows that stay.
	FromSpan bool
	// NeedsSpan says that a request without an engine span has no value: ordered by it, such rows come last.
	NeedsSpan bool
}

// TimeColumn is the name of the one column that is a time.
const TimeColumn = "time"

const (
	statusColumn  = "status"
	outsideColumn = "outside_engine"
)

// Columns is the request row: the order here is the order of the frame, and names are stable once saved in a dashboard.
var Columns = []Column{
	// identity
	{Name: TimeColumn, Description: "When the API server took the request in (start of the engine span); without a span, its first evidence: a line's time is put on the spans' clock as far as the difference was measured", FromSpan: true},
	{Name: "request_id", Description: "vLLM's external request id", Text: func(r *Request) *string { return &r.RequestID }, FromSpan: true},
	{Name: "client_request_id", Description: "What the client sent as X-Request-Id, to vLLM or to a router before it, or what was made up for it", Text: func(r *Request) *string { return &r.ClientRequestID }},
	{Name: "trace_id", Text: func(r *Request) *string { return &r.TraceID }, Description: "Trace the request belongs to", FromSpan: true},
	{Name: "span_id", Text: spanID, Description: "Engine span, else the client span", FromSpan: true},

	// where
	{Name: "model", Description: "Served model name", Text: func(r *Request) *string { return &r.Model }},
	{Name: "lora", Description: "LoRA adapter, where a line or resource names it", Text: func(r *Request) *string { return &r.LoRA }},
	{Name: "environment", Text: where(func(o *evidence.Origin) *string { return &o.Environment }), Description: "Deployment environment", FromSpan: true},
	{Name: "cluster", Text: where(func(o *evidence.Origin) *string { return &o.Cluster }), Description: "Cluster, such as a Kubernetes cluster", FromSpan: true},
	{Name: "namespace", Text: where(func(o *evidence.Origin) *string { return &o.Namespace }), Description: "Kubernetes namespace", FromSpan: true},
	{Name: "pod", Text: where(func(o *evidence.Origin) *string { return &o.Pod }), Description: "Pod of the API server", FromSpan: true},
	{Name: "instance", Text: where(func(o *evidence.Origin) *string { return &o.Instance }), Description: "Instance of the API server", FromSpan: true},
	{Name: "engine", Description: "Data-parallel rank; null when the instance has several and no evidence names one", Text: func(r *Request) *string { return &r.Engine }},

	// outcome
	{Name: statusColumn, Description: "ok, error, aborted, rejected or unknown", Text: func(r *Request) *string { return (*string)(&r.Status) }},
	{Name: "finish_reason", Description: "stop, length, abort, error, … where a line or the caller tells", Text: func(r *Request) *string { return &r.FinishReason }},
	{Name: "http_status", Description: "HTTP status as the caller saw it", Integer: func(r *Request) *int64 { return &r.HTTPStatus }},
	{Name: "error", Description: "Error text or type", Text: func(r *Request) *string { return &r.Error }},

	// size
	{Name: "prompt_tokens", Description: "Prompt length including cached tokens", Integer: spanInteger(func(s *evidence.RequestSpan) *int64 { return &s.PromptTokens }), FromSpan: true, NeedsSpan: true},
	{Name: "completion_tokens", Description: "Generated tokens of this sequence; of a beam search, of all beams", Integer: spanInteger(func(s *evidence.RequestSpan) *int64 { return &s.CompletionTokens }), FromSpan: true, NeedsSpan: true},
	{Name: "cached_tokens", Description: "Prompt tokens found in a cache, where the span or LMCache's line tells", Integer: func(r *Request) *int64 { return &r.CachedTokens }},
	{Name: "max_tokens", Description: "Limit on generated tokens in force", Integer: func(r *Request) *int64 { return &r.MaxTokens }},
	{Name: "temperature", Description: "Sampling temperature; vLLM leaves 0 off the span, which is shown as 0", Number: func(r *Request) *float64 { return &r.Temperature }},
	{Name: "top_p", Description: "Nucleus sampling", Number: func(r *Request) *float64 { return &r.TopP }},

	// latency
	{Name: "e2e", Unit: "s", Description: "Arrival to final output processed", Number: spanNumber(func(s *evidence.RequestSpan) *float64 { return &s.E2E }), FromSpan: true, NeedsSpan: true},
	{Name: "ttft", Unit: "s", Description: "Time to first token: arrival to first token processed", Number: spanNumber(func(s *evidence.RequestSpan) *float64 { return &s.TTFT }), FromSpan: true, NeedsSpan: true},
	{Name: "queue", Unit: "s", Description: "Waiting for the scheduler (engine clock)", Number: spanNumber(func(s *evidence.RequestSpan) *float64 { return &s.Queue }), FromSpan: true, NeedsSpan: true},
	{Name: "prefill", Unit: "s", Description: "Scheduled to first token (engine clock)", Number: spanNumber(func(s *evidence.RequestSpan) *float64 { return &s.Prefill }), FromSpan: true, NeedsSpan: true},
	{Name: "decode", Unit: "s", Description: "First to last token (engine clock)", Number: spanNumber(func(s *evidence.RequestSpan) *float64 { return &s.Decode }), FromSpan: true, NeedsSpan: true},
	{Name: "tpot", Unit: "s", Description: "Time per output token: decode / (completion_tokens − 1)", Number: func(r *Request) *float64 { return &r.TPOT }, FromSpan: true, NeedsSpan: true},
	{Name: "pre_queue", Unit: "s", Description: "ttft − queue − prefill: tokenisation, IPC, event-loop lag", Number: func(r *Request) *float64 { return &r.PreQueue }, FromSpan: true, NeedsSpan: true},
	{Name: "unaccounted", Unit: "s", Description: "e2e − ttft − decode: output handling that no phase explains", Number: func(r *Request) *float64 { return &r.Unaccounted }, FromSpan: true, NeedsSpan: true},
	{Name: "tokens_per_second", Unit: "suffix: tok/s", Description: "completion_tokens / decode", Number: func(r *Request) *float64 { return &r.TokensPerSecond }, FromSpan: true, NeedsSpan: true},

	// caller
	{Name: "caller_service", Description: "Service of the call that covers the engine's span: the outermost call to a model, else the nearest span above", Text: callerText(func(c *evidence.CallerSpan) *string { return &c.Service }), FromSpan: true},
	{Name: "caller_operation", Description: "Operation of that call", Text: callerText(func(c *evidence.CallerSpan) *string { return &c.Operation }), FromSpan: true},
	{Name: "caller_duration", Unit: "s", Description: "Duration of that call", Number: func(r *Request) *float64 { return &r.CallerDuration }},
	{Name: outsideColumn, Unit: "s", Description: "caller_duration − e2e: network, router, client; null where the caller made other requests besides", Number: func(r *Request) *float64 { return &r.OutsideEngine }},

	// engine at arrival
	{Name: "running", Description: "Requests in the batch at the last scrape before arrival", Number: func(r *Request) *float64 { return &r.Running }},
	{Name: "waiting", Description: "Requests queued at the last scrape before arrival", Number: func(r *Request) *float64 { return &r.Waiting }},
	{Name: "kv_cache_usage", Unit: "percentunit", Description: "KV cache in use at the last scrape before arrival", Number: func(r *Request) *float64 { return &r.KVCacheUsage }},
	{Name: "preemptions", Description: "Preemptions of any request that the engine counted from the scrape before arrival to the scrape after the end: 0 means that this request had none", Number: func(r *Request) *float64 { return &r.Preemptions }},
	{Name: "gpu_utilization", Unit: "percentunit", Description: "Mean over the instance's GPUs at the last scrape before arrival", Number: func(r *Request) *float64 { return &r.GPUUtilization }},
	{Name: "gpu_memory_used", Unit: "bytes", Description: "Sum over the instance's GPUs at the last scrape before arrival", Number: func(r *Request) *float64 { return &r.GPUMemoryUsed }},

	// logs
	{Name: "log_lines", Description: "Lines that carry this request's id", Integer: func(r *Request) *int64 { return &r.LogLines }},
	{Name: "warning_lines", Description: "Of these, lines of level WARNING", Integer: func(r *Request) *int64 { return &r.WarningLines }},
	{Name: "error_lines", Description: "Of these, lines of level ERROR or CRITICAL", Integer: func(r *Request) *int64 { return &r.ErrorLines }},

	// verdict
	{Name: "slo_met", Description: "true when the request ended ok within all limits of its model, false when not; null without limits, or when the evidence does not tell", Text: sloText},

	// evidence
	{Name: "signals", Description: "Stores that contributed; “ambiguous” when further evidence fits this row and another", Text: signalsText},
}

var columnByName = func() map[string]*Column {
	m := make(map[string]*Column, len(Columns))
	for i := range Columns {
		m[Columns[i].Name] = &Columns[i]
	}
	return m
}()

// ColumnNamed finds a column; ok is false when the row has none of that name.
func ColumnNamed(name string) (c *Column, ok bool) {
	c, ok = columnByName[name]
	return c, ok
}

// NullText, NullNumber and NullInteger turn a column's pointer into what a frame holds: nil for everything unknown.
func NullText(p *string) *string {
	if p == nil || *p == "" {
		return nil
	}
	return p
}

// NullNumber is NullText for numbers; a value that is not finite never came from a sound measurement.
func NullNumber(p *float64) *float64 {
	if p == nil || *p-*p != 0 {
		return nil
	}
	return p
}

// NullInteger is NullText for counts.
func NullInteger(p *int64) *int64 {
	if p == nil || *p == evidence.Unknown {
		return nil
	}
	return p
}

func spanID(r *Request) *string {
	switch {
	case r.Span != nil:
		return &r.Span.SpanID
	case r.Caller != nil:
		return &r.Caller.SpanID
	}
	return nil
}

func where(f func(*evidence.Origin) *string) func(*Request) *string {
	return func(r *Request) *string {
		if r.Origin == nil {
			return nil
		}
		return f(r.Origin)
	}
}

func spanNumber(f func(*evidence.RequestSpan) *float64) func(*Request) *float64 {
	return func(r *Request) *float64 {
		if r.Span == nil {
			return nil
		}
		return f(r.Span)
	}
}

func spanInteger(f func(*evidence.RequestSpan) *int64) func(*Request) *int64 {
	return func(r *Request) *int64 {
		if r.Span == nil {
			return nil
		}
		return f(r.Span)
	}
}

func callerText(f func(*evidence.CallerSpan) *string) func(*Request) *string {
	return func(r *Request) *string {
		if r.Caller == nil {
			return nil
		}
		return f(r.Caller)
	}
}

// sloTexts is the text of each verdict, so that a cell is a pointer.
var sloTexts = [...]string{slo.CannotTell: "", slo.Missed: "false", slo.Met: "true"}

func sloText(r *Request) *string { return &sloTexts[r.SLOMet] }

// signalTexts is the text of every set of signals, unmarked and marked ambiguous, so that a cell is a pointer.
var signalTexts = func() (t [2][8]string) {
	for i, name := range signalNames {
		t[0][i] = name
		t[1][i] = name + "+ambiguous"
	}
	return t
}()

func signalsText(r *Request) *string {
	if r.Ambiguous || r.Unread {
		return &signalTexts[1][r.Signals&7]
	}
	return &signalTexts[0][r.Signals&7]
}
