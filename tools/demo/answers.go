//go:build unix

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// plugin is what the demo needs of a pluginhost.Host.
type plugin interface {
	QueryData(ctx context.Context, queries ...backend.DataQuery) (*backend.QueryDataResponse, error)
	CheckHealth(ctx context.Context) (*backend.CheckHealthResult, error)
}

// askTimeout is what a person would wait for a panel.
const askTimeout = 30 * time.Second

// rowLimit is more than any terminal shows.
const rowLimit = 60

// queries are three panels over the same window, in the order of Answers.
func queries(window backend.TimeRange) ([]backend.DataQuery, error) {
	models := map[string]any{
		"version": 1, "queryType": "models",
		"models": map[string]any{"metrics": modelMetrics, "quantiles": modelQuantiles, "groupBy": []string{"model"}, "form": "table"},
	}
	requests := map[string]any{
		"version": 1, "queryType": "requests",
		"requests": map[string]any{"sort": map[string]any{"column": "time", "desc": true}, "limit": rowLimit},
	}
	coverage := map[string]any{"version": 1, "queryType": "coverage", "coverage": map[string]any{"form": "table"}}
	var all []backend.DataQuery
	for _, panel := range []struct {
		refID string
		model any
	}{{"requests", requests}, {"models", models}, {"coverage", coverage}} {
		query, err := pluginhost.Query(panel.refID, panel.model, window)
		if err != nil {
			return nil, err
		}
		all = append(all, query)
	}
	return all, nil
}

// ask puts one round of questions. Each panel asks for itself, as in a
// dashboard: a slow one does not hold up the others. It never fails: what went
// wrong is part of the picture.
func ask(ctx context.Context, p plugin, window backend.TimeRange) Answers {
	answers := Answers{Asked: time.Now()}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	panels, err := queries(window)
	if err != nil {
		answers.Requests = Answer{Err: err.Error()}
		return answers
	}
	into := []*Answer{&answers.Requests, &answers.Models, &answers.Coverage}
	var asking sync.WaitGroup
	for i, query := range panels {
		asking.Go(func() { *into[i] = askOne(ctx, p, query) })
	}
	asking.Go(func() { answers.Health = checkHealth(ctx, p) })
	asking.Wait()
	return answers
}

func askOne(ctx context.Context, p plugin, query backend.DataQuery) Answer {
	begin := time.Now()
	response, err := p.QueryData(ctx, query)
	answer := Answer{Took: time.Since(begin)}
	if err != nil {
		answer.Err = err.Error()
		return answer
	}
	data, ok := response.Responses[query.RefID]
	if !ok {
		answer.Err = fmt.Sprintf("the plugin left query %s without an answer", query.RefID)
		return answer
	}
	if data.Error != nil {
		answer.Err = data.Error.Error()
	}
	for i, frame := range data.Frames {
		if i == 0 {
			answer.Frame = frame
		}
		if frame.Meta == nil {
			continue
		}
		for _, notice := range frame.Meta.Notices {
			answer.Notices = append(answer.Notices, notice.Text)
		}
	}
	return answer
}

func checkHealth(ctx context.Context, p plugin) Health {
	result, err := p.CheckHealth(ctx)
	if err != nil {
		return Health{Status: "ERROR", Message: err.Error()}
	}
	health := Health{Status: result.Status.String(), Message: result.Message}
	var details struct {
		VerboseMessage string `json:"verboseMessage"`
	}
	if json.Unmarshal(result.JSONDetails, &details) == nil { // details are optional, and free in form
		health.Details = details.VerboseMessage
	}
	return health
}
