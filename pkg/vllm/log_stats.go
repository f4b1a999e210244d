package vllm

import (
	"math"
	"strings"
)

// EngineStats is what the periodic line says, of whichever version. Counts are -1, the rest NaN when the line does not
// tell. The line is for people: its throughput is an average over the interval (10 s by default), prompt tokens from a
// cache are left out since 0.16, and its hit rate slides over the last 1000 requests.
type EngineStats struct {
	Engine string // "" for all engines of the process together

	PromptThroughput     float64 // tokens/s
	GenerationThroughput float64 // tokens/s

	Running, Waiting, Deferred, Swapped int64 // requests; Waiting is V0's Pending
	// Preemptions since the last line: told only by the Rust front end. Python resets the counter before it looks.
	Preemptions int64

	KVCacheUsage               float64 // 0 to 1
	PrefixCacheHitRate         float64 // 0 to 1
	ExternalPrefixCacheHitRate float64 // 0 to 1
	MMCacheHitRate             float64 // 0 to 1
}

// takeStats takes lines that begin with an engine's number or a count of engines.
func (e *LogEvent) takeStats(m string) bool {
	engine, body := cutEngine(m)
	if body == m {
		return false
	}
	e.Engine = engine
	if strings.HasPrefix(body, "Avg prompt ") || strings.HasPrefix(body, "MFU: ") || strings.HasPrefix(body, "Iteration(") {
		e.Kind = LogStats
	}
	return true
}

// cutEngine takes "Engine 001: " (the engine's number without the zeros) or "2 Engines Aggregated: " (no number).
func cutEngine(m string) (engine, body string) {
	if rest, ok := strings.CutPrefix(m, "Engine "); ok {
		digits, after, found := strings.Cut(rest, ": ")
		if !found || !isDigits(digits) {
			return "", m
		}
		if engine = strings.TrimLeft(digits, "0"); engine == "" {
			engine = "0"
		}
		return engine, after
	}
	if isDigit(m[0]) {
		count, after, found := strings.Cut(m, " Engines Aggregated: ")
		if found && isDigits(count) {
			return "", after
		}
	}
	return "", m
}

// ParseEngineStats reads the message of a LogStats line. ok is false for the kind's other lines (speculative decoding, KV
// transfer, MFU, iterations), whose numbers the metrics tell better.
func ParseEngineStats(message string) (stats EngineStats, ok bool) {
	if message == "" {
		return EngineStats{}, false
	}
	nan := math.NaN()
	stats = EngineStats{
		PromptThroughput: nan, GenerationThroughput: nan,
		Running: -1, Waiting: -1, Deferred: -1, Swapped: -1, Preemptions: -1,
		KVCacheUsage: nan, PrefixCacheHitRate: nan, ExternalPrefixCacheHitRate: nan, MMCacheHitRate: nan,
	}
	engine, body := cutEngine(message)
	stats.Engine = engine
	if !strings.HasPrefix(body, "Avg prompt ") {
		return EngineStats{}, false
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(body, "."), ", ") {
		name, value, _ := strings.Cut(part, ": ")
		number, unit, _ := strings.Cut(value, " ")
		percent := strings.HasSuffix(number, "%")
		number = strings.TrimSuffix(number, "%")
		switch name {
		case "Avg prompt throughput", "Avg prompt tput": // the second wording is the Rust front end's, here and below
			stats.PromptThroughput = parseFloat(number)
		case "Avg generation throughput", "Avg generation tput":
			stats.GenerationThroughput = parseFloat(number)
		case "Running", "Reqs Running":
			stats.Running = parseCount(number)
		case "Waiting", "Pending":
			stats.Waiting = parseCount(number)
		case "Deferred":
			stats.Deferred = parseCount(number)
		case "Swapped":
			stats.Swapped = parseCount(number)
		case "Preemptions":
			if unit == "" {
				stats.Preemptions = parseCount(number)
			}
		case "Prefix cache hit rate":
			stats.PrefixCacheHitRate = parseFloat(number) / 100
		case "External prefix cache hit rate":
			stats.ExternalPrefixCacheHitRate = parseFloat(number) / 100
		case "MM cache hit rate":
			stats.MMCacheHitRate = parseFloat(number) / 100
		default:
			// Since 0.30 the first word is the device's. V0 tells of GPU and CPU, in this order: requests wait for the first.
			usage := strings.HasSuffix(name, " KV cache usage") || strings.HasSuffix(name, " KV cache used")
			if usage && percent && stats.KVCacheUsage != stats.KVCacheUsage {
				stats.KVCacheUsage = parseFloat(number) / 100
			}
		}
	}
	return stats, true
}
