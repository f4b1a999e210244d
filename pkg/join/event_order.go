package join

import (
	"cmp"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// eventOrder puts lines in the order in which they were written. Shippers that keep milliseconds give lines of one request the
// same time: then the order is that in which an engine writes them, and never that in which a store happened to answer.
func eventOrder(a, b *evidence.RequestEvent) int {
	if c := cmp.Compare(a.UnixNano, b.UnixNano); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Form, a.Form), // the engine writes of an abort before the server does
		strings.Compare(a.ID, b.ID), strings.Compare(a.External, b.External),
		compareOrigins(a.Origin, b.Origin), compareDetails(a.Detail, b.Detail),
		cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Content, b.Content), cmp.Compare(a.Clock, b.Clock), cmp.Compare(a.PID, b.PID),
	)
}

func compareOrigins(a, b *evidence.Origin) int {
	if a == b {
		return 0
	}
	if a == nil || b == nil {
		return boolCompare(a != nil, b != nil)
	}
	return cmp.Or(
		strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Environment, b.Environment), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod),
		strings.Compare(a.Instance, b.Instance), strings.Compare(a.Service, b.Service), strings.Compare(a.Model, b.Model),
		strings.Compare(a.LoRA, b.LoRA), strings.Compare(a.Engine, b.Engine),
	)
}

func compareDetails(a, b *evidence.EventDetail) int {
	if a == b {
		return 0
	}
	if a == nil || b == nil {
		return boolCompare(a != nil, b != nil)
	}
	return cmp.Or(
		strings.Compare(a.FinishReason, b.FinishReason), strings.Compare(a.LoRA, b.LoRA), strings.Compare(a.Error, b.Error),
		cmp.Compare(a.MaxTokens, b.MaxTokens), cmp.Compare(a.Sequences, b.Sequences), cmp.Compare(a.CachedTokens, b.CachedTokens), cmp.Compare(a.Temperature, b.Temperature), cmp.Compare(a.TopP, b.TopP),
	)
}

// told is a word that a line said, and when: of several lines the last one counts.
type told struct {
	word string
	at   int64
}

func (t *told) hear(word string, at int64) {
	if t.word == "" || at > t.at || at == t.at && word > t.word {
		t.word, t.at = word, at
	}
}
