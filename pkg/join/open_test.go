package join_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// deployment is one server under a request every 4 s, each of which takes 2 s. It is scraped every 5 s.
type deployment struct {
	hangsAt    float64 // from then on nothing ends; 0 = never
	traced     func(i int) bool
	spansUntil float64 // ends of spans that the store has by now; 0 = all
	logged     func(i int) bool
	scraped    bool
	finished   bool // Generated lines are written
}

const wholeWindow = 200.0

// seen is what the stores have of it.
func (d deployment) seen() join.Input {
	origin := &evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
	in := join.Input{
		Window: evidence.Window{From: at(0), To: at(wholeWindow)}, StaleAfter: 15 * time.Second,
		SLO: slo.Objectives{{Model: "llama", E2E: 10 * time.Second}},
	}
	var ends []float64
	for i := range int(wholeWindow / 4) {
		start := float64(4*i) + 1
		end := start + 2
		id := fmt.Sprintf("chatcmpl-%d", i)
		if d.logged == nil || d.logged(i) {
			in.Events = append(in.Events, line(vllm.LogReceived, id, start, origin))
		}
		if d.hangsAt > 0 && end >= d.hangsAt || end > wholeWindow {
			continue
		}
		ends = append(ends, end)
		if d.finished {
			in.Events = append(in.Events, line(vllm.LogGenerated, id, end, origin))
		}
		if (d.traced == nil || d.traced(i)) && (d.spansUntil == 0 || end < d.spansUntil) {
			s := span(id, start, origin)
			s.Duration, s.E2E = 2, 2
			in.Spans = append(in.Spans, s)
		}
	}
	if d.scraped {
		counter := evidence.Series{Metric: vllm.RequestSuccess, Origin: origin}
		for t := -5.0; t <= wholeWindow+5; t += 5 {
			n := 0.0
			for _, end := range ends {
				if end <= t {
					n++
				}
			}
			counter.Samples = append(counter.Samples, evidence.Sample{UnixMilli: at(t).UnixMilli(), Value: n})
		}
		in.Series = []evidence.Series{counter}
		in.Targets = []evidence.Target{{Origin: *origin}}
	}
	return in
}

// A request without an end has missed its limit of 10 s only where nobody can have missed its end.
func TestWhatIsOpenPastItsLimitHasMissedIt(t *testing.T) {
	third := func(i int) bool { return i%3 == 0 }
	sound := deployment{scraped: true}
	with := func(change func(*deployment)) deployment {
		d := sound
		change(&d)
		return d
	}
	for name, c := range map[string]struct {
		deployment
		missed, met, cannotTell int
	}{
		"a sound server": {sound, 0, 50, 0},
		// From 100 s on nothing ends: 25 requests that began after 98 s, of which six are not yet 25 s old at the last scrape.
		"a server that hangs":                                       {with(func(d *deployment) { d.hangsAt = 100 }), 19, 25, 6},
		"one that hangs all the time":                               {with(func(d *deployment) { d.hangsAt = 1 }), 44, 0, 6},
		"traces are sampled: the others may have ended":             {with(func(d *deployment) { d.traced = third }), 0, 17, 33},
		"traces are sampled, and lines tell of every end":           {with(func(d *deployment) { d.traced, d.finished = third, true }), 0, 17, 33},
		"spans of the last minute are on their way":                 {with(func(d *deployment) { d.spansUntil = 140 }), 0, 35, 15},
		"spans of the last seconds are on their way":                {with(func(d *deployment) { d.spansUntil = 190 }), 0, 47, 3},
		"nobody scrapes: nothing tells whether all spans are there": {with(func(d *deployment) { d.hangsAt, d.scraped = 100, false }), 0, 25, 25},
		"lines of some requests only":                               {with(func(d *deployment) { d.hangsAt, d.logged = 100, third }), 0, 25, 8},
	} {
		t.Run(name, func(t *testing.T) {
			rows := join.Requests(c.seen()).Rows
			got := map[slo.Verdict]int{}
			for i := range rows {
				got[rows[i].SLOMet]++
			}
			require.Equal(t, map[slo.Verdict]int{slo.Missed: c.missed, slo.Met: c.met, slo.CannotTell: c.cannotTell},
				map[slo.Verdict]int{slo.Missed: got[slo.Missed], slo.Met: got[slo.Met], slo.CannotTell: got[slo.CannotTell]})
		})
	}
}

func TestOpenRequestsWithoutALimitOnTheirTimeAreNotJudged(t *testing.T) {
	in := deployment{scraped: true, hangsAt: 100}.seen()
	in.SLO = slo.Objectives{{Model: "llama", TTFT: time.Second}}
	rows := join.Requests(in).Rows
	for i := range rows {
		if rows[i].Open() {
			require.Equal(t, slo.CannotTell, rows[i].SLOMet, "it may have had its first token")
			require.GreaterOrEqual(t, rows[i].OpenFor, 0.0, "how long it is open is known")
		}
	}
}
