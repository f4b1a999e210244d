//go:build unix

package demo

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func ptr[T any](value T) *T { return &value }

// full is a picture with everything in it, also what should not happen.
func full() Snapshot {
	seconds := &data.FieldConfig{Unit: "s"}
	requests := data.NewFrame("requests",
		data.NewField("time", nil, []*time.Time{ptr(noon), ptr(noon.Add(-time.Second)), nil}),
		data.NewField("request_id", nil, []*string{ptr("chatcmpl-0123456789abcdef"), ptr("cmpl-\x1b[31m-0"), nil}),
		data.NewField("model", nil, []*string{ptr("meta-llama/Llama-3.1-8B"), ptr("qwen"), nil}),
		data.NewField("status", nil, []*string{ptr("ok"), ptr("error"), ptr("unknown")}),
		data.NewField("prompt_tokens", nil, []*int64{ptr(int64(1234)), ptr(int64(7)), nil}),
		data.NewField("completion_tokens", nil, []*int64{ptr(int64(256)), ptr(int64(0)), nil}),
		data.NewField("e2e", nil, []*float64{ptr(12.3456), ptr(0.0004), nil}).SetConfig(seconds),
		data.NewField("ttft", nil, []*float64{ptr(0.1234), nil, nil}).SetConfig(seconds),
		data.NewField("queue", nil, []*float64{ptr(0.0), nil, nil}).SetConfig(seconds),
		data.NewField("running", nil, []*float64{ptr(12.0), nil, nil}),
		data.NewField("kv_cache_usage", nil, []*float64{ptr(0.873), nil, nil}),
		data.NewField("log_lines", nil, []*int64{ptr(int64(2)), ptr(int64(5)), nil}),
		data.NewField("signals", nil, []*string{ptr("trace+logs+metrics"), ptr("trace+logs+ambiguous"), nil}),
	)
	models := data.NewFrame("models",
		data.NewField("model", nil, []string{"meta-llama/Llama-3.1-8B"}),
		data.NewField("request_rate", nil, []float64{3.4567}),
		data.NewField("ttft_p95", nil, []float64{0.456}),
		data.NewField("kv_cache_usage_max", nil, []*float64{nil}),
		data.NewField("generation_token_rate", nil, []float64{1234.5}),
	)
	coverage := data.NewFrame("coverage",
		data.NewField("explained_ratio", nil, []float64{0.98}).SetConfig(&data.FieldConfig{Unit: "percentunit"}),
		data.NewField("rows", nil, []int64{1234}),
		data.NewField("log_skew", nil, []float64{0.0021}).SetConfig(seconds),
		data.NewField("dropped", nil, []*int64{nil}),
	)
	return Snapshot{
		Now: noon, Up: 72 * time.Second, Window: 15 * time.Minute,
		Parts: []Part{
			{"prometheus", "ready", "http://127.0.0.1:9090", Good},
			{"jaeger", "building", "compiling 312 of 1203 packages, 2m10s so far, about 6m0s left", Busy},
			{"loki", "failed", "loki: " + strings.Repeat("a long reason ", 20), Bad},
			{"grafana", "absent", "none found; GRAFANA_HOME names one", Absent},
		},
		Answers: Answers{
			Asked:    noon,
			Health:   Health{Status: "ERROR", Message: "Jaeger: connection refused", Details: "prometheus: fine\nloki: no request ids: start vLLM with --enable-log-requests\n"},
			Requests: Answer{Frame: requests, Took: 48 * time.Millisecond, Notices: []string{"jaeger gave 1000 traces,\nits limit", "b", "c", "d", "e"}},
			Models:   Answer{Frame: models, Took: 12 * time.Millisecond},
			Coverage: Answer{Frame: coverage, Took: 1500 * time.Millisecond},
		},
	}
}

