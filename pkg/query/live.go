package query

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Channel is where a live query is followed. Queries that look for the same rows, in whatever order and however many of
// them, have the same channel, so that they share one stream.
type Channel struct {
	// Path names the channel by what is asked: a hash, since anyone may choose what to send to which path, and two
	// questions in one channel would get each other's rows.
	Path string
	// JSON is the question as RunStream gets it: an ordinary query, in one form for all that ask the same.
	JSON []byte
}

// ErrNotLive says that a query cannot be followed.
var ErrNotLive = errors.New("only requests and log lines can be followed live")

// Channel gives the channel of a query for requests or log lines.
func (q Query) Channel() (Channel, error) {
	asks := struct {
		Version   int           `json:"version"`
		QueryType Kind          `json:"queryType"`
		Scope     vllm.Scope    `json:"scope"`
		Requests  *RequestsSpec `json:"requests,omitempty"`
		Logs      *LogsSpec     `json:"logs,omitempty"`
	}{Version: Version, QueryType: q.Kind, Scope: inOneOrder(q.Scope)}
	switch {
	case q.Kind == Requests:
		asks.Requests = &RequestsSpec{Filters: slices.Clone(q.Requests.Filters)}
		slices.SortFunc(asks.Requests.Filters, func(a, b join.Filter) int {
			return cmp.Or(cmp.Compare(a.Column, b.Column), cmp.Compare(a.Op, b.Op), cmp.Compare(a.Value, b.Value), slices.Compare(a.Values, b.Values))
		})
	case q.Kind == Logs && !q.Logs.Volume && q.Logs.Around == "":
		spec := *q.Logs
		spec.Levels, spec.Limit, spec.Oldest, spec.Live = sorted(spec.Levels), 0, false, false
		spec.Where = conditionsInOneOrder(spec.Where)
		asks.Logs = &spec
	default:
		return Channel{}, ErrNotLive
	}
	text, err := json.Marshal(asks)
	if err != nil {
		return Channel{}, err // cannot be: it was decoded from JSON
	}
	sum := sha256.Sum256(text)
	return Channel{Path: string(q.Kind) + "/" + hex.EncodeToString(sum[:]), JSON: text}, nil
}

// maxChannelJSON bounds what a subscriber sends: far more than the largest query that passes Parse needs.
const maxChannelJSON = 1 << 20

// ParseChannel reads what a subscriber sends to a path, and refuses what does not belong there. The query's range means
// nothing: a stream looks at now.
func ParseChannel(path string, data json.RawMessage, maxRows int) (Query, error) {
	if len(data) > maxChannelJSON {
		return Query{}, fmt.Errorf("a query of %d bytes is longer than %d", len(data), maxChannelJSON)
	}
	q, err := Parse(Sent{JSON: data, TimeRange: evidence.Window{From: time.Unix(0, 0), To: time.Unix(1, 0)}}, false, maxRows)
	if err != nil {
		return Query{}, err
	}
	channel, err := q.Channel()
	if err != nil {
		return Query{}, err
	}
	if channel.Path != path {
		return Query{}, errors.New("this query belongs to another channel")
	}
	return q, nil
}

func inOneOrder(s vllm.Scope) vllm.Scope {
	return vllm.Scope{
		Models: sorted(s.Models), Environments: sorted(s.Environments), Clusters: sorted(s.Clusters), Namespaces: sorted(s.Namespaces), Pods: sorted(s.Pods),
		Instances: sorted(s.Instances), Engines: sorted(s.Engines), Services: sorted(s.Services),
		Where: conditionsInOneOrder(s.Where),
	}
}

func conditionsInOneOrder(conditions []vllm.Condition) []vllm.Condition {
	out := slices.Clone(conditions)
	for i := range out {
		out[i].Values = sorted(out[i].Values)
	}
	slices.SortFunc(out, func(a, b vllm.Condition) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Op, b.Op), slices.Compare(a.Values, b.Values))
	})
	return out
}

// sorted copies: the query itself stays as it was sent.
func sorted(values []string) []string {
	out := slices.Clone(values)
	slices.Sort(out)
	return slices.Compact(out)
}
