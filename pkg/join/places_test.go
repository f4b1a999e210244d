package join_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestAnInstanceHasManyNames(t *testing.T) {
	for name, c := range map[string]struct {
		span, line evidence.Origin
		meet       bool
	}{
		"one pod": {evidence.Origin{Pod: "llama-0"}, evidence.Origin{Pod: "llama-0"}, true},
		"two names that never meet may be one pod's": {evidence.Origin{Pod: "llama-0"}, evidence.Origin{Pod: "4f5e6a7b8c9d"}, true},
		"so may two namespaces":                      {evidence.Origin{Namespace: "a", Pod: "llama-0"}, evidence.Origin{Namespace: "tenant-b", Pod: "llama-0"}, true},
		"a shipper that writes the namespace before": {evidence.Origin{Namespace: "llm", Pod: "llama-0"}, evidence.Origin{Pod: "llm/llama-0"}, true},
		"the span names its pod as its instance":     {evidence.Origin{Instance: "llama-0"}, evidence.Origin{Pod: "llama-0"}, true},
		"and the shipper has a name of its own for the instance": {
			evidence.Origin{Instance: "llama-0"}, evidence.Origin{Pod: "llama-0", Instance: "llm/llama-0:vllm"}, true,
		},
		"a random id of the exporter against an address proves nothing": {
			evidence.Origin{Instance: "6f0f3f2e-2f39-4c5c-9d25-2a51e6a5a8a1"}, evidence.Origin{Instance: "10.0.0.1:8000"}, true,
		},
		"nothing is said": {evidence.Origin{}, evidence.Origin{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			joined := join.Requests(join.Input{
				Spans:  []evidence.RequestSpan{span("chatcmpl-a", 0, &c.span)},
				Events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-a", 0.01, &c.line)},
			})
			require.Equal(t, c.meet, joined.Report.Matched == 1)
			require.Equal(t, c.meet, joined.Report.LogOnly == 0)
		})
	}
}

func TestALineOfAnotherInstanceThatSpansKnowIsAnotherRequest(t *testing.T) {
	for name, c := range map[string]struct{ span, line evidence.Origin }{
		"two pods":                             {evidence.Origin{Pod: "llama-0"}, evidence.Origin{Pod: "llama-1"}},
		"a pod of that name in two namespaces": {evidence.Origin{Namespace: "a", Pod: "llama-0"}, evidence.Origin{Namespace: "b", Pod: "llama-0"}},
		"a pod of that name in two clusters":   {evidence.Origin{Cluster: "a", Pod: "llama-0"}, evidence.Origin{Cluster: "b", Pod: "llama-0"}},
		"two ports of one host":                {evidence.Origin{Instance: "node-1:8000"}, evidence.Origin{Instance: "node-1:8001"}},
	} {
		t.Run(name, func(t *testing.T) {
			other := c.line
			in := join.Input{
				Spans:  []evidence.RequestSpan{span("chatcmpl-a", 0, &c.span), span("chatcmpl-b", 0, &other)},
				Events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-a", 0.01, &c.line)},
			}
			require.Zero(t, join.Requests(in).Report.Matched)
			in.Spans = in.Spans[:1]
			in.Targets = []evidence.Target{{Origin: c.span}, {Origin: c.line}}
			require.Zero(t, join.Requests(in).Report.Matched, "metrics know both names")
		})
	}
}

// named lists spans and lines of some requests on two pods, in the words of each store.
func named(n int, spans, lines [2]*evidence.Origin) (in join.Input) {
	for i := range n {
		id, t := fmt.Sprintf("chatcmpl-%d", i), float64(10*i)
		in.Spans = append(in.Spans, span(id, t, spans[i%2]))
		in.Events = append(in.Events, line(vllm.LogReceived, id, t+0.01, lines[i%2]), line(vllm.LogGenerated, id, t+1.61, lines[i%2]))
	}
	return in
}

func TestWhatTheLogStoreCallsAPodIsLearntFromUniqueIDs(t *testing.T) {
	logA, logB := &evidence.Origin{Pod: "4f5e6a7b8c9d0a1b"}, &evidence.Origin{Pod: "0a1b2c3d4e5f6a7b"}
	in := named(20, [2]*evidence.Origin{podA, podB}, [2]*evidence.Origin{logA, logB})
	// One id on both pods at the same time: of the lines only the pod's name tells which is whose.
	in.Spans = append(in.Spans, span("chatcmpl-p", 300, podA), span("chatcmpl-p", 300.01, podB))
	in.Events = append(in.Events,
		line(vllm.LogReceived, "chatcmpl-p", 300.02, logB), line(vllm.LogReceived, "chatcmpl-p", 300.02, logA), line(vllm.LogGenerated, "chatcmpl-p", 301.7, logB),
	)
	rows := join.Requests(in).Rows
	require.Len(t, rows, 22)
	require.Equal(t, []seen{{"chatcmpl-p", join.StatusOK, "trace+logs", 1, false}, {"chatcmpl-p", join.StatusOK, "trace+logs", 2, false}}, look(rows[20:]))
}

