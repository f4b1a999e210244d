package telemetry

import "fmt"

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

// ContentType of the /metrics answer.
func (v Version) ContentType() string {
	if v.since(28, 0) {
		return "text/plain; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}

// accessLinePrefix: uvicorn's lines carry the process prefix too. The recorded
// 0.32 writes them bare.
func (v Version) accessLinePrefix() bool { return v.processPrefix() && !v.since(28, 0) }
