package loki_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestLinesAsksForWhatTheFilterSays(t *testing.T) {
	only := func(expression string) string { return " |~ " + strconv.Quote(expression) }
	for _, test := range []struct {
		name   string
		filter loki.LineFilter
		want   string
	}{
		{"nothing in particular", loki.LineFilter{}, ``},
		{"text with quotes of every kind", loki.LineFilter{Contains: "say \"`hi`\"\\"}, " |= \"say \\\"`hi`\\\"\\\\\""},
		{"text with a line break does not end the string", loki.LineFilter{Contains: "a\n} | b"}, ` |= "a\n} | b"`},
		{"text that is no UTF-8 is made so", loki.LineFilter{Contains: "a\xff"}, ` |= "a�"`},
		{"an expression", loki.LineFilter{Regex: `throughput: \d+`}, ` |~ "throughput: \\d+"`},
		{"a process", loki.LineFilter{Process: "EngineCore_DP0"}, only(loki.LinePatterns["process"]("EngineCore_DP0"))},
		{"a logger", loki.LineFilter{Logger: "core.py"}, only(loki.LinePatterns["logger"]("core.py"))},
		{"access lines, which do not name theirs", loki.LineFilter{Logger: "uvicorn.access"}, ` |~ "- \\\\*\"[A-Z]+ [^ ]+ HTTP/"`},
		{"an engine", loki.LineFilter{Engine: "1"}, only(loki.LinePatterns["engine"]("1"))},
		{"the only engine", loki.LineFilter{Engine: "0"}, only(loki.LinePatterns["engine"]("0"))},
		{"all but some processes", loki.LineFilter{Where: []vllm.Condition{{Key: "process", Op: vllm.IsNot, Values: []string{"A", "B"}}}}, ` !~ ` + strconv.Quote(loki.LinePatterns["process"]("A")+"|"+loki.LinePatterns["process"]("B"))},
		{"a label, of streams or of lines", loki.LineFilter{Where: []vllm.Condition{{Key: "container", Op: vllm.Is, Values: []string{`x"} | y`}}}}, ` | container="x\"} | y"`},
		{"all but a label, and what lacks it", loki.LineFilter{Where: []vllm.Condition{{Key: "node", Op: vllm.IsNot, Values: []string{"a.b", "c"}}}}, ` | node!~"a\\.b|c" | node!=""`},
		{"text before labels, which is faster", loki.LineFilter{Where: []vllm.Condition{{Key: "node", Op: vllm.Matches, Values: []string{"a", "b."}}}, Contains: "x"}, ` |= "x" | node=~"(?:a)|(?:b.)"`},
		{"a request, in all its spellings", loki.LineFilter{RequestID: "cmpl-B-0"}, ` |= "cmpl-B"`},
		{"levels, in text and in JSON", loki.LineFilter{Levels: []vllm.LogLevel{vllm.LevelWarning, vllm.LevelError}}, only(loki.LevelPattern(vllm.LevelWarning, vllm.LevelError))},
		{"lines without level cannot be asked for", loki.LineFilter{Levels: []vllm.LogLevel{vllm.LevelError, vllm.LevelUnknown}}, ``},
		{
			"everything together, the cheapest filters first",
			loki.LineFilter{Process: "APIServer", Logger: "async_llm.py", RequestID: "chatcmpl-a", Contains: "x", Regex: "y"},
			` |= "chatcmpl-a" |= "x"` + only(loki.LinePatterns["process"]("APIServer")) + only(loki.LinePatterns["logger"]("async_llm.py")) + ` |~ "y"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeLoki(t)
			_, report := client(t, fake.URL, nil, `{container="vllm"}`).Lines(t.Context(), window(0, time.Minute), vllm.Scope{}, test.filter, 100, loki.NewestFirst)
			require.NoError(t, report.Err)
			require.Equal(t, []string{`{container="vllm"}` + test.want}, fake.queries())
			require.Equal(t, "backward", fake.asked[0].direction)
		})
	}
}

func TestLinesGivesAsManyAsAskedFor(t *testing.T) {
	var lines []fakeLine
	for i := range 100 {
		lines = append(lines, added(time.Duration(i)*time.Second, fmt.Sprintf("chatcmpl-%d-9f3c1a7e", i)))
	}
	for i := range 8 { // eight lines at once, in the middle
		lines = append(lines, added(50*time.Second, fmt.Sprintf("cmpl-%d-0-9f3c1a7e", i)))
	}
	for _, test := range []struct {
		name        string
		limit       int
		order       loki.Order
		first, last string
		want, calls int
		reason      string
	}{
		{"the newest of many", 5, loki.NewestFirst, "chatcmpl-99", "chatcmpl-95", 5, 1, "Loki holds more matching lines than the 5 asked for."},
		{"the oldest of many", 5, loki.OldestFirst, "chatcmpl-0", "chatcmpl-4", 5, 1, "Loki holds more matching lines than the 5 asked for."},
		{"more than one answer holds", 25, loki.NewestFirst, "chatcmpl-99", "chatcmpl-75", 25, 3, "Loki holds more matching lines than the 25 asked for."},
		{"all there are", 1000, loki.NewestFirst, "chatcmpl-99", "chatcmpl-0", 108, 14, ""},
		{"all there are, and not one more", 108, loki.OldestFirst, "chatcmpl-0", "chatcmpl-99", 108, 14, ""},
		{"a single one", 1, loki.NewestFirst, "chatcmpl-99", "chatcmpl-99", 1, 1, "Loki holds more matching lines than the 1 asked for."},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeLoki(t, lines...)
			client := client(t, fake.URL, func(_ *settings.Store, l *settings.Limits) { l.LinesPerCall = 10 }, "")
			got, report := client.Lines(t.Context(), window(0, time.Hour), vllm.Scope{}, loki.LineFilter{}, test.limit, test.order)
			require.NoError(t, report.Err)
			require.Equal(t, test.reason, report.Reason)
			require.Len(t, got, test.want)
			require.Equal(t, addedHead+test.first+"-9f3c1a7e.", got[0].Line)
			require.Equal(t, addedHead+test.last+"-9f3c1a7e.", got[len(got)-1].Line)
			require.LessOrEqual(t, len(fake.queries()), test.calls)
			seen := map[string]bool{}
			for _, l := range got {
				require.False(t, seen[l.Line], "%s comes twice", l.Line)
				seen[l.Line] = true
			}
		})
	}
}

func TestLinesSettlesWhatLogQLCannot(t *testing.T) {
	fake := newFakeLoki(t,
		added(1, "cmpl-B-1-9f3c1a7e"),
		added(2, "cmpl-B-10-9f3c1a7e"),
		fakeLine{at(3), vllmStream, "(APIServer pid=1) ERROR 08-20 12:00:00 [x.py:1] of cmpl-B-1, perhaps", ""},
		fakeLine{at(4), vllmStream, "(APIServer pid=1) INFO 08-20 12:00:00 [x.py:1] she said ERROR: cmpl-B-1", ""},
	)
	client := client(t, fake.URL, nil, "")
	lines := func(f loki.LineFilter) (out []int64) {
		got, report := client.Lines(t.Context(), window(0, time.Minute), vllm.Scope{}, f, 100, loki.OldestFirst)
		require.NoError(t, report.Err)
		for _, l := range got {
			out = append(out, l.Time.UnixNano()-noon.UnixNano())
		}
		return out
	}
	require.Equal(t, []int64{1, 3, 4}, lines(loki.LineFilter{RequestID: "cmpl-B-1"}), "prompt 10 is not prompt 1")
	require.Equal(t, []int64{3}, lines(loki.LineFilter{Levels: []vllm.LogLevel{vllm.LevelError}}), "a word in a message is no level")
}

func TestLinesOfAClientsHexAreNotThoseOfAnother(t *testing.T) {
	fake := newFakeLoki(t,
		added(1, "chatcmpl-job-1a2b3c4d-9f3c1a7e"),
		added(2, "chatcmpl-job-5e6f7a8b-9f3c1a7f"),
		added(3, "chatcmpl-job-0c0ffee0"), // the request of a client that calls it job
		fakeLine{at(4), vllmStream, "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:1] Request chatcmpl-job aborted.", ""},
	)
	client := client(t, fake.URL, nil, "")
	lines := func(id string) (out []int64) {
		got, report := client.Lines(t.Context(), window(0, time.Minute), vllm.Scope{}, loki.LineFilter{RequestID: id}, 100, loki.OldestFirst)
		require.NoError(t, report.Err)
		for _, l := range got {
			out = append(out, l.Time.UnixNano()-noon.UnixNano())
		}
		return out
	}
	require.Equal(t, []int64{1}, lines("job-1a2b3c4d"))
	require.Equal(t, []int64{1}, lines("chatcmpl-job-1a2b3c4d"))
	require.Equal(t, []int64{1}, lines("chatcmpl-job-1a2b3c4d-9f3c1a7e"), "the engine's name of it, in its own lines")
	require.Equal(t, []int64{3, 4}, lines("chatcmpl-job-0c0ffee0"), "the engine's name, in all lines of the request")
}

func TestLinesCarriesLabelsAndMetadata(t *testing.T) {
	fake := newFakeLoki(t, fakeLine{at(1), vllmStream, "x\tü", `{"structuredMetadata":{"detected_level":"info","trace_id":"abc"},"parsed":{}}`})
	got, _ := client(t, fake.URL, nil, "").Lines(t.Context(), window(0, time.Minute), vllm.Scope{}, loki.LineFilter{}, 10, loki.NewestFirst)
	require.Equal(t, []evidence.LogLine{{
		Time: noon.Add(1), Line: "x\tü",
		Origin:   &evidence.Origin{Service: "vllm-tiny", Namespace: "llm", Pod: "tiny-0"},
		Labels:   map[string]string{"service_name": "vllm-tiny", "pod": "tiny-0", "namespace": "llm"},
		Metadata: map[string]string{"detected_level": "info", "trace_id": "abc"},
	}}, got)
}

func TestLinesRefusesAnIDThatIsNone(t *testing.T) {
	fake := newFakeLoki(t)
	got, report := client(t, fake.URL, nil, "").Lines(t.Context(), window(0, time.Minute), vllm.Scope{}, loki.LineFilter{RequestID: "a\nb"}, 10, loki.NewestFirst)
	require.Empty(t, got)
	require.NoError(t, report.Err)
	require.Empty(t, fake.queries(), "nothing is sent")
}
