//go:build integration && unix

package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
)

// requestsQuery asks for every row.
func requestsQuery(limit int) map[string]any {
	return map[string]any{"queryType": "requests", "version": 1, "requests": map[string]any{"limit": limit}}
}

// TestTheJoinSaysWhatHappened is the proof of the product: every cell of every row against the simulator's truth. What happens where
// telemetry is not ours is in ./worlds.
func TestTheJoinSaysWhatHappened(t *testing.T) {
	f := theFleet(t)
	started := time.Now()
	frame := f.ask(t, f.rangeAll(), requestsQuery(100_000))[0]
	t.Logf("%d rows for %d true requests in %s", frame.Rows(), len(f.known.Requests()), time.Since(started).Round(time.Millisecond))
	for _, n := range frame.Meta.Notices {
		t.Logf("notice: %s", n.Text)
	}
	r := grade.Grade(frame, grade.World{Requests: f.known.Requests(), Scrapes: f.known.Scrapes(), ScrapeInterval: scrapeInterval})
	t.Logf("missed %d, invented %d, marked %d; wrong %v, null %v", r.Missed, r.Invented, r.Marked, r.Wrong, r.Null)
	for _, c := range r.Complaints {
		t.Logf("%s\n%s", c.Text, f.story(t, c.RequestID))
	}
	undecided := 0
	for why, n := range r.Undecided {
		t.Logf("%d cells that nobody can tell: %s", n, why)
		undecided += n
	}
	require.GreaterOrEqual(t, r.Requests, 20_000)
	require.Zero(t, r.Missed, "recall is 1.0 where evidence is left")
	require.Zero(t, r.Invented)
	require.Empty(t, r.Wrong, "precision is 1.0")
	require.Empty(t, r.Null, "what the stores tell is in the row")
	require.Less(t, float64(undecided), 0.001*float64(r.Rows))
	require.Less(t, float64(r.Marked), 0.02*float64(r.Rows), "marking everything would be no proof")
}

// story tells all that is known of an id, for a complaint that somebody has to understand: the truth, then the lines.
func (f *fleet) story(t *testing.T, id string) string {
	if id == "" {
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
