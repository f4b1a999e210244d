package grade

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// matcher finds the request that a row is about, each once: by the engine's span, else by the client's, else by the ids, of which
// the nearest in time is meant.
type matcher struct {
	bySpan, byClientSpan map[string]*Expected
	byID                 map[string][]*Expected // without an engine span
	taken                map[*Expected]bool
}

func newMatcher(expected []Expected) *matcher {
	m := &matcher{
		bySpan: map[string]*Expected{}, byClientSpan: map[string]*Expected{},
		byID: map[string][]*Expected{}, taken: map[*Expected]bool{},
	}
	for i := range expected {
		e := &expected[i]
		if e.Evidence.EngineSpan == truth.Emitted {
			m.bySpan[e.SpanID] = e
			continue
		}
		if e.Evidence.CallerSpan == truth.Emitted {
			m.byClientSpan[e.ClientSpanID] = e
		}
		key := idKey(e.ExternalID, e.ClientRequestID)
		m.byID[key] = append(m.byID[key], e)
	}
	return m
}

// idKey is empty for requests that nobody gave an id: these have nothing in common.
func idKey(external, client string) string {
	if external != "" || client == "" {
		return external
	}
	return "client " + client
}

// sameRequest is how far apart a row and the request of its id may be; no clock of any world is off by more.
const sameRequest = 10 * time.Minute

func (m *matcher) find(r Row) *Expected {
	span := r.Text("span_id")
	found := m.bySpan[span]
	if found == nil && span != "" {
		found = m.byClientSpan[span]
	}
	if (found == nil || m.taken[found]) && m.bySpan[span] == nil { // a call's span is that of all its prompts
		if key := idKey(r.Text("request_id"), r.Text("client_request_id")); key != "" {
			found = m.nearest(m.byID[key], r.Time())
		}
	}
	if found == nil || m.taken[found] {
		return nil
	}
	m.taken[found] = true
	return found
}

func (m *matcher) nearest(candidates []*Expected, at time.Time) (nearest *Expected) {
	best := sameRequest
	for _, e := range candidates {
		if d := e.Time.Sub(at).Abs(); d < best && !m.taken[e] {
			best, nearest = d, e
		}
	}
	return nearest
}