func TestPictures(t *testing.T) {
	refused := Snapshot{Now: noon, Window: time.Hour, Answers: Answers{Requests: Answer{Err: "query data: plugin is gone"}}}
	metrics := data.NewFrame("coverage",
		data.NewField("instance", nil, []string{"a:8000", "b:8000"}),
		data.NewField("cluster", nil, []string{"", ""}),
		data.NewField("environment", nil, []string{"prod", "prod"}),
		data.NewField("explained_ratio", nil, []float64{1, 0.5}).SetConfig(&data.FieldConfig{Unit: "percentunit"}),
		data.NewField("rows", nil, []int64{70, 70}),
		data.NewField("stores_failed", nil, []int64{1, 1}),
	)
	for name, snapshot := range map[string]Snapshot{
		"full": full(),
		"healthy": {Now: noon, Window: 15 * time.Minute, Answers: Answers{Health: Health{
			Status: "OK", Message: "Prometheus: ok\nLoki: ok\nMetrics of 8 engines\nLogs with 500 lines that name a request\nSpans of 3 services: a, b, c",
		}}},
		"before anything":            {Now: noon, Window: 15 * time.Minute, Parts: []Part{{"plugin", "building", "go tool mage build:backend", Busy}}},
		"an answer that is an error": refused,
		"coverage by instance":       {Now: noon, Window: 15 * time.Minute, Answers: Answers{Coverage: Answer{Frame: metrics}}},
	} {
		t.Run(name, func(t *testing.T) {
			lines := Draw(snapshot, Size{Width: 120}, false)
			for _, line := range lines {
				require.LessOrEqual(t, utf8.RuneCountInString(line), 120, line)
				require.NotContains(t, line, "\x1b", "what a client chose must not reach the terminal as a command")
			}
			got := strings.Join(lines, "\n") + "\n"
			golden := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestAPictureFitsItsTerminal(t *testing.T) {
	snapshot := full()
	many := data.NewFrame("requests", data.NewField("request_id", nil, make([]*string, 500)))
	snapshot.Requests.Frame = many
	for _, size := range []Size{{120, 30}, {80, 24}, {200, 60}, {60, 10}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			lines := Draw(snapshot, size, false)
			require.LessOrEqual(t, len(lines), size.Height)
			for _, line := range lines {
				require.LessOrEqual(t, utf8.RuneCountInString(line), size.Width, line)
			}
		})
	}
	require.Len(t, Draw(snapshot, Size{120, 60}, false), 60, "a high terminal is used in full")
}

func TestColourAddsNoWidth(t *testing.T) {
	plain, coloured := Draw(full(), Size{Width: 120}, false), Draw(full(), Size{Width: 120}, true)
	require.Len(t, coloured, len(plain))
	for i, line := range coloured {
		require.Equal(t, strings.TrimRight(plain[i], " "), strings.TrimRight(uncoloured(line), " "))
	}
}

func uncoloured(line string) string {
	for {
		begin := strings.Index(line, "\x1b[")
		if begin < 0 {
			return line
		}
		end := strings.IndexByte(line[begin:], 'm')
		line = line[:begin] + line[begin+end+1:]
	}
}

func TestNumbersKeepWhatMatters(t *testing.T) {
	field := func(value float64) *data.Field { return data.NewField("", nil, []float64{value}) }
	for value, want := range map[float64]string{0: "0", 0.0004: "400µs", 0.0123: "12ms", 0.9996: "1.00s", 12.345: "12.35s", 123.4: "123s"} {
		require.Equal(t, want, seconds(field(value), 0))
	}
	for value, want := range map[float64]string{0: "0", 0.001: "0.001", 0.123: "0.12", 9.999: "10.0", 12.34: "12.3", 1234.5: "1234"} {
		require.Equal(t, want, number(field(value), 0))
	}
	require.Equal(t, "15m", short(15*time.Minute))
	require.Equal(t, "2h", short(2*time.Hour))
	require.Equal(t, "1m30s", short(90*time.Second))
}
