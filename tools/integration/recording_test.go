//go:build integration && unix

package integration_test

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
)

// The recordings that have spans: two whole runs, and shorter ones with other flags. Of these only the last scrape is kept,
// which tells the model but no state at arrival; fastapi-0.165 has no log lines.
var recordedRuns = []string{
	"vllm-0.32.0", "vllm-0.13.0", "vllm-0.13.0/variants/fastapi-0.165",
	"vllm-0.32.0/variants/admission", "vllm-0.32.0/variants/api-servers", "vllm-0.32.0/variants/data-parallel",
	"vllm-0.32.0/variants/debug", "vllm-0.32.0/variants/errors", "vllm-0.32.0/variants/json-logs", "vllm-0.32.0/variants/pause",
}

// TestRecordedRequestsComeOutAsRightRows replays what real engines said and holds the plugin's answers against what their
// client saw.
func TestRecordedRequestsComeOutAsRightRows(t *testing.T) {
	for _, name := range recordedRuns {
		t.Run(name, func(t *testing.T) {
			r := replay(t, readRecording(t, name))
			rows := r.requests(t)
			owned := r.owners(t, rows)
			t.Run("each call is as many rows as it has sequences", func(t *testing.T) { r.checkCounts(t, owned) })
			t.Run("rows say what the client knows", func(t *testing.T) { r.checkRows(t, owned) })
			t.Run("rows have the lines of their own request", func(t *testing.T) { r.checkLines(t, owned) })
			t.Run("engine state is that of the last scrape", func(t *testing.T) { r.checkState(t, rows) })
			t.Run("coverage is rows over what the engine counted", func(t *testing.T) { r.checkCoverage(t, rows) })
			t.Run("figures of the model agree with the spans", func(t *testing.T) { r.checkModels(t) })
			t.Run("a trace shows the phases of its requests", func(t *testing.T) { r.checkTrace(t) })
			t.Run("one request comes with all that is known of it", func(t *testing.T) { r.checkRequest(t, rows) })
			t.Run("log lines have levels", func(t *testing.T) { r.checkLevels(t) })
		})
	}
}

// outcome is what the rows of a call must say: how many they are, and how it ended.
type outcome struct {
	rows   int
	status string
}

// exceptions are the calls whose rows do not follow from what the client saw.
var exceptions = []struct {
	of, in string // case, and the recordings whose name begins so
	outcome
	why string
}{
	{"unsampled", "vllm-0.13.0/variants/fastapi", outcome{}, "the caller suppressed the span, and no lines were kept"},
	{"unsampled", "", outcome{1, "unknown"}, "the caller suppressed the span, and a completion's end leaves no line"},
	{"beam-search", "", outcome{1, "ok"}, "each beam of each step is a request to the engine; together they are the client's"},
	{"bad-schema-stream", "vllm-0.32", outcome{1, "rejected"}, "refused with the stream's headers out: a 200 for the client"},
	{"bad-schema-stream", "vllm-0.13.0/variants/fastapi", outcome{}, "refused before it had a span, and no lines were kept"},
	{"bad-schema-stream", "vllm-0.13", outcome{1, "unknown"}, "0.13 writes that it was received, and not that it was refused"},
	{"abort-stream", "vllm-0.32.0/variants/json-logs", outcome{1, "ok"}, "all tokens were made before the client left"},
	{"abort-stream-completion", "vllm-0.32", outcome{1, "ok"}, "the same"},
	{"aborted-by-pause", "", outcome{1, "ok"}, "aborted by the engine itself: a whole span, no line, and only the client is told"},
}

func (r *recording) expected(c *call) outcome {
	for _, e := range exceptions {
		if c.Case == e.of && strings.HasPrefix(r.name, e.in) {
			if e.of == "aborted-by-pause" && c.Usage.Completion == 0 {
				return outcome{1, "aborted"} // a span without a token tells
			}
			return e.outcome
		}
	}
	ids := len(c.ids())
	switch {
	case strings.Contains(string(c.Error), "cannot accept new requests"):
		return outcome{ids, "rejected"}
	case c.Status >= 400 && c.Status < 500:
		return outcome{} // refused before it had an id: nothing but an access line is left
	case len(c.Error) > 0:
		return outcome{ids, "error"}
	case c.Aborted, c.ClientError != "":
		if len(r.lines) == 0 {
			return outcome{} // no span, and no lines were kept
		}
		return outcome{ids, "aborted"} // the sequences of a prompt, none of which has a span, are one row
	default:
		return outcome{ids * c.asked.N, "ok"}
	}
}

