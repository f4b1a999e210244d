package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
)

// question is a query with what the failure policy (design.md, section 8) needs to know of it.
type question struct {
	name  string
	alert bool
	json  string
	// needs are the stores without which there is no answer, uses those without which something is missing from it.
	needs, uses []evidence.Store
	// shows names, by store, a field that is filled only from it.
	shows map[evidence.Store]string
	// counts says that the answer is the number of failed stores.
	counts bool
	// ofSpans says that the answer is a share of requests by their spans.
	ofSpans bool
	// unknown says that "not found" is an answer: the store does not know what was asked for.
	unknown bool
}

var (
	requestRow = map[evidence.Store]string{evidence.Prometheus: "running", evidence.Loki: "log_lines", evidence.Jaeger: "ttft"}
	coverage   = map[evidence.Store]string{evidence.Prometheus: "engine_finished", evidence.Loki: "rows", evidence.Jaeger: "rows"}
)

var questions = []question{
	{name: "requests", json: `{"queryType":"requests"}`, uses: allStores, shows: requestRow},
	{name: "the slowest request", json: `{"queryType":"requests","requests":{"limit":1,"sort":{"column":"e2e","desc":true}}}`, uses: allStores, shows: requestRow},
	{name: "share over time", json: `{"queryType":"requests","requests":{"form":"timeseries","filters":[{"column":"e2e","op":">","value":"1s"}]}}`, uses: allStores,
		shows: map[evidence.Store]string{evidence.Jaeger: "share"}},
	{name: "coverage", json: `{"queryType":"coverage"}`, uses: allStores, shows: coverage},
	{name: "coverage over time", json: `{"queryType":"coverage","coverage":{"form":"timeseries"}}`, uses: allStores, shows: coverage},
	{name: "models", json: `{"queryType":"models","models":{"metrics":["running","ttft"],"quantiles":[0.95]}}`, needs: []evidence.Store{evidence.Prometheus}, uses: []evidence.Store{evidence.Jaeger},
		shows: map[evidence.Store]string{evidence.Prometheus: "running", evidence.Jaeger: "ttft_p95_exact"}},
	{name: "slo", json: `{"queryType":"slo"}`, uses: allStores, shows: map[evidence.Store]string{evidence.Prometheus: "ttft_attainment", evidence.Jaeger: "attainment"}},
	{name: "goodput over time", json: `{"queryType":"slo","slo":{"metrics":["goodput","attainment"],"form":"timeseries"}}`, needs: []evidence.Store{evidence.Jaeger},
		uses: []evidence.Store{evidence.Prometheus, evidence.Loki}, shows: map[evidence.Store]string{evidence.Jaeger: "attainment"}},
	{name: "request", json: `{"queryType":"request","request":{"id":"` + requestID(1) + `"}}`, uses: allStores, shows: requestRow},
	{name: "logs", json: `{"queryType":"logs"}`, needs: []evidence.Store{evidence.Loki}, shows: map[evidence.Store]string{evidence.Loki: "body"}},
	{name: "log volume", json: `{"queryType":"logs","logs":{"volume":true}}`, needs: []evidence.Store{evidence.Loki}},
	{name: "trace", json: `{"queryType":"trace","trace":{"traceId":"` + requestTrace(1) + `"}}`, needs: []evidence.Store{evidence.Jaeger}, unknown: true,
		shows: map[evidence.Store]string{evidence.Jaeger: "spanID"}},
	{name: "annotations", json: `{"queryType":"annotations"}`, uses: []evidence.Store{evidence.Prometheus, evidence.Loki},
		shows: map[evidence.Store]string{evidence.Prometheus: "model", evidence.Loki: "title"}},
	{name: "promql", json: `{"queryType":"promql","promql":{"expr":"up"}}`, needs: []evidence.Store{evidence.Prometheus}},

	{name: "explained ratio", alert: true, json: `{"queryType":"coverage","coverage":{"metric":"explained_ratio"}}`, needs: allStores},
	{name: "failed stores", alert: true, json: `{"queryType":"coverage","coverage":{"metric":"stores_failed"}}`, counts: true},
	{name: "running by model", alert: true, json: `{"queryType":"models","models":{"metrics":["running"]}}`, needs: []evidence.Store{evidence.Prometheus}},
	{name: "running over time", alert: true, json: `{"queryType":"models","models":{"metrics":["running"],"form":"timeseries"}}`, needs: []evidence.Store{evidence.Prometheus}},
	{name: "share of slow requests", alert: true, ofSpans: true, json: `{"queryType":"requests","requests":{"filters":[{"column":"e2e","op":">","value":"1s"}]}}`, needs: allStores},
	{name: "joint burn rate", alert: true, ofSpans: true, json: `{"queryType":"slo","slo":{"metrics":["burn_rate"]}}`, needs: allStores},
	{name: "burn rate of one limit", alert: true, json: `{"queryType":"slo","slo":{"metrics":["ttft_burn_rate"]}}`, needs: []evidence.Store{evidence.Prometheus}},
	{name: "a PromQL alert", alert: true, json: `{"queryType":"promql","promql":{"expr":"up","instant":true}}`, needs: []evidence.Store{evidence.Prometheus}},
}

