//go:build integration && unix

package integration_test

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// requestsQuery asks for every row.
func requestsQuery(limit int) map[string]any {
	return map[string]any{"queryType": "requests", "version": 1, "requests": map[string]any{"limit": limit}}
}

// score counts one claim over all requests.
type score struct{ right, wrong, marked int }

func (s score) String() string {
	return fmt.Sprintf("%d right, %d wrong, %d marked as not known", s.right, s.wrong, s.marked)
}

// TestTheJoinSaysWhatHappened is the proof of the product: every row against the simulator's truth.
func TestTheJoinSaysWhatHappened(t *testing.T) {
	f := theFleet(t)
	started := time.Now()
	frame := f.ask(t, f.rangeAll(), requestsQuery(100_000))[0]
	t.Logf("%d rows for %d true requests in %s", frame.Rows(), len(f.known.Requests()), time.Since(started).Round(time.Millisecond))
	for _, n := range frame.Meta.Notices {
		t.Logf("notice: %s", n.Text)
	}

	bySpan := map[string]*truth.Record{}
	unseen := map[string][]*truth.Record{} // without an engine span in the store, by pod and external id (client id when rejected)
	proven := map[*truth.Record]bool{}
	for _, r := range f.asRows() {
		proven[r.Record] = r.proven
		if r.Evidence.EngineSpan == truth.Emitted {
			bySpan[r.SpanID] = r.Record
			continue
		}
		key := unseenKey(r.ExternalID, r.ClientRequestID)
		unseen[key] = append(unseen[key], r.Record)
	}
	spans, others, untold := 0, 0, 0
	var identity, lines, status, model, latency, caller score
	var complaints []string
	told := map[string]int{}
	complain := func(format string, args ...any) {
		if told[format]++; told[format] <= 8 { // a few of each kind
			complaints = append(complaints, fmt.Sprintf(format, args...))
		}
	}
	check := func(s *score, right bool, format string, args ...any) {
		if right {
			s.right++
			return
		}
		s.wrong++
		complain(format, args...)
	}
	for _, r := range rowsOf(frame) {
		want, engine := bySpan[r.text("span_id")]
		if !engine {
			others++
			key := unseenKey(r.text("request_id"), r.text("client_request_id"))
			i := nearestRecord(unseen[key], r.time())
			if i < 0 {
				check(&identity, false, "row without a true request: %s %s %s %s", r.time(), key, r.text("status"), r.text("signals"))
				continue
			}
			want = unseen[key][i]
			unseen[key] = append(unseen[key][:i:i], unseen[key][i+1:]...)
			check(&identity, true, "")
			if r.text("status") == "unknown" {
				status.marked++
			} else {
				check(&status, r.text("status") == want.Status, "status %s instead of %s: %s (%s)", r.text("status"), want.Status, key, r.text("signals"))
			}
			checkModel(&model, check, r, want)
			continue
		}
		spans++
		delete(bySpan, r.text("span_id"))
		check(&identity, r.text("request_id") == want.ExternalID && r.text("trace_id") == want.TraceID && r.text("client_request_id") == clientID(want, r),
			"%s: %s %s", want.ExternalID, r.text("request_id"), r.text("client_request_id"))
		checkModel(&model, check, r, want)
		check(&latency, close(r, "e2e", want.E2E) && close(r, "ttft", want.TTFT) && close(r, "queue", want.Queue) && close(r, "decode", want.Decode),
			"latency of %s", want.ExternalID)
		switch ambiguous := len(r.text("signals")) > 9 && r.text("signals")[len(r.text("signals"))-9:] == "ambiguous"; {
		case ambiguous:
			lines.marked++
			status.marked++
		default:
			n, _ := r.number("log_lines")
			check(&lines, int(n) == want.Evidence.LogLines, "log lines of %s (attempt %d): %v instead of %d\n%s", want.ExternalID, want.Attempt, n, want.Evidence.LogLines,
				f.story(t, int(n) != want.Evidence.LogLines, want.ExternalID))
			if failureUntold(want) && r.text("status") == truth.StatusOK {
				untold++
				break
			}
			check(&status, r.text("status") == want.Status, "status of %s: %s instead of %s (%s)\n%s", want.ExternalID, r.text("status"), want.Status, r.text("signals"), f.story(t, r.text("status") != want.Status, want.ExternalID))
		}
		if want.Caller != nil && want.Evidence.CallerSpan == truth.Emitted {
			check(&caller, r.text("caller_service") == want.Caller.Service && close(r, "caller_duration", &want.Caller.Duration),
				"caller of %s: %s instead of %s", want.ExternalID, r.text("caller_service"), want.Caller.Service)
		}
	}
	missed := len(bySpan)
	for key, records := range unseen {
		for _, r := range records {
			if !proven[r] {
				continue
			}
			missed++
			complain("missed: %s %s attempt %d %s, %+v", r.Time, key, r.Attempt, r.Status, r.Evidence)
		}
	}
	t.Logf("%d rows with an engine span, %d without; missed %d", spans, others, missed)
	t.Logf("identity: %s", identity)
	t.Logf("log lines: %s", lines)
	t.Logf("status: %s; %d failures of which no evidence is left", status, untold)
	t.Logf("model: %s", model)
	t.Logf("latency: %s", latency)
	t.Logf("caller: %s", caller)
	for _, c := range complaints {
		t.Log(c)
	}
	require.GreaterOrEqual(t, len(f.known.Requests()), 20_000)
	require.Zero(t, missed, "recall is 1.0 where evidence is left")
	for name, s := range map[string]score{"identity": identity, "log lines": lines, "status": status, "model": model, "latency": latency, "caller": caller} {
		require.Zero(t, s.wrong, "%s: precision is 1.0", name)
	}
	require.Less(t, float64(untold), 0.001*float64(spans))
	require.Less(t, float64(lines.marked), 0.02*float64(spans), "marking everything would be no proof")
}