func TestStoresThatNameInstancesAlikeTellThemApart(t *testing.T) {
	one, two := &evidence.Origin{Instance: "10.0.0.1:8000"}, &evidence.Origin{Instance: "10.0.0.2:8000"}
	logOne, logTwo := *one, *two
	rows := join.Requests(join.Input{
		Spans: []evidence.RequestSpan{span("chatcmpl-a", 0, one), span("chatcmpl-a", 0.1, two)},
		Events: []evidence.RequestEvent{
			line(vllm.LogReceived, "chatcmpl-a", 0.11, &logTwo), line(vllm.LogReceived, "chatcmpl-a", 0.12, &logOne),
			line(vllm.LogGenerated, "chatcmpl-a", 1.7, &logTwo),
		},
	}).Rows
	require.Equal(t, []seen{{"chatcmpl-a", join.StatusOK, "trace+logs", 1, false}, {"chatcmpl-a", join.StatusOK, "trace+logs", 2, false}}, look(rows))
}

func TestARandomIDMeetsItsLinesBesideInstancesThatAreNamed(t *testing.T) {
	random, named := &evidence.Origin{Instance: "7cec2a12-e748-458b-820a-3f1d5c0b9e77"}, &evidence.Origin{Instance: "10.0.0.1:8000"}
	logs := *named
	joined := join.Requests(join.Input{
		Spans:  []evidence.RequestSpan{span("chatcmpl-a", 0, random), span("chatcmpl-b", 60, named)}, // restarted with a name in between
		Events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-a", 0.01, &logs), line(vllm.LogReceived, "chatcmpl-b", 60.01, &logs)},
	})
	require.Equal(t, 2, joined.Report.Matched)
	require.Len(t, joined.Rows, 2)
}

func TestStateOfAnotherInstanceIsNotShown(t *testing.T) {
	for name, c := range map[string]struct {
		span, metrics evidence.Origin
		model         string
	}{
		"the scrape's address and the pod":           {evidence.Origin{Instance: "llama-0"}, evidence.Origin{Pod: "llama-0", Instance: "10.0.0.1:8000"}, "llama"},
		"a host, and the port that is scraped":       {evidence.Origin{Instance: "node-1"}, evidence.Origin{Instance: "node-1:8000"}, "llama"},
		"the other port of that host":                {evidence.Origin{Instance: "node-1:8001"}, evidence.Origin{Instance: "node-1:8000"}, ""},
		"the same pod's name in another namespace":   {evidence.Origin{Namespace: "a", Pod: "llama-0"}, evidence.Origin{Namespace: "b", Pod: "llama-0"}, ""},
		"the same instance's name in another one":    {evidence.Origin{Namespace: "a", Instance: "llama-0"}, evidence.Origin{Namespace: "b", Pod: "llama-0"}, ""},
		"a namespace that only one of them mentions": {evidence.Origin{Instance: "llama-0"}, evidence.Origin{Namespace: "b", Pod: "llama-0"}, "llama"},
	} {
		t.Run(name, func(t *testing.T) {
			c.metrics.Model, c.metrics.Engine = "llama", "0"
			rows := join.Requests(join.Input{
				Spans: []evidence.RequestSpan{span("chatcmpl-a", 0, &c.span)}, Targets: []evidence.Target{{Origin: c.metrics}},
			}).Rows
			require.Equal(t, c.model, rows[0].Model)
		})
	}
}

func TestTheOnlyInstanceIsAssumedForSpansThatNameNone(t *testing.T) {
	for name, c := range map[string]struct {
		span  evidence.Origin
		model string
	}{
		"nothing is said":                   {evidence.Origin{Service: "vllm"}, "llama"},
		"a random id of the exporter":       {evidence.Origin{Instance: "7cec2a12-e748-458b-820a-3f1d5c0b9e77"}, "llama"},
		"a random id, but the pod is known": {evidence.Origin{Pod: "llama-1", Instance: "7cec2a12-e748-458b-820a-3f1d5c0b9e77"}, ""},
		"another instance":                  {evidence.Origin{Instance: "10.0.0.2:8000"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := evidence.Target{Origin: evidence.Origin{Instance: "10.0.0.1:8000", Model: "llama", Engine: "0"}}
			rows := join.Requests(join.Input{Spans: []evidence.RequestSpan{span("chatcmpl-a", 0, &c.span)}, Targets: []evidence.Target{target}}).Rows
			require.Equal(t, c.model, rows[0].Model)
			if c.model != "" {
				require.Equal(t, join.ModelFromOnly, rows[0].ModelSource)
			}
		})
	}
}