// owner is a call with its rows.
type owner struct {
	*call
	rows []grade.Row
}

// afterCall is how much later than its client's last byte a line may have reached the recorder.
const afterCall = 250 * time.Millisecond

// owners gives each row to the call that it tells of: by trace and id where the call's trace context holds, by id and time
// elsewhere. A row of no call is a request that never was.
func (r *replayed) owners(t *testing.T, rows []grade.Row) []owner {
	t.Helper()
	owned := make([]owner, len(r.calls))
	for i := range r.calls {
		owned[i].call = &r.calls[i]
	}
	for _, x := range rows {
		i := slices.IndexFunc(r.calls, func(c call) bool { return c.trace() == x.Text("trace_id") && c.names(x) })
		if i < 0 {
			i = slices.IndexFunc(r.calls, func(c call) bool {
				return c.names(x) && !x.Time().Before(c.start) && !x.Time().After(c.end.Add(afterCall))
			})
		}
		if i < 0 {
			t.Errorf("a row that no client asked for: %s %s %s %s", x.Time().Format(clock), x.Text("request_id"), x.Text("status"), x.Text("signals"))
			continue
		}
		owned[i].rows = append(owned[i].rows, x)
	}
	return owned
}

var beamStep = regexp.MustCompile(`-[0-9a-f]{16}-beam-\d+$`)

// names reports whether the row's id is one of the call's, beams included.
func (c *call) names(x grade.Row) bool {
	ids, id := c.ids(), x.Text("request_id")
	if c.Case == "beam-search" {
		return id == c.ResponseID
	}
	return slices.Contains(ids, id)
}

func (r *replayed) checkCounts(t *testing.T, owned []owner) {
	absent, statuses := map[string]int{}, map[string]int{}
	for _, o := range owned {
		want := r.expected(o.call)
		if want.rows == 0 {
			absent[o.Case]++
		}
		if len(o.rows) != want.rows {
			t.Errorf("%s %s: %d rows instead of %d", o.Case, o.ResponseID, len(o.rows), want.rows)
		}
		for _, x := range o.rows {
			statuses[x.Text("status")]++
			if x.Text("status") != want.status {
				t.Errorf("%s: %s is %s instead of %s", o.Case, x.Text("request_id"), x.Text("status"), want.status)
			}
		}
	}
	t.Logf("%d calls, %d spans; rows: %v; no row, and rightly so: %v", len(owned), len(r.spans), statuses, absent)
}

// checkRows compares each row with the request that was sent and the answer that came.
func (r *replayed) checkRows(t *testing.T, owned []owner) {
	for _, o := range owned {
		prompt, completion, spans := 0.0, 0.0, 0
		for _, x := range o.rows {
			id := x.Text("request_id")
			require.Equal(t, "tiny-llama", x.Text("model"), "%s: the served name, also where an alias was asked for", id)
			if sent := o.RequestHeaders["X-Request-Id"]; o.Path != "/v1/responses" {
				require.True(t, sent == "" || sent == x.Text("client_request_id"), "%s: the client sent %s", id, sent)
			}
			if got, ok := x.Number("temperature"); o.asked.Temperature != nil {
				require.True(t, ok && got == *o.asked.Temperature, "%s: temperature %v", id, got)
			}
			if got, ok := x.Number("max_tokens"); o.asked.MaxTokens > 0 && o.Case != "too-long-with-max_tokens" && o.Case != "beam-search" {
				require.True(t, ok && got == o.asked.MaxTokens, "%s: max_tokens %v", id, got)
			}
			require.Empty(t, x.Text("caller_service"), "%s: nobody above the engine traced; FastAPI's spans beside it are no callers", id)
			if reason := x.Text("finish_reason"); reason != "" && len(o.FinishReasons) > 0 {
				require.Contains(t, o.FinishReasons, reason, id)
			}
			if x.Text("span_id") == "" {
				require.Empty(t, x.Text("trace_id"), id)
				continue
			}
			spans++
			require.Contains(t, x.Text("signals"), "trace")
			prompt += orZero(x, "prompt_tokens")
			completion += orZero(x, "completion_tokens")
			o.checkTimes(t, x)
		}
		if o.Usage.Prompt > 0 && spans > 0 && o.Case != "beam-search" && !slices.Contains(o.FinishReasons, "abort") {
			require.Equal(t, o.Usage.Prompt*float64(o.asked.N), prompt, "%s: prompt tokens", o.Case)
			require.Equal(t, o.Usage.Completion, completion, "%s: completion tokens", o.Case)
		}
	}
}