// asRow is a request that may be a row: proven says that the stores hold what it takes, so that it must be one.
type asRow struct {
	*truth.Record
	proven bool
}

// asRows gives each sequence whose engine span is in the stores and, for all the sequences of a call that have none there, one:
// they have their lines in common. Beside siblings with spans only what was cut short is told apart, by the lines about that: to a
// lost span belong none but the siblings'.
func (f *fleet) asRows() (rows []asRow) {
	spanned, taken := map[string]bool{}, map[string]bool{}
	known := f.known.Requests()
	for _, r := range known {
		if r.Evidence.EngineSpan == truth.Emitted {
			spanned[attemptKey(r)] = true
		}
	}
	for _, r := range known {
		call := attemptKey(r)
		switch {
		case r.Evidence.EngineSpan == truth.Emitted:
			rows = append(rows, asRow{r, true})
		case taken[call], spanned[call] && r.Evidence.EngineSpan == truth.Lost:
		case spanned[call]:
			taken[call] = true
			rows = append(rows, asRow{r, r.Evidence.LogLinesLost == 0})
		default:
			taken[call] = true
			rows = append(rows, asRow{r, r.Evidence.CallerSpan == truth.Emitted || r.Evidence.LogLines > 0})
		}
	}
	return rows
}

// failureUntold reports whether nothing tells of the failure of a sequence with a span, or of its abort by the engine itself (a
// pause). vLLM marks neither on the span. Of a failure the line about it was lost, and there is no caller who was answered; the reason of an abort
// after the first token stands only in the line about a chat's answer in one piece. Such a row says ok (docs/join.md).
func failureUntold(r *truth.Record) bool {
	if r.Evidence.EngineSpan != truth.Emitted {
		return false
	}
	switch lost := r.Evidence.LogLinesLost > 0; r.Status {
	case truth.StatusError:
		return lost && r.Evidence.ErrorLines == 0 && r.Evidence.CallerSpan != truth.Emitted
	case truth.StatusAborted:
		return r.CompletionTokens > 0 && (lost || r.Stream || r.Endpoint != traffic.ChatCompletions)
	}
	return false
}

// attemptKey names one go of one client at one request: its n sequences share it.
func attemptKey(r *truth.Record) string {
	return fmt.Sprint(r.ExternalID, "\x00", r.ClientRequestID, "\x00", r.Attempt, "\x00", r.Time.UnixNano())
}

