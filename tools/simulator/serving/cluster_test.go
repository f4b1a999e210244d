package serving

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
)

// collector keeps all output of a run.
type collector struct {
	truthtest.Recorder
	lines []telemetry.LogLine
	spans []*telemetry.Span
}

func (c *collector) Log(l telemetry.LogLine) { c.lines = append(c.lines, l) }
func (c *collector) Span(s *telemetry.Span)  { c.spans = append(c.spans, s) }

func (c *collector) spansNamed(n string) (found []*telemetry.Span) {
	for _, s := range c.spans {
		if s.Name == n {
			found = append(found, s)
		}
	}
	return found
}

var begin = time.Date(2026, 11, 2, 14, 0, 0, 0, time.UTC)

// simulate runs calls to their end.
func simulate(t *testing.T, change func(*Config)) (*Cluster, *collector) {
	t.Helper()
	config := Config{
		Seed: 1, Start: begin, Version: telemetry.Newest, Models: DefaultModels(),
		Profile: traffic.Mixed, Rate: 8, MaxCalls: 1200,
	}
	if change != nil {
		change(&config)
	}
	out := &collector{}
	c := New(config, out)
	for at := begin; !c.Idle(); at = at.Add(15 * time.Second) {
		require.Less(t, at.Sub(begin), 12*time.Hour, "the fleet does not come to rest")
		c.Advance(at)
		for _, i := range c.Instances() {
			i.Scrape()
		}
	}
	return c, out
}

