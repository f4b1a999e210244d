//go:build unix

package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/config"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

// Query is a panel's query as Grafana sends it. The model is the saved JSON,
// given as anything that marshals to an object; refId, interval and the like
// are added as the frontend would.
func Query(refID string, model any, window backend.TimeRange) (backend.DataQuery, error) {
	text, err := json.Marshal(model)
	if err != nil {
		return backend.DataQuery{}, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return backend.DataQuery{}, fmt.Errorf("a query model is a JSON object: %w", err)
	}
	const points = 1000
	interval := max(window.Duration()/points, time.Second).Round(time.Second)
	fields["refId"], fields["intervalMs"], fields["maxDataPoints"] = refID, interval.Milliseconds(), points
	if text, err = json.Marshal(fields); err != nil {
		return backend.DataQuery{}, err
	}
	queryType, _ := fields["queryType"].(string) // absent is the plugin's to refuse
	return backend.DataQuery{
		RefID: refID, QueryType: queryType, MaxDataPoints: points, Interval: interval,
		TimeRange: window, JSON: text,
	}, nil
}

// QueryData asks as a panel does.
func (h *Host) QueryData(ctx context.Context, queries ...backend.DataQuery) (*backend.QueryDataResponse, error) {
	return h.query(ctx, map[string]string{}, queries)
}

// QueryAlert asks as the alert evaluator does.
func (h *Host) QueryAlert(ctx context.Context, queries ...backend.DataQuery) (*backend.QueryDataResponse, error) {
	return h.query(ctx, map[string]string{"FromAlert": "true"}, queries)
}

func (h *Host) query(ctx context.Context, headers map[string]string, queries []backend.DataQuery) (*backend.QueryDataResponse, error) {
	request := backend.ToProto().QueryDataRequest(&backend.QueryDataRequest{
		PluginContext: h.pluginContext(), Headers: headers, Queries: queries,
	})
	response, err := h.data.QueryData(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("query data: %w", err)
	}
	return backend.FromProto().QueryDataResponse(response)
}

// CheckHealth presses "Save & test".
func (h *Host) CheckHealth(ctx context.Context) (*backend.CheckHealthResult, error) {
	response, err := h.diagnostics.CheckHealth(ctx, &pluginv2.CheckHealthRequest{
		PluginContext: backend.ToProto().PluginContext(h.pluginContext()),
	})
	if err != nil {
		return nil, fmt.Errorf("check health: %w", err)
	}
	return backend.FromProto().CheckHealthResponse(response), nil
}

// CallResource fetches path, with its query string if any, by GET.
func (h *Host) CallResource(ctx context.Context, path string) (status int, body []byte, err error) {
	stream, err := h.resource.CallResource(ctx, backend.ToProto().CallResourceRequest(&backend.CallResourceRequest{
		PluginContext: h.pluginContext(), Path: pathOnly(path), URL: path, Method: http.MethodGet,
	}))
	if err != nil {
		return 0, nil, fmt.Errorf("call resource %s: %w", path, err)
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return status, body, nil
		}
		if err != nil {
			return status, body, fmt.Errorf("call resource %s: %w", path, err)
		}
		if part.Code != 0 {
			status = int(part.Code)
		}
		body = append(body, part.Body...)
	}
}

// pathOnly is what Grafana puts beside the whole URL.
func pathOnly(path string) string {
	for i, c := range path {
		if c == '?' {
			return path[:i]
		}
	}
	return path
}

func (h *Host) pluginContext() backend.PluginContext {
	h.mu.Lock()
	defer h.mu.Unlock()
	instance := h.instance
	return backend.PluginContext{
		//lint:ignore SA1019 Grafana still sends it, beside the namespace.
		OrgID:     1,
		Namespace: "default", PluginID: PluginID, PluginVersion: "dev", DataSourceInstanceSettings: &instance,
		GrafanaConfig: config.NewGrafanaCfg(map[string]string{
			config.AppURL: "http://127.0.0.1:3000", "GF_DATAPROXY_ROW_LIMIT": "1000000", config.ConcurrentQueryCount: "10",
		}),
	}
}
