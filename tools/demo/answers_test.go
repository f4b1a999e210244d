//go:build unix

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// played is a plugin that answers by kind.
type played struct{ t *testing.T }

func (p played) QueryData(_ context.Context, queries ...backend.DataQuery) (*backend.QueryDataResponse, error) {
	query := queries[0]
	var saved struct {
		QueryType string `json:"queryType"`
		Version   int    `json:"version"`
	}
	require.NoError(p.t, json.Unmarshal(query.JSON, &saved))
	require.Equal(p.t, 1, saved.Version)
	response := backend.NewQueryDataResponse()
	switch saved.QueryType {
	case "requests":
		frame := data.NewFrame("requests", data.NewField("request_id", nil, []string{"a", "b"}))
		frame.AppendNotices(data.Notice{Text: "loki is down"})
		response.Responses[query.RefID] = backend.DataResponse{Frames: data.Frames{frame}}
	case "models":
		response.Responses[query.RefID] = backend.DataResponse{Error: errors.New("prometheus is down")}
	default:
		return response, nil
	}
	return response, nil
}

func (played) CheckHealth(context.Context) (*backend.CheckHealthResult, error) {
	return &backend.CheckHealthResult{
		Status: backend.HealthStatusOk, Message: "fine", JSONDetails: []byte(`{"verboseMessage":"prometheus: fine"}`),
	}, nil
}

func TestEachAnswerStandsForItself(t *testing.T) {
	answers := ask(t.Context(), played{t}, backend.TimeRange{From: time.Unix(0, 0), To: time.Unix(60, 0)})
	require.Equal(t, 2, answers.Requests.rows())
	require.Equal(t, []string{"loki is down"}, answers.Requests.Notices)
	require.Equal(t, "prometheus is down", answers.Models.Err)
	require.Contains(t, answers.Coverage.Err, "without an answer")
	require.Equal(t, Health{Status: "OK", Message: "fine", Details: "prometheus: fine"}, answers.Health)
}

func TestASinglePictureWaitsForAnswersAboutACompleteScene(t *testing.T) {
	rows := Answer{Frame: data.NewFrame("", data.NewField("", nil, make([]string, 10)))}
	s := Snapshot{Answers: Answers{Asked: noon, Requests: rows, Models: rows, Coverage: rows}}
	require.True(t, complete(s, noon.Add(-time.Minute)))
	require.False(t, complete(s, noon.Add(-time.Second)), "asked about a window that ends before all was up")
	s.Models = Answer{}
	require.False(t, complete(s, noon.Add(-time.Minute)))
	require.True(t, Snapshot{Parts: []Part{{Mood: Good}, {Mood: Busy}}}.busy())
}