// trial is one way to fail: of some stores at once, of a data source that was just saved or of one that has answered before.
type trial struct {
	fault  fault
	failed []evidence.Store
	warm   bool

	*trio
	answers map[bool]*backend.QueryDataResponse // by alert
	err     error
}

func (x *trial) name() string {
	start := "at first"
	if x.warm {
		start = "later"
	}
	if len(x.failed) == len(allStores) {
		return "all stores/" + x.fault.name + "/" + start
	}
	return x.failed[0].Title() + "/" + x.fault.name + "/" + start
}

// slow are the stores whose timeout the trial waits for.
func (x *trial) slow() []evidence.Store {
	if x.fault.status == backend.StatusTimeout {
		return x.failed
	}
	return nil
}

// run asks everything; what came of it is judged afterwards, since slow stores are best waited for all at once.
func (x *trial) run(ctx context.Context) {
	if x.warm {
		if _, x.err = x.askAll(ctx); x.err != nil {
			return
		}
	}
	for _, store := range x.failed {
		x.stores[store].fail(x.fault)
	}
	x.answers, x.err = x.askAll(ctx)
}

// askAll asks every question, those of panels in one request and those of alert rules in another.
func (s *trio) askAll(ctx context.Context) (map[bool]*backend.QueryDataResponse, error) {
	out := map[bool]*backend.QueryDataResponse{}
	for _, alert := range []bool{false, true} {
		queries := map[string]string{}
		for _, q := range questions {
			if q.alert == alert {
				queries[q.name] = q.json
			}
		}
		answer, err := s.ask(ctx, alert, queries)
		if err != nil {
			return nil, err
		}
		out[alert] = answer
	}
	return out, nil
}

// That a silent store is not waited for again and again is counted by package fetch's tests, not timed here.
func TestOneStoreFailsAndTheRestIsKept(t *testing.T) {
	var trials []*trial
	for _, f := range append(slices.Clone(faults), emptiness) {
		for _, store := range allStores {
			one := []evidence.Store{store}
			trials = append(trials, &trial{fault: f, failed: one})
			if !race.Enabled {
				trials = append(trials, &trial{fault: f, failed: one, warm: true})
			}
		}
		trials = append(trials, &trial{fault: f, failed: allStores})
	}
	sound := newTrio(t)
	reference, err := sound.askAll(t.Context())
	require.NoError(t, err)
	t.Run("none", func(t *testing.T) { requireSound(t, reference) })

	// All stores first: one that starts while another goes down might get the port of that one, and answer in its place.
	for _, x := range trials {
		x.trio = newTrio(t, x.slow()...)
	}
	var running sync.WaitGroup
	working := make(chan struct{}, 2)
	for _, x := range trials {
		running.Go(func() {
			if x.slow() == nil { // the others wait more than they work: they may do so all at once
				working <- struct{}{}
				defer func() { <-working }()
			}
			x.run(t.Context())
		})
	}
	running.Wait()
	for _, x := range trials {
		t.Run(x.name(), func(t *testing.T) {
			require.NoError(t, x.err, "a failed store is no reason to fail the whole request")
			for _, q := range questions {
				t.Run(q.name, func(t *testing.T) { x.judge(t, q, reference[q.alert].Responses[q.name]) })
			}
		})
	}
}

// requireSound makes sure that the fakes have something to lose.
func requireSound(t *testing.T, reference map[bool]*backend.QueryDataResponse) {
	for _, q := range questions {
		answer := reference[q.alert].Responses[q.name]
		require.NoError(t, answer.Error, q.name)
		require.Empty(t, warnings(answer), q.name)
		require.NotEqual(t, "[]", figuresOf(answer), q.name)
		for store, field := range q.shows {
			require.True(t, filled(answer, field), "%s shows no %s of %s", q.name, field, store)
		}
	}
}