// checkTimes holds the server's times against the client's clock, which is the same: what the server measures lies within.
func (o *owner) checkTimes(t *testing.T, x grade.Row) {
	t.Helper()
	id := x.Text("request_id")
	require.False(t, x.Time().Before(o.start), id)
	e2e, ok := x.Number("e2e")
	require.True(t, ok, id)
	ended := x.Time().Add(time.Duration(e2e * float64(time.Second)))
	if !o.Aborted {
		require.False(t, ended.After(o.end), "%s ended %s after its client had the answer", id, ended.Sub(o.end))
	}
	ttft, known := x.Number("ttft")
	require.True(t, known || orZero(x, "completion_tokens") == 0, id)
	if !o.firstByte.IsZero() && known && !o.Aborted && o.Path != "/v1/responses" && o.asked.N == 1 && len(o.ids()) == 1 {
		first := x.Time().Add(time.Duration(ttft * float64(time.Second)))
		require.False(t, first.After(o.firstByte), "%s: first token %s after the client's first byte", id, first.Sub(o.firstByte))
	}
	phases := 0.0
	for _, phase := range []string{"pre_queue", "queue", "prefill", "decode", "unaccounted"} {
		phases += orZero(x, phase)
	}
	if known {
		require.InDelta(t, e2e, phases, 0.002, "%s: phases add up", id)
	}
}

func orZero(x grade.Row, column string) float64 {
	v, _ := x.Number(column)
	return v
}

// checkLines counts the lines that carry an id, per id since retries share theirs: rows have all of them and no others,
// unless they are marked.
func (r *replayed) checkLines(t *testing.T, owned []owner) {
	if len(r.lines) == 0 {
		t.Skip("no log lines in this recording")
	}
	rows := map[string][]grade.Row{}
	for _, o := range owned {
		for _, x := range o.rows {
			rows[x.Text("request_id")] = append(rows[x.Text("request_id")], x)
		}
	}
	counted, marked := 0, 0
	for id, of := range rows {
		carries, stem := linesOf(id, r.suffix()), strings.TrimSuffix(id, "_0")
		want := 0
		for _, l := range r.lines {
			if strings.Contains(l.text, stem) && carries.MatchString(l.text) {
				want++
			}
		}
		got := map[time.Time]int{} // sibling sequences have their lines in common
		for _, x := range of {
			if strings.HasSuffix(x.Text("signals"), "ambiguous") {
				marked++
				want = 0
			}
			got[x.Time()] = int(orZero(x, "log_lines"))
		}
		sum := 0
		for _, n := range got {
			sum += n
		}
		counted += sum
		if want > 0 && sum != want {
			t.Errorf("%s: %d lines instead of %d", id, sum, want)
		}
	}
	t.Logf("%d lines in the rows of %d ids; %d rows are marked ambiguous", counted, len(rows), marked)
	require.Positive(t, counted)
}

// suffix is what the engine's ids have behind the external ones.
func (r *recording) suffix() string {
	if strings.HasPrefix(r.name, "vllm-0.13") {
		return ""
	}
	return "-[0-9a-f]{8}"
}

// linesOf finds the lines about one id in each place that vLLM writes it, but for those of single tokens that do not end
// the output.
func linesOf(id, suffix string) *regexp.Regexp {
	external := regexp.QuoteMeta(id)
	internal := `(?:\d+_)?` + external + suffix
	response := external
	if stem, found := strings.CutSuffix(id, "_0"); found && strings.HasPrefix(id, "resp_") {
		response = `(?:` + external + `|` + regexp.QuoteMeta(stem) + `)`
	}
	return regexp.MustCompile(`Received request ` + external + `: params|Added request ` + internal + `\.|Aborted request\(s\) ` + internal + `\.` +
		`|Request ` + external + ` (?:aborted|failed|details)` +
		`|Exception caught\. Request id: ` + response + `\.?\r?$` +
		`|Generated response ` + response + `(?::| \(streaming complete\):| details:| \(streaming delta\): .*finish_reason: [a-z_]+(?:"|$))`)
}

