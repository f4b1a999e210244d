//go:build unix

package demo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// requestColumns are 120 characters of the request row, which has some fifty
// fields: who, what came of it, where the time went, what the engine was doing
// when it came in, and which stores know of it.
var requestColumns = []column{
	{title: "time", width: 8, fields: []string{"time"}, format: clock, left: true},
	{title: "request", width: 18, fields: []string{"request_id"}, format: text, left: true},
	{title: "model", width: 13, fields: []string{"model"}, format: lastPart, left: true},
	{title: "status", width: 8, fields: []string{"status"}, format: text, left: true},
	{title: "in", width: 5, fields: []string{"prompt_tokens"}, format: count},
	{title: "out", width: 5, fields: []string{"completion_tokens"}, format: count},
	{title: "e2e", width: 6, fields: []string{"e2e"}, format: seconds},
	{title: "ttft", width: 6, fields: []string{"ttft"}, format: seconds},
	{title: "queue", width: 6, fields: []string{"queue"}, format: seconds},
	{title: "prefil", width: 6, fields: []string{"prefill"}, format: seconds},
	{title: "decode", width: 6, fields: []string{"decode"}, format: seconds},
	{title: "run", width: 3, fields: []string{"running"}, format: count},
	{title: "wait", width: 4, fields: []string{"waiting"}, format: count},
	{title: "kv", width: 4, fields: []string{"kv_cache_usage"}, format: percent},
	{title: "log", width: 3, fields: []string{"log_lines"}, format: count},
	{title: "TLM", width: 4, fields: []string{"signals"}, format: signals, left: true},
}

// modelColumns are 120 characters of the per-model table.
var modelColumns = []column{
	{title: "model", width: 22, fields: []string{"model"}, format: lastPart, left: true},
	{title: "req/s", width: 6, fields: []string{"request_rate"}, format: number},
	{title: "5xx", width: 5, fields: []string{"http_5xx_ratio"}, format: percent},
	{title: "ttft50", width: 6, fields: []string{"ttft_p50"}, format: seconds},
	{title: "ttft95", width: 6, fields: []string{"ttft_p95"}, format: seconds},
	{title: "itl95", width: 6, fields: []string{"itl_p95"}, format: seconds},
	{title: "e2e50", width: 6, fields: []string{"e2e_p50"}, format: seconds},
	{title: "e2e95", width: 6, fields: []string{"e2e_p95"}, format: seconds},
	{title: "queue95", width: 7, fields: []string{"queue_p95"}, format: seconds},
	{title: "run", width: 5, fields: []string{"running"}, format: number},
	{title: "wait", width: 5, fields: []string{"waiting"}, format: number},
	{title: "kv max", width: 6, fields: []string{"kv_cache_usage_max"}, format: percent},
	{title: "preem/s", width: 7, fields: []string{"preemption_rate"}, format: number},
	{title: "cache", width: 5, fields: []string{"prefix_cache_hit_ratio"}, format: percent},
	{title: "tok/s", width: 6, fields: []string{"generation_token_rate"}, format: number},
}

// modelMetrics and modelQuantiles are what the columns above need, and no more.
var (
	modelMetrics = []string{
		"request_rate", "http_5xx_ratio", "ttft", "itl", "e2e", "queue", "running", "waiting",
		"kv_cache_usage_max", "preemption_rate", "prefix_cache_hit_ratio", "generation_token_rate",
	}
	modelQuantiles = []float64{0.5, 0.95}
)

func text(field *data.Field, row int) string {
	value, ok := field.ConcreteAt(row)
	if !ok {
		return ""
	}
	return fmt.Sprint(value)
}

// lastPart drops the organisation from a model's name.
func lastPart(field *data.Field, row int) string {
	name := text(field, row)
	return name[strings.LastIndexByte(name, '/')+1:]
}

func clock(field *data.Field, row int) string {
	value, ok := field.ConcreteAt(row)
	if at, isTime := value.(time.Time); ok && isTime {
		return at.UTC().Format(time.TimeOnly)
	}
	return ""
}

// float is a field's number; false for null and for what is no number.
func float(field *data.Field, row int) (float64, bool) {
	value, err := field.NullableFloatAt(row)
	if err != nil || value == nil || math.IsNaN(*value) || math.IsInf(*value, 0) {
		return 0, false
	}
	return *value, true
}

func count(field *data.Field, row int) string {
	value, ok := float(field, row)
	if !ok {
		return ""
	}
	return strconv.FormatFloat(math.Round(value), 'f', -1, 64)
}

// number keeps three digits that mean something.
func number(field *data.Field, row int) string {
	value, ok := float(field, row)
	if !ok {
		return ""
	}
	switch size := math.Abs(value); {
	case value == math.Trunc(value) && size < 1e9, size >= 99.95:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case size >= 9.995:
		return strconv.FormatFloat(value, 'f', 1, 64)
	case size >= 0.01:
		return strconv.FormatFloat(value, 'f', 2, 64)
	default:
		return strconv.FormatFloat(value, 'g', 1, 64)
	}
}

func percent(field *data.Field, row int) string {
	value, ok := float(field, row)
	if !ok {
		return ""
	}
	return strconv.FormatFloat(100*value, 'f', 0, 64) + "%"
}

// seconds writes a duration in at most six characters.
func seconds(field *data.Field, row int) string {
	value, ok := float(field, row)
	if !ok {
		return ""
	}
	switch {
	case value == 0:
		return "0"
	case math.Abs(value) < 0.001:
		return strconv.FormatFloat(1e6*value, 'f', 0, 64) + "µs"
	case math.Abs(value) < 0.9995:
		return strconv.FormatFloat(1e3*value, 'f', 0, 64) + "ms"
	case math.Abs(value) < 99.95:
		return strconv.FormatFloat(value, 'f', 2, 64) + "s"
	default:
		return strconv.FormatFloat(value, 'f', 0, 64) + "s"
	}
}

// signals is T, L and M for traces, logs and metrics; a question mark when the
// evidence is ambiguous.
func signals(field *data.Field, row int) string {
	value := text(field, row)
	if value == "" {
		return ""
	}
	var b strings.Builder
	for _, signal := range []struct{ word, letter string }{{"trace", "T"}, {"log", "L"}, {"metric", "M"}} {
		if strings.Contains(value, signal.word) {
			b.WriteString(signal.letter)
		} else {
			b.WriteString("-")
		}
	}
	if strings.Contains(value, "ambiguous") {
		b.WriteString("?")
	}
	return b.String()
}

// byUnit writes a value as its field's unit says; for tables whose columns are
// the plugin's to choose.
func byUnit(field *data.Field, row int) string {
	if field.Type().NonNullableType() == data.FieldTypeTime {
		return clock(field, row)
	}
	if !field.Type().Numeric() {
		return text(field, row)
	}
	unit := ""
	if field.Config != nil {
		unit = field.Config.Unit
	}
	switch unit {
	case "s":
		return seconds(field, row)
	case "percentunit":
		return percent(field, row)
	default:
		return number(field, row)
	}
}