// judge holds one answer against the failure policy.
func (x *trial) judge(t *testing.T, q question, sound backend.DataResponse) {
	answer, ok := x.answers[q.alert].Responses[q.name]
	require.True(t, ok, "every refID is answered")
	text := written(answer)
	for _, secret := range x.secrets {
		require.NotContains(t, text, secret)
	}
	fails := x.fault.status != backend.StatusOK && !(q.unknown && x.fault.status == backend.StatusNotFound)
	missing := func(stores []evidence.Store) (of []evidence.Store) {
		return slices.DeleteFunc(slices.Clone(stores), func(s evidence.Store) bool { return !slices.Contains(x.failed, s) })
	}
	needed, used := missing(q.needs), missing(q.uses)
	if len(q.needs) == 0 && len(used) > 0 && len(used) == len(q.uses) {
		needed = used // no store is left to answer
	}
	switch {
	case !fails && q.ofSpans && slices.Contains(x.failed, evidence.Jaeger) && answer.Error != nil:
		require.ErrorContains(t, answer.Error, "cannot be told", "a share of requests whose spans are not there is none")
	case !fails:
		require.NoError(t, answer.Error)
		require.Empty(t, warnings(answer), "an empty store has not failed")
	case q.counts:
		require.NoError(t, answer.Error)
		require.Equal(t, float64(len(x.failed)), number(t, answer))
	case len(needed) > 0 && !q.alert && answer.Error == nil: // a panel keeps what came before a store broke off
		require.True(t, x.fault.half, "without %s there is no answer", needed)
		for _, store := range x.failed {
			require.Condition(t, func() bool { return warned(answer, store) || !slices.Contains(append(q.needs, q.uses...), store) },
				"no notice says what is missing of %s: %v", store, warnings(answer))
		}
	case len(needed) > 0:
		require.Error(t, answer.Error)
		for _, store := range needed {
			require.ErrorContains(t, answer.Error, store.Title())
		}
		require.Equal(t, backend.ErrorSourceDownstream, answer.ErrorSource)
		require.Equal(t, x.fault.status, answer.Status, answer.Error)
	case len(used) > 0:
		require.NoError(t, answer.Error)
		require.Equal(t, backend.StatusOK, answer.Status)
		for _, store := range used {
			require.Condition(t, func() bool { return warned(answer, store) }, "no notice says what is missing of %s: %v", store, warnings(answer))
		}
		for store, field := range q.shows {
			if !slices.Contains(used, store) {
				require.True(t, filled(answer, field), "%s is not kept, which %s has", field, store)
			}
		}
	default:
		require.NoError(t, answer.Error)
		require.Empty(t, warnings(answer))
		require.Equal(t, figuresOf(sound), figuresOf(answer), "what the store has no part in is untouched")
	}
}

// warned says whether a notice names the store and what is missing.
func warned(answer backend.DataResponse, store evidence.Store) bool {
	return slices.ContainsFunc(warnings(answer), func(text string) bool {
		return strings.HasPrefix(text, store.Title()) && strings.Contains(text, "Missing: ")
	})
}

func warnings(answer backend.DataResponse) (texts []string) {
	for _, frame := range answer.Frames {
		if frame.Meta == nil {
			continue
		}
		for _, n := range frame.Meta.Notices {
			if n.Severity != data.NoticeSeverityInfo {
				texts = append(texts, n.Text)
			}
		}
	}
	return texts
}

// filled says whether a field holds anything.
func filled(answer backend.DataResponse, name string) bool {
	for _, frame := range answer.Frames {
		if field, _ := frame.FieldByName(name); field != nil {
			for i := range field.Len() {
				if _, ok := field.ConcreteAt(i); ok {
					return true
				}
			}
		}
	}
	return false
}

// number is the one value of an alert's answer.
func number(t *testing.T, answer backend.DataResponse) float64 {
	t.Helper()
	require.Len(t, answer.Frames, 1)
	require.Len(t, answer.Frames[0].Fields, 1)
	value, ok := answer.Frames[0].Fields[0].ConcreteAt(0)
	require.True(t, ok)
	return value.(float64)
}

// figures is the content of an answer, without what it cost.
func figuresOf(answer backend.DataResponse) string {
	parts := []json.RawMessage{}
	for _, frame := range answer.Frames {
		part, err := data.FrameToJSON(frame, data.IncludeDataOnly)
		if err != nil {
			return fmt.Sprint("not JSON: ", err)
		}
		parts = append(parts, json.RawMessage(frame.Name), part)
	}
	return fmt.Sprintf("%s", parts)
}