func TestAPodThatCameBackKeepsItsNameAndGetsTheNewState(t *testing.T) {
	state := func(address string, from, running, preempted float64) []evidence.Series {
		o := &evidence.Origin{Namespace: "llm", Pod: "llama-0", Instance: address, Model: "llama", Engine: "0"}
		gauge, counter := evidence.Series{Metric: vllm.NumRequestsRunning, Origin: o}, evidence.Series{Metric: vllm.NumPreemptions, Origin: o}
		for i := range 4 {
			ms := at(from + 5*float64(i)).UnixMilli()
			gauge.Samples = append(gauge.Samples, evidence.Sample{UnixMilli: ms, Value: running})
			counter.Samples = append(counter.Samples, evidence.Sample{UnixMilli: ms, Value: preempted * float64(i)})
		}
		return []evidence.Series{gauge, counter}
	}
	// The new address sorts before the old one.
	series := append(state("10.0.0.1:8000", 20, 1, 2), state("10.0.0.9:8000", 0, 7, 1)...)
	old, fresh := span("chatcmpl-a", 4, podA), span("chatcmpl-b", 24, podA)
	rows := join.Requests(join.Input{Spans: []evidence.RequestSpan{old, fresh}, Series: series, StaleAfter: 37500 * time.Millisecond}).Rows
	require.Equal(t, []float64{7, 1}, []float64{rows[0].Running, rows[1].Running})
	require.Equal(t, []float64{2, 4}, []float64{rows[0].Preemptions, rows[1].Preemptions})
	require.Equal(t, []string{"llama", "llama"}, []string{rows[0].Model, rows[1].Model})
}

func TestOnlyRequestsOfTheSameInstanceSharedIt(t *testing.T) {
	one := evidence.Target{Origin: evidence.Origin{Pod: "llama-0", Model: "llama", Engine: "0"}}
	two := evidence.Target{Origin: evidence.Origin{Pod: "llama-1", Model: "llama", Engine: "0"}}
	nowhere := &evidence.Origin{Service: "vllm"}
	east := evidence.Target{Origin: evidence.Origin{Cluster: "east", Pod: "llama-0", Model: "llama", Engine: "0"}}
	west := evidence.Target{Origin: evidence.Origin{Cluster: "west", Pod: "llama-0", Model: "llama", Engine: "0"}}
	for name, c := range map[string]struct {
		mine, other *evidence.Origin
		targets     []evidence.Target
		shared      int
	}{
		"the same pod":                          {podA, podA, []evidence.Target{one, two}, 1},
		"another pod":                           {podA, podB, []evidence.Target{one, two}, 0},
		"a name that pods of two clusters have": {podA, &evidence.Origin{Namespace: "llm", Pod: "llama-0"}, []evidence.Target{east, west}, 0},
		"its whole address":                     {&evidence.Origin{Cluster: "east", Pod: "llama-0"}, &evidence.Origin{Cluster: "east", Pod: "llama-0"}, []evidence.Target{east, west}, 1},
		"not named, and there is one instance":  {nowhere, &evidence.Origin{}, []evidence.Target{one}, 1},
		"not named, and there are two of them":  {nowhere, &evidence.Origin{}, []evidence.Target{one, two}, 0},
		"not named, and no metrics tell of any": {nowhere, &evidence.Origin{}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			joined := join.Requests(join.Input{
				Spans: []evidence.RequestSpan{span("chatcmpl-mine", 0, c.mine), span("chatcmpl-other", 1, c.other)}, Targets: c.targets,
			})
			mine := joined.Rows[0]
			require.Len(t, joined.Overlapping(&mine, 10), c.shared)
		})
	}
}

func TestAStreamIsTheSameOnEveryPage(t *testing.T) {
	firstPage, secondPage := *podA, *podA
	in := join.Input{
		Window: evidence.Window{From: at(0), To: at(600)},
		Events: []evidence.RequestEvent{
			line(vllm.LogGenerated, "chatcmpl-before", 3, &firstPage), // it began before the window
			line(vllm.LogReceived, "chatcmpl-a", 5, &secondPage),
		},
	}
	require.Equal(t, []seen{{"chatcmpl-a", join.StatusUnknown, "logs", 1, false}}, look(join.Requests(in).Rows))
}

func TestTheServedNameCountsAndWhereItIsFrom(t *testing.T) {
	target := evidence.Target{Origin: evidence.Origin{Pod: "llama-0", Model: "llama", Engine: "0"}}
	for name, c := range map[string]struct {
		origin evidence.Origin
		want   join.ModelSource
	}{
		"the instance's metrics":                    {evidence.Origin{Pod: "llama-0", LoRA: "sql"}, join.ModelFromInstance},
		"the only instance, which the span omitted": {evidence.Origin{LoRA: "sql"}, join.ModelFromOnly},
	} {
		t.Run(name, func(t *testing.T) {
			s := span("chatcmpl-a", 0, &c.origin)
			s.Caller = &evidence.CallerSpan{Model: "an-alias", Start: s.Start, Duration: 2}
			row := join.Requests(join.Input{Spans: []evidence.RequestSpan{s}, Targets: []evidence.Target{target}}).Rows[0]
			require.Equal(t, "llama", row.Model)
			require.Equal(t, c.want, row.ModelSource)
			require.Equal(t, "sql", row.LoRA)
		})
	}
}
