package frames_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

var here = frames.Source{UID: "vllm", Name: "vLLM"}

// joinedRows are one finished request with all of its evidence, and one that is known from a single line.
func joinedRows() []join.Request {
	in := traffic(1)
	joined := join.Requests(in)
	lost := join.Request{
		Time: joined.Rows[0].Time.Add(time.Second), RequestID: "chatcmpl-lost", Status: join.StatusUnknown, Signals: join.SignalLogs,
		LogLines: 1, WarningLines: 0, ErrorLines: 0, HTTPStatus: evidence.Unknown, MaxTokens: evidence.Unknown, CachedTokens: evidence.Unknown,
		Temperature: unknown, TopP: unknown, TPOT: unknown, PreQueue: unknown, Unaccounted: unknown, TokensPerSecond: unknown,
		CallerDuration: unknown, OutsideEngine: unknown, Running: unknown, Waiting: unknown, KVCacheUsage: unknown,
		Preemptions: unknown, GPUUtilization: unknown, GPUMemoryUsed: unknown,
	}
	return append(joined.Rows, lost)
}

func TestARequestRowBringsItsUnitsColoursAndLinks(t *testing.T) {
	frame := frames.Requests(joinedRows(), join.Report{}, here)
	frame.Meta = nil // the report's numbers have tests of their own
	goldenFrames(t, "requests", data.Frames{frame})
}

func TestEveryColumnOfTheRowHasALook(t *testing.T) {
	frame := frames.Requests(nil, join.Report{}, here)
	for _, field := range frame.Fields {
		require.NotEmpty(t, field.Config.Custom, "%s has no width", field.Name)
		require.NotEmpty(t, field.Config.Description, field.Name)
	}
}

// A link is a query that somebody clicks months later: it must be one that the data source understands.
func TestLinksLeadToQueriesThatParse(t *testing.T) {
	frame := frames.Requests(nil, join.Report{}, here)
	filled := strings.NewReplacer("${__value.raw}", "0123456789abcdef0123456789abcdef", "${__data.fields.request_id}", "chatcmpl-1")
	n := 0
	for _, field := range frame.Fields {
		for _, link := range field.Config.Links {
			model, err := json.Marshal(link.Internal.Query)
			require.NoError(t, err)
			_, err = query.Parse(query.Sent{
				RefID: "A", JSON: []byte(filled.Replace(string(model))), TimeRange: evidence.Window{From: noon.Add(-time.Hour), To: noon},
			}, false, 1000)
			require.NoError(t, err, "%s: %s", field.Name, model)
			require.Equal(t, "vllm", link.Internal.DatasourceUID)
			n++
		}
	}
	require.GreaterOrEqual(t, n, 4)
}

func TestWithoutAKnownDataSourceThereAreNoLinks(t *testing.T) {
	for _, field := range frames.Requests(nil, join.Report{}, frames.Source{}).Fields {
		require.Empty(t, field.Config.Links, field.Name)
	}
}
