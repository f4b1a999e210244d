package join

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// none ends a linked list.
const none = int32(-1)

// keyed is everything that carries one external id: rows and events, as linked lists through the index's arrays, so that
// a million ids need a handful of allocations.
type keyed struct {
	firstRow, firstNode int32
	rows, received      int32
	aborted             bool
}

// node is one event in a key's list. An event can hang on several keys: a line with a response id concerns every prompt
// of the call.
type node struct{ event, next int32 }

type keyIndex struct {
	byID    map[string]int32
	keys    []keyed
	nextRow []int32
	nodes   []node
}

// index files rows and events by external id.
func (j *joiner) index() *keyIndex {
	x := &keyIndex{
		byID:    make(map[string]int32, len(j.rows)),
		keys:    make([]keyed, 0, len(j.rows)),
		nextRow: make([]int32, len(j.rows)),
		nodes:   make([]node, 0, len(j.in.Events)),
	}
	for i := range j.rows {
		x.nextRow[i] = none
		if id := j.rows[i].RequestID; id != "" {
			k := x.key(id)
			x.nextRow[i] = x.keys[k].firstRow
			x.keys[k].firstRow = ordinal(i)
			x.keys[k].rows++
		}
	}
	// External spellings first: they tell which reading of an internal id is meant.
	var internal, response []int32
	for i := range j.in.Events {
		switch e := &j.in.Events[i]; {
		case e.Form == vllm.IDInternal:
			internal = append(internal, ordinal(i))
		case ofResponse(e):
			response = append(response, ordinal(i))
		default:
			x.hang(x.key(e.External), ordinal(i), e)
		}
	}
	for _, i := range internal {
		e := &j.in.Events[i]
		x.hang(x.internalKey(e), i, e)
	}
	j.hangResponses(x, response)
	return x
}

func (x *keyIndex) key(id string) int32 {
	if k, ok := x.byID[id]; ok {
		return k
	}
	k := ordinal(len(x.keys))
	x.keys = append(x.keys, keyed{firstRow: none, firstNode: none})
	x.byID[id] = k
	return k
}

// internalKey settles whether the last 8 hex digits of an internal id are vLLM's random suffix (0.14 and later) or part
// of the client's own id: whichever reading other evidence knows; the suffix when none does. Known whole, it is whole, also
// where the shorter id is another request's: that a random suffix hits a client's id by chance does not happen.
func (x *keyIndex) internalKey(e *evidence.RequestEvent) int32 {
	if whole := vllm.ExternalFromChild(e.ID); whole != e.External {
		if k, known := x.byID[whole]; known {
			return k
		}
	}
	return x.key(e.External)
}

func (x *keyIndex) hang(k, event int32, e *evidence.RequestEvent) {
	x.nodes = append(x.nodes, node{event: event, next: x.keys[k].firstNode})
	x.keys[k].firstNode = ordinal(len(x.nodes) - 1)
	switch e.Kind {
	case vllm.LogReceived:
		x.keys[k].received++
	case vllm.LogAborted:
		x.keys[k].aborted = true
	}
}
