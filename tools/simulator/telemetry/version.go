package telemetry

import (
	"fmt"
	"strings"
)

// Version of vLLM, as far as telemetry depends on it.
type Version struct{ Minor, Patch int }

// Newest is the version whose recording the simulator is checked against.
var Newest = Version{32, 0}

// ParseVersion reads "0.12" or "0.10.2". Empty is the newest.
func ParseVersion(s string) (Version, error) {
	if s == "" {
		return Newest, nil
	}
	var v Version
	if n, _ := fmt.Sscanf(s, "0.%d.%d", &v.Minor, &v.Patch); n == 0 {
		return Version{}, fmt.Errorf("vLLM version %q: want 0.MINOR or 0.MINOR.PATCH", s)
	}
	if v.Minor < 8 {
		return Version{}, fmt.Errorf("vLLM version %q: before 0.8 the V0 engine ran, which is not simulated", s)
	}
	return v, nil
}

func (v Version) String() string { return fmt.Sprintf("0.%d.%d", v.Minor, v.Patch) }

// since tells whether v is that version or later.
func (v Version) since(minor, patch int) bool {
	return v.Minor > minor || v.Minor == minor && v.Patch >= patch
}

// The behaviours that changed, each with the first version that has it.

// Since reports whether this is version 0.minor.patch or later.
func (v Version) Since(minor, patch int) bool { return v.since(minor, patch) }

// HasSpans: the V1 engine traces requests.
func (v Version) HasSpans() bool { return v.since(10, 2) }

// HasStartupSpans: model loading and engine start are traced too.
func (v Version) HasStartupSpans() bool { return v.since(16, 0) }

// ScopeName is the instrumentation scope of llm_request.
func (v Version) ScopeName() string {
	if v.since(16, 0) {
		return "vllm.tracing.otel"
	}
	return "vllm.llm_engine"
}

// RandomSuffix: internal ids carry eight hex digits of their own.
func (v Version) RandomSuffix() bool { return v.since(14, 0) }

// ChildIDOnSpan: with n > 1 the span shows the child's id, not the external one.
func (v Version) ChildIDOnSpan() bool { return !v.since(14, 0) }

// StartsBeforeTokenization: arrival is taken before the chat template is rendered.
func (v Version) StartsBeforeTokenization() bool { return v.since(17, 0) }

// BaseIDLength is how many hex digits a request without X-Request-Id gets.
func (v Version) BaseIDLength() int {
	if v.since(12, 0) {
		return 16
	}
	return 32
}

// processPrefix: lines of the API server and the engine begin with "(Name pid=N) ".
func (v Version) processPrefix() bool { return v.since(10, 1) }

// LogsOutputs: --enable-log-outputs exists.
func (v Version) LogsOutputs() bool { return v.since(10, 1) }

// accessLinePrefix: uvicorn's lines carry the process prefix too. The prefix
// was wrapped around the streams; the recorded 0.32 has it in its formatter.
func (v Version) accessLinePrefix() bool { return v.processPrefix() && !v.since(28, 0) }

// colouredPrefix: the process prefix is coloured even when piped.
func (v Version) colouredPrefix() bool { return !v.since(28, 0) }

// EngineProcess is the name of an engine's process.
func (v Version) EngineProcess(rank, engines int) string {
	if engines == 1 && v.since(18, 0) {
		return "EngineCore"
	}
	return fmt.Sprintf("EngineCore_DP%d", rank)
}

// origins are the source files and lines that log calls name.
type origins struct{ received, generated, added, addedChild, aborted, requestAborted, failed, stats, arguments, tasks string }

// origins as recorded. In between line numbers differ with every release, so
// that no parser may rely on them.
func (v Version) origins() origins {
	if v.since(28, 0) {
		return origins{
			received: "request_logger.py:65", generated: "request_logger.py:108",
			added: "async_llm.py:578", addedChild: "async_llm.py:552",
			aborted: "async_llm.py:922", requestAborted: "async_llm.py:783", failed: "async_llm.py:789",
			stats: "loggers.py:335", arguments: "api_utils.py:286", tasks: "entry.py:136",
		}
	}
	return origins{
		received: "logger.py:47", generated: "logger.py:76",
		added: "async_llm.py:353", addedChild: "async_llm.py:353",
		aborted: "async_llm.py:553", requestAborted: "async_llm.py:450", failed: "async_llm.py:456",
		stats: "loggers.py:248", arguments: "utils.py:253", tasks: "api_server.py:1099",
	}
}

// ContentType of the /metrics answer, which depends on the scraper and on the
// Prometheus client, not on vLLM.
func ContentType(accept string) string {
	if strings.Contains(accept, "text/plain;version=1.0.0") {
		return "text/plain; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}