// checkState takes the last scrape at or before each row's time out of the recording.
func (r *replayed) checkState(t *testing.T, rows []grade.Row) {
	if len(r.scrapes) < 2 {
		t.Skip("only the last scrape is in this recording")
	}
	known := 0
	for _, x := range rows {
		at := x.Time().UnixMilli()
		i, _ := slices.BinarySearchFunc(r.scrapes, at+1, func(s scrape, ms int64) int { return int(s.at.UnixMilli() - ms) })
		fresh := i > 0 && at-r.scrapes[i-1].at.UnixMilli() <= (5*recordedInterval/2).Milliseconds()
		for column, metric := range map[string]string{
			"running": "vllm:num_requests_running", "waiting": "vllm:num_requests_waiting", "kv_cache_usage": "vllm:kv_cache_usage_perc",
		} {
			got, ok := x.Number(column)
			require.Equal(t, fresh, ok, "%s of %s", column, x.Text("request_id"))
			if fresh {
				require.Equal(t, r.scrapes[i-1].samples[metric+`{engine="0",model_name="tiny-llama"}`], got, "%s of %s", column, x.Text("request_id"))
				known++
			}
		}
	}
	t.Logf("engine state of %d rows; the others came more than 2.5 s after a scrape", known/3)
	require.Greater(t, known/3, len(rows)*9/10)
}

// finished is what the engine counted from scrape to scrape.
func (s scrape) finished() (sum float64) {
	for series, value := range s.samples {
		if strings.HasPrefix(series, "vllm:request_success_total{") {
			sum += value
		}
	}
	return sum
}

func (r *replayed) checkCoverage(t *testing.T, rows []grade.Row) {
	if len(r.scrapes) < 2 {
		t.Skip("only the last scrape is in this recording")
	}
	report := grade.Rows(r.ask(t, map[string]any{"queryType": "coverage"})[0])
	require.Len(t, report, 1, "one model on one instance")
	first, last := r.scrapes[0], r.scrapes[len(r.scrapes)-1]
	ended := 0
	for _, s := range r.spans {
		if s.end.After(first.at) && !s.end.After(last.at) {
			ended++
		}
	}
	got := func(column string) float64 { return orZero(report[0], column) }
	require.Equal(t, last.finished()-first.finished(), got("engine_finished"))
	require.Equal(t, float64(ended), got("rows_finished"), "rows that the engine counts are those with a span")
	require.Equal(t, got("rows_finished")/got("engine_finished"), got("explained_ratio"))
	require.Equal(t, float64(len(rows)), got("rows"))
	t.Logf("explained_ratio %.4f: %v of %v; matched %v, trace_only %v, log_only %v, ambiguous %v, lines_unmatched %v, log_skew %.4f s",
		got("explained_ratio"), got("rows_finished"), got("engine_finished"), got("matched"), got("trace_only"), got("log_only"),
		got("ambiguous"), got("lines_unmatched"), got("log_skew"))
	require.GreaterOrEqual(t, got("explained_ratio"), 0.99, "the unsampled request has no span")
}

// checkModels holds rates and quantiles against the recording's own counters.
func (r *replayed) checkModels(t *testing.T) {
	if len(r.scrapes) < 2 {
		t.Skip("only the last scrape is in this recording")
	}
	table := grade.Rows(r.ask(t, map[string]any{"queryType": "models"})[0])
	require.Len(t, table, 1)
	figure := func(name string) float64 {
		v, ok := table[0].Number(name)
		require.True(t, ok, name)
		return v
	}
	require.Equal(t, "tiny-llama", table[0].Text("model"))
	counted := r.scrapes[len(r.scrapes)-1].finished() - r.scrapes[0].finished()
	seconds := r.window.Duration().Seconds()
	require.InEpsilon(t, counted, figure("request_rate")*seconds, 0.05, "a rate is extrapolated to the window's edges")
	require.Zero(t, figure("error_rate"))
	for _, latency := range []string{"ttft", "tpot", "itl", "e2e", "queue", "prefill", "decode"} {
		before := 0.0
		for _, quantile := range []string{"_p50", "_p90", "_p95", "_p99"} {
			v := figure(latency + quantile)
			require.GreaterOrEqual(t, v, before, latency+quantile)
			require.LessOrEqual(t, figure(latency+quantile+"_low"), v, latency+quantile)
			require.GreaterOrEqual(t, figure(latency+quantile+"_high"), v, latency+quantile)
			before = v
		}
		mean := figure(latency + "_mean")
		require.False(t, math.IsNaN(mean) || mean <= 0, latency)
	}
	t.Logf("%.0f of %.0f requests by rate; ttft p50 %.4f s, p99 %.3f s; e2e p50 %.4f s", figure("request_rate")*seconds, counted,
		figure("ttft_p50"), figure("ttft_p99"), figure("e2e_p50"))
}

