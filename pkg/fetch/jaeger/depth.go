package jaeger

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
)

// leastDepth is the smallest search depth that a refusal can make us ask for: with a smaller one no search would end.
const leastDepth = 20

// depthRefused are the whole messages by which storages refuse a search depth. No server tells its limit beforehand: memory refuses
// more than its max_traces, ClickHouse more than its own maximum, others take any. Other errors quote the search, which any viewer
// may write, so the words prove nothing inside a longer message. Sources: Jaeger's storage/v2/memory and storage/v2/clickhouse.
var depthRefused = regexp.MustCompile(`^(?:failed to [a-z ]+: )?search depth (?:must be greater than 0 and less than max traces|(\d+) exceeds maximum allowed (\d+))$`)

// lowerDepth reads a refusal of a search depth, and asks for less from now on: what the storage says that it allows, else half. It
// reports whether the search may be made again.
func lowerDepth(bound *memo.Limit, err error, asked int) bool {
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok || e.Kind != upstream.ErrServer && e.Kind != upstream.ErrRefused {
		return false
	}
	m := depthRefused.FindStringSubmatch(strings.ToLower(strings.TrimSpace(e.Message)))
	switch {
	case m == nil:
		return false
	case m[1] == "":
		return bound.Refused(asked, asked/2)
	case m[1] != strconv.Itoa(asked):
		return false
	}
	allowed, err := strconv.Atoi(m[2])
	return err == nil && allowed < asked && bound.Refused(asked, allowed)
}
