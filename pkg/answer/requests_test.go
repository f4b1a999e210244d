package answer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestAnEmptyTableOfRequestsSaysWhy(t *testing.T) {
	filtered := &query.RequestsSpec{Filters: []join.Filter{{Column: "status", Op: "=", Value: "error"}}}
	for name, c := range map[string]struct {
		query query.Query
		want  string
	}{
		"nothing was narrowed: the range or the stores": {query.Query{Requests: &query.RequestsSpec{}}, "No store saw a request"},
		"a filter": {query.Query{Requests: filtered}, "passes the filters"},
		"a place that was chosen is a filter to the user": {query.Query{Requests: &query.RequestsSpec{}, Scope: vllm.Scope{Pods: []string{"llama-0"}}}, "passes the filters"},
	} {
		t.Run(name, func(t *testing.T) { require.Contains(t, noRequests(c.query).Text, c.want) })
	}
}