// checkTrace asks for the trace of a request of several sequences.
func (r *replayed) checkTrace(t *testing.T) {
	of := r.spans[len(r.spans)-1]
	frame := r.ask(t, map[string]any{"queryType": "trace", "trace": map[string]any{"traceId": of.trace}})[0]
	names := map[string]int{}
	field, _ := frame.FieldByName("operationName")
	for i := range field.Len() {
		name, _ := field.ConcreteAt(i)
		names[name.(string)]++
	}
	requests := 0
	for _, s := range r.spans {
		if s.trace == of.trace {
			requests++
		}
	}
	require.Equal(t, requests, names["llm_request"])
	for _, phase := range []string{"queue", "prefill", "decode"} {
		require.Positive(t, names[phase], "%s of %s in %v", phase, of.requestID, names)
	}
}

// checkRequest asks for the newest request that has a span, by the id that its client sent.
func (r *replayed) checkRequest(t *testing.T, rows []grade.Row) {
	i := slices.IndexFunc(rows, func(x grade.Row) bool { return x.Text("span_id") != "" })
	require.GreaterOrEqual(t, i, 0)
	frames := map[string]*data.Frame{}
	for _, f := range r.ask(t, map[string]any{"queryType": "request", "request": map[string]any{"id": rows[i].Text("client_request_id")}}) {
		frames[f.Name] = f
	}
	require.Equal(t, rows[i].Text("span_id"), grade.Rows(frames["request"])[0].Text("span_id"))
	require.NotNil(t, frames["phases"])
	require.Positive(t, frames["phases"].Rows())
	require.NotNil(t, frames["trace"])
	if lines := orZero(rows[i], "log_lines"); lines > 0 {
		require.NotNil(t, frames["logs"])
		require.GreaterOrEqual(t, frames["logs"].Rows(), int(lines), "tokens' lines are shown here too")
	}
}

// checkLevels reads the newest lines.
func (r *replayed) checkLevels(t *testing.T) {
	if len(r.lines) == 0 {
		t.Skip("no log lines in this recording")
	}
	frame := r.ask(t, map[string]any{"queryType": "logs", "logs": map[string]any{"limit": 5000}})[0]
	levels := tally(frame, "severity")
	inWindow := 0
	for _, l := range r.lines {
		if !l.at.Before(r.window.From) && l.at.Before(r.window.To) {
			inWindow++
		}
	}
	t.Logf("%d of %d lines by level: %v", frame.Rows(), len(r.lines), levels)
	require.Equal(t, inWindow, frame.Rows())
	require.Positive(t, levels["info"])
	require.Less(t, levels["unknown"]+levels[""], frame.Rows()/20+5, "nearly every line has a level")
}

func tally(frame *data.Frame, column string) map[string]int {
	counts := map[string]int{}
	for _, x := range grade.Rows(frame) {
		counts[x.Text(column)]++
	}
	return counts
}

// TestDefaultFlagsAreToldWhatTheyLack replays a vLLM that was started without tracing and without request logging.
func TestDefaultFlagsAreToldWhatTheyLack(t *testing.T) {
	r := replay(t, readRecording(t, "vllm-0.32.0/variants/defaults"))
	health, err := r.deployment.plugin.CheckHealth(t.Context())
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusOk, health.Status, "metrics are there: the data source works with what it has")
	var details struct {
		Content []struct {
			Check, Found, Fix string
			OK                bool
		}
	}
	require.NoError(t, json.Unmarshal(health.JSONDetails, &details))
	advice := map[string]string{"vllm_metrics": "", "request_ids_in_logs": "--enable-log-requests", "request_spans": "--otlp-traces-endpoint"}
	for _, c := range details.Content {
		t.Logf("%s: %s → %s", c.Check, c.Found, c.Fix)
		flag, known := advice[c.Check]
		if !known {
			continue
		}
		delete(advice, c.Check)
		require.Equal(t, flag == "", c.OK, c.Check)
		require.Contains(t, c.Fix, flag, c.Check)
	}
	require.Empty(t, advice, "checks that were not made")
	require.Zero(t, r.ask(t, requestsQuery(100))[0].Rows(), "access lines and stats make no request rows")
}
