package jaeger

import (
	"errors"
	"strings"
	"sync/atomic"

	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// depthLimit is the largest search depth that the server may still take; 0 = none was refused so far. It is learned because
// no server tells it: memory refuses more than its max_traces, ClickHouse more than its own maximum, others take any.
type depthLimit struct{ limit atomic.Int64 }

func (d *depthLimit) apply(depth int) int {
	if limit := int(d.limit.Load()); limit > 0 && limit < depth {
		return limit
	}
	return depth
}

// refused records that the server would not take depth, so that half of it is asked from now on. It reports false when
// there is nothing smaller left to ask.
func (d *depthLimit) refused(depth int) bool {
	half := int64(depth / 2)
	if half < 1 {
		return false
	}
	for {
		limit := d.limit.Load()
		if limit > 0 && limit <= half || d.limit.CompareAndSwap(limit, half) {
			return true
		}
	}
}

// isDepthError recognises the refusal: storages give it different codes, but all of them name the search depth.
func isDepthError(err error) bool {
	e, ok := errors.AsType[*upstream.Error](err)
	return ok && (e.Kind == upstream.ErrServer || e.Kind == upstream.ErrRefused) &&
		strings.Contains(strings.ToLower(e.Message), "search depth")
}
