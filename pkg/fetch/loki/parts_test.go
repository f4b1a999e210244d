package loki_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// cutAt is where Docker and containerd cut lines.
const cutAt = 16 << 10

// parts are the lines that a runtime makes of one: each as long as it may be but for the last.
func parts(line string) (out []string) {
	for len(line) > cutAt {
		out, line = append(out, line[:cutAt]), line[cutAt:]
	}
	return append(out, line)
}

// answer is a line about an answer whose text begins the second and the third part with such words.
func answer(id, second, third string) string {
	begin := "(APIServer pid=1) INFO 08-20 12:00:00 [request_logger.py:98] Generated response " + id + `: output: "` // as Python quotes a text that has an apostrophe
	text := begin + strings.Repeat("x", cutAt-len(begin)) + second
	if third != "" {
		text += strings.Repeat("y", 2*cutAt-len(text)) + third
	}
	return text + `", finish_reason: stop`
}

func TestFurtherPartsOfALineAreNoLines(t *testing.T) {
	const forged = "(APIServer pid=1) INFO 08-20 12:00:00 [request_logger.py:98] Generated response chatcmpl-victim: output: 'z"
	for name, ship := range map[string]func(i int, part string, last bool) (time.Duration, string){
		"as text, stamped alike": func(_ int, part string, _ bool) (time.Duration, string) { return time.Second, part },
		"as text, one after the other": func(i int, part string, _ bool) (time.Duration, string) {
			return time.Second + time.Duration(i)*time.Millisecond, part
		},
		"in the runtime's own form": func(i int, part string, last bool) (time.Duration, string) {
			return time.Second + time.Duration(i)*time.Microsecond, "2026-08-20T12:00:01.1Z stdout " + map[bool]string{true: "F ", false: "P "}[last] + part
		},
		"in Docker's own form": func(i int, part string, last bool) (time.Duration, string) {
			if last {
				part += "\n"
			}
			text, _ := json.Marshal(part)
			return time.Second, `{"log":` + string(text) + `,"stream":"stdout","time":"2026-08-20T12:00:01Z"}`
		},
	} {
		for _, pageSize := range []int{500, 4, 3} {
			t.Run(fmt.Sprintf("%s, %d lines a page", name, pageSize), func(t *testing.T) {
				store := newFakeLoki(t, added(0, "chatcmpl-long-9f3c1a7e"), added(0, "chatcmpl-victim-9f3c1a7f"))
				pieces := parts(answer("chatcmpl-long", "INFO 08-20 12:00:00 [x.py:1] Added request evil.", forged))
				require.Len(t, pieces, 3)
				pieces = append(pieces[:1:1], strings.Replace(pieces[1], "INFO", forged+"INFO", 1)[:cutAt], pieces[2])
				for i, part := range pieces {
					at0, line := ship(i, part, i == 2)
					store.lines = append(store.lines, fakeLine{at: at(at0), stream: vllmStream, line: line})
				}
				store.lines = append(store.lines, fakeLine{at: at(3 * time.Second), stream: vllmStream, line: answer("chatcmpl-short", "", "")[:200] + `", finish_reason: length`})
				events, report := client(t, store.URL, func(_ *settings.Store, l *settings.Limits) { l.LinesPerCall = pageSize }, `{container="vllm"}`).
					RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
				require.NoError(t, report.Err)
				var told []string
				for _, e := range events {
					if e.Kind != vllm.LogAdded {
						told = append(told, e.External)
					}
				}
				require.Equal(t, []string{"chatcmpl-long", "chatcmpl-short"}, told)
				require.Equal(t, 1, report.Lines.Cut)
				require.Equal(t, 2, report.Lines.Parts)
				require.Equal(t, evidence.CheckLinesCut, report.Lines.Findings()[0].Check)
			})
		}
	}
}

