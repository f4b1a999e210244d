package host

import (
	"context"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/choices"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// CallResource answers the lists that variables and editors offer. Any viewer may call it, so there is no route that passes
// a query on.
func (d *Datasource) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	ctx, cancel := context.WithTimeout(upstream.WithQuestion(upstream.WithIdentity(ctx, req.GetHTTPHeaders())), choices.Timeout)
	defer cancel()
	ctx, account, err := d.openAccount(ctx, req.PluginContext, false)
	if err != nil {
		return sender.Send(&backend.CallResourceResponse{Status: http.StatusTooManyRequests, Headers: map[string][]string{"Content-Type": {"application/json"}}, Body: []byte(`{"error":"` + memory.ErrBusy.Error() + `"}`)})
	}
	defer account.Close()
	return d.resources.CallResource(ctx, req, sender)
}
