package grade

import (
	"fmt"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// Expected is a request that may be a row: Proven says that the stores hold what it takes, so that it must be one.
type Expected struct {
	*truth.Record
	Proven bool
}

// Expect gives each sequence whose engine span is in the stores and, for all the sequences of a call that have none there, one:
// they have their lines in common. That is of a sequence that did not end well if there is one: no line tells that another had
// ended before. Beside siblings with spans only what was cut short is told apart, by the lines about that: to a
// lost span belong none but the siblings'.
func Expect(known []*truth.Record) (rows []Expected) {
	spanned, taken, failed := map[string]bool{}, map[string]bool{}, map[string]*truth.Record{}
	for _, r := range known {
		call := attemptKey(r)
		if r.Evidence.EngineSpan == truth.Emitted {
			spanned[call] = true
		}
		if r.Status != truth.StatusOK && failed[call] == nil {
			failed[call] = r
		}
	}
	for _, r := range known {
		call := attemptKey(r)
		switch {
		case r.Evidence.EngineSpan == truth.Emitted:
			rows = append(rows, Expected{r, true})
		case taken[call], spanned[call] && r.Evidence.EngineSpan == truth.Lost:
		case spanned[call]:
			taken[call] = true
			rows = append(rows, Expected{r, r.Evidence.LogLinesLost == 0})
		default:
			taken[call] = true
			if f := failed[call]; f != nil {
				r = f
			}
			rows = append(rows, Expected{r, r.Evidence.CallerSpan == truth.Emitted || r.Evidence.LogLines > 0})
		}
	}
	return rows
}

// FailureUntold reports whether nothing tells of the failure of a sequence with a span, or of any sequence's abort by the engine
// itself (a pause). vLLM marks neither on the span. Of a failure the line about it was lost, and there is no caller who was answered; the
// reason of an abort after the first token stands only in the line about a chat's answer in one piece. Such a row says ok
// (docs/join.md).
func FailureUntold(r *truth.Record) bool {
	if r.Evidence.EngineSpan != truth.Emitted {
		told := r.CompletionTokens > 0 && !r.Stream && r.Endpoint == traffic.ChatCompletions && r.Evidence.LogLines > 2 // Received, Added
		return r.Error == truth.AbortedByEngine && !told
	}
	switch lost := r.Evidence.LogLinesLost > 0; r.Status {
	case truth.StatusError:
		return lost && r.Evidence.ErrorLines == 0 && r.Evidence.CallerSpan != truth.Emitted
	case truth.StatusAborted:
		return r.CompletionTokens > 0 && (lost || r.Stream || r.Endpoint != traffic.ChatCompletions && r.Endpoint != traffic.Messages && r.Endpoint != traffic.Responses)
	}
	return false
}

// attemptKey names one go of one client at one request: its n sequences share it.
func attemptKey(r *truth.Record) string {
	return fmt.Sprint(r.ExternalID, "\x00", r.ClientRequestID, "\x00", r.Attempt, "\x00", r.Time.UnixNano())
}