func TestLinesThatCannotBeReadAreCountedAndShown(t *testing.T) {
	store := newFakeLoki(t, added(0, "chatcmpl-a-9f3c1a7e"))
	store.lines = append(store.lines,
		fakeLine{at: at(time.Second), stream: vllmStream, line: "~~ 12h00 ~~ api_key=hf_abcdefghijklmnop ~~ Added request chatcmpl-b-9f3c1a7f."},
		fakeLine{at: at(2 * time.Second), stream: `{"service_name":"nginx"}`, line: `10.0.0.1 - "GET /v1/models" failed`},
	)
	_, report := client(t, store.URL, nil, "").RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
	require.Equal(t, evidence.LineReading{Read: 1, Unread: 1, Examples: []string{"~~ 12h00 ~~ api_key=… ~~ Added request chatcmpl-b-9f3c1a7f."}}, report.Lines)
	finding := report.Lines.Findings()[0]
	require.Equal(t, evidence.CheckLinesUnread, finding.Check)
	require.Equal(t, "1 of 2 log lines of vLLM (50 %) could not be read, such as “~~ 12h00 ~~ api_key=… ~~ Added request chatcmpl-b-9f3c1a7f.”.", finding.Found)
	sample, err := client(t, store.URL, nil, "").RequestIDSample(t.Context(), window(0, time.Minute))
	require.NoError(t, err)
	require.Equal(t, 1, sample.Reading.Unread)
	require.Equal(t, 2, sample.VLLMLines, "a line in an unknown form is vLLM's all the same")
}

// TestLongLinesAreAskedForInSmallPages holds answers below what Loki's parts hand to one another: more, and the call hangs.
func TestLongLinesAreAskedForInSmallPages(t *testing.T) {
	store := newFakeLoki(t)
	for i := range 900 {
		store.lines = append(store.lines, fakeLine{at: at(time.Duration(i) * 10 * time.Millisecond), stream: vllmStream, line: "(APIServer pid=1) INFO 08-20 12:00:00 [request_logger.py:98] Generated response chatcmpl-" +
			fmt.Sprint(i) + ": output: '" + strings.Repeat("x", 9000) + "', finish_reason: stop"})
	}
	c := client(t, store.URL, nil, `{container="vllm"}`)
	_, report := c.RequestEvents(t.Context(), []evidence.Window{window(0, 300*time.Millisecond)}, vllm.Scope{}, loki.RequestFilter{})
	require.NoError(t, report.Err)
	events, report := c.RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
	require.NoError(t, report.Err)
	require.Len(t, events, 900)
	for _, call := range report.Calls {
		require.Less(t, call.Bytes, int64(4<<20))
	}
}

// TestAnIDWithLineBreaksMakesNoLines reads what vLLM writes of an id with line breaks: its head on each line, and a carriage return
// between them.
func TestAnIDWithLineBreaksMakesNoLines(t *testing.T) {
	for name, id := range map[string]string{
		"the second line is another's":        "chatcmpl-x\nAdded request chatcmpl-victim",
		"the first line is another's":         "chatcmpl-victim-9f3c1a7e.\nx",
		"a line in the middle":                "chatcmpl-x\nAdded request chatcmpl-victim-9f3c1a7e.\ny",
		"a line about the end of a request":   "chatcmpl-x\nRequest chatcmpl-victim failed (engine dead).\ny",
		"the first line is about its failure": "chatcmpl-victim-9f3c1a7e.\nRequest chatcmpl-victim failed (engine dead).\ny",
	} {
		for _, terminal := range []string{"", "\r"} {
			store := newFakeLoki(t)
			n := 0
			write := func(line string) {
				n++
				store.lines = append(store.lines, fakeLine{at: at(time.Duration(n) * time.Millisecond), stream: vllmStream, line: line + terminal})
			}
			write(addedHead + "chatcmpl-before-9f3c1a7e.")
			for line := range strings.SplitSeq(strings.ReplaceAll(addedHead+id+"-0a1b2c3d.", "\n", "\r\n"+strings.TrimSuffix(addedHead, "Added request ")), "\n") {
				write(line)
			}
			write(addedHead + "chatcmpl-after-9f3c1a7e.")
			events, report := client(t, store.URL, nil, `{container="vllm"}`).RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
			require.NoError(t, report.Err)
			var told []string
			for _, e := range events {
				told = append(told, e.External)
			}
			require.Equal(t, []string{"chatcmpl-before", "chatcmpl-after"}, told, "%s, terminal %q", name, terminal)
		}
	}
}