// digest is one hash over everything a run emitted.
func digest(t *testing.T, c *Cluster, out *collector) string {
	h := sha256.New()
	for _, l := range out.lines {
		fmt.Fprintln(h, l.Time.UnixNano(), l.Stream.Labels, l.Text)
	}
	for _, s := range out.spans {
		fmt.Fprintln(h, s.Name, s.TraceID, s.SpanID, s.Parent, s.Start.UnixNano(), s.End.UnixNano(), s.Attributes)
	}
	require.NoError(t, json.NewEncoder(h).Encode(out.Requests()))
	require.NoError(t, json.NewEncoder(h).Encode(out.Scrapes()))
	for _, i := range c.Instances() {
		_, _ = h.Write(i.Metrics.AppendText(nil))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	few := func(c *Config) { c.MaxCalls, c.DeathsPerHour = 400, 20 }
	first := digest(simulateAnd(t, few))
	require.Equal(t, first, digest(simulateAnd(t, few)))
	require.NotEqual(t, first, digest(simulateAnd(t, func(c *Config) { few(c); c.Seed = 2 })))
}

func simulateAnd(t *testing.T, change func(*Config)) (*testing.T, *Cluster, *collector) {
	c, out := simulate(t, change)
	return t, c, out
}

func TestEveryRequestEndsInOneRecord(t *testing.T) {
	c, out := simulate(t, func(c *Config) { c.DeathsPerHour, c.Rate = 10, 20 })
	_, sequences := c.Counts()
	internal := map[string]bool{}
	statuses := map[string]int{}
	for _, r := range out.Requests() {
		statuses[r.Status]++
		if r.Engine == "" {
			continue
		}
		require.False(t, internal[r.InternalID], "internal id %s twice", r.InternalID)
		internal[r.InternalID] = true
	}
	require.Len(t, internal, sequences)
	for _, status := range []string{truth.StatusOK, truth.StatusError, truth.StatusAborted, truth.StatusRejected} {
		require.Positive(t, statuses[status], status)
	}
	require.Zero(t, statuses[truth.StatusUnfinished])
}

func TestCountersAgreeWithTheTruth(t *testing.T) {
	c, out := simulate(t, nil)
	type key struct{ instance, engine, reason string }
	counted := map[key]float64{}
	e2e, generated := map[key]float64{}, map[key]float64{}
	for _, r := range out.Requests() {
		at := key{r.Instance, r.Engine, ""}
		generated[at] += float64(r.CompletionTokens)
		if r.Evidence.Counted {
			counted[key{r.Instance, r.Engine, r.FinishReason}]++
			counted[at]++
			e2e[at] += *r.E2E
		}
	}
	for _, i := range c.Instances() {
		for n, m := range i.Metrics.Engines {
			at := key{i.Name, fmt.Sprint(n), ""}
			success, count, sum, tokens := m.Totals()
			for reason, value := range success {
				require.Equal(t, counted[key{i.Name, at.engine, reason}], value, "%v %s", at, reason)
			}
			require.Equal(t, counted[at], count, "e2e histogram counts finished requests")
			require.InDelta(t, e2e[at], sum, 1e-6)
			require.Equal(t, generated[at], tokens, "tokens of aborted requests count too")
		}
	}
}

func TestPhasesAddUp(t *testing.T) {
	_, out := simulate(t, nil)
	for _, r := range out.Requests() {
		if r.TTFT == nil {
			continue
		}
		require.InDelta(t, *r.TTFT, *r.PreQueue+*r.Queue+*r.Prefill, 1e-9)
		require.Positive(t, *r.PreQueue)
		if r.E2E != nil {
			unaccounted := *r.E2E - *r.TTFT - *r.Decode
			require.InDelta(t, 0, unaccounted, 1e-3)
		}
	}
}

func TestSpansTellTheTruthAndNoMore(t *testing.T) {
	_, out := simulate(t, func(c *Config) { c.LostSpans = 0.05 })
	spans := map[string]*telemetry.Span{}
	for _, s := range out.spansNamed("llm_request") {
		spans[spanHex(s.SpanID)] = s
	}
	seen := 0
	for _, r := range out.Requests() {
		s := spans[r.SpanID]
		require.Equal(t, r.Evidence.EngineSpan == truth.Emitted, s != nil)
		if s == nil {
			continue
		}
		seen++
		has := map[string]any{}
		for _, a := range s.Attributes {
			has[a.Key] = a.Value
		}
		require.NotContains(t, has, "gen_ai.request.model")
		require.Equal(t, r.ExternalID, has["gen_ai.request.id"])
		require.Equal(t, *r.TTFT, has["gen_ai.latency.time_to_first_token"])
		require.Equal(t, int64(r.CompletionTokens), has["gen_ai.usage.completion_tokens"])
		require.Equal(t, int64(1), has["gen_ai.request.n"])
		_, temperature := has["gen_ai.request.temperature"]
		require.Equal(t, *r.Temperature != 0, temperature, "greedy sampling is not on the span")
		require.Equal(t, r.Time, s.Start)
		require.NotEqual(t, truth.StatusAborted, r.Status, "an aborted request has no span")
	}
	require.Len(t, spans, seen, "a span without a record")
}

func TestLinesAreCountedPerExternalID(t *testing.T) {
	_, out := simulate(t, func(c *Config) { c.LostLogs, c.DeathsPerHour = 0.05, 10 })
	want := map[string]int{}
	for _, r := range out.Requests() {
		if r.ExternalID != "" && (r.N == 1 || strings.HasPrefix(r.InternalID, "0_")) {
			want[r.ExternalID] += r.Evidence.LogLines
		}
	}
	external := map[string]string{} // each spelling of an id → external id
	for _, r := range out.Requests() {
		external[r.ExternalID], external[r.InternalID] = r.ExternalID, r.ExternalID
		external[strings.TrimLeft(r.InternalID, "0123456789_")] = r.ExternalID
		external[r.ResponseID] = r.ExternalID // in lines about an internal error; those calls have one prompt
	}
	got := map[string]int{}
	for _, l := range out.lines {
		named := map[string]bool{} // a line counts once, however often it names a request
		for _, word := range strings.FieldsFunc(l.Text, func(r rune) bool { return strings.ContainsRune(" :,'[](){}", r) }) {
			if id := external[strings.TrimSuffix(word, ".")]; id != "" && !named[id] {
				named[id] = true
				got[id]++
			}
		}
	}
	for id, n := range want {
		require.Equal(t, n, got[id], id)
	}
}

func TestLossesChangeNothingElse(t *testing.T) {
	truthOf := func(change func(*Config)) []*truth.Record {
		_, out := simulate(t, func(c *Config) { c.MaxCalls = 500; change(c) })
		for _, r := range out.Requests() {
			r.Evidence = truth.Evidence{}
		}
		return out.Requests()
	}
	require.Equal(t, truthOf(func(*Config) {}), truthOf(func(c *Config) { c.LostLogs, c.LostSpans = 0.3, 0.3 }))
}

func TestRetriesKeepTheClientsIDAndTakeANewSuffix(t *testing.T) {
	_, out := simulate(t, func(c *Config) { c.DeathsPerHour = 20 })
	attempts := map[string][]*truth.Record{}
	retried := false
	for _, r := range out.Requests() {
		if r.ClientRequestID != "" && r.ExternalID != "" && r.N == 1 {
			attempts[r.ExternalID] = append(attempts[r.ExternalID], r)
		}
	}
	for id, all := range attempts {
		for n, r := range all {
			if n > 0 {
				retried = true
				require.Greater(t, r.Attempt, all[n-1].Attempt, id)
			}
			require.Regexp(t, "^"+id+"-[0-9a-f]{8}$", r.InternalID)
		}
	}
	require.True(t, retried)
}

func TestSomeIDsArePrefixesOfOthers(t *testing.T) {
	_, out := simulate(t, nil)
	ids := map[string]bool{}
	for _, r := range out.Requests() {
		ids[r.ExternalID] = true
	}
	for _, pair := range [][2]string{{"chatcmpl-req-1", "chatcmpl-req-10"}} {
		require.True(t, ids[pair[0]] && ids[pair[1]], pair)
	}
	several := false
	for id := range ids {
		if strings.HasPrefix(id, "cmpl-") && strings.HasSuffix(id, "-1") {
			several = several || ids[id+"0"]
		}
	}
	require.True(t, several, "a completions call with more than ten prompts")
}

func TestAnEngineDeathLeavesItsMarks(t *testing.T) {
	_, out := simulate(t, func(c *Config) { c.DeathsPerHour, c.Rate = 20, 15 })
	var text strings.Builder
	for _, l := range out.lines {
		text.WriteString(l.Text + "\n")
	}
	for _, mark := range []string{
		"EngineCore encountered a fatal error.\r\n", "torch.OutOfMemoryError", "EngineDeadError",
		"failed (engine dead).", `HTTP/1.1" 500 Internal Server Error`, "Dumping scheduler output",
	} {
		require.Contains(t, text.String(), mark)
	}
	dead, ready := 0, 0
	for _, e := range out.Events() {
		switch e.Event {
		case truth.EventEngineDead:
			dead++
		case truth.EventReady:
			ready++
		}
	}
	require.Positive(t, dead)
	require.GreaterOrEqual(t, ready, dead, "each dead server comes back")
}

func TestAPausedEngineLeavesRootSpansAndAbsurdTimes(t *testing.T) {
	c, out := simulate(t, func(c *Config) { c.PausesPerHour, c.Rate = 60, 20 })
	spans := map[string]*telemetry.Span{}
	for _, s := range out.spansNamed("llm_request") {
		spans[spanHex(s.SpanID)] = s
	}
	tokenless, aborted := 0, 0.0
	for _, r := range out.Requests() {
		if r.Error != "aborted by the engine" {
			continue
		}
		aborted++
		require.True(t, r.Evidence.Counted)
		require.Equal(t, truth.StatusAborted, r.Status)
		s := spans[r.SpanID]
		require.Zero(t, s.Parent)
		require.Equal(t, r.TraceID, traceHex(s.TraceID))
		if r.Caller != nil {
			require.NotEqual(t, r.Caller.TraceID, r.TraceID)
		}
		if r.TTFT == nil {
			tokenless++
			for _, a := range s.Attributes {
				if a.Key == "gen_ai.latency.time_in_model_prefill" {
					require.Greater(t, a.Value, hostUptime.Seconds())
				}
			}
		}
	}
	require.Positive(t, tokenless)
	for _, i := range c.Instances() {
		for _, m := range i.Metrics.Engines {
			success, _, _, _ := m.Totals()
			aborted -= success["abort"]
		}
	}
	require.Zero(t, aborted, "counted with finished_reason abort")
}

func TestLinesOfAContainerAreInOrder(t *testing.T) {
	_, out := simulate(t, func(c *Config) { c.DeathsPerHour = 10 })
	last := map[*telemetry.LogStream]time.Time{}
	for _, l := range out.lines {
		require.True(t, l.Time.After(last[l.Stream]), l.Text)
		last[l.Stream] = l.Time
	}
}

func TestModelsThatCouldNeverRunAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Model)
		says   string
	}{
		{"no name", func(m *Model) { m.Name = "" }, "name"},
		{"no replicas", func(m *Model) { m.Replicas = 0 }, "replicas"},
		{"too few blocks for one request", func(m *Model) { m.Engine.NumGPUBlocks = 100 }, "cannot hold one request"},
		{"too short for any prompt", func(m *Model) { m.Engine.MaxModelLen = 512 }, "max_model_len"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := DefaultModels()[0]
			require.NoError(t, m.Validate())
			c.change(&m)
			require.ErrorContains(t, m.Validate(), c.says)
		})
	}
}

func BenchmarkCalls(b *testing.B) {
	out := &collector{}
	c := New(Config{Seed: 1, Start: begin, Version: telemetry.Newest, Models: DefaultModels(), Profile: traffic.Steady, Rate: 8}, out)
	at := begin
	for b.Loop() {
		for calls, _ := c.Counts(); ; {
			at = at.Add(100 * time.Millisecond)
			c.Advance(at)
			if now, _ := c.Counts(); now > calls {
				break
			}
		}
		*out = collector{}
	}
}