func unseenKey(external, client string) string {
	if external != "" {
		return external
	}
	return "client " + client
}

// clientID is the client's id as it can be recovered: vLLM makes one up for a client that sent none.
func clientID(want *truth.Record, r row) string {
	if want.ClientRequestID == "" {
		return r.text("client_request_id")
	}
	return want.ClientRequestID
}

func nearestRecord(records []*truth.Record, at time.Time) int {
	best, index := 10*time.Second, -1
	for i, r := range records {
		if d := r.Time.Sub(at).Abs(); d < best {
			best, index = d, i
		}
	}
	return index
}

func checkModel(s *score, check func(*score, bool, string, ...any), r row, want *truth.Record) {
	if r.text("model") == "" {
		s.marked++
		return
	}
	check(s, r.text("model") == want.Model, "model of %s: %s instead of %s", want.ExternalID, r.text("model"), want.Model)
}

func close(r row, column string, want *float64) bool {
	got, ok := r.number(column)
	if want == nil {
		return !ok
	}
	return ok && math.Abs(got-*want) < 1e-3
}

// TestEngineStateIsThatOfTheLastScrape compares as-of values with the truth's scrapes.
func TestEngineStateIsThatOfTheLastScrape(t *testing.T) {
	f := theFleet(t)
	frame := f.ask(t, f.rangeAll(), requestsQuery(100_000))[0]
	type engine struct{ pod, rank string }
	scrapes := map[engine][]*truth.Scrape{}
	for _, s := range f.known.Scrapes() {
		scrapes[engine{s.Instance, s.Engine}] = append(scrapes[engine{s.Instance, s.Engine}], s)
	}
	bySpan := map[string]*truth.Record{}
	for _, r := range f.known.Requests() {
		bySpan[r.SpanID] = r
	}
	var state score
	var complaints []string
	for _, r := range rowsOf(frame) {
		want, ok := bySpan[r.text("span_id")]
		if !ok || want.Evidence.EngineSpan != truth.Emitted {
			continue
		}
		running, known := r.number("running")
		if !known {
			state.marked++
			continue
		}
		of := scrapes[engine{want.Instance, want.Engine}]
		i := sort.Search(len(of), func(i int) bool { return of[i].Time.UnixMilli() > want.Time.UnixMilli() }) - 1
		waiting, _ := r.number("waiting")
		kv, _ := r.number("kv_cache_usage")
		if i >= 0 && running == float64(of[i].Running) && waiting == float64(of[i].Waiting) && math.Abs(kv-of[i].KVCacheUsage) < 1e-9 {
			state.right++
			continue
		}
		state.wrong++
		if len(complaints) < 10 && i >= 0 {
			complaints = append(complaints, fmt.Sprintf("%s on %s/%s at %s: %v %v %v instead of %+v", want.ExternalID, want.Instance, want.Engine, want.Time, running, waiting, kv, of[i]))
		}
	}
	t.Logf("engine state: %s", state)
	for _, c := range complaints {
		t.Log(c)
	}
	require.Zero(t, state.wrong)
	require.Greater(t, state.right, state.marked, "spans of instances with several engines do not name theirs; all others have a state")
}

// story tells all that is known of an id, for a complaint that somebody has to understand: the truth, then the lines.
func (f *fleet) story(t *testing.T, wanted bool, id string) string {
	if !wanted {
		return ""
	}
	var b strings.Builder
	for _, r := range f.known.Requests() {
		if r.ExternalID == id {
			fmt.Fprintf(&b, "  truth: attempt %d %s on %s, %s to %s: %s, %+v\n", r.Attempt, r.InternalID, r.Pod, r.Time.Format(clock), r.End.Format(clock), r.Status, r.Evidence)
		}
	}
	frame := f.ask(t, f.rangeAll(), map[string]any{"queryType": "logs", "logs": map[string]any{"requestId": id, "oldest": true}})[0]
	for i := range frame.Rows() {
		fmt.Fprintf(&b, "  line: %s %.1000s\n", frame.Fields[0].At(i).(time.Time).Format(clock), frame.Fields[1].At(i).(string))
	}
	return b.String()
}

const clock = "15:04:05.000000"
