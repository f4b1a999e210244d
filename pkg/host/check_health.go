package host

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/health"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// CheckHealth answers "Save & test". It never gives a Go error: Grafana would show a general sentence instead of ours.
func (d *Datasource) CheckHealth(ctx context.Context, req *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	ctx = upstream.WithQuestion(upstream.WithIdentity(ctx, req.GetHTTPHeaders()))
	checking, account, err := d.openAccount(ctx, req.PluginContext, false)
	if err != nil {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: memory.ErrBusy.Error()}, nil
	}
	defer account.Close()
	return health.Check(checking, d.Sources), nil
}
