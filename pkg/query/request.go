package query

import (
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// RequestSpec asks for everything about one request. ID is an external id, a client's X-Request-Id, an internal id or a
// trace id: which one it is, the stores tell.
type RequestSpec struct {
	ID string `json:"id"`
	// Show lists the parts of the answer; empty = all. A panel that draws one part does not fetch the others.
	Show []Part `json:"show,omitempty"`
}

// Part is one part of the answer about one request.
type Part string

// The parts.
const (
	PartSummary    Part = "summary"
	PartPhases     Part = "phases"
	PartTrace      Part = "trace"
	PartLogs       Part = "logs"
	PartEngine     Part = "engine"
	PartNeighbours Part = "neighbours"
)

// Parts lists them in the order of the answer.
var Parts = []Part{PartSummary, PartPhases, PartTrace, PartLogs, PartEngine, PartNeighbours}

// Shows reports whether the answer has that part.
func (s RequestSpec) Shows(part Part) bool { return len(s.Show) == 0 || slices.Contains(s.Show, part) }

func (s *RequestSpec) check() error {
	s.ID = strings.TrimSpace(s.ID)
	if s.ID == "" {
		return wrong("request.id", "empty: give a request id, an X-Request-Id or a trace id")
	}
	if !vllm.ComparableRequestID(s.ID) {
		return wrong("request.id", "%q is not a request id: it has characters that no id has, or more than %d", clip(s.ID), vllm.MaxComparableIDLength)
	}
	for _, part := range s.Show {
		if !slices.Contains(Parts, part) {
			return wrong("request.show", "%q is none of %s", clip(string(part)), listed(Parts))
		}
	}
	return nil
}
